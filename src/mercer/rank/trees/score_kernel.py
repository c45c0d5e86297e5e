"""Codes to scores: each tree is evaluated for a block of rows from its leaves up.

A split is one select over the whole block, `left if code <= number else right`, of the leaf numbers
that its children came to; what the root holds is each row's leaf. No branch depends on the data,
and the selects are vectors of bytes. A tree of more leaves than a byte can number comes in pieces.
"""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.rank.trees.coding_kernel import (
    BLOCK,
    MATRIX,
    THRESHOLDS,
    code_categories,
    code_numbers,
)
from mercer.text.kernel_types import F8S, I4S, U1S, U4S, read_only

MAX_LEAVES = 256  # of a piece, so that their numbers are bytes

Array = npt.NDArray[Any]
CODES = read_only(nb.u1, ndim=2)


@nb.njit(nb.void(U4S, U1S, I4S, I4S, nb.u4, nb.u4, CODES, nb.u1[:, ::1]), cache=True, nogil=True)
def _select(
    column: Array, at_most: Array, left: Array, right: Array, first: int, last: int,
    codes: Array, leaf: Array,
) -> None:  # fmt: skip
    """leaf[MAX_LEAVES + k] = the leaf that each row of the k-th split comes to.

    Args:
        first, last: the splits of one tree, each after its children.
        leaf: (2 * MAX_LEAVES, BLOCK); its first rows are the constants 0, 1, 2, ...
    """
    place = nb.uint32(MAX_LEAVES)
    for s in range(first, last):
        code, limit = codes[column[s]], at_most[s]
        of_left, of_right = leaf[nb.uint32(left[s])], leaf[nb.uint32(right[s])]
        out = leaf[place]
        for i in range(nb.uint32(BLOCK)):
            # Both are read before one is chosen, else the loop is no vector.
            if_left, if_right, c = of_left[i], of_right[i], code[i]
            out[i] = if_left if c <= limit else if_right
        place += nb.uint32(1)


@nb.njit(
    nb.void(
        read_only(nb.u1, ndim=2), nb.u4, F8S, I4S, nb.u4, nb.b1, nb.f8[:, ::1], nb.i4, nb.f8[::1]
    ),
    cache=True,
    nogil=True,
)
def _take(
    leaf: Array, root: int, leaf_value: Array, piece: Array, first_end: int, is_whole: bool,
    values: Array, slot: int, scores: Array,
) -> None:  # fmt: skip
    """Where a piece has the root, add each row's leaf to its score; else keep it in values[slot]."""
    n = nb.uint32(scores.size)
    end = leaf[root]
    if is_whole and slot < 0:
        of_piece = leaf_value[first_end:]
        for i in range(n):
            scores[i] += of_piece[end[i]]
        return
    for i in range(n):
        at = piece[first_end + end[i]]
        value = leaf_value[first_end + end[i]] if at < 0 else values[at, i]
        if slot < 0:
            scores[i] += value
        else:
            values[slot, i] = value


@nb.njit(
    nb.void(
        MATRIX,
        I4S, I4S, THRESHOLDS, I4S, U1S, U1S,
        I4S, U4S, U4S,
        U4S, U4S, I4S, U1S, U4S, U1S, I4S, I4S, F8S, I4S,
        nb.f8[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def score_rows(
    matrix: Array,
    feature: Array, n_steps: Array, thresholds: Array, coding_start: Array,
    is_zero_missing: Array, fill: Array,
    set_feature: Array, set_start: Array, set_bits: Array,
    split_start: Array, end_start: Array, slot: Array, is_whole: Array,
    column: Array, at_most: Array, left: Array, right: Array, leaf_value: Array, piece: Array,
    scores: Array,
) -> None:  # fmt: skip
    """scores[i] = the sum of one leaf of each tree, in the order of the trees, in doubles.

    Args:
        matrix: (n, n_features).
        feature .. fill: as of `code_numbers`.
        set_feature .. set_bits: as of `code_categories`; their columns follow those of the codings.
        split_start .. is_whole: of the pieces of all trees; the last of a tree has its root.
        column .. right: (n_splits,) each split after its children. A child is a row of `leaf` in
            `_select`: the number of an end of the piece, or MAX_LEAVES + a place in it.
        leaf_value, piece: (n_ends,) what an end of a piece is.
        scores: (n,)
    """
    n_codings = coding_start[-1]
    codes = np.zeros((n_codings + set_feature.size, BLOCK), np.uint8)
    leaf = np.empty((2 * MAX_LEAVES, BLOCK), np.uint8)
    for number in range(MAX_LEAVES):
        leaf[number] = number
    n_slots = 0
    for s in slot:
        n_slots = max(n_slots, s + 1)
    values = np.zeros((n_slots, BLOCK))
    for first_row in range(0, matrix.shape[0], BLOCK):
        n = min(BLOCK, matrix.shape[0] - first_row)
        code_numbers(
            matrix, first_row, n, feature, n_steps, thresholds, coding_start, is_zero_missing,
            fill, codes,
        )  # fmt: skip
        code_categories(matrix, first_row, n, set_feature, set_start, set_bits, n_codings, codes)
        out = scores[first_row : first_row + n]
        for p in range(nb.uint32(slot.size)):
            first, last = split_start[p], split_start[p + nb.uint32(1)]
            _select(column, at_most, left, right, first, last, codes, leaf)
            # A tree of one leaf has no split: the row of zeros is its root.
            root = MAX_LEAVES + (last - first) - 1 if last > first else 0
            _take(
                leaf, root, leaf_value, piece, end_start[p], is_whole[p] > 0, values,
                slot[p], out,
            )  # fmt: skip
