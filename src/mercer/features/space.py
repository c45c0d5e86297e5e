"""The rows that a program runs over: registers of numbers and ids, and the columns beside them."""

from collections.abc import Sequence
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
    n_lists: int = 0  # registers that `sorted_lists` may be asked for
    lists: "SortedLists | None" = None  # of the registers that were asked for so far

    def sorted_lists(self, registers: Sequence[int]) -> "SortedLists":
        """The values of some registers in rising order, list by list; each is sorted once."""
        have = self.lists
        if have is None:
            have = self.lists = _no_lists(self)
        fresh = [one for one in dict.fromkeys(registers) if one not in have.places]
        if fresh:
            first = len(have.places)
            have.places.update((one, first + i) for i, one in enumerate(fresh))
            sort_lists(
                self.numbers, np.array(fresh, np.int64), have.offsets, have.rising[first:],
                have.order[first:], have.present[first:], np.empty((8, 256), np.int64),
            )  # fmt: skip
        return have


@dataclass(frozen=True, slots=True)
class SortedLists:
    """Registers whose lists were sorted; see `kernel_types.LIST_KERNEL`."""

    offsets: I64s  # (n_groups + 1,)
    places: dict[int, int]  # register -> row of the arrays below; as many rows are filled
    rising: F64s  # (n_lists, n)
    order: I64s  # (n_lists, n)
    present: I64s  # (n_lists, n_groups)


def _no_lists(space: Space) -> SortedLists:
    offsets = space.group_offsets
    if offsets is None:
        offsets = np.array([0, space.n], np.int64)
    shape = (space.n_lists, space.n)
    present = np.empty((space.n_lists, offsets.size - 1), np.int64)
    return SortedLists(offsets, {}, np.empty(shape), np.empty(shape, np.int64), present)


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
