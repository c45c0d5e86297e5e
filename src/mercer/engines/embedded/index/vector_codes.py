"""Scores of vectors kept in 8 bits per dimension, and bitmaps of live rows."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.retrieve.vector_index import Bitmap, F32s, I64s


@nb.njit("void(u1[:, ::1], f4[::1], f8, i8[::1], f4[::1])", cache=True, nogil=True)
def score_codes(
    codes: NDArray[np.uint8], weight: F32s, offset: float, rows: I64s, out: F32s
) -> None:
    """out[i] = offset + weight . codes[rows[i]], products added by halves (see ExactIndex)."""
    dim = codes.shape[1]
    products = np.empty(dim, np.float32)
    for i in range(rows.size):
        code = codes[rows[i]]
        for j in range(dim):
            products[j] = weight[j] * np.float32(code[j])
        width = dim
        while width > 1 and width % 2 == 0:
            width //= 2
            for j in range(width):
                products[j] += products[j + width]
        total = np.float32(0)
        for j in range(width):
            total += products[j]
        out[i] = np.float32(offset + total)


def count_live(alive: Bitmap, n: int) -> int:
    """How many of the rows 0..n-1 are alive."""
    whole, rest = divmod(n, 64)
    count = int(np.bitwise_count(alive[:whole]).sum())
    return count + (int(alive[whole]) & ((1 << rest) - 1)).bit_count() if rest else count


def live_bits(alive: Bitmap) -> NDArray[np.bool_]:
    """(64 * n_words,) the bitmap as one truth value per row."""
    words = np.ascontiguousarray(alive).astype("<u8", copy=False)
    return np.unpackbits(words.view(np.uint8), bitorder="little").view(np.bool_)
