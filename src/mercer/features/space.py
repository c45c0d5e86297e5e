"""The rows that a program runs over: registers of numbers and ids, and the columns beside them."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mercer.features.column import Column, F64s, I64s, Kind, ids_of, numbers_of
from mercer.features.counter_reader import CounterReader


@dataclass(slots=True)
class Space:
    """State of one run over n rows."""

    n: int
    numbers: npt.NDArray[np.float64]  # (n_number_registers, >= n)
    ids: npt.NDArray[np.uint64]  # (n_id_registers, >= n)
    columns: dict[int, Column] = field(default_factory=dict)  # by node: texts, ids, vectors
    group_offsets: I64s | None = None  # (n_groups + 1,) of the candidates of each request
    list_stats: dict[str, F64s] = field(default_factory=dict)  # "feature.stat" -> (n_groups,)
    now_ms: I64s | None = None  # (n,) when each row's page was asked for
    counters: CounterReader | None = None


def put_column(space: Space, node: int, kind: Kind, register: int, column: Column) -> None:
    """Put a column where the steps look for it."""
    if kind == "number":
        space.numbers[register, : space.n] = numbers_of(column)
    elif kind == "id":
        space.ids[register, : space.n] = ids_of(column)
    else:
        space.columns[node] = column


def column_in(space: Space, node: int, kind: Kind, register: int) -> Column:
    """A column that was put there; of numbers and ids a view of the register."""
    if kind == "number":
        view: F64s = space.numbers[register, : space.n]
        return view
    if kind == "id":
        return space.ids[register, : space.n]
    return space.columns[node]
