"""Sets of rows as bitmaps: bit r % 64 of word r // 64 is row r. Bits past the last row are 0."""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from numba.cpython.unsafe.numbers import trailing_zeros

Bits = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.uint32]

# The place of a word's lowest bit: an intrinsic, which only compiled code can call.
lowest_bit: Any = trailing_zeros

_ROWS = nb.types.Array(nb.u4, 1, "C", readonly=True)
_BITS = nb.types.Array(nb.u8, 1, "C", readonly=True)


def empty(n: int) -> Bits:
    """No row of n."""
    return np.zeros((n + 63) // 64, np.uint64)


def full(n: int) -> Bits:
    """All n rows."""
    bits = np.full((n + 63) // 64, np.uint64(0xFFFF_FFFF_FFFF_FFFF))
    if n % 64:
        bits[-1] = np.uint64((1 << (n % 64)) - 1)
    return bits


def of_rows(rows: Rows, n: int) -> Bits:
    """The bitmap of some rows of n."""
    bits = empty(n)
    set_rows(bits, rows)
    return bits


def of_mask(mask: npt.NDArray[np.bool_]) -> Bits:
    """The bitmap of the rows where an (n,) mask holds."""
    padded = np.zeros((len(mask) + 63) // 64 * 8, np.uint8)
    packed = np.packbits(mask, bitorder="little")
    padded[: len(packed)] = packed
    return padded.view(np.uint64)


def count(bits: Bits) -> int:
    """How many rows."""
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


def rows_of(bits: Bits, *, limit: int | None = None) -> Rows:
    """The rows in ascending order, at most the first `limit`."""
    n = count(bits)
    out = np.empty(n if limit is None else min(n, limit), np.uint32)
    _extract(bits, out)
    return out


def contains(bits: Bits, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """(n,) whether each row is in the set."""
    at = rows.astype(np.uint64)
    found: npt.NDArray[np.bool_] = (bits[at >> np.uint64(6)] >> (at & np.uint64(63))) & np.uint64(
        1
    ) > 0
    return found


@nb.njit(nb.void(nb.u8[::1], _ROWS), cache=True, nogil=True)
def set_rows(bits: Bits, rows: Rows) -> None:
    """Put rows into the set, in place."""
    for row in rows:
        bits[row >> 6] |= np.uint64(1) << np.uint64(row & 63)


@nb.njit(nb.void(nb.u8[::1], _ROWS), cache=True, nogil=True)
def clear_rows(bits: Bits, rows: Rows) -> None:
    """Take rows out of the set, in place."""
    for row in rows:
        bits[row >> 6] &= ~(np.uint64(1) << np.uint64(row & 63))


@nb.njit(nb.void(_BITS, nb.u4[::1]), cache=True, nogil=True)
def _extract(bits: Bits, out: Rows) -> None:
    """The first out.size rows; there must be as many."""
    at = 0
    for word in range(bits.size):
        left = bits[word]
        while left != 0:
            if at == out.size:
                return
            out[at] = word * 64 + lowest_bit(left)
            at += 1
            left &= left - np.uint64(1)
