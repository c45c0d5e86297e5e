"""Scores of vectors kept in 8 bits per dimension, and bitmaps of live rows."""

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.retrieve import bitmap
from mercer.retrieve.vector_index import Bitmap, F32s, I64s
from mercer.text.kernel_types import I8S
from mercer.text.prefetch import AHEAD, LINE, prefetch

_MIDDLE = 128  # of the codes 0..255; counted from there, sums stay small


@dataclass(frozen=True, slots=True)
class FixedQuery:
    """A query against codes, in whole numbers: score = offset + scale * sum(weight * (code - 128)).

    Sums of whole numbers have the same bits in any order, so the compiler may add as many at a time
    as the machine can.
    """

    weight: NDArray[np.int16]  # (dim,)
    scale: float
    offset: float


def fixed_query(query: F32s, *, lowest: F32s, step: F32s) -> FixedQuery:
    """A query for `score_codes`, rounded to 1 / 32,767 of its heaviest dimension (less from 513 on).

    Args:
        query: (dim,).
        lowest: (dim,) what the code -0.5 stands for.
        step: (dim,) between one code and the next.
    """
    weight = query.astype(np.float64) * step
    most = float(np.abs(weight).max(initial=0.0))
    limit = min(32_767, (2**31 - 1) // (_MIDDLE * max(query.size, 1)))  # no sum passes 32 bits
    scale = most / limit if most else 1.0
    offset = float(query @ (lowest + step / 2)) + _MIDDLE * float(weight.sum())
    return FixedQuery(np.rint(weight / scale).astype(np.int16), scale, offset)


@nb.njit(nb.void(nb.u1[:, ::1], nb.i2[::1], nb.f8, nb.f8, I8S, nb.f4[::1]), cache=True, nogil=True)
def score_codes(
    codes: NDArray[np.uint8], weight: NDArray[np.int16], scale: float, offset: float, rows: I64s,
    out: F32s,
) -> None:  # fmt: skip
    """out[i] = offset + scale * sum(weight * (codes[rows[i]] - 128))."""
    dim = codes.shape[1]
    for i in range(rows.size):
        if i + AHEAD < rows.size:
            later = codes[rows[i + AHEAD]]
            for at in range(0, dim, LINE):
                prefetch(later, at)
        code = codes[rows[i]]
        total = np.int32(0)
        for j in range(dim):
            product = np.int32(np.int32(weight[j]) * np.int32(np.int32(code[j]) - 128))
            total = np.int32(total + product)
        out[i] = np.float32(offset + scale * total)


def count_live(alive: Bitmap, n: int) -> int:
    """How many of the rows 0..n-1 are alive."""
    whole, rest = divmod(n, 64)
    count = bitmap.count(alive[:whole])
    return count + (int(alive[whole]) & ((1 << rest) - 1)).bit_count() if rest else count


def live_bits(alive: Bitmap) -> NDArray[np.bool_]:
    """(64 * n_words,) the bitmap as one truth value per row."""
    words = np.ascontiguousarray(alive).astype("<u8", copy=False)
    return np.unpackbits(words.view(np.uint8), bitorder="little").view(np.bool_)
