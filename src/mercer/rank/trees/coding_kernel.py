"""Rows to codes, a block of them at a time: column after column, a byte for each row."""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.rank.trees.forest import ZERO
from mercer.text.kernel_types import I4S, U1S, U4S, read_only

BLOCK = 128  # rows; their codes of 100 columns and the results of a tree stay in the nearest cache
EDGE = np.float32(ZERO)
IN_NO_SET = np.uint32(2**32 - 1)
MATRIX = read_only(nb.f4, ndim=2)
THRESHOLDS = read_only(nb.f4, ndim=2)

Array = npt.NDArray[Any]


@nb.njit(nb.void(nb.f4[::1], read_only(nb.f4), nb.u4, nb.u4[::1]), cache=True, nogil=True)
def _count_below(value: Array, thresholds: Array, size: int, place: Array) -> None:
    """Binary search of a whole block, one step for all rows, so that the steps are vectors."""
    one = nb.uint32(1)
    for i in range(nb.uint32(BLOCK)):
        place[i] = nb.uint32(0)
    step = size >> one
    while step:
        for i in range(nb.uint32(BLOCK)):
            at = place[i]
            place[i] = at + step if thresholds[at + step - one] < value[i] else at
        step >>= one


@nb.njit(nb.void(nb.f4[::1], nb.u4[::1], nb.u1, nb.u1, nb.u1[::1]), cache=True, nogil=True)
def _fill_missing(value: Array, place: Array, is_zero: int, fill: int, codes: Array) -> None:
    if is_zero:
        for i in range(nb.uint32(BLOCK)):
            is_there = value[i] < -EDGE or value[i] > EDGE  # neither for NaN
            codes[i] = place[i] if is_there else fill
    else:
        for i in range(nb.uint32(BLOCK)):
            codes[i] = fill if np.isnan(value[i]) else place[i]


@nb.njit(
    nb.void(MATRIX, nb.i8, nb.i8, I4S, I4S, THRESHOLDS, I4S, U1S, U1S, nb.u1[:, ::1]),
    cache=True,
    nogil=True,
)
def code_numbers(
    matrix: Array, first_row: int, n: int, feature: Array, n_steps: Array, thresholds: Array,
    start: Array, is_zero_missing: Array, fill: Array, codes: Array,
) -> None:  # fmt: skip
    """codes[c, i] = how many thresholds lie below the value, or the fill where it is missing.

    Args:
        n: rows from `first_row` on, <= BLOCK.
        feature, n_steps: (n_searches,) the column of the matrix, and ceil(log2(thresholds + 1)).
        thresholds: (n_searches, 256) ascending, then infinite.
        start: (n_searches + 1,) the codings of each search; is_zero_missing and fill are theirs.
    """
    value = np.zeros(BLOCK, np.float32)
    place = np.zeros(BLOCK, np.uint32)
    for s in range(feature.size):
        for i in range(n):
            value[i] = matrix[first_row + i, feature[s]]
        _count_below(value, thresholds[s], nb.uint32(1) << nb.uint32(n_steps[s]), place)
        for c in range(start[s], start[s + 1]):
            _fill_missing(value, place, is_zero_missing[c], fill[c], codes[c])


@nb.njit(nb.void(nb.u4[::1], nb.u4, nb.u4, U4S, nb.u1[::1]), cache=True, nogil=True)
def _code_set(category: Array, first: int, n_words: int, bits: Array, codes: Array) -> None:
    """0 where a set has the category; a number beyond it meets the word of zeros at its end."""
    for i in range(nb.uint32(BLOCK)):
        number = category[i]
        at = min(number >> nb.uint32(5), n_words)
        bit = bits[first + at] >> (number & nb.uint32(31)) & nb.uint32(1)
        codes[i] = bit ^ nb.uint32(1)


@nb.njit(nb.void(MATRIX, nb.i8, nb.i8, I4S, U4S, U4S, nb.i8, nb.u1[:, ::1]), cache=True, nogil=True)
def code_categories(
    matrix: Array, first_row: int, n: int, feature: Array, start: Array, bits: Array,
    first_column: int, codes: Array,
) -> None:  # fmt: skip
    """codes[first_column + m, i] = 0 where the set m has the category of the row, else 1.

    A category is the value cut to a whole number; missing, negative and very large ones are in no
    set, as in LightGBM.

    Args:
        feature: (n_memberships,) the column of the matrix, ascending.
        start: (n_memberships + 1,) of each set in `bits`, whose last word is 0.
    """
    category = np.full(BLOCK, IN_NO_SET, np.uint32)
    coded = -1
    for m in range(feature.size):
        if feature[m] != coded:
            coded = feature[m]
            for i in range(n):
                value = matrix[first_row + i, coded]
                is_one = value > np.float32(-1.0) and value < np.float32(IN_NO_SET)
                category[i] = nb.uint32(nb.int64(value)) if is_one else IN_NO_SET
        n_words = start[m + 1] - start[m] - nb.uint32(1)
        _code_set(category, start[m], n_words, bits, codes[first_column + m])
