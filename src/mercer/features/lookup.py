"""Look-ups in sorted tables and short lists, for kernels."""

from typing import Any

import numba as nb

from mercer.features.column import F64s, U64s
from mercer.features.kernel_types import U8S
from mercer.text.kernel_types import F8S


@nb.njit(nb.f8(F8S, nb.i8, nb.i8, nb.f8), cache=True, nogil=True)
def count_at_most(values: F64s, first: int, last: int, x: float) -> float:
    """How many of the rising values[first:last] are <= x.

    The same steps for every x, and no branch, which nobody could foresee.
    """
    low, n = first, last - first
    while n > 1:
        half = n >> 1
        low += half * (values[low + half - 1] <= x)
        n -= half
    if n == 1 and values[low] <= x:
        low += 1
    return float(low - first)


@nb.njit(nb.i8(U8S, nb.i8, nb.i8, nb.u8), cache=True, nogil=True)
def place_of(keys: U64s, first: int, last: int, key: int) -> int:
    """The place of a key in the rising keys[first:last], or -1.

    Keys are hashes, which lie evenly, so a guess by proportion is near: that saves most of the cache
    misses of a plain binary search in a large table.
    """
    low, high = first, last
    guess = first + int(float(key) * (float(last - first) / 18446744073709551616.0))
    if first <= guess < last:
        width = 16
        if keys[guess] < key:
            low = guess
            while low + width < high and keys[low + width] < key:
                low += width
                width *= 2
            high = min(high, low + width + 1)
        else:
            high = guess + 1
            while high - width > low and keys[high - width] > key:
                high -= width
                width *= 2
            low = max(low, high - width)
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < last and keys[low] == key else -1


@nb.njit(nb.b1(U8S, nb.i8, nb.i8, nb.u8), cache=True, nogil=True, inline="always")
def has_key(values: Any, first: Any, last: Any, key: Any) -> Any:
    """Whether values[first:last] has a key; lists are short: wishes, attributes."""
    for i in range(first, last):  # noqa: SIM110  # numba compiles no any()
        if values[i] == key:
            return True
    return False
