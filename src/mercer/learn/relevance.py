"""Relevance as a function of features: the regression inside regression-EM."""

from typing import final

import numpy as np

from mercer.learn.logistic import Standard, fitted
from mercer.metrics.ragged import Floats
from mercer.rank.training_set import F32s

STEPS = 8  # of L-BFGS in each step of EM; it goes on from the weights before


@final
class LogisticRelevance:
    """Logistic regression that starts where it ended.

    Args:
        features: (n, n_features) of the shown rows, NaN where missing; without those that say where the
            row stood.
        l2: how strongly weights are held back.
    """

    def __init__(self, features: F32s, *, l2: float = 1e-3) -> None:
        self._rows, self._l2 = Standard.of(features).rows(features), l2
        self._weights: Floats | None = None

    def __call__(self, relevance: Floats) -> Floats:
        """(n,) in (0, 1): the fit to (n,) expected relevance."""
        start = np.zeros(self._rows.shape[1] + 1) if self._weights is None else self._weights
        self._weights = fitted(self._rows, relevance, start, l2=self._l2, max_steps=STEPS)
        logit = self._rows @ self._weights[:-1] + self._weights[-1]
        out: Floats = 1.0 / (1.0 + np.exp(-np.clip(logit, -500.0, 500.0)))
        return out
