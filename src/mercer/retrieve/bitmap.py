"""Sets of rows as bitmaps: bit r % 64 of word r // 64 is row r. Bits past the last row are 0."""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from numba.cpython.unsafe.numbers import trailing_zeros
from numba.extending import intrinsic

Bits = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.uint32]

MAX_INT = 2**63 - 1  # that a column of whole numbers can hold

# The place of a word's lowest bit: an intrinsic, which only compiled code can call.
lowest_bit: Any = trailing_zeros


def _popcount(typing_context: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return nb.types.uint64(nb.types.uint64), generate


# How many bits of a word are set; the same.
popcount: Any = intrinsic(_popcount)

_ROWS = nb.types.Array(nb.u4, 1, "C", readonly=True)
_PLACES = nb.types.Array(nb.i8, 1, "C", readonly=True)
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
    return int(_count(bits))


@nb.njit(
    nb.void(nb.types.Array(nb.i8, 1, "C", readonly=True), nb.i8, nb.i8, nb.u8[::1]),
    cache=True,
    nogil=True,
)
def _between(column: npt.NDArray[np.int64], low: int, high: int, out: Bits) -> None:
    for word in range(out.size):
        start = word << 6
        within = column[start : min(start + 64, column.size)]
        bits = np.uint64(0)
        for j in range(within.size):
            if within[j] >= low and within[j] <= high:
                bits |= np.uint64(1) << np.uint64(j)
        out[word] = bits


_BLOCK = 512  # words whose steps stay in the first cache


@nb.njit(nb.void(nb.u8[:, ::1], _BITS), cache=True, nogil=True)
def at_least(sets: Bits, base: Bits) -> None:
    """Replace sets by steps, in place: step k has the rows of `base` that are in more than k of them.

    Args:
        sets: (n_sets, n_words) bitmaps.
        base: (n_words,).
    """
    room = np.empty(_BLOCK, np.uint64)
    for start in range(0, base.size, _BLOCK):
        end = min(start + _BLOCK, base.size)
        rows, allowed = room[: end - start], base[start:end]
        for seen in range(sets.shape[0]):
            rows[:] = sets[seen, start:end]
            rows &= allowed
            sets[seen, start:end] = 0
            for k in range(seen, 0, -1):
                step, below = sets[k, start:end], sets[k - 1, start:end]
                for word in range(rows.size):
                    step[word] |= below[word] & rows[word]
            step = sets[0, start:end]
            step |= rows


@nb.njit(nb.i8(_BITS), cache=True, nogil=True)
def _count(bits: Bits) -> int:
    n = np.uint64(0)
    for word in bits:
        n += popcount(word)
    return int(np.int64(n))


def between(column: npt.NDArray[np.int64], low: int, high: int) -> Bits:
    """The rows of an (n,) column whose value lies in [low, high]."""
    out = empty(len(column))
    _between(column, low, high, out)
    return out


def rows_of(bits: Bits, *, limit: int | None = None) -> Rows:
    """The rows in ascending order, at most the first `limit`."""
    if limit is not None:
        few = np.empty(min(limit, 64 * len(bits)), np.uint32)
        return few[: _extract(bits, few)]
    out = np.empty(count(bits), np.uint32)
    _extract(bits, out)
    return out


def contains(bits: Bits, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """(n,) whether each row is in the set."""
    out = np.empty(len(rows), np.bool_)
    _contains(bits, rows if rows.dtype == np.uint32 else rows.astype(np.int64, copy=False), out)
    return out


@nb.njit(
    [nb.void(_BITS, _ROWS, nb.b1[::1]), nb.void(_BITS, _PLACES, nb.b1[::1])],
    cache=True,
    nogil=True,
)
def _contains(bits: Bits, rows: npt.NDArray[np.integer[Any]], out: npt.NDArray[np.bool_]) -> None:
    for i in range(rows.size):
        out[i] = (bits[rows[i] >> 6] >> np.uint64(rows[i] & 63)) & np.uint64(1)


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


@nb.njit(nb.i8(_BITS, nb.u4[::1]), cache=True, nogil=True)
def _extract(bits: Bits, out: Rows) -> int:
    """The first rows, as many as there is room for or there are; how many that is."""
    at = 0
    for word in range(bits.size):
        left = bits[word]
        while left != 0:
            if at == out.size:
                return at
            out[at] = word * 64 + lowest_bit(left)
            at += 1
            left &= left - np.uint64(1)
    return at
