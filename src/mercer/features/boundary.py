"""What a plan keeps of each listing or seller, so that a request only gathers it by row."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mercer.features.arrow_in import column_of
from mercer.features.column import Column, F32s, F64s, I8Table, Ragged, U64s, table_of
from mercer.features.gather import gathered
from mercer.features.graph import Home
from mercer.features.layout import Layout
from mercer.features.matrix import write_dense, write_hashed
from mercer.schema.errors import FeatureError


@dataclass(frozen=True, slots=True)
class BoundaryColumns:
    """Of n listings (or sellers), by row; all arrays may be memory-mapped.

    A row of the three tables lies together, so that a candidate costs few cache lines.
    """

    n: int
    narrow: F32s  # (n, n_narrow): numbers that are only outputs
    wide: F64s  # (n, n_wide): numbers that candidates go on computing with
    ids: U64s  # (n, n_ids)
    ragged: Mapping[str, Ragged]  # texts and lists of ids, by the name of their node
    vectors: Mapping[str, F32s | I8Table]  # (n, width) each


@dataclass(frozen=True, slots=True)
class BoundaryShape:
    """Which node is which column of `BoundaryColumns`."""

    narrow: tuple[int, ...]
    wide: tuple[int, ...]
    ids: tuple[int, ...]
    ragged: tuple[int, ...]
    vectors: tuple[int, ...]


def shape_of(layout: Layout, home: Home) -> BoundaryShape:
    """The columns of a home, in the order of their nodes."""
    nodes, handed = layout.graph.nodes, layout.handed[home]
    numbers = [i for i in handed if nodes[i].kind == "number"]
    return BoundaryShape(
        narrow=tuple(i for i in numbers if not layout.is_wide[i]),
        wide=tuple(i for i in numbers if layout.is_wide[i]),
        ids=tuple(i for i in handed if nodes[i].kind == "id"),
        ragged=tuple(
            i for i in handed if nodes[i].kind in ("text", "folded", "ids", "words", "texts")
        ),
        vectors=tuple(i for i in handed if nodes[i].kind in ("vector", "code")),
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

    narrow = np.empty((n, len(shape.narrow)), np.float32)
    write_dense(space.numbers, program.registers_of(shape.narrow), narrow)
    ids = np.empty((n, len(shape.ids)), np.uint64)
    write_hashed(space.ids, program.registers_of(shape.ids), ids)
    return BoundaryColumns(
        n=n,
        narrow=narrow,
        wide=np.ascontiguousarray(space.numbers[program.registers_of(shape.wide)].T),
        ids=ids,
        ragged={
            nodes[i].name: _compact(program.get(space, i), nodes[i].name) for i in shape.ragged
        },
        vectors={nodes[i].name: table_of(program.get(space, i)) for i in shape.vectors},
    )


def _compact(column: Column, name: str) -> Ragged:
    """The rows one after the other, without what no row has."""
    if not isinstance(column, Ragged):
        raise FeatureError(
            f"features: {name!r} is a list of texts, which candidates cannot read; "
            "let a node of the listing turn it into ids first"
        )
    return gathered(column, np.arange(len(column)))
