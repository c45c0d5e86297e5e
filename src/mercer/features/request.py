"""The request path: one request, its candidates gathered by row from what was computed before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from mercer.features.boundary import BoundaryColumns
from mercer.features.column import Column, F64s, I64s, Kind, Ragged, Texts, ragged, repeated
from mercer.features.counter_reader import CounterReader
from mercer.features.gather import Gatherer, gatherer
from mercer.features.layout import NOW, Layout
from mercer.features.matrix import FeatureMatrix
from mercer.features.output import NO_CONSTANTS, OutputRegisters, write_outputs
from mercer.features.row_kernel import repeat_first, repeat_spans
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


@dataclass(frozen=True, slots=True)
class RequestPath:
    """What the request path looks up once, when the plan is made."""

    layout: Layout
    listing: Gatherer
    seller: Gatherer
    candidate: tuple[int, ...]  # nodes that are columns of the candidates
    numbers: tuple[
        I64s, I64s
    ]  # registers of what the request hands on: there, and beside candidates
    ids: tuple[I64s, I64s]
    others: tuple[int, ...]  # nodes that it hands on and that have no register
    outputs: OutputRegisters


def request_path(layout: Layout) -> RequestPath:
    """The request path of a layout."""
    nodes, handed = layout.graph.nodes, layout.handed["request"]
    numbers = [i for i in handed if nodes[i].kind == "number" and i in layout.pair_reads]
    ids = [i for i in handed if nodes[i].kind == "id"]
    return RequestPath(
        layout=layout,
        listing=gatherer(layout, "listing"),
        seller=gatherer(layout, "seller"),
        candidate=tuple(
            i for i in layout.pair.loads if nodes[i].transform is None and nodes[i].home == "pair"
        ),
        numbers=(layout.request.registers_of(numbers), layout.pair.registers_of(numbers)),
        ids=(layout.request.registers_of(ids), layout.pair.registers_of(ids)),
        others=tuple(i for i in handed if nodes[i].kind not in ("number", "id")),
        outputs=_outputs(layout),
    )


def _outputs(layout: Layout) -> OutputRegisters:
    """Values of the request are the same of all candidates: they stay in its own registers."""
    found = OutputRegisters.of(layout, layout.pair)
    dense = found.dense.copy()
    for j, node in enumerate(layout.outputs.tolist()):
        if layout.graph.nodes[node].home == "request":
            dense[j] = -1 - layout.request.registers[node]
    return OutputRegisters(dense, found.hashed)


def run_request(
    path: RequestPath,
    request: Mapping[str, Any],
    candidates: Candidates,
    *,
    now_ms: int,
    counters: CounterReader | None,
) -> FeatureMatrix:
    """See `Plan.run_request`."""
    n, layout = candidates.n, path.layout
    space = layout.pair.space(n)
    space.counters, space.now_ms = counters, np.full(n, now_ms, np.int64)
    space.group_offsets = np.array([0, n], np.int64)
    constants = _load_request(path, request, space, now_ms)
    _load_listings(path, candidates, space)
    _load_sellers(path, candidates, space)
    _load_candidates(path, candidates, space)
    layout.pair.run(space)
    dense = np.empty((n, len(layout.names)), np.float32)
    hashed = np.empty((n, len(layout.hashed_names)), np.uint64)
    write_outputs(layout, path.outputs, space, dense, hashed, constants)
    return FeatureMatrix(layout.names, layout.hashed_names, dense, hashed, space.list_stats)


def _load_request(path: RequestPath, request: Mapping[str, Any], space: Space, now_ms: int) -> F64s:
    """Compute what depends on the request, and put beside each candidate what its features read.

    Returns:
        The registers of the request.
    """
    nodes, program = path.layout.graph.nodes, path.layout.request
    if not program.kinds:
        return NO_CONSTANTS
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
    repeat_first(one.numbers, *path.numbers, one.ids, *path.ids, space.n, space.numbers, space.ids)
    _repeat_others(path, one, space)
    return np.ascontiguousarray(one.numbers[:, 0])


def _repeat_others(path: RequestPath, request: Space, space: Space) -> None:
    """Texts, lists and vectors of the request beside each candidate; the values are there once."""
    lists: dict[int, Ragged] = {}
    for i in path.others:
        column = request.columns[i]
        if isinstance(column, Ragged):
            lists[i] = column
        else:
            path.layout.pair.put(space, i, repeated(column, space.n))
    if lists:
        ends = [side.item(0) for one in lists.values() for side in (one.starts, one.stops)]
        rows = np.empty((len(lists), 2, space.n), np.int64)
        repeat_spans(np.array(ends).reshape(-1, 2), rows)
        for k, (i, column) in enumerate(lists.items()):
            space.columns[i] = Ragged(rows[k, 0], rows[k, 1], column.values)


def _one_row(value: Any, kind: Kind, name: str) -> Column:
    """A plain Python value as a column of one row."""
    try:
        if kind == "number":
            return np.array([np.nan if value is None else float(value)])
        if kind == "id":
            return np.array([value or 0], np.uint64)
        if kind in ("text", "folded"):
            return _one_text(value)
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


def _one_text(value: str | None) -> Ragged:
    data = b"" if value is None else value.encode("utf-8", "replace")
    stop = -1 if value is None else len(data)
    return Ragged(np.zeros(1, np.int64), np.array([stop]), np.frombuffer(data, np.uint8))


def _one_list(value: Sequence[str | None] | None) -> Texts:
    if not value:
        return _MISSING_LIST if value is None else _EMPTY_LIST
    coded = [b"" if one is None else one.encode("utf-8", "replace") for one in value]
    ends = list(accumulate((len(one) for one in coded), initial=0))
    stops = [
        first - 1 if one is None else last
        for one, first, last in zip(value, ends, ends[1:], strict=False)
    ]
    n, table = len(coded), np.array([0, len(coded), *ends[:-1], *stops])
    data = np.frombuffer(b"".join(coded), np.uint8)
    return Texts(table[:1], table[1:2], Ragged(table[2 : 2 + n], table[2 + n :], data))


_NO_STRINGS = Ragged(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint8))
_EMPTY_LIST = Texts(np.zeros(1, np.int64), np.zeros(1, np.int64), _NO_STRINGS)
_MISSING_LIST = Texts(np.zeros(1, np.int64), np.full(1, -1, np.int64), _NO_STRINGS)


def _load_listings(path: RequestPath, candidates: Candidates, space: Space) -> None:
    if not path.layout.handed["listing"]:
        return
    parts, rows = candidates.listings, candidates.rows
    if len(parts) == 1:
        spans = [(rows, np.arange(space.n))]
    else:
        places = [np.flatnonzero(candidates.part == part) for part in range(len(parts))]
        spans = [(rows[mine], mine) for mine in places]
    path.listing.gather(parts, spans, space)


def _load_sellers(path: RequestPath, candidates: Candidates, space: Space) -> None:
    if not path.layout.handed["seller"]:
        return
    if candidates.sellers is None or candidates.seller_rows is None:
        raise FeatureError(
            "request: this feature set reads sellers; give `sellers` and `seller_rows`"
        )
    spans = [(candidates.seller_rows, np.arange(space.n))]
    path.seller.gather([candidates.sellers], spans, space)


def _load_candidates(path: RequestPath, candidates: Candidates, space: Space) -> None:
    nodes, pair = path.layout.graph.nodes, path.layout.pair
    for i in path.candidate:
        name = nodes[i].name
        if name not in candidates.columns:
            raise FeatureError(
                f"request: column {name!r} is missing; have: {sorted(candidates.columns)}"
            )
        if nodes[i].kind == "number":
            space.numbers[pair.registers[i], : space.n] = candidates.columns[name]
        else:
            pair.put(space, i, cast(Column, candidates.columns[name]))
