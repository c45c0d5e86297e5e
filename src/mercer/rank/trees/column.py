"""Which coded columns a forest looks at, and every split as `code <= number` on one of them.

A row's value of a feature is coded once as the number of thresholds below it, in a byte, whatever
number of splits use the feature. What differs between splits of one feature, the way that missing
values go, becomes columns of their own: NaN is code 0 (always left), 255 (always right) or that of
zero. A categorical set is a column of 0 (has it, left) and 1.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mercer.rank.trees.forest import (
    DEFAULT_LEFT,
    MISSING_NAN,
    MISSING_NONE,
    MISSING_ZERO,
    ZERO,
    Forest,
    Tree,
)

F32s: TypeAlias = npt.NDArray[np.float32]
F64s: TypeAlias = npt.NDArray[np.float64]
I64s: TypeAlias = npt.NDArray[np.int64]
U8s: TypeAlias = npt.NDArray[np.uint8]

MAX_THRESHOLDS = 255  # of one column, so that a code is a byte
ALWAYS_LEFT, ALWAYS_RIGHT = 0, 255


def as_float32(threshold: F64s) -> F32s:
    """The float32 t' for which `x <= t'` is LightGBM's `x <= threshold` for every float32 x.

    LightGBM takes |x| <= 1e-35 for zero before it compares, in doubles; so t' is the greatest
    float32 that is not above the threshold, and one within that distance of zero moves to its edge.
    """
    with np.errstate(over="ignore", under="ignore"):
        near = threshold.astype(np.float32)
        below = np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
    edge = np.float32(ZERO)
    below = np.where((threshold >= 0) & (threshold < ZERO), edge, below)
    is_negative_zero = (threshold < 0) & (threshold >= -ZERO)
    folded: F32s = np.where(is_negative_zero, np.nextafter(-edge, np.float32(-np.inf)), below)
    return folded


class Search(NamedTuple):
    """One feature coded against up to 255 of its thresholds."""

    feature: int
    thresholds: F32s  # ascending


class Coding(NamedTuple):
    """How the codes of a search become a column."""

    search: int
    is_zero_missing: bool
    fill: int  # the code of a missing value


class Membership(NamedTuple):
    """A column that says whether a feature's category is outside of a set."""

    feature: int
    words: tuple[int, ...]  # 32 categories each


@dataclass(frozen=True, slots=True)
class Splits:
    """All splits of a forest, tree after tree, as the columns of `Columns` see them."""

    column: I64s  # (n,) the codings in their order, then the memberships
    at_most: U8s  # (n,) left where the code is <= it


@dataclass(frozen=True, slots=True)
class Columns:
    """What is coded of each row."""

    searches: tuple[Search, ...]
    codings: tuple[Coding, ...]  # those of one search side by side
    memberships: tuple[Membership, ...]  # those of one feature side by side


def columns_of(forest: Forest) -> tuple[Columns, Splits]:
    """The columns that the splits of a forest need, each once."""
    trees = forest.trees
    feature = np.concatenate([tree.feature for tree in trees]).astype(np.int64)
    threshold = np.concatenate([tree.threshold for tree in trees])
    decision = np.concatenate([tree.decision for tree in trees])
    is_set = np.concatenate([tree.is_categorical for tree in trees])
    folded = as_float32(np.where(is_set, 0.0, threshold))
    searches, search, at_most = _searches(feature, folded, ~is_set)
    column = np.zeros(len(feature), np.int64)
    codings = _codings(searches, search, decision, threshold, ~is_set, column)
    sets = [one for tree in trees for one in _sets(tree)]
    memberships = sorted(set(sets))
    place = {one: len(codings) + i for i, one in enumerate(memberships)}
    column[is_set] = [place[one] for one in sets]
    at_most[is_set] = 0
    return Columns(searches, codings, tuple(memberships)), Splits(column, at_most)


def _searches(
    feature: I64s, folded: F32s, is_numeric: npt.NDArray[np.bool_]
) -> tuple[tuple[Search, ...], I64s, U8s]:
    """Searches, and for each split the one it belongs to and its place there."""
    search, at_most = np.zeros(len(feature), np.int64), np.zeros(len(feature), np.uint8)
    found: list[Search] = []
    for one in np.unique(feature[is_numeric]).tolist():
        of_feature = is_numeric & (feature == one)
        values, place = np.unique(folded[of_feature], return_inverse=True)
        search[of_feature] = len(found) + place // MAX_THRESHOLDS
        at_most[of_feature] = place % MAX_THRESHOLDS
        found += [
            Search(one, values[start : start + MAX_THRESHOLDS])
            for start in range(0, len(values), MAX_THRESHOLDS)
        ]
    return tuple(found), search, at_most


def _codings(
    searches: tuple[Search, ...],
    search: I64s,
    decision: npt.NDArray[np.int32],
    threshold: F64s,
    is_numeric: npt.NDArray[np.bool_],
    column: I64s,
) -> tuple[Coding, ...]:
    """Codings in the order of their searches; `column` gets the number of each numeric split's."""
    missing = (decision >> 2) & 3
    zero = np.array([np.searchsorted(one.thresholds, np.float32(0.0)) for one in searches])
    by_default = np.where(decision & DEFAULT_LEFT, ALWAYS_LEFT, ALWAYS_RIGHT)
    fill = np.where(missing == MISSING_NONE, zero[search] if len(zero) else 0, by_default)
    assert set(np.unique(missing[is_numeric])) <= {MISSING_NONE, MISSING_ZERO, MISSING_NAN}
    keys = np.stack([search, missing == MISSING_ZERO, fill], axis=1)[is_numeric]
    found, place = np.unique(keys, axis=0, return_inverse=True)
    column[is_numeric] = place.ravel()
    return tuple(Coding(int(s), bool(z), int(f)) for s, z, f in found)


def _sets(tree: Tree) -> list[Membership]:
    """Of each categorical split of a tree, in the order of the splits."""
    starts = tree.set_start
    return [
        Membership(
            int(tree.feature[at]),
            tuple(tree.set_bits[starts[number] : starts[number + 1]].tolist()),
        )
        for at in np.flatnonzero(tree.is_categorical)
        for number in [int(tree.threshold[at])]
    ]
