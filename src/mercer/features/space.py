"""The rows that a program runs over: registers of numbers and ids, and the columns beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mercer.features.column import Column, F64s, I64s, Kind, ids_of, numbers_of
from mercer.features.counter_reader import CounterReader
from mercer.features.ordered import sort_lists


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
    lists: "SortedLists | None" = None  # of the registers that were asked for so far

    def sorted_lists(self, registers: Sequence[int]) -> "SortedLists":
        """The values of some registers in rising order, list by list; each is sorted once."""
        have = self.lists
        fresh = [one for one in dict.fromkeys(registers) if have is None or one not in have.places]
        if have is None or fresh:
            have = self.lists = _with_lists(self, have, fresh)
        return have


@dataclass(frozen=True, slots=True)
class SortedLists:
    """Registers whose lists were sorted; see `kernel_types.LIST_KERNEL`."""

    offsets: I64s  # (n_groups + 1,)
    places: Mapping[int, int]  # register -> row of the arrays below
    rising: F64s  # (n_sorted, n)
    order: I64s  # (n_sorted, n)
    present: I64s  # (n_sorted, n_groups)


def _with_lists(space: Space, have: SortedLists | None, fresh: Sequence[int]) -> SortedLists:
    offsets = space.group_offsets
    if offsets is None:
        offsets = np.array([0, space.n], np.int64)
    shape = (len(fresh), space.n)
    rising, order = np.empty(shape), np.empty(shape, np.int64)
    present = np.empty((len(fresh), offsets.size - 1), np.int64)
    registers, scratch = np.array(fresh, np.int64), np.empty((8, 256), np.int64)
    sort_lists(space.numbers, registers, offsets, rising, order, present, scratch)
    if have is None:
        places = {register: i for i, register in enumerate(fresh)}
        return SortedLists(offsets, places, rising, order, present)
    places = {**have.places, **{one: len(have.places) + i for i, one in enumerate(fresh)}}
    return SortedLists(
        offsets,
        places,
        np.concatenate([have.rising, rising]),
        np.concatenate([have.order, order]),
        np.concatenate([have.present, present]),
    )


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
