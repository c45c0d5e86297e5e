"""Values of one list in rising order: what is summed in this order does not know the order they came in."""

import math

import numba as nb

from mercer.features.column import F64s
from mercer.text.kernel_types import F8S


@nb.njit(nb.i8(F8S, nb.i8, nb.i8, nb.f8[::1]), cache=True, nogil=True)
def sort_present(values: F64s, first: int, last: int, out: F64s) -> int:
    """Write values[first:last] that are not NaN to `out`, rising; returns how many."""
    n = 0
    for i in range(first, last):
        if values[i] == values[i]:
            out[n] = values[i] + 0.0  # -0.0 and 0.0 have no order of their own
            n += 1
    out[:n].sort()
    return n


@nb.njit(nb.f8(F8S, nb.i8, nb.f8), cache=True, nogil=True)
def count_below(rising: F64s, n: int, x: float) -> float:
    """How many of the first n are < x."""
    low, high = 0, n
    while low < high:
        middle = (low + high) >> 1
        if rising[middle] < x:
            low = middle + 1
        else:
            high = middle
    return float(low)


@nb.njit(nb.f8(F8S, nb.i8), cache=True, nogil=True, error_model="numpy")
def mean_of(rising: F64s, n: int) -> float:
    """Of the first n; NaN of none."""
    total = 0.0
    for i in range(n):
        total += rising[i]
    return total / n


@nb.njit(nb.f8(F8S, nb.i8, nb.f8), cache=True, nogil=True, error_model="numpy")
def deviation_of(rising: F64s, n: int, mean: float) -> float:
    """Of the first n around their mean; NaN of none."""
    squares = 0.0
    for i in range(n):
        squares += (rising[i] - mean) * (rising[i] - mean)
    return math.sqrt(squares / n)
