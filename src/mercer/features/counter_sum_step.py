"""The step of a program that adds up counters over the lists of its rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mercer.features.column import I64s, Ragged, U64s, ragged_of
from mercer.features.counter_keys import counter_id
from mercer.features.counter_reader import CounterReader
from mercer.features.counter_step import (
    CounterRead,
    column_of_read,
    counter_op,
    moments_of,
    reader_of,
)
from mercer.features.counter_sum_kernel import find_pairs, n_items, write_pair_keys, write_sums
from mercer.features.graph import Node
from mercer.features.space import Space


@dataclass(frozen=True, slots=True)
class _Over:
    """One owner and one list, and all that is added up over them."""

    owner: int  # its register
    node: int  # of the list
    reads: tuple[CounterRead, ...]  # their keys are places in `begins`
    begins: tuple[int, ...]


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
        for over, wanted in zip(overs, columns(reader.half_lives_ms), strict=True):
            for moment, rows in moments_of(space):
                _add_up(space, reader, over, wanted, moment, rows)

    return step


def _over(owner: int, items: int, nodes: Sequence[tuple[int, Node]]) -> _Over:
    begins: dict[int, int] = {}
    reads = []
    for out, node in nodes:
        begin = counter_id(node.params["whose"], counter_op(node).count(node.params))
        key = begins.setdefault(begin, len(begins))
        reads.append(CounterRead.of(node, out, (key,)))
    return _Over(owner, items, tuple(reads), tuple(begins))


def _add_up(
    space: Space, reader: CounterReader, over: _Over, columns: Sequence[int], moment: int,
    rows: I64s | None,
) -> None:  # fmt: skip
    """For the rows of one moment; None: all."""
    owners, lists = space.ids[over.owner, : space.n], ragged_of(space.columns[over.node])
    if rows is not None:
        owners, lists = owners[rows], lists.taken(rows)
    place, keys, n = _pairs(owners, lists, over.begins)
    counts = np.ascontiguousarray(reader.lookup(keys, moment), np.float32)
    for read, column in zip(over.reads, columns, strict=True):
        out = np.empty(owners.size)
        write_sums(
            counts, read.keys[0] * n, column, owners, lists.starts, lists.stops, place, out
        )  # fmt: skip
        space.numbers[read.out, slice(0, space.n) if rows is None else rows] = out


def _pairs(owners: U64s, lists: Ragged, begins: tuple[int, ...]) -> tuple[I64s, U64s, int]:
    """(which pair each item is, the keys of all pairs for each begin, how many pairs)."""
    n = n_items(lists.starts, lists.stops)
    place, of, ids = np.empty(n, np.int64), np.empty(n, np.uint64), np.empty(n, np.uint64)
    more = int(lists.values.dtype == np.uint32)  # see `word_ids`
    n_pairs = find_pairs(owners, lists.starts, lists.stops, lists.values, more, place, of, ids)
    keys = np.empty((len(begins), n_pairs), np.uint64)
    write_pair_keys(np.array(begins, np.uint64), of[:n_pairs], ids[:n_pairs], keys)
    return place, keys.reshape(-1), n_pairs
