"""What linear rungs have in common: one fit for each of some penalties, and the model under one of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import scipy

from mercer.learn.rung import Trained, in_folds
from mercer.metrics.ragged import Floats, Ints
from mercer.rank.linear import LinearScorer
from mercer.rank.training_set import TrainingSet

CHOSEN = "chosen_l2"  # in the parameters of what was trained
Path = Callable[[TrainingSet, Sequence[float]], Iterator[tuple[LinearScorer, Floats]]]
"""(lists, L2s) -> for each L2 the scorer and its weights per standard deviation, going on from the last."""


def unseen_scores(path: Path, data: TrainingSet, fold: Ints, l2: Sequence[float]) -> list[Floats]:
    """For each L2 (n,) the scores of the rows by a fit that did not see their list; NaN where none did.

    Args:
        fold: see `Rung.train`.
    """
    tried = [np.full(data.n_rows, np.nan) for _ in l2]
    for learned, measured, rows in in_folds(data, fold):
        for out, (scorer, _) in zip(tried, path(learned, l2), strict=True):
            out[rows] = scorer.score(measured.features)
    return tried


def trained_at(
    path: Path,
    data: TrainingSet,
    place: int,
    *,
    l2: Sequence[float],
    params: Mapping[str, Any],
    unseen: Floats,
) -> Trained:
    """What all lists give under the L2 at a place.

    Args:
        params: of the rung.
        unseen: (n,) see `Trained`.
    """
    *_, (scorer, weights) = path(data, l2[: place + 1])
    return Trained(
        kind="linear",
        data=scorer.to_bytes(),
        scorer=scorer,
        unseen=unseen,
        importance=np.abs(weights[: len(scorer.features)]),
        importance_unit="weight per standard deviation",
        n_rounds=len(l2),
        params={**params, CHOSEN: l2[place]},
        versions={"numpy": np.__version__, "scipy": scipy.__version__},
    )


def trained_like(
    path: Path,
    data: TrainingSet,
    like: Trained,
    *,
    l2: Sequence[float],
    params: Mapping[str, Any],
) -> Trained:
    """What all lists give under the L2 that was chosen for another; nothing is held out of it."""
    place = l2.index(like.params[CHOSEN])
    unseen = np.full(data.n_rows, np.nan)
    return trained_at(path, data, place, l2=l2, params=params, unseen=unseen)
