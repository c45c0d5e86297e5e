"""The first rung: logistic regression on single rows."""

from dataclasses import asdict, dataclass
from typing import final

import numpy as np
import scipy
from scipy.optimize import minimize

from mercer.learn.held_out import ndcg_of
from mercer.learn.rung import OnRound, Rung, Trained, silent
from mercer.metrics.ragged import Floats
from mercer.rank.linear import LinearScorer
from mercer.rank.training_set import F32s, TrainingSet


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticParams:
    """How strongly the weights are held back is chosen on the stopping part."""

    l2: tuple[float, ...] = (
        1.0,
        0.3,
        0.1,
        0.03,
        0.01,
    )  # tried in this order, the first best is kept
    max_steps: int = 200
    k: int = 10  # of the nDCG that chooses


@final
class Logistic:
    """Log loss of `gain / top gain` per row; L2; L-BFGS from zero, so nothing is drawn.

    The target of a row may be any number >= 0: with a gain of click / propensity its mean is the
    relevance, and the loss stays convex (Saito et al. 2020, doi:10.1145/3336191.3371783, equation 9).
    """

    name = "logistic"

    def __init__(self, params: LogisticParams | None = None) -> None:
        self._params = params or LogisticParams()

    def train(
        self, fit: TrainingSet, stop: TrainingSet, *, seed: int, on_round: OnRound = silent
    ) -> Trained:
        """The weights with the best nDCG on `stop`; `seed` changes nothing here."""
        centre, scale = moments(fit.features)
        rows = standardised(fit.features, centre, scale)  # (n, 2 * n_features)
        target = fit.gain / max(float(fit.gain.max(initial=0.0)), 1e-12)
        best: tuple[float, LinearScorer, float, Floats] | None = None
        weights = np.zeros(rows.shape[1] + 1)
        for i, l2 in enumerate(self._params.l2):
            weights = fitted(rows, target, weights, l2=l2, max_steps=self._params.max_steps)
            scorer = _scorer(fit.columns.names, weights, centre, scale)
            value = ndcg_of(stop, scorer.score(stop.features), k=self._params.k).mean
            if best is None or value > best[0]:
                best = (value, scorer, l2, np.abs(weights[: len(centre)]))
            on_round(i + 1, len(self._params.l2), best[0])
        assert best is not None
        _, scorer, l2, importance = best
        return Trained(
            kind="linear",
            data=scorer.to_bytes(),
            scorer=scorer,
            importance=importance,
            importance_unit="weight per standard deviation",
            n_rounds=len(self._params.l2),
            params={**asdict(self._params), "chosen_l2": l2},
            versions={"numpy": np.__version__, "scipy": scipy.__version__},
        )


def moments(features: F32s) -> tuple[Floats, Floats]:
    """Mean and spread of the finite values of each column; 0 and 1 where there is nothing to tell."""
    is_there = np.isfinite(features)
    values = np.where(is_there, features, 0.0).astype(np.float64)
    count = np.maximum(is_there.sum(axis=0), 1)
    centre = values.sum(axis=0) / count
    squares = np.where(is_there, (values - centre) ** 2, 0.0)
    scale = np.sqrt(squares.sum(axis=0) / count)
    return centre, np.where(scale > 1e-12 * np.maximum(np.abs(centre), 1.0), scale, np.inf)


def standardised(features: F32s, centre: Floats, scale: Floats) -> Floats:
    """(n, 2 * n_features): the value in standard deviations, and whether it is missing."""
    is_there = np.isfinite(features)
    values = np.where(is_there, (np.where(is_there, features, 0.0) - centre) / scale, 0.0)
    return np.hstack([values, ~is_there])


def fitted(rows: Floats, target: Floats, start: Floats, *, l2: float, max_steps: int) -> Floats:
    """(2 * n_features + 1,) weights and bias of the least penalised log loss.

    Args:
        rows: (n, 2 * n_features) as `standardised` gives them.
        target: (n,) >= 0.
        start: the weights to begin from.
    """

    def loss(weights: Floats) -> tuple[float, Floats]:
        logit = rows @ weights[:-1] + weights[-1]
        chance = 1.0 / (1.0 + np.exp(-np.clip(logit, -500.0, 500.0)))
        value = np.mean(np.logaddexp(0.0, logit) - target * logit)
        rest = (chance - target) / len(rows)
        slope = np.append(rows.T @ rest + l2 * weights[:-1], rest.sum())
        return float(value + 0.5 * l2 * weights[:-1] @ weights[:-1]), slope

    with np.errstate(under="ignore"):
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": max_steps})
    out: Floats = found.x
    return out


def _scorer(names: tuple[str, ...], weights: Floats, centre: Floats, scale: Floats) -> LinearScorer:
    n = len(centre)
    return LinearScorer(
        features=names,
        weight=tuple((weights[:n] / scale).tolist()),
        centre=tuple(centre.tolist()),
        absent=tuple(weights[n:-1].tolist()),
        bias=float(weights[-1]),
    )


_conforms: type[Rung] = Logistic
