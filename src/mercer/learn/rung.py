"""One step of the ladder: a kind of model, from the simplest on, that learns from the same lists."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mercer.metrics.ragged import Floats, Ints
from mercer.rank.scorer import Scorer
from mercer.rank.training_set import TrainingSet

OnRound = Callable[[int, int, float], None]
"""How far a training is: (rounds done, rounds at most, best nDCG on lists not learned from)."""


def silent(done: int, most: int, ndcg: float) -> None:
    """An OnRound that says nothing."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model as a training leaves it."""

    kind: str  # how `data` is read: a key of `learn.loading.KINDS`
    data: bytes  # the model itself
    scorer: Scorer  # by which its golden rows are scored
    unseen: (
        Floats  # (n,) of the rows learned from, by a model that did not see their list; NaN: none
    )
    importance: Floats  # (n_features,) >= 0; of each column, in the rung's own unit
    importance_unit: str
    n_rounds: int
    params: dict[str, Any] = field(default_factory=dict)  # as trained, seeds included
    versions: dict[str, str] = field(default_factory=dict)  # of the libraries that made it


class Rung(Protocol):
    """Learns from lists, and from nothing else.

    Laws (tests/laws/test_ladder_laws.py): the same lists and seed give the same bytes, also `again`; the
    scores in `unseen` are by models that did not learn from the list; a constant label or column is no
    error.
    """

    name: str

    def train(
        self, data: TrainingSet, fold: Ints, *, seed: int, on_round: OnRound = silent
    ) -> Trained:
        """The model, learned from all lists once it is known how long to learn.

        Args:
            data: lists.
            fold: (n_queries,) for each value from 1 on, a model learns from all other lists and is
                measured on those; lists of 0 are only learned from.
            seed: of all that is drawn.
            on_round: told from time to time.
        """
        ...

    def again(self, data: TrainingSet, like: Trained, *, seed: int) -> Trained:
        """The same of other lists: learned as long, and held back as strongly, as `like` was.

        Of the lists that `like` learned from, with its seed, it is `like` again, byte for byte. Its
        `unseen` is NaN: nothing is held out of it.

        Args:
            data: lists, of the same columns.
            like: what `train` of a rung with these parameters gave.
            seed: of all that is drawn.
        """
        ...


def in_folds(data: TrainingSet, fold: Ints) -> Iterator[tuple[TrainingSet, TrainingSet, Ints]]:
    """For each fold: the lists to learn from, those that measure, and the rows of these."""
    owner = fold[data.owner]
    for value in range(1, int(fold.max(initial=0)) + 1):
        others, measured = np.flatnonzero(fold != value), np.flatnonzero(fold == value)
        if len(others) and len(measured):
            yield data.take(others), data.take(measured), np.flatnonzero(owner == value)
