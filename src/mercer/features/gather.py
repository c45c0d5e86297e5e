"""Rows of stored columns, put together for the candidates of one request."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.features.column import F32s, F64s, I8Table, I64s, Ragged, U64s
from mercer.features.kernel_types import U8S
from mercer.text.kernel_types import I8S, U1S, U4S, read_only

Spans = Sequence[tuple[I64s, I64s | None]]
"""For each part of the index its rows, and the places of those candidates; None: all in order."""


def gathered_ragged(columns: Sequence[Ragged], spans: Spans, n: int) -> Ragged:
    """The rows of all parts as one column of n rows."""
    parts = [gathered(one, rows) for one, (rows, _) in zip(columns, spans, strict=True)]
    if len(parts) == 1:
        return parts[0]
    starts, stops = np.empty(n, np.int64), np.empty(n, np.int64)
    before = 0
    for part, (_, places) in zip(parts, spans, strict=True):
        starts[places], stops[places] = part.starts + before, part.stops + before
        before += part.values.size
    return Ragged(starts, stops, np.concatenate([part.values for part in parts]))


def gathered_vectors(columns: Sequence[F32s | I8Table], spans: Spans, n: int) -> F32s | I8Table:
    """(n, width) the rows of all parts; NaN (of codes 0) for a row below 0."""
    out = np.empty((n, columns[0].shape[1]), columns[0].dtype)
    missing = 0 if out.dtype == np.int8 else np.nan
    for column, (rows, places) in zip(columns, spans, strict=True):
        out[slice(None) if places is None else places] = column[rows]
        if (rows < 0).any():
            out[np.flatnonzero(rows < 0) if places is None else places[rows < 0]] = missing
    return out


def gathered(column: Ragged, rows: I64s) -> Ragged:
    """Some rows, copied one after the other."""
    starts, stops = np.empty(rows.size, np.int64), np.empty(rows.size, np.int64)
    size = ragged_places(column.starts, column.stops, rows, starts, stops)
    values = np.empty(size, column.values.dtype)
    copy = _COPIES[values.dtype]
    copy(column.starts, column.values, rows, starts, stops, values)
    return Ragged(starts, stops, values)


@nb.njit(nb.i8(I8S, I8S, I8S, nb.i8[::1], nb.i8[::1]), cache=True, nogil=True)
def ragged_places(starts: I64s, stops: I64s, rows: I64s, new_starts: I64s, new_stops: I64s) -> int:
    """Where the rows lie when they are put together, a row below 0 as missing; returns the size."""
    at = 0
    for i in range(rows.size):
        length = stops[rows[i]] - starts[rows[i]] if rows[i] >= 0 else -1
        new_starts[i] = at
        new_stops[i] = at + length if length >= 0 else at - 1
        at += max(length, 0)
    return at


@nb.njit(nb.void(I8S, U1S, I8S, I8S, I8S, nb.u1[::1]), cache=True, nogil=True)
def copy_bytes(
    starts: I64s, values: npt.NDArray[np.uint8], rows: I64s, new_starts: I64s, new_stops: I64s,
    out: npt.NDArray[np.uint8],
) -> None:  # fmt: skip
    """Bytes of texts."""
    for i in range(rows.size):
        source = starts[max(rows[i], 0)]
        for j in range(new_stops[i] - new_starts[i]):
            out[new_starts[i] + j] = values[source + j]


@nb.njit(nb.void(I8S, U8S, I8S, I8S, I8S, nb.u8[::1]), cache=True, nogil=True)
def copy_ids(
    starts: I64s, values: U64s, rows: I64s, new_starts: I64s, new_stops: I64s, out: U64s
) -> None:
    """Ids of lists."""
    for i in range(rows.size):
        source = starts[max(rows[i], 0)]
        for j in range(new_stops[i] - new_starts[i]):
            out[new_starts[i] + j] = values[source + j]


@nb.njit(nb.void(I8S, U4S, I8S, I8S, I8S, nb.u4[::1]), cache=True, nogil=True)
def copy_words(
    starts: I64s, values: npt.NDArray[np.uint32], rows: I64s, new_starts: I64s, new_stops: I64s,
    out: npt.NDArray[np.uint32],
) -> None:  # fmt: skip
    """Words of texts."""
    for i in range(rows.size):
        source = starts[max(rows[i], 0)]
        for j in range(new_stops[i] - new_starts[i]):
            out[new_starts[i] + j] = values[source + j]


_COPIES: Mapping[np.dtype[Any], Callable[..., None]] = {
    np.dtype(np.uint8): copy_bytes,
    np.dtype(np.uint32): copy_words,
    np.dtype(np.uint64): copy_ids,
}


_F8_TABLE, _F4_TABLE, _U8_TABLE = (read_only(t, ndim=2) for t in (nb.f8, nb.f4, nb.u8))


@nb.njit(nb.void(_F8_TABLE, I8S, I8S, I8S, nb.f8[:, ::1]), cache=True, nogil=True)
def gather_f8(table: F64s, rows: I64s, places: I64s, registers: I64s, out: F64s) -> None:
    """out[registers[j], places[i]] = table[rows[i], j]; NaN for a row below 0."""
    for i in range(rows.size):
        for j in range(registers.size):
            out[registers[j], places[i]] = table[rows[i], j] if rows[i] >= 0 else np.nan


@nb.njit(nb.void(_F4_TABLE, I8S, I8S, I8S, nb.f8[:, ::1]), cache=True, nogil=True)
def gather_f4(table: F32s, rows: I64s, places: I64s, registers: I64s, out: F64s) -> None:
    """The same from float32."""
    for i in range(rows.size):
        for j in range(registers.size):
            out[registers[j], places[i]] = table[rows[i], j] if rows[i] >= 0 else np.nan


@nb.njit(nb.void(_U8_TABLE, I8S, I8S, I8S, nb.u8[:, ::1]), cache=True, nogil=True)
def gather_ids(table: U64s, rows: I64s, places: I64s, registers: I64s, out: U64s) -> None:
    """The same of ids; 0 for a row below 0."""
    for i in range(rows.size):
        for j in range(registers.size):
            out[registers[j], places[i]] = table[rows[i], j] if rows[i] >= 0 else np.uint64(0)
