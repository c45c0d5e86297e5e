"""Codes to scores: each tree is evaluated for a block of rows from its leaves up.

A split is one select over the whole block, `left if code <= number else right`, of the leaf numbers
that its children came to; what the root holds is each row's leaf. No branch depends on the data,
and the selects are vectors of bytes. The work grows with the leaves, not with the depth, so a tree
of more than 256 leaves is walked.
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

MAX_SELECTED = 256  # leaves of a tree whose leaf numbers are bytes

Array = npt.NDArray[Any]
CODES = read_only(nb.u1, ndim=2)


@nb.njit(nb.void(U4S, U1S, I4S, I4S, nb.u4, nb.u4, CODES, nb.u1[:, ::1]), cache=True, nogil=True)
def _select(
    column: Array, at_most: Array, left: Array, right: Array, first: int, last: int,
    codes: Array, leaf: Array,
) -> None:  # fmt: skip
    """leaf[MAX_SELECTED + k] = the leaf that each row of the k-th split comes to.

    Args:
        first, last: the splits of one tree, each after its children.
        leaf: (2 * MAX_SELECTED, BLOCK); its first rows are the constants 0, 1, 2, ...
    """
    place = nb.uint32(MAX_SELECTED)
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
    nb.void(U4S, U1S, I4S, I4S, nb.u4, CODES, read_only(nb.f8), nb.f8[::1]),
    cache=True,
    nogil=True,
)
def _walk(
    column: Array, at_most: Array, left: Array, right: Array, root: int,
    codes: Array, leaf_value: Array, scores: Array,
) -> None:  # fmt: skip
    """Add a tree's leaf to each row's score, split by split."""
    for i in range(nb.uint32(scores.size)):
        at = nb.int32(root)
        while at >= 0:
            s = nb.uint32(at)
            at = left[s] if codes[column[s], i] <= at_most[s] else right[s]
        scores[i] += leaf_value[nb.uint32(~at)]


@nb.njit(
    nb.void(
        MATRIX,
        I4S, I4S, THRESHOLDS, I4S, U1S, U1S,
        I4S, U4S, U4S,
        U4S, U4S, U4S, U1S, I4S, I4S, F8S,
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
    split_start: Array, leaf_start: Array, column: Array, at_most: Array, left: Array, right: Array,
    leaf_value: Array,
    scores: Array,
) -> None:  # fmt: skip
    """scores[i] = the sum of one leaf of each tree, in the order of the trees, in doubles.

    Args:
        matrix: (n, n_features).
        feature .. fill: as of `code_numbers`.
        set_feature .. set_bits: as of `code_categories`; their columns follow those of the codings.
        split_start, leaf_start: (n_trees + 1,).
        column, at_most, left, right: (n_splits,) each split after its children. A child of a tree
            of up to MAX_SELECTED leaves is a row of `leaf` in `_select`; of a larger one it is the
            number of a split, or ~leaf.
        scores: (n,)
    """
    n_codings = coding_start[-1]
    codes = np.zeros((n_codings + set_feature.size, BLOCK), np.uint8)
    leaf = np.empty((2 * MAX_SELECTED, BLOCK), np.uint8)
    for number in range(MAX_SELECTED):
        leaf[number] = number
    for first_row in range(0, matrix.shape[0], BLOCK):
        n = min(BLOCK, matrix.shape[0] - first_row)
        code_numbers(
            matrix, first_row, n, feature, n_steps, thresholds, coding_start, is_zero_missing,
            fill, codes,
        )  # fmt: skip
        code_categories(matrix, first_row, n, set_feature, set_start, set_bits, n_codings, codes)
        out = scores[first_row : first_row + n]
        for t in range(nb.uint32(leaf_start.size - 1)):
            first, last = split_start[t], split_start[t + nb.uint32(1)]
            of_tree = leaf_value[leaf_start[t] : leaf_start[t + nb.uint32(1)]]
            if first == last:
                for i in range(nb.uint32(n)):
                    out[i] += of_tree[0]
            elif last - first < MAX_SELECTED:
                _select(column, at_most, left, right, first, last, codes, leaf)
                root = leaf[MAX_SELECTED + (last - first) - nb.uint32(1)]
                for i in range(nb.uint32(n)):
                    out[i] += of_tree[root[i]]
            else:
                root_split = last - nb.uint32(1)
                _walk(column, at_most, left, right, root_split, codes, of_tree, out)
