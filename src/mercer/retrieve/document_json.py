"""Listings as JSON text, as a page shows them, without an object for each of their values."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as types

from mercer.retrieve import json_kernel
from mercer.retrieve.json_kernel import BOOL, FLOAT, INT, LIST, MAP, STRING

I64s = npt.NDArray[np.int64]
_ROW_BYTES: Final = 2_048  # of a listing as it mostly is


class _Id(msgspec.Struct, gc=False):
    listing_id: str


_ID_FIRST: Final = b'{"listing_id":"'
_id_of = msgspec.json.Decoder(_Id).decode


@final
class Document(Mapping[str, Any]):
    """A listing that is JSON already; it is read when somebody looks into it."""

    __slots__ = ("_read", "json")

    def __init__(self, json: bytes) -> None:
        self.json = json
        self._read: dict[str, Any] | None = None

    @property
    def listing_id(self) -> str:
        """Of the listing, without reading the rest."""
        if self.json.startswith(_ID_FIRST):  # as it does where the schema has its own order
            raw = self.json[len(_ID_FIRST) : self.json.index(b'"', len(_ID_FIRST))]
            if b"\\" not in raw:
                return raw.decode()
        return _id_of(self.json).listing_id

    def _fields(self) -> dict[str, Any]:
        if self._read is None:
            self._read = msgspec.json.decode(self.json)
        return self._read

    def __getitem__(self, name: str) -> Any:
        return self._fields()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields())

    def __len__(self) -> int:
        return len(self._fields())

    def __repr__(self) -> str:
        return f"Document({self._fields()!r})"


@final
class JsonRows:
    """The rows of one batch as JSON. Thread-safe.

    Args:
        batch: of strings, int64, float32, truth values, lists of strings and maps of lists of strings.
        cuts: column -> characters that are kept of its strings, up to the last space among them.
    Raises:
        TypeError: a column of another type.
    """

    def __init__(self, batch: pa.RecordBatch, *, cuts: Mapping[str, int]) -> None:
        self._batch = batch  # its buffers are read where they lie
        nodes = [
            _nodes(column, cut=cuts.get(name, 0))
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ]
        kinds = [of[0][json_kernel.KIND] for of in nodes]
        self._nodes = np.array([node for of in nodes for node in of], np.int64)
        self._floats = np.array(
            [of[0] for of, kind in zip(nodes, kinds, strict=True) if kind == FLOAT], np.int64
        ).reshape(-1, json_kernel.N_FIELDS)
        heads = [
            (b"," if i else b"{") + msgspec.json.encode(name) + b":"
            for i, name in enumerate(batch.schema.names)
        ]
        self._heads = np.frombuffer(b"".join(heads), np.uint8)
        self._head_ends = np.cumsum([0, *map(len, heads)], dtype=np.int64)

    def texts(self, rows: I64s) -> list[bytes]:
        """(n,) one JSON object a row.

        Raises:
            IndexError: a row that is not there.
        """
        if not len(rows):
            return []
        if rows.min() < 0 or rows.max() >= len(self._batch):
            raise IndexError(f"rows must lie in 0..{len(self._batch) - 1}, got {rows.tolist()}")
        floats, ends = self._float_text(rows), np.empty(len(rows), np.int64)
        n_bytes, n = len(rows) * _ROW_BYTES, json_kernel.FULL
        while n == json_kernel.FULL:
            n_bytes *= 2
            out = np.empty(n_bytes, np.uint8)
            n = json_kernel.write_rows(
                self._nodes, self._heads, self._head_ends, rows, floats, out, ends
            )
        text = out[:n].tobytes()
        return [text[start:end] for start, end in pairwise((0, *ends.tolist()))]

    def _float_text(self, rows: I64s) -> npt.NDArray[np.uint8]:
        values = np.empty((len(rows), len(self._floats)))
        json_kernel.read_floats(self._floats, rows, values)
        return np.frombuffer(msgspec.json.encode(values.ravel().tolist()), np.uint8)


def _nodes(column: pa.Array, *, cut: int = 0, level: int = 0) -> list[tuple[int, ...]]:
    """The nodes of a column, as the kernel reads them."""
    kind = _kind(column.type)
    buffers = column.buffers()
    validity = 0 if buffers[0] is None or not column.null_count else buffers[0].address
    values = 0 if buffers[1] is None else buffers[1].address
    text = buffers[2].address if kind == STRING and buffers[2] is not None else 0
    nodes: list[tuple[int, ...]] = [(kind, validity, column.offset, values, text, cut, level)]
    if kind == LIST:
        nodes += _nodes(column.values, level=level + 1)
    elif kind == MAP:
        nodes += [*_nodes(column.keys, level=level + 1), *_nodes(column.items, level=level + 1)]
    return nodes


def _kind(of: pa.DataType) -> int:
    is_strings = types.is_list(of) and types.is_string(of.value_type)
    if types.is_string(of):
        return STRING
    if is_strings:
        return LIST
    if types.is_map(of) and types.is_string(of.key_type) and _kind(of.item_type) == LIST:
        return MAP
    for is_one, kind in (
        (types.is_int64, INT),
        (types.is_boolean, BOOL),
        (types.is_float32, FLOAT),
    ):
        if is_one(of):
            return kind
    raise TypeError(f"a document has no field of the type {of}")
