"""A 64-bit hash of the content of each row, straight from the Arrow buffers."""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

Ints = npt.NDArray[np.int64]

_PRIME = np.uint64(0x100000001B3)
_NULL = np.uint64(0x9E3779B97F4A7C15)
_START = np.uint64(0xCBF29CE484222325)


@nb.njit("void(u8[:], i8[:], u1[:])", cache=True, nogil=True)
def _absorb(state: Any, ends: Any, data: Any) -> None:
    """FNV-1a of each row's bytes data[ends[i]:ends[i + 1]] and of their number, onto state[i]."""
    for i in range(state.size):
        h = state[i]
        for j in range(ends[i], ends[i + 1]):
            h = (h ^ np.uint64(data[j])) * _PRIME
        h = (h ^ np.uint64(ends[i + 1] - ends[i])) * _PRIME
        state[i] = h ^ (h >> np.uint64(29))


def _bytes(buffer: Any) -> npt.NDArray[np.uint8]:
    return np.frombuffer(buffer, np.uint8) if buffer is not None else np.zeros(0, np.uint8)


def _offsets(array: Any) -> Ints:
    """Absolute offsets of a string, list or map array, its slice honoured."""
    if pt.is_string(array.type):
        buffer = array.buffers()[1]
        if buffer is None:
            return np.zeros(len(array) + 1, np.int64)
        raw = np.frombuffer(buffer, np.int32)[array.offset : array.offset + len(array) + 1]
        return raw.astype(np.int64)
    ends: Ints = array.offsets.to_numpy().astype(np.int64)
    return ends


def _absorb_array(state: Any, array: Any, ends: Ints) -> None:
    """Hash the elements ends[i]..ends[i + 1] of `array` onto row i. Nested nulls count as empty."""
    if pt.is_string(array.type):
        inner = _offsets(array)
        _absorb(state, inner[ends], _bytes(array.buffers()[2]))
        _absorb(state, ends * 8, np.diff(inner).view(np.uint8))
    elif pt.is_map(array.type) or pt.is_list(array.type):
        inner = _offsets(array)
        parts = (array.keys, array.items) if pt.is_map(array.type) else (array.values,)
        for part in parts:
            _absorb_array(state, part, inner[ends])
        _absorb(state, ends * 8, np.diff(inner).view(np.uint8))
    else:
        numbers = array.cast(pa.int8()) if pt.is_boolean(array.type) else array
        filled = numbers.fill_null(0).to_numpy(zero_copy_only=False)
        wide = np.ascontiguousarray(filled).astype(
            np.float64 if filled.dtype.kind == "f" else np.int64
        )
        _absorb(state, ends * 8, wide.view(np.uint8))


def hash_rows(rows: pa.RecordBatch, *, skip: tuple[str, ...] = ()) -> Ints:
    """(n,) hash of each row over all columns but `skip`; equal rows have equal hashes.

    Source:
        FNV-1a, draft-eastlake-fnv; chained over the columns, lengths included. Not for adversaries.
    """
    state = np.full(rows.num_rows, _START, np.uint64)
    each = np.arange(rows.num_rows + 1, dtype=np.int64)
    for name in rows.schema.names:
        if name not in skip:
            column = rows.column(name)
            # Arrow may keep any bytes where a text is null; they must not count.
            is_text = column.null_count and pt.is_string(column.type)
            _absorb_array(state, column.fill_null("") if is_text else column, each)
            if column.null_count:  # else a null and a 0 would be equal; only the null rows change
                state[column.is_null().to_numpy(zero_copy_only=False)] ^= _NULL
    return state.view(np.int64)


def hash_texts(texts: Any) -> Ints:
    """(n,) hash of each text of a string array."""
    return hash_rows(pa.RecordBatch.from_arrays([texts], names=["text"]))
