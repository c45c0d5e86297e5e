"""What a plan keeps of each listing or seller, so that a request only gathers it by row.

Numbers and ids of a row lie in one record, its texts and lists in one entry after it: a candidate
somewhere in a million rows costs a few neighbouring lines of memory, not one per feature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.features.arrow_in import column_of
from mercer.features.boundary_kernel import add_lengths, entry_offsets, write_heads, write_values
from mercer.features.boundary_shape import BoundaryShape, shape_of
from mercer.features.column import Column, F32s, I8Table, I64s, Ragged, U64s, table_of
from mercer.features.graph import Home
from mercer.features.layout import Layout
from mercer.features.matrix import write_dense, write_hashed
from mercer.features.output import NO_CONSTANTS
from mercer.features.program import Program
from mercer.features.space import Space
from mercer.schema.errors import FeatureError


@dataclass(frozen=True, slots=True)
class BoundaryColumns:
    """Of n listings (or sellers), by row; all arrays may be memory-mapped."""

    n: int
    records: U64s  # (n, n_words): float64 numbers, then ids, then float32 numbers
    offsets: I64s  # (n + 1,) in `entries`
    entries: U64s  # of each row: the length of each text and list, then their values
    vectors: Mapping[str, F32s | I8Table]  # (n, width) each, by the name of their node

    def to_arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Everything there is to save, one array per name; none is copied."""
        vectors = {f"vector.{name}": vector for name, vector in self.vectors.items()}
        return {
            "records": self.records, "offsets": self.offsets, "entries": self.entries, **vectors
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "BoundaryColumns":
        """The columns that `to_arrays` came from; the arrays may be memory-mapped."""
        vectors = {
            name.removeprefix("vector."): array
            for name, array in arrays.items()
            if name.startswith("vector.")
        }
        records = arrays["records"]
        return cls(len(records), records, arrays["offsets"], arrays["entries"], vectors)


def joined_columns(parts: Sequence[BoundaryColumns]) -> BoundaryColumns:
    """The rows of some columns of one plan, one part after the other; at least one part."""
    if len(parts) == 1:
        return parts[0]
    words = np.cumsum([0, *(int(part.offsets[-1]) for part in parts)])
    offsets = [part.offsets[:-1] + first for part, first in zip(parts, words[:-1], strict=True)]
    return BoundaryColumns(
        n=sum(part.n for part in parts),
        records=np.concatenate([part.records for part in parts]),
        offsets=np.concatenate([*offsets, words[-1:]]),
        entries=np.concatenate([part.entries for part in parts]),
        vectors={
            name: np.concatenate([part.vectors[name] for part in parts])
            for name in parts[0].vectors
        },
    )


def boundary_columns(layout: Layout, batch: pa.RecordBatch, home: Home) -> BoundaryColumns:
    """See `Plan.listing_columns`."""
    n, nodes, program = batch.num_rows, layout.graph.nodes, layout.boundary[home]
    space = program.space(n)
    for i in program.loads:
        name = nodes[i].name
        if name not in batch.schema.names:
            raise FeatureError(f"features: column {name!r} is missing; have: {batch.schema.names}")
        program.put(space, i, column_of(batch.column(name), nodes[i].kind, name=name))
    program.run(space)
    shape = shape_of(layout, home)
    ragged = [_ragged(program.get(space, i), nodes[i].name) for i in shape.ragged]
    offsets, entries = _entries(ragged, shape, n)
    return BoundaryColumns(
        n=n,
        records=_records(program, space, shape, n),
        offsets=offsets,
        entries=entries,
        vectors={nodes[i].name: table_of(program.get(space, i)) for i in shape.vectors},
    )


def _records(program: Program, space: Space, shape: BoundaryShape, n: int) -> U64s:
    records = np.zeros((n, shape.n_words), np.uint64)
    wide, ids = len(shape.wide), len(shape.ids)
    numbers = space.numbers[program.registers_of(shape.wide), :n]
    records[:, :wide] = np.ascontiguousarray(numbers.T).view(np.uint64)
    hashed = np.empty((n, ids), np.uint64)
    write_hashed(space.ids, program.registers_of(shape.ids), hashed)
    records[:, wide : wide + ids] = hashed
    narrow = np.empty((n, len(shape.narrow)), np.float32)
    write_dense(space.numbers, program.registers_of(shape.narrow), NO_CONSTANTS, narrow)
    records.view(np.float32)[:, 2 * (wide + ids) :][:, : len(shape.narrow)] = narrow
    return records


def _entries(columns: list[Ragged], shape: BoundaryShape, n: int) -> tuple[I64s, U64s]:
    """Where each row's entry begins, in words of 8 bytes, and the entries."""
    if not columns:
        return np.zeros(n + 1, np.int64), np.zeros(0, np.uint64)
    n_bytes = np.full(n, shape.head_bytes, np.int64)
    for column, size in zip(columns, shape.item_bytes, strict=True):
        add_lengths(column.starts, column.stops, size, n_bytes)
    offsets = np.empty(n + 1, np.int64)
    entry_offsets(n_bytes, offsets)
    entries = np.zeros(int(offsets[-1]), np.uint64)
    at = offsets[:-1] * 8 + shape.head_bytes
    for c, (column, size) in enumerate(zip(columns, shape.item_bytes, strict=True)):
        values = np.ascontiguousarray(column.values).view(np.uint8)
        write_heads(column.starts, column.stops, offsets, c, entries.view(np.int32))
        write_values(column.starts, column.stops, values, size, at, entries.view(np.uint8))
    return offsets, entries


def _ragged(column: Column, name: str) -> Ragged:
    if not isinstance(column, Ragged):
        raise FeatureError(
            f"features: {name!r} is a list of texts, which candidates cannot read; "
            "let a node of the listing turn it into ids or words first"
        )
    return column
