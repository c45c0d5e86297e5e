"""Where a column changes from one row to the next."""

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.features.column import Column, I64s, Ragged, Texts, U64s
from mercer.features.kernel_types import U8S
from mercer.text.kernel_types import I8S, U1S


def mark_changes(column: Column | I64s, first: npt.NDArray[np.uint8]) -> None:
    """first[i] = 1 where row i differs from the row before."""
    if isinstance(column, Ragged):
        if column.values.dtype == np.uint8:
            mark_changes_bytes(column.starts, column.stops, column.values, first)
        else:
            ids = column.values.astype(np.uint64, copy=False)
            mark_changes_ids(column.starts, column.stops, ids, first)
    elif isinstance(column, Texts):
        strings = column.strings
        mark_changes_texts(
            column.starts, column.stops, strings.starts, strings.stops, strings.values, first
        )
    elif column.ndim == 2:
        bits = column.view(f"u{column.itemsize}")
        first[1:] |= (bits[1:] != bits[:-1]).any(axis=1)
    else:
        mark_changes_i8(np.ascontiguousarray(column).view(np.int64), first)


_U1_OUT = nb.u1[::1]


@nb.njit(nb.void(I8S, _U1_OUT), cache=True, nogil=True)
def mark_changes_i8(values: I64s, first: npt.NDArray[np.uint8]) -> None:
    """By the bits: NaN equals NaN, and 0.0 differs from -0.0."""
    for i in range(1, first.size):
        if values[i] != values[i - 1]:
            first[i] = 1


@nb.njit(nb.b1(nb.i8, nb.i8, nb.i8, nb.i8, U1S), cache=True, nogil=True)
def same_bytes(a: int, a_stop: int, b: int, b_stop: int, data: npt.NDArray[np.uint8]) -> bool:
    """Whether two texts are equal; a missing one equals only a missing one."""
    if (a_stop < a) != (b_stop < b):
        return False
    if a == b and a_stop == b_stop:
        return True
    if a_stop - a != b_stop - b and a_stop >= a:
        return False
    same = True
    for j in range(a_stop - a):
        same = same and data[a + j] == data[b + j]
        if not same:
            break
    return same


@nb.njit(nb.void(I8S, I8S, U1S, _U1_OUT), cache=True, nogil=True)
def mark_changes_bytes(
    starts: I64s, stops: I64s, data: npt.NDArray[np.uint8], first: npt.NDArray[np.uint8]
) -> None:
    """Of texts."""
    for i in range(1, first.size):
        if not first[i] and not same_bytes(starts[i], stops[i], starts[i - 1], stops[i - 1], data):
            first[i] = 1


@nb.njit(nb.void(I8S, I8S, U8S, _U1_OUT), cache=True, nogil=True)
def mark_changes_ids(starts: I64s, stops: I64s, ids: U64s, first: npt.NDArray[np.uint8]) -> None:
    """Of lists of ids."""
    for i in range(1, first.size):
        a, b = starts[i], starts[i - 1]
        n, m = max(stops[i] - a, -1), max(stops[i - 1] - b, -1)
        if n != m:
            first[i] = 1
            continue
        for j in range(n):
            if ids[a + j] != ids[b + j]:
                first[i] = 1
                break


@nb.njit(nb.void(I8S, I8S, I8S, I8S, U1S, _U1_OUT), cache=True, nogil=True)
def mark_changes_texts(
    starts: I64s,
    stops: I64s,
    text_starts: I64s,
    text_stops: I64s,
    data: npt.NDArray[np.uint8],
    first: npt.NDArray[np.uint8],
) -> None:
    """Of lists of texts."""
    for i in range(1, first.size):
        a, b = starts[i], starts[i - 1]
        n, m = max(stops[i] - a, -1), max(stops[i - 1] - b, -1)
        if n != m:
            first[i] = 1
            continue
        for j in range(n):
            if not same_bytes(
                text_starts[a + j], text_stops[a + j], text_starts[b + j], text_stops[b + j], data
            ):
                first[i] = 1
                break
