"""Which lists a ranker learns from and which judge it: frozen, by query and by time.

A query falls into the judging part by a hash of its text and a seed, so that it is on the same side in
every training with that seed, however much data came since: what was held out of one measured model was
held out of every other, and two of them can be compared on it. (What serves learned from all lists, once
that was measured: `ladder`.) Pages served at the end are held out as well, because a model has to be good
on days that it has not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np

from mercer.metrics.ragged import Floats, Ints
from mercer.rank.training_set import TrainingSet
from mercer.schema.errors import InputError

MIN_QUERIES: Final = 2  # in each part
N_FOLDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitParams:
    """How lists are divided."""

    by_query: float = 0.15  # share of the queries that judge, by hash, in (0, 1)
    by_time: float = 0.1  # share of the pages that judge: the latest; 0 where no time is known
    stopping: float = 0.15  # share of the other queries that says how long to learn, by hash
    # With fewer lists with a gain to learn from than this, so small a share says little: then every
    # list says it once, in N_FOLDS folds.
    few_lists: int = 5_000
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.by_query < 1 and 0 <= self.by_time < 1 and 0 < self.stopping < 1):
            raise InputError(
                "split: the shares by query and for stopping must lie in (0, 1), by time in [0, 1), "
                f"got {self.by_query}, {self.stopping}, {self.by_time}"
            )


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of lists, each in exactly one part, in rising order."""

    learn: Ints  # learned from
    fold: Ints  # (len(learn),) see `Rung.train`
    by_query: Ints  # judges: queries that no measured model learned from
    by_time: Ints  # judges: later than everything that was learned from; empty without times


def split(data: TrainingSet, params: SplitParams) -> Split:
    """Divide the lists of a training set.

    Lists without any gain judge nothing and stay out of the judging parts; they are learned from,
    because pages on which nothing was clicked teach the pointwise rung.

    Raises:
        InputError: a part would have fewer than MIN_QUERIES lists with a gain.
    """
    has_gain = data.has_gain
    is_by_query = shares_of(data.query, seed=params.seed, salt=b"judge") < params.by_query
    is_late = np.zeros(data.n_queries, np.bool_)
    if params.by_time > 0 and (data.served_ms > 0).all() and np.ptp(data.served_ms) > 0:
        cut = np.quantile(data.served_ms, 1.0 - params.by_time)
        is_late = data.served_ms > cut
    # A late page of a query that is held out belongs to neither: nothing may be counted twice.
    learn = np.flatnonzero(~is_by_query & ~is_late)
    by_query = np.flatnonzero(is_by_query & ~is_late & has_gain)
    by_time = np.flatnonzero(~is_by_query & is_late & has_gain)
    fold = stopping_folds(
        [data.query[i] for i in learn], params, n_telling=int(has_gain[learn].sum())
    )
    sizes = {
        "to learn from": has_gain[learn].sum(),
        "to say how long": has_gain[learn[fold > 0]].sum(),
        "to judge by": len(by_query),
    }
    if min(sizes.values()) < MIN_QUERIES:
        counts = ", ".join(f"{n} {name}" for name, n in sizes.items())
        raise InputError(
            f"split: {data.n_queries} lists, {int(has_gain.sum())} of them with a gain, are too few: "
            f"{counts}, each needs {MIN_QUERIES}; give more data, or another --split-seed"
        )
    return Split(learn, fold, by_query, by_time)


def stopping_folds(query: Sequence[str], params: SplitParams, *, n_telling: int) -> Ints:
    """(n,) the fold of each list; all lists of a query are in one.

    Args:
        n_telling: lists with a gain; the others say nothing.
    """
    share = shares_of(query, seed=params.seed, salt=b"stop")
    if n_telling < params.few_lists:
        return (share * N_FOLDS).astype(np.int64) + 1
    return (share < params.stopping).astype(np.int64)


def shares_of(query: Sequence[str], *, seed: int, salt: bytes) -> Floats:
    """(n,) uniform in [0, 1) by text, the same wherever and whenever it is computed."""
    known: dict[str, float] = {}
    for text in query:
        if text not in known:
            data = f"{seed}:{text}".encode()
            drawn = blake2b(data, digest_size=8, person=b"split-" + salt).digest()
            known[text] = int.from_bytes(drawn, "big") / 2**64
    return np.array([known[text] for text in query], np.float64)
