"""A forest as the flat arrays that the kernels read."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mercer.rank.trees.column import Columns, Splits, columns_of
from mercer.rank.trees.forest import Forest, Tree
from mercer.rank.trees.score_kernel import MAX_SELECTED

Array = npt.NDArray[Any]


class CodingArrays(NamedTuple):
    """How rows become codes; the arguments of `code_numbers` and `code_categories`."""

    feature: Array  # (n_searches,) int32
    n_steps: Array  # (n_searches,) int32
    thresholds: Array  # (n_searches, 256) float32
    coding_start: Array  # (n_searches + 1,) int32
    is_zero_missing: Array  # (n_codings,) uint8
    fill: Array  # (n_codings,) uint8
    set_feature: Array  # (n_memberships,) int32
    set_start: Array  # (n_memberships + 1,) uint32
    set_bits: Array  # uint32; the last word of each set is 0


class TreeArrays(NamedTuple):
    """How codes become leaves; see `score_rows`."""

    split_start: Array  # (n_trees + 1,) uint32
    leaf_start: Array  # (n_trees + 1,) uint32
    column: Array  # (n_splits,) uint32
    at_most: Array  # (n_splits,) uint8
    left: Array  # (n_splits,) int32
    right: Array  # (n_splits,) int32
    leaf_value: Array  # (n_leaves,) float64


def laid_out(forest: Forest) -> tuple[CodingArrays, TreeArrays]:
    """The arrays of a forest."""
    columns, splits = columns_of(forest)
    return coding_arrays(columns), _trees(forest, splits)


def coding_arrays(columns: Columns) -> CodingArrays:
    """What a row is coded against."""
    searches, codings, sets = columns.searches, columns.codings, columns.memberships
    thresholds = np.full((len(searches), 256), np.inf, np.float32)
    for row, search in zip(thresholds, searches, strict=True):
        row[: len(search.thresholds)] = search.thresholds
    of_search = np.bincount([one.search for one in codings], minlength=len(searches))
    return CodingArrays(
        feature=np.array([one.feature for one in searches], np.int32),
        n_steps=np.array([len(one.thresholds).bit_length() for one in searches], np.int32),
        thresholds=thresholds,
        coding_start=starts(of_search, np.int32),
        is_zero_missing=np.array([one.is_zero_missing for one in codings], np.uint8),
        fill=np.array([one.fill for one in codings], np.uint8),
        set_feature=np.array([one.feature for one in sets], np.int32),
        set_start=starts([len(one.words) + 1 for one in sets], np.uint32),
        set_bits=np.array([word for one in sets for word in (*one.words, 0)], np.uint32),
    )


def _trees(forest: Forest, splits: Splits) -> TreeArrays:
    trees = forest.trees
    split_start = starts([len(tree.feature) for tree in trees], np.uint32)
    # LightGBM numbers a split after its parent, so backwards each comes after its children.
    order = np.concatenate(
        [np.arange(len(tree.feature))[::-1] + first
         for tree, first in zip(trees, split_start, strict=False)]
    ).astype(np.int64)  # fmt: skip
    sides = [
        np.concatenate(
            [_children(tree, getattr(tree, side), int(first))
             for tree, first in zip(trees, split_start, strict=False)]
        )
        for side in ("left", "right")
    ]  # fmt: skip
    return TreeArrays(
        split_start=split_start,
        leaf_start=starts([len(tree.leaf_value) for tree in trees], np.uint32),
        column=splits.column[order].astype(np.uint32),
        at_most=splits.at_most[order],
        left=sides[0],
        right=sides[1],
        leaf_value=np.concatenate([tree.leaf_value for tree in trees]),
    )


def _children(tree: Tree, child: Array, first: int) -> Array:
    """(n_splits,) int32 children of one side, backwards, as the kernel of this size reads them."""
    n = len(child)
    backwards = n - 1 - child  # of a split
    if n < MAX_SELECTED:
        numbers = np.where(child >= 0, MAX_SELECTED + backwards, ~child)
    else:
        numbers = np.where(child >= 0, first + backwards, child)
    return numbers[::-1].astype(np.int32)


def starts(sizes: Any, dtype: type[np.generic]) -> Array:
    """(n + 1,) where each part begins, and the end."""
    starts: Array = np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]).astype(dtype)
    return starts
