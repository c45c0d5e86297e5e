"""One step of the ladder: a kind of model, from the simplest on, that learns from the same lists."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mercer.metrics.ragged import Floats
from mercer.rank.scorer import Scorer
from mercer.rank.training_set import F32s, TrainingSet

OnRound = Callable[[int, int, float], None]
"""How far a training is: (rounds done, rounds at most, nDCG on the stopping part so far)."""


def silent(done: int, most: int, ndcg: float) -> None:
    """An OnRound that says nothing."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model as a training leaves it."""

    kind: str  # how `data` is read: a key of `learn.model_kind.KINDS`
    data: bytes  # the model itself
    scorer: Scorer  # by which its golden rows are scored
    importance: Floats  # (n_features,) >= 0; of each column, in the rung's own unit
    importance_unit: str
    n_rounds: int
    params: dict[str, Any] = field(default_factory=dict)  # as trained, seeds included
    versions: dict[str, str] = field(default_factory=dict)  # of the libraries that made it


class Rung(Protocol):
    """Learns from `fit`, looks at `stop` to know when to end, and sees nothing else.

    Laws (tests/laws/test_ladder_laws.py): the same lists and seed give the same bytes; the order of the
    lists in `stop` changes nothing; a constant label or column is no error.
    """

    name: str

    def train(
        self, fit: TrainingSet, stop: TrainingSet, *, seed: int, on_round: OnRound = silent
    ) -> Trained:
        """The model."""
        ...


def finite_share(features: F32s) -> Floats:
    """(n_features,) the share of rows in which a column has a number."""
    share: Floats = np.isfinite(features).mean(axis=0, dtype=np.float64)
    return share
