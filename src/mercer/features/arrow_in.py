"""Arrow arrays as columns of a plan; nothing is copied where the layouts agree."""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mercer.features.column import Column, F32s, F64s, I8Table, I64s, Kind, Ragged, Texts, U64s
from mercer.schema.errors import FeatureError
from mercer.text.kernel_types import U1S


def column_of(array: pa.Array, kind: Kind, *, name: str) -> Column:
    """The rows of an array as a column.

    Raises:
        FeatureError: the array's type cannot be that kind.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    try:
        column: Column = _READERS[kind](array)
    # Arrow's own words for a type that cannot be cast; told as a sentence of the column.
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError, ValueError):
        raise FeatureError(f"column {name!r}: is {array.type}, must be {_ALLOWED[kind]}") from None
    return column


def _numbers(array: pa.Array) -> F64s:
    kind = array.type
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.timestamp("ms")).cast(pa.int64())
    elif pa.types.is_boolean(kind):
        array = array.cast(pa.uint8())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise TypeError
    if not len(array) or not array.null_count or pa.types.is_null(array.type):
        if array.null_count:
            array = array.cast(pa.float64(), safe=False).fill_null(np.nan)
        numbers: F64s = array.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        return numbers
    valid, data = array.buffers()
    span = slice(array.offset, array.offset + len(array))
    values = _buffer(data, array.type.to_pandas_dtype())[span].astype(np.float64)
    drop_invalid(_buffer(valid, np.uint8), array.offset, values)
    return values


@nb.njit(nb.void(U1S, nb.i8, nb.f8[::1]), cache=True, nogil=True)
def drop_invalid(valid: npt.NDArray[np.uint8], offset: int, out: F64s) -> None:
    """out[i] = NaN where bit offset + i of an Arrow validity bitmap is 0."""
    for i in range(out.size):
        at = offset + i
        is_valid = (valid[at >> 3] >> np.uint8(at & 7)) & np.uint8(1)
        out[i] = out[i] if is_valid else np.nan


def _text(array: pa.Array) -> Ragged:
    kind = array.type
    if pa.types.is_null(kind) or pa.types.is_string_view(kind):
        array = array.cast(pa.large_string())
    elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise TypeError
    starts, stops = _spans(array)
    return Ragged(starts, stops, _buffer(array.buffers()[2], np.uint8))


def _texts(array: pa.Array) -> Texts:
    if pa.types.is_null(array.type):
        array = array.cast(pa.list_(pa.string()))
    if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        raise TypeError
    starts, stops, values = _list_spans(array)
    return Texts(starts, stops, _text(values))


def _ids(array: pa.Array) -> U64s:
    if not pa.types.is_integer(array.type):
        raise TypeError
    ids: U64s = array.cast(pa.uint64()).fill_null(0).to_numpy(zero_copy_only=False)
    return ids


def _word_lists(array: pa.Array) -> Ragged:
    ids = _id_lists(array)
    return Ragged(ids.starts, ids.stops, ids.values.astype(np.uint32))


def _codes(array: pa.Array) -> I8Table:
    if not pa.types.is_fixed_size_list(array.type):
        raise TypeError
    width = array.type.list_size
    if array.null_count:
        array = pc.fill_null(array, pa.scalar([0] * width, array.type))
    codes: I8Table = array.flatten().cast(pa.int8()).to_numpy(zero_copy_only=False)
    return codes.reshape(len(array), width)


def _id_lists(array: pa.Array) -> Ragged:
    if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        raise TypeError
    starts, stops, values = _list_spans(array)
    return Ragged(starts, stops, _ids(values))


def _vectors(array: pa.Array) -> F32s:
    if not pa.types.is_fixed_size_list(array.type):
        raise TypeError
    width = array.type.list_size
    flat = (
        array.flatten() if not array.null_count else pc.fill_null(array, [np.nan] * width).flatten()
    )
    numbers: F32s = flat.cast(pa.float32()).to_numpy(zero_copy_only=False)
    return numbers.reshape(len(array), width)


def _list_spans(array: pa.Array) -> tuple[I64s, I64s, pa.Array]:
    """Where each list begins and ends in the values of these rows alone."""
    starts, stops = _spans(array)
    if not starts.size:
        return starts, stops, array.values.slice(0, 0)
    first = int(starts[0])
    size = max(int(stops.max()) - first, 0)
    return starts - first, stops - first, array.values.slice(first, size)


def _spans(array: pa.Array) -> tuple[I64s, I64s]:
    """Where each row begins and ends; a null ends before it begins."""
    n = len(array)
    wide = pa.types.is_large_string(array.type) or pa.types.is_large_list(array.type)
    if n == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    offsets = _buffer(array.buffers()[1], np.int64 if wide else np.int32)
    offsets = offsets[array.offset : array.offset + n + 1].astype(np.int64)
    starts, stops = offsets[:-1], offsets[1:]
    if array.null_count:
        stops = np.where(array.is_valid().to_numpy(zero_copy_only=False), stops, starts - 1)
    return starts, stops


def _buffer(buffer: Any, dtype: type[np.generic]) -> npt.NDArray[Any]:
    return (
        np.frombuffer(buffer, dtype) if buffer is not None and buffer.size else np.zeros(0, dtype)
    )


_READERS: dict[Kind, Any] = {
    "number": _numbers,
    "id": _ids,
    "text": _text,
    "folded": _text,
    "ids": _id_lists,
    "words": _word_lists,
    "texts": _texts,
    "vector": _vectors,
    "code": _codes,
}
_ALLOWED: dict[Kind, str] = {
    "number": "integers, floats, booleans or timestamps",
    "id": "integers",
    "text": "strings",
    "folded": "strings",
    "ids": "lists of integers",
    "words": "lists of integers below 2^32",
    "texts": "lists of strings",
    "vector": "lists of a fixed size of floats",
    "code": "lists of a fixed size of integers from -127 to 127",
}
