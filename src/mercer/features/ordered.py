"""Values of each list in rising order, once for all features that ask for a place among the others.

What is summed in this order does not know the order in which the candidates came. Sorting is by the
bits, a byte at a time from the lowest (radix sort): exact, and without a branch to guess wrong.
"""

import math

import numba as nb
import numpy as np

from mercer.features.column import F64s, I64s, U64s
from mercer.features.kernel_types import U8S
from mercer.text.kernel_types import F8S, I8S

_SIGN = np.uint64(1 << 63)
_BYTE = np.uint64(255)


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


@nb.njit(
    nb.void(nb.u8[::1], nb.i8[::1], nb.u8[::1], nb.i8[::1], nb.i8, nb.i8[:, ::1]),
    cache=True, nogil=True,
)  # fmt: skip
def _radix_sort(keys: U64s, order: I64s, keys_2: U64s, order_2: I64s, n: int, counts: I64s) -> None:
    """Sort the first n keys, rising, with their places; the second pair is scratch."""
    counts[:] = 0
    for i in range(n):
        for byte in range(8):
            counts[byte, (keys[i] >> np.uint64(8 * byte)) & _BYTE] += 1
    is_swapped = False
    for byte in range(8):
        row = counts[byte]
        shift = np.uint64(8 * byte)
        if n and row[(keys[0] >> shift) & _BYTE] == n:
            continue  # all have this byte
        total = 0
        for value in range(256):
            count = row[value]
            row[value] = total
            total += count
        for i in range(n):
            key = keys_2[i] if is_swapped else keys[i]
            place = order_2[i] if is_swapped else order[i]
            to = row[(key >> shift) & _BYTE]
            row[(key >> shift) & _BYTE] = to + 1
            if is_swapped:
                keys[to], order[to] = key, place
            else:
                keys_2[to], order_2[to] = key, place
        is_swapped = not is_swapped
    if is_swapped:
        keys[:n], order[:n] = keys_2[:n], order_2[:n]


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
            _radix_sort(keys, places, keys_2, places_2, n, counts)
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
