"""Pages as columns: what lies in journals becomes rows of PAGE, and a row becomes a page again."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from mercer.engines.embedded.log.page_frame import Asked, Stored, StoredShown
from mercer.events.searched import SEARCHED
from mercer.schema.page import PAGE, SHOWN, Page, PageSummary, Shown

ORDINAL = "ordinal"
# What a segment holds: a page, and its place in the partition.
STORED_PAGE: pa.Schema = pa.schema([*PAGE, pa.field(ORDINAL, pa.int64(), nullable=False)])
# What was asked, and by whom: the part of it that says what a session wishes.
ASKED_PAGE: pa.Schema = pa.schema([STORED_PAGE.field(name) for name in (*SEARCHED.names, ORDINAL)])

# What a list of pages is made of; a segment is opened for these alone.
LIGHT_PAGE: Sequence[str] = (
    "page_id", "served_ms", "surface", "q", "request", "found", "shown", "took_us", "visitor_id",
    "degraded", ORDINAL,
)  # fmt: skip

_JSON = ("request", "understood")
_ARRAYS: dict[str, type[np.generic]] = {
    "shown_parts": np.float32,
    "candidate_rows": np.int64,
    "candidate_scores": np.float32,
    "shown_features": np.float32,
}


def rows_of(pages: Sequence[Stored], ordinals: Sequence[int]) -> pa.RecordBatch:
    """(n,) rows of STORED_PAGE; candidates stay arrays throughout."""
    columns = [_column(field, pages) for field in PAGE]
    return pa.RecordBatch.from_arrays(
        [*columns, pa.array(ordinals, pa.int64())], schema=STORED_PAGE
    )


def asked_rows(pages: Sequence[Asked], ordinals: Sequence[int]) -> pa.RecordBatch:
    """(n,) rows of ASKED_PAGE."""
    columns = [_column(field, pages) for field in SEARCHED]
    return pa.RecordBatch.from_arrays([*columns, pa.array(ordinals, pa.int64())], schema=ASKED_PAGE)


def _column(field: pa.Field, pages: Sequence[Any]) -> pa.Array:
    name: str = field.name
    if name == "shown":
        return _shown_column([page.shown for page in pages])
    values = [getattr(page, name) for page in pages]
    if name in _ARRAYS:
        return _array_column(values, _ARRAYS[name])
    if name in _JSON:
        values = [value.decode() for value in values]
    elif pa.types.is_map(field.type):
        values = [list(value.items()) for value in values]
    return pa.array(values, field.type)


def _array_column(values: Sequence[bytes], dtype: type[np.generic]) -> pa.Array:
    itemsize = np.dtype(dtype).itemsize
    flat = np.frombuffer(b"".join(values), dtype)
    return pa.ListArray.from_arrays(_offsets([len(v) // itemsize for v in values]), pa.array(flat))


def _offsets(lengths: Sequence[int]) -> pa.Array:
    ends = np.cumsum(lengths, dtype=np.int64)
    return pa.array(np.concatenate(([0], ends)).astype(np.int32))


def _shown_column(lists: Sequence[list[StoredShown]]) -> pa.Array:
    flat = [one for shown in lists for one in shown]
    children = [pa.array([getattr(one, f.name) for one in flat], f.type) for f in SHOWN]
    structs = pa.StructArray.from_arrays(children, fields=list(SHOWN))
    return pa.ListArray.from_arrays(_offsets([len(shown) for shown in lists]), structs)


_LOAD: dict[str, Callable[[Any], Any]] = {
    "request": msgspec.json.decode,
    "understood": msgspec.json.decode,
    "models": tuple,
    "degraded": tuple,
    "part_names": tuple,
    "stages": tuple,
    "timings_us": dict,
    "list_stats": dict,
    "shown": lambda shown: tuple(Shown(**one) for one in shown),
}


def page_at(rows: pa.RecordBatch, i: int) -> Page:
    """The page of row `i` of rows of PAGE."""
    fields: dict[str, Any] = {}
    for field in PAGE:
        cell, name = rows.column(field.name)[i], field.name
        if name in _ARRAYS:
            fields[name] = cell.values.to_numpy(zero_copy_only=False).astype(_ARRAYS[name])
        else:
            fields[name] = _LOAD.get(name, lambda value: value)(cell.as_py())
    return Page(**fields)


def summary_at(rows: pa.RecordBatch, i: int) -> PageSummary:
    """What a list shows of the page of row `i` of columns LIGHT_PAGE."""
    cells = {name: rows.column(name)[i] for name in LIGHT_PAGE if name != ORDINAL}
    n_shown = len(cells.pop("shown"))
    fields = {name: _LOAD.get(name, lambda value: value)(c.as_py()) for name, c in cells.items()}
    return PageSummary(n_shown=n_shown, **fields)
