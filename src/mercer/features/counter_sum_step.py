"""The step of a program that adds up counters over the lists of its rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from mercer.features.column import NO_ID, Column, I64s, Ragged, U64s, ragged_of
from mercer.features.counter_keys import counter_id
from mercer.features.counter_reader import CounterReader
from mercer.features.counter_step import (
    CounterRead,
    column_of_read,
    counter_op,
    moments_of,
    reader_of,
)
from mercer.features.counter_sum_kernel import (
    I32s,
    find_items,
    find_pairs,
    write_pair_keys,
    write_sums,
)
from mercer.features.graph import Node
from mercer.features.space import Space


@dataclass(frozen=True, slots=True)
class _Over:
    """One owner and one list, and all that is added up over them."""

    owner: int  # its register
    node: int  # of the list
    reads: tuple[CounterRead, ...]  # their keys are places in `begins`
    at_most: tuple[float, ...]  # what an item adds to each of them at most
    begins: U64s  # of the keys


def counter_sum_step(
    group: Sequence[tuple[int, Node]], registers: Mapping[int, int]
) -> Callable[[Space], None]:
    """The step for some nodes that add up counters."""
    lists: dict[tuple[int, int], list[tuple[int, Node]]] = {}
    for place, node in group:
        owner, items = node.inputs
        lists.setdefault((registers[owner], items), []).append((registers[place], node))
    overs = [_over(*where, nodes) for where, nodes in lists.items()]
    first = overs[0].reads[0].name

    @lru_cache(maxsize=4)
    def columns(half_lives_ms: tuple[int, ...]) -> list[list[int]]:
        return [[column_of_read(read, half_lives_ms) for read in o.reads] for o in overs]

    def step(space: Space) -> None:
        reader = reader_of(space, first)
        wanted = columns(reader.half_lives_ms)
        for moment, rows in moments_of(space):
            _add_up(space, reader, overs, wanted, moment, rows)

    return step


def _over(owner: int, items: int, nodes: Sequence[tuple[int, Node]]) -> _Over:
    begins: dict[int, int] = {}
    reads, at_most = [], []
    for out, node in nodes:
        begin = counter_id(node.params["whose"], counter_op(node).count(node.params))
        key = begins.setdefault(begin, len(begins))
        reads.append(CounterRead.of(node, out, (key,)))
        at_most.append(float(node.params["at_most"]))
    return _Over(owner, items, tuple(reads), tuple(at_most), np.array(list(begins), np.uint64))


def _add_up(
    space: Space, reader: CounterReader, overs: Sequence[_Over], columns: Sequence[Sequence[int]],
    moment: int, rows: I64s | None,
) -> None:  # fmt: skip
    """For the rows of one moment; None: all. Everything is looked up at once."""
    known = _Known()
    found = [_pairs(space, over, rows, known) for over in overs]
    keys = np.concatenate([one.keys for one in found])
    counts = np.ascontiguousarray(reader.lookup(keys, moment), np.float32)
    at = 0
    for over, pairs, wanted in zip(overs, found, columns, strict=True):
        items = pairs.items
        for read, most, column in zip(over.reads, over.at_most, wanted, strict=True):
            first = at + read.keys[0] * items.n
            out = space.numbers[read.out, : space.n] if rows is None else np.empty(rows.size)
            write_sums(
                counts, first, items.n, column, most, pairs.owners, items.lists.starts,
                items.lists.stops, items.place, out,
            )  # fmt: skip
            if rows is not None:
                space.numbers[read.out, rows] = out
        at += pairs.keys.size


@dataclass(frozen=True, slots=True)
class _Items:
    """The different pairs of an owner and an item of some rows."""

    lists: Ragged  # n_rows
    place: I32s  # (n_items,) see `find_pairs`
    of: U64s  # (n,) their owners; (0,) where all have the same
    ids: U64s  # (n,)

    @property
    def n(self) -> int:
        """How many pairs."""
        return self.ids.size


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The same with what is counted of them."""

    owners: U64s  # (n_rows,)
    items: _Items
    keys: U64s  # (n_begins * items.n,)


@dataclass(slots=True)
class _Known:
    """What was found out of the rows so far, for the lists and owners that follow."""

    owners: dict[int, tuple[U64s, int | None]] = field(default_factory=dict)  # see `_owners`
    items: dict[int, _Items] = field(default_factory=dict)  # by the id of a list; all of one owner


def _owners(
    space: Space, register: int, rows: I64s | None, known: _Known
) -> tuple[U64s, int | None]:
    """The owner of each row, and that of all rows where they have the same."""
    found = known.owners.get(register)
    if found is None:
        owners = space.ids[register, : space.n] if rows is None else space.ids[register, rows]
        is_one = bool(owners.size and (owners == owners[0]).all())
        found = known.owners[register] = owners, int(owners[0]) if is_one else None
    return found


def _pairs(space: Space, over: _Over, rows: I64s | None, known: _Known) -> _Pairs:
    """Of one owner and one list."""
    owners, only = _owners(space, over.owner, rows, known)
    column = space.columns[over.node]
    if only is None:
        items = _items(owners, _rows_of(column, rows))
        of = items.of
    elif only == NO_ID:
        items = _Items(_rows_of(column, rows), *_NO_ITEMS)
        of = items.of
    else:
        # Of a request all candidates have the same owner: a list is looked through once for all owners.
        mine = known.items.get(id(column))
        if mine is None:
            mine = known.items[id(column)] = _items(None, _rows_of(column, rows))
        items, of = mine, np.full(mine.n, only, np.uint64)
    keys = np.empty(len(over.begins) * items.n, np.uint64)
    write_pair_keys(over.begins, of, items.ids, keys)
    return _Pairs(owners, items, keys)


_NO_OWNERS = np.zeros(0, np.uint64)
_NO_ITEMS = np.zeros(0, np.int32), _NO_OWNERS, np.zeros(0, np.uint64)


def _rows_of(column: Column, rows: I64s | None) -> Ragged:
    lists = ragged_of(column)
    return lists if rows is None else lists.taken(rows)


def _items(owners: U64s | None, lists: Ragged) -> _Items:
    """Of rows with these owners; None: all have the same one."""
    more = int(lists.values.dtype == np.uint32)  # see `word_ids`
    if owners is None:
        place, ids = find_items(lists.starts, lists.stops, lists.values, more)
        return _Items(lists, place, _NO_OWNERS, ids)
    return _Items(lists, *find_pairs(owners, lists.starts, lists.stops, lists.values, more))
