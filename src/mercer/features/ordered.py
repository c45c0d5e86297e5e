"""Values of each list in rising order, once for all features that ask for a place among the others.

What is summed in this order does not know the order in which the candidates came. Sorting is by the
bits, a byte at a time (radix sort): exact, and with few branches to guess wrong.
"""

import math

import numba as nb
import numpy as np

from mercer.features.column import F64s, I64s, U64s
from mercer.features.kernel_types import U8S
from mercer.text.kernel_types import F8S, I8S

_SIGN = np.uint64(1 << 63)
_BYTE = np.uint64(255)
_MOVES = 4  # of a key, on average, that are cheaper than sorting by all bytes


@nb.njit(nb.i8(F8S, U8S, nb.i8, nb.i8, nb.u8[::1], nb.i8[::1]), cache=True, nogil=True)
def _write_keys(values: F64s, bits: U64s, first: int, last: int, keys: U64s, order: I64s) -> int:
    """Keys and places of the values that are not NaN; returns how many.

    A key is the bits of a double, turned so that keys order as values do; -0.0 counts as 0.0.
    """
    n = 0
    for i in range(first, last):
        if values[i] == values[i]:
            word = bits[i] if values[i] != 0.0 else np.uint64(0)
            keys[n] = ~word if word & _SIGN else word | _SIGN
            order[n] = i
            n += 1
    return n


_SORT = nb.void(nb.u8[::1], nb.i8[::1], nb.u8[::1], nb.i8[::1], nb.i8, nb.i8, nb.i8, nb.i8[:, ::1])


@nb.njit(_SORT, cache=True, nogil=True)
def _sort_by_bytes(
    keys: U64s, order: I64s, keys_2: U64s, order_2: I64s, n: int, first_bit: int, n_bytes: int,
    counts: I64s,
) -> None:  # fmt: skip
    """Sort the first n keys by some bytes, with their places; what is equal stays in its order.

    The result is in the first pair after an even number of bytes, else in the second.
    """
    counts[:n_bytes] = 0
    for i in range(n):
        word = keys[i] >> np.uint64(first_bit)
        for byte in range(n_bytes):
            counts[byte, word & _BYTE] += 1
            word >>= np.uint64(8)
    for byte in range(n_bytes):
        row, shift = counts[byte], np.uint64(first_bit + 8 * byte)
        total = 0
        for value in range(256):
            count = row[value]
            row[value] = total
            total += count
        if byte & 1:
            for i in range(n):
                to = row[(keys_2[i] >> shift) & _BYTE]
                row[(keys_2[i] >> shift) & _BYTE] = to + 1
                keys[to], order[to] = keys_2[i], order_2[i]
        else:
            for i in range(n):
                to = row[(keys[i] >> shift) & _BYTE]
                row[(keys[i] >> shift) & _BYTE] = to + 1
                keys_2[to], order_2[to] = keys[i], order[i]


@nb.njit(
    nb.void(nb.u8[::1], nb.i8[::1], nb.u8[::1], nb.i8[::1], nb.i8, nb.i8[:, ::1]),
    cache=True, nogil=True,
)  # fmt: skip
def _sort(keys: U64s, order: I64s, keys_2: U64s, order_2: I64s, n: int, counts: I64s) -> None:
    """Sort the first n keys, rising, with their places; the second pair is scratch.

    By the three highest bytes in which keys differ: that leaves few of them out of place, and each of
    these is moved to where it belongs. Where it leaves too many, by all bytes.
    """
    different = np.uint64(0)
    for i in range(1, n):
        different |= keys[i] ^ keys[0]
    if different == np.uint64(0):
        return
    first_bit = 0
    while first_bit < 40 and different >> np.uint64(first_bit + 24):
        first_bit += 1
    _sort_by_bytes(keys, order, keys_2, order_2, n, first_bit, 3, counts)
    left = _MOVES * n
    for i in range(n):
        key, place, at = keys_2[i], order_2[i], i
        while at > 0 and keys[at - 1] > key and left > 0:
            keys[at], order[at] = keys[at - 1], order[at - 1]
            at -= 1
            left -= 1
        keys[at], order[at] = key, place
    if left == 0:
        _sort_by_bytes(keys, order, keys_2, order_2, n, 0, 8, counts)


@nb.njit(
    nb.void(
        nb.f8[:, ::1], I8S, I8S, nb.f8[:, ::1], nb.i8[:, ::1], nb.i8[:, ::1], nb.i8[:, ::1]
    ),
    cache=True, nogil=True,
)  # fmt: skip
def sort_lists(
    numbers: F64s, registers: I64s, offsets: I64s, rising: F64s, order: I64s, present: I64s,
    counts: I64s,
) -> None:  # fmt: skip
    """Row j of `rising`, `order` and `present`: the lists of numbers[registers[j]], sorted.

    Args:
        counts: (8, 256) scratch.
    """
    widest = 0
    for g in range(offsets.size - 1):
        widest = max(widest, offsets[g + 1] - offsets[g])
    keys, keys_2 = np.empty(widest, np.uint64), np.empty(widest, np.uint64)
    places, places_2 = np.empty(widest, np.int64), np.empty(widest, np.int64)
    for j in range(registers.size):
        values = numbers[registers[j]]
        bits = values.view(np.uint64)
        for g in range(offsets.size - 1):
            first = offsets[g]
            n = _write_keys(values, bits, first, offsets[g + 1], keys, places)
            _sort(keys, places, keys_2, places_2, n, counts)
            for i in range(n):
                order[j, first + i] = places[i]
                rising[j, first + i] = values[places[i]] + 0.0
            present[j, g] = n


@nb.njit(nb.f8(F8S, nb.i8, nb.i8), cache=True, nogil=True, error_model="numpy")
def mean_of(rising: F64s, first: int, n: int) -> float:
    """Of n values from `first` on; NaN of none."""
    total = 0.0
    for i in range(first, first + n):
        total += rising[i]
    return total / n


@nb.njit(nb.f8(F8S, nb.i8, nb.i8, nb.f8), cache=True, nogil=True, error_model="numpy")
def deviation_of(rising: F64s, first: int, n: int, mean: float) -> float:
    """Of n values from `first` on around their mean; NaN of none."""
    squares = 0.0
    for i in range(first, first + n):
        squares += (rising[i] - mean) * (rising[i] - mean)
    return math.sqrt(squares / n)


@nb.njit(nb.i8(F8S, nb.i8, nb.i8), cache=True, nogil=True)
def end_of_ties(rising: F64s, at: int, last: int) -> int:
    """Behind the values from `at` on that equal the one there."""
    end = at + 1
    while end < last and rising[end] == rising[at]:
        end += 1
    return end
