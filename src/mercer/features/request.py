"""The request path: one request, its candidates gathered by row from what was computed before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from mercer.features.boundary import BoundaryColumns, shape_of
from mercer.features.column import Column, I64s, Kind, Ragged, Texts, ragged, taken
from mercer.features.counter_reader import CounterReader
from mercer.features.gather import (
    gather_f4,
    gather_f8,
    gather_ids,
    gathered_ragged,
    gathered_vectors,
)
from mercer.features.graph import Home
from mercer.features.layout import NOW, Layout
from mercer.features.matrix import FeatureMatrix
from mercer.features.output import write_outputs
from mercer.features.space import Space
from mercer.schema.errors import FeatureError


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The candidates of one request, in any order."""

    listings: Sequence[BoundaryColumns]  # by part of the index
    part: npt.NDArray[np.int32]  # (n,)
    rows: I64s  # (n,) of that part
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)  # "candidate.…", (n,)
    sellers: BoundaryColumns | None = None
    seller_rows: I64s | None = None  # (n,) of `sellers`; -1: there is none

    @property
    def n(self) -> int:
        """How many candidates."""
        return len(self.rows)


def run_request(
    layout: Layout,
    request: Mapping[str, Any],
    candidates: Candidates,
    *,
    now_ms: int,
    counters: CounterReader | None,
) -> FeatureMatrix:
    """See `Plan.run_request`."""
    n = candidates.n
    space = layout.pair.space(n)
    space.counters, space.now_ms = counters, np.full(n, now_ms, np.int64)
    space.group_offsets = np.array([0, n], np.int64)
    _load_request(layout, request, space, now_ms)
    _load_listings(layout, candidates, space)
    _load_sellers(layout, candidates, space)
    _load_candidates(layout, candidates, space)
    layout.pair.run(space)
    dense = np.empty((n, len(layout.names)), np.float32)
    hashed = np.empty((n, len(layout.hashed_names)), np.uint64)
    write_outputs(layout, layout.pair, space, dense, hashed)
    return FeatureMatrix(layout.names, layout.hashed_names, dense, hashed, space.list_stats)


def _load_request(layout: Layout, request: Mapping[str, Any], space: Space, now_ms: int) -> None:
    """Compute what depends on the request, and put it beside each candidate."""
    nodes, program = layout.graph.nodes, layout.request
    if not program.kinds:
        return
    one = program.space(1)
    one.counters, one.now_ms = space.counters, np.full(1, now_ms, np.int64)
    for i in program.loads:
        name = nodes[i].name
        if name == NOW:
            program.put(one, i, np.array([float(now_ms)]))
        elif name in request:
            program.put(one, i, _one_row(request[name], nodes[i].kind, name))
        else:
            raise FeatureError(f"request: column {name!r} is missing; have: {sorted(request)}")
    program.run(one)
    every = np.zeros(space.n, np.int64)
    for i in layout.handed["request"]:
        layout.pair.put(space, i, _spread(program.get(one, i), every))


def _spread(column: Column, every: I64s) -> Column:
    """One row for all candidates."""
    if isinstance(column, Ragged | Texts):
        return column.taken(every)
    return taken(column, every)


def _one_row(value: Any, kind: Kind, name: str) -> Column:
    """A plain Python value as a column of one row."""
    try:
        if kind == "number":
            return np.array([np.nan if value is None else float(value)])
        if kind == "id":
            return np.array([value or 0], np.uint64)
        if kind in ("text", "folded"):
            return ragged([None if value is None else value.encode("utf-8", "replace")], np.uint8)
        if kind == "ids":
            return ragged([value], np.uint64)
        if kind == "words":
            return ragged([value], np.uint32)
        if kind == "code":
            return np.asarray(value, np.int8).reshape(1, -1)
        if kind == "vector":
            return np.asarray(value, np.float32).reshape(1, -1)
        return _one_list(value)
    except (TypeError, ValueError, AttributeError):
        raise FeatureError(f"request: column {name!r} is {value!r}, must be a {kind}") from None


def _one_list(value: Sequence[str | None] | None) -> Texts:
    if value is None:
        return Texts(np.zeros(1, np.int64), np.full(1, -1, np.int64), ragged([], np.uint8))
    coded = [None if one is None else one.encode("utf-8", "replace") for one in value]
    strings = ragged(coded, np.uint8)
    return Texts(np.zeros(1, np.int64), np.full(1, len(value), np.int64), strings)


def _load_listings(layout: Layout, candidates: Candidates, space: Space) -> None:
    if not layout.handed["listing"]:
        return
    if len(candidates.listings) == 1:
        _gather(layout, "listing", candidates.listings, [(candidates.rows, None)], space)
        return
    spans: list[tuple[I64s, I64s | None]] = []
    for part in range(len(candidates.listings)):
        places = np.flatnonzero(candidates.part == part)
        spans.append((candidates.rows[places], places))
    _gather(layout, "listing", candidates.listings, spans, space)


def _load_sellers(layout: Layout, candidates: Candidates, space: Space) -> None:
    if not layout.handed["seller"]:
        return
    if candidates.sellers is None or candidates.seller_rows is None:
        raise FeatureError(
            "request: this feature set reads sellers; give `sellers` and `seller_rows`"
        )
    _gather(layout, "seller", [candidates.sellers], [(candidates.seller_rows, None)], space)


def _gather(
    layout: Layout,
    home: Home,
    parts: Sequence[BoundaryColumns],
    spans: Sequence[tuple[I64s, I64s | None]],
    space: Space,
) -> None:
    """Rows of each part, and the places of those candidates (None: all, in order)."""
    shape, pair, nodes = shape_of(layout, home), layout.pair, layout.graph.nodes
    everywhere = np.arange(space.n)
    for part, (rows, places) in zip(parts, spans, strict=True):
        at = everywhere if places is None else places
        if rows.size:
            gather_f8(part.wide, rows, at, pair.registers_of(shape.wide), space.numbers)
            gather_f4(part.narrow, rows, at, pair.registers_of(shape.narrow), space.numbers)
            gather_ids(part.ids, rows, at, pair.registers_of(shape.ids), space.ids)
    for i in shape.ragged:
        columns = [part.ragged[nodes[i].name] for part in parts]
        pair.put(space, i, gathered_ragged(columns, spans, space.n))
    for i in shape.vectors:
        vectors = [part.vectors[nodes[i].name] for part in parts]
        pair.put(space, i, gathered_vectors(vectors, spans, space.n))


def _load_candidates(layout: Layout, candidates: Candidates, space: Space) -> None:
    nodes = layout.graph.nodes
    for i in layout.pair.loads:
        if nodes[i].transform is None and nodes[i].home == "pair":
            name = nodes[i].name
            if name not in candidates.columns:
                raise FeatureError(
                    f"request: column {name!r} is missing; have: {sorted(candidates.columns)}"
                )
            layout.pair.put(space, i, _candidate_column(candidates.columns[name], nodes[i].kind))


def _candidate_column(column: Any, kind: Kind) -> Column:
    return np.asarray(column, np.float64) if kind == "number" else cast(Column, column)
