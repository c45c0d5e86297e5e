"""The batch path: flat rows, each with the columns of its request and of its listing.

Rows run in chunks that fit the cache; neighbours with the same request share what is computed for it.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.features.arrow_in import column_of
from mercer.features.change import mark_changes
from mercer.features.column import Column, F64s, I64s, taken
from mercer.features.counter_reader import CounterReader
from mercer.features.layout import NOW, Layout
from mercer.features.matrix import FeatureMatrix
from mercer.features.output import OutputRegisters, write_outputs
from mercer.features.space import Space
from mercer.schema.errors import FeatureError

CHUNK_ROWS = 8_192
GROUP = "group"


def run_flat(
    layout: Layout,
    batch: pa.RecordBatch | pa.Table,
    *,
    now_ms: I64s | int,
    counters: CounterReader | None,
    pool: Executor | None,
) -> FeatureMatrix:
    """See `Plan.run`."""
    n = batch.num_rows
    _require_columns(layout, batch)
    now = np.full(n, now_ms, np.int64) if isinstance(now_ms, int) else now_ms
    if now.shape != (n,):
        raise FeatureError(f"now_ms has {now.size} moments, must be one for each of the {n} rows")
    order, offsets = _grouped(layout, batch)
    if order is not None:
        batch, now = batch.take(pa.array(order)), now[order]
    dense = np.empty((n, len(layout.names)), np.float32)
    hashed = np.empty((n, len(layout.hashed_names)), np.uint64)

    registers = OutputRegisters.of(layout, layout.row)

    def chunk(span: tuple[int, int, I64s | None]) -> dict[str, F64s]:
        first, last, groups = span
        part = batch.slice(first, last - first)
        space = _run_chunk(layout, part, now[first:last], groups, counters)
        write_outputs(layout, registers, space, dense[first:last], hashed[first:last])
        return space.list_stats

    spans = list(_chunks(n, offsets))
    stats = list(pool.map(chunk, spans) if pool is not None else map(chunk, spans))
    if order is not None:
        dense, hashed = _put_back(dense, order), _put_back(hashed, order)
    return FeatureMatrix(layout.names, layout.hashed_names, dense, hashed, _joined(stats))


def _require_columns(layout: Layout, batch: pa.RecordBatch | pa.Table) -> None:
    have = set(batch.schema.names)
    missing = [name for name in layout.graph.columns if name != NOW and name not in have]
    if layout.has_lists and GROUP not in have:
        missing.append(f"{GROUP} (of list features: the request that a row was a candidate of)")
    if missing:
        raise FeatureError(f"features: column {missing[0]!r} is missing; have: {sorted(have)}")


def _run_chunk(
    layout: Layout,
    part: pa.RecordBatch | pa.Table,
    now: I64s,
    groups: I64s | None,
    counters: CounterReader | None,
) -> Space:
    n = part.num_rows
    columns = {
        i: column_of(part.column(layout.graph.nodes[i].name), layout.graph.nodes[i].kind,
                     name=layout.graph.nodes[i].name)
        if layout.graph.nodes[i].name != NOW else now.astype(np.float64)
        for i in {*layout.request.loads, *layout.row.loads}
        if layout.graph.nodes[i].transform is None
    }  # fmt: skip
    space = layout.row.space(n)
    space.now_ms, space.counters, space.group_offsets = now, counters, groups
    if layout.request.kinds:
        _share_requests(layout, columns, space, now)
    for i in layout.row.loads:
        if i in columns and i not in layout.request.kinds:
            layout.row.put(space, i, columns[i])
    layout.row.run(space)
    return space


def _share_requests(layout: Layout, columns: Mapping[int, Column], space: Space, now: I64s) -> None:
    """Compute what depends on the request once for neighbours that have the same, and hand it on."""
    first = np.zeros(space.n, np.uint8)
    if space.n:
        first[0] = 1
    mark_changes(now, first)
    for i in layout.request.loads:
        mark_changes(columns[i], first)
    rows = np.flatnonzero(first)
    of_row = np.cumsum(first, dtype=np.int64) - 1
    requests = layout.request.space(rows.size)
    requests.now_ms, requests.counters = now[rows], space.counters
    for i in layout.request.loads:
        layout.request.put(requests, i, taken(columns[i], rows))
    layout.request.run(requests)
    for i in layout.handed["request"]:
        layout.row.put(space, i, taken(layout.request.get(requests, i), of_row))


def _grouped(layout: Layout, batch: pa.RecordBatch | pa.Table) -> tuple[I64s | None, I64s | None]:
    """An order in which each group lies together (None: it does already), and where groups begin."""
    if not layout.has_lists:
        return None, None
    column = batch.column(GROUP)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    coded = column.dictionary_encode(null_encoding="encode") if len(column) else None
    if coded is None:
        return None, np.zeros(1, np.int64)
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    offsets: I64s = np.concatenate([[0], np.cumsum(np.bincount(codes))]).astype(np.int64)
    if (np.diff(codes) >= 0).all():
        return None, offsets
    return np.argsort(codes, kind="stable"), offsets


def _chunks(n: int, offsets: I64s | None) -> Iterator[tuple[int, int, I64s | None]]:
    """Spans of rows; with groups, spans of whole groups and where they begin."""
    if offsets is None:
        for first in range(0, n, CHUNK_ROWS):
            yield first, min(first + CHUNK_ROWS, n), None
        return
    at = 0
    while at < offsets.size - 1:
        end = int(np.searchsorted(offsets, offsets[at] + CHUNK_ROWS, side="right")) - 1
        end = max(end, at + 1)
        yield int(offsets[at]), int(offsets[end]), offsets[at : end + 1] - offsets[at]
        at = end


def _joined(stats: list[dict[str, F64s]]) -> Mapping[str, F64s]:
    """Statistics of all chunks one after the other."""
    names = stats[0] if stats else {}
    return {name: np.concatenate([one[name] for one in stats]) for name in names}


def _put_back(rows: npt.NDArray[np.generic], order: I64s) -> npt.NDArray:  # type: ignore[type-arg]
    out = np.empty_like(rows)
    out[order] = rows
    return out
