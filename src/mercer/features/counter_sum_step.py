"""The step of a program that adds up counters over the lists of its rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
    find_pairs,
    n_items,
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
    known: dict[int, _Items] = {}
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
    of: U64s  # (n,)
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


def _pairs(space: Space, over: _Over, rows: I64s | None, known: dict[int, _Items]) -> _Pairs:
    """Of one owner and one list.

    Args:
        known: lists whose rows all had one owner, whichever it was; others may have the same list.
    """
    owners, column = space.ids[over.owner, : space.n], space.columns[over.node]
    if rows is not None:
        owners = owners[rows]
    is_one = bool(owners.size and (owners == owners[0]).all())
    if is_one and owners[0] == NO_ID:
        items = _Items(_rows_of(column, rows), *_NO_ITEMS)
        of = items.of
    elif is_one:
        # Of a request all candidates have the same owner: a list is looked through once for all owners.
        known_items = known.get(id(column))
        if known_items is None:
            known_items = known[id(column)] = _items(np.ones_like(owners), _rows_of(column, rows))
        items, of = known_items, np.full(known_items.n, owners[0])
    else:
        items = _items(owners, _rows_of(column, rows))
        of = items.of
    keys = np.empty(len(over.begins) * items.n, np.uint64)
    write_pair_keys(over.begins, of, items.ids, keys)
    return _Pairs(owners, items, keys)


_NO_ITEMS = np.zeros(0, np.int32), np.zeros(0, np.uint64), np.zeros(0, np.uint64)


def _rows_of(column: Column, rows: I64s | None) -> Ragged:
    lists = ragged_of(column)
    return lists if rows is None else lists.taken(rows)


def _items(owners: U64s, lists: Ragged) -> _Items:
    n = n_items(lists.starts, lists.stops)
    place, of, ids = np.empty(n, np.int32), np.empty(n, np.uint64), np.empty(n, np.uint64)
    more = int(lists.values.dtype == np.uint32)  # see `word_ids`
    n_pairs = find_pairs(owners, lists.starts, lists.stops, lists.values, more, place, of, ids)
    return _Items(lists, place, of[:n_pairs], ids[:n_pairs])
