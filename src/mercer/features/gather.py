"""Rows of the boundary columns, put together for the candidates of one request."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mercer.features.boundary import BoundaryColumns
from mercer.features.boundary_kernel import gather_entries, gather_records, words_of_entries
from mercer.features.boundary_shape import ITEM_TYPE, BoundaryShape, shape_of
from mercer.features.column import F32s, I8Table, I64s, Ragged
from mercer.features.graph import Home
from mercer.features.layout import Layout
from mercer.features.space import Space

Spans = Sequence[tuple[I64s, I64s]]
"""For each part of the index its rows, and the places of those candidates."""


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Where the boundary columns of a home go in the registers of the pair program."""

    layout: Layout
    shape: BoundaryShape
    wide: I64s
    ids: I64s
    narrow: I64s
    item_bytes: I64s

    def gather(self, parts: Sequence[BoundaryColumns], spans: Spans, space: Space) -> None:
        """Put the rows of all parts into the space of the candidates; a row below 0 is missing."""
        for part, (rows, places) in zip(parts, spans, strict=True):
            records = part.records
            gather_records(
                records.view(np.float64), records, records.view(np.float32), rows, places,
                self.wide, self.ids, self.narrow, space.numbers, space.ids,
            )  # fmt: skip
        if self.shape.ragged:
            self._entries(parts, spans, space)
        for i in self.shape.vectors:
            name = self.layout.graph.nodes[i].name
            vectors = [part.vectors[name] for part in parts]
            space.columns[i] = _vectors(vectors, spans, space.n)

    def _entries(self, parts: Sequence[BoundaryColumns], spans: Spans, space: Space) -> None:
        n_words = sum(
            words_of_entries(part.offsets, rows)
            for part, (rows, _) in zip(parts, spans, strict=True)
        )
        out = np.empty(n_words, np.uint64)
        at, n_columns = 0, len(self.shape.ragged)
        starts = np.empty((n_columns, space.n), np.int64)
        stops = np.empty((n_columns, space.n), np.int64)
        for part, (rows, places) in zip(parts, spans, strict=True):
            at = gather_entries(
                part.offsets, part.entries, rows, places, self.item_bytes, self.shape.head_bytes,
                at, starts, stops, out,
            )  # fmt: skip
        for c, (i, size) in enumerate(zip(self.shape.ragged, self.shape.item_bytes, strict=True)):
            space.columns[i] = Ragged(starts[c], stops[c], out.view(ITEM_TYPE[size]))


def gatherer(layout: Layout, home: Home) -> Gatherer:
    """The gatherer of a home."""
    shape, pair = shape_of(layout, home), layout.pair
    return Gatherer(
        layout,
        shape,
        pair.registers_of(shape.wide),
        pair.registers_of(shape.ids),
        pair.registers_of(shape.narrow),
        np.array(shape.item_bytes, np.int64),
    )


def _vectors(
    columns: Sequence[F32s | I8Table], spans: Spans, n: int
) -> npt.NDArray[np.float32] | I8Table:
    """(n, width) the rows of all parts; NaN (of codes 0) for a row below 0."""
    out = np.empty((n, columns[0].shape[1]), columns[0].dtype)
    missing = 0 if out.dtype == np.int8 else np.nan
    for column, (rows, places) in zip(columns, spans, strict=True):
        out[places] = column[rows]
        if (rows < 0).any():
            out[places[rows < 0]] = missing
    return out
