"""Vectors in 8 bits, and their cosine in whole numbers: the same bits however the sum is taken."""

import math
from collections.abc import Sequence

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.text.kernel_types import read_only

I8Table = NDArray[np.int8]
F32s = NDArray[np.float32]
F64s = NDArray[np.float64]

_F4_TABLE, _I1_TABLE = read_only(nb.f4, ndim=2), read_only(nb.i1, ndim=2)
_I1S = read_only(nb.i1)


@nb.njit(nb.void(_F4_TABLE, nb.i1[:, ::1]), cache=True, nogil=True)
def encode(vectors: F32s, out: I8Table) -> None:
    """out[i] = vectors[i] x 127 / the largest of its absolute values, rounded half to even.

    A row with a NaN or an infinity, or of zeros only, becomes zeros: nothing is known of it.
    """
    for row in range(vectors.shape[0]):
        largest = np.float32(0.0)
        is_good = True
        for j in range(vectors.shape[1]):
            size = abs(vectors[row, j])
            is_good = is_good and np.isfinite(size)
            largest = max(largest, size)
        if not is_good or largest == np.float32(0.0):
            out[row] = np.int8(0)
            continue
        for j in range(vectors.shape[1]):
            scaled = np.float64(vectors[row, j]) / np.float64(largest) * 127.0
            out[row, j] = np.int8(np.rint(scaled))


@nb.njit(nb.i8(_I1S, _I1S), cache=True, nogil=True)
def _product(a: NDArray[np.int8], b: NDArray[np.int8]) -> int:
    total = np.int32(0)  # holds 127 x 127 x 133,000 dimensions
    for j in range(a.size):
        total += np.int32(np.int32(a[j]) * np.int32(b[j]))
    return int(total)


@nb.njit(nb.void(_I1_TABLE, _I1_TABLE, nb.f8[::1]), cache=True, nogil=True)
def code_cosine(left: I8Table, right: I8Table, out: F64s) -> None:
    """out[i] = cosine of row i of both, in [-1, 1]; NaN where one is zeros."""
    for row in range(out.size):
        a, b = left[row], right[row]
        squares = np.float64(_product(a, a)) * np.float64(_product(b, b))
        if squares > 0.0:
            out[row] = np.float64(_product(a, b)) / np.sqrt(squares)
        else:
            out[row] = np.nan


def encode_plain(vector: Sequence[float]) -> list[int]:
    """The twin of `encode`, for one vector."""
    largest = max((abs(value) for value in vector), default=0.0)
    if not all(map(math.isfinite, vector)) or largest == 0.0:
        return [0] * len(vector)
    return [round(value / largest * 127.0) for value in vector]


def code_cosine_plain(left: Sequence[int], right: Sequence[int]) -> float:
    """The twin of `code_cosine`, for one pair."""
    squares = float(sum(a * a for a in left)) * float(sum(b * b for b in right))
    if not squares:
        return math.nan
    return sum(a * b for a, b in zip(left, right, strict=True)) / math.sqrt(squares)
