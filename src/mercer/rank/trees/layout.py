"""A forest as the flat arrays that the kernels read."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mercer.rank.trees.column import Columns, Splits, columns_of
from mercer.rank.trees.forest import Forest
from mercer.rank.trees.piece import pieces_of

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

    split_start: Array  # (n_pieces + 1,) uint32
    end_start: Array  # (n_pieces + 1,) uint32
    slot: Array  # (n_pieces,) int32; -1 where it has the root of its tree
    is_whole: Array  # (n_pieces,) uint8; 1 where all its ends are leaves
    column: Array  # (n_splits,) uint32
    at_most: Array  # (n_splits,) uint8
    left: Array  # (n_splits,) int32
    right: Array  # (n_splits,) int32
    leaf_value: Array  # (n_ends,) float64; 0 where the end is a piece
    piece: Array  # (n_ends,) int32 slots; -1 where the end is a leaf


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
    of_tree = [(tree, pieces_of(tree)) for tree in forest.trees]
    pieces = [piece for _, found in of_tree for piece in found]
    first = starts([len(tree.feature) for tree in forest.trees], np.int64)
    order = np.concatenate(
        [
            piece.splits + at
            for (_, found), at in zip(of_tree, first, strict=False)
            for piece in found
        ]
    ).astype(np.int64)
    slots = [
        slot if slot + 1 < len(found) else -1 for _, found in of_tree for slot in range(len(found))
    ]
    values = [
        np.where(piece.leaf >= 0, tree.leaf_value[np.maximum(piece.leaf, 0)], 0.0)
        for tree, found in of_tree
        for piece in found
    ]
    return TreeArrays(
        split_start=starts([len(piece.splits) for piece in pieces], np.uint32),
        end_start=starts([len(piece.leaf) for piece in pieces], np.uint32),
        slot=np.array(slots, np.int32),
        is_whole=np.array([(piece.piece < 0).all() for piece in pieces], np.uint8),
        column=splits.column[order].astype(np.uint32),
        at_most=splits.at_most[order],
        left=np.concatenate([piece.left for piece in pieces]),
        right=np.concatenate([piece.right for piece in pieces]),
        leaf_value=np.concatenate(values),
        piece=np.concatenate([piece.piece for piece in pieces]).astype(np.int32),
    )


def starts(sizes: Any, dtype: type[np.generic]) -> Array:
    """(n + 1,) where each part begins, and the end."""
    starts: Array = np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]).astype(dtype)
    return starts
