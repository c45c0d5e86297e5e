"""The step of a program that reads counters: one look-up for all that is asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mercer.features.column import I64s
from mercer.features.counter_kernel import find_different, write_counts, write_keys
from mercer.features.counter_keys import counter_id
from mercer.features.counter_reader import CounterReader
from mercer.features.graph import Node
from mercer.features.space import Space
from mercer.features.transform import CounterOp
from mercer.schema.errors import FeatureError

HOUR_MS = 3_600_000
Key = tuple[str, str, tuple[int, ...]]
"""Entity, kind of event, registers of the ids."""


@dataclass(frozen=True, slots=True)
class CounterRead:
    """What one feature reads."""

    name: str
    out: int  # its register
    keys: tuple[int, ...]  # places among the keys of the step: the count, and what it is per
    half_life_ms: int
    prior: tuple[float, float]  # sum and weight

    @classmethod
    def of(cls, node: Node, out: int, keys: tuple[int, ...]) -> "CounterRead":
        """As the node's parameters say."""
        run = counter_op(node)
        half_life_ms = round(node.params["half_life_h"] * HOUR_MS)
        prior = run.prior(node.params) if run.prior else (0.0, 0.0)
        return cls(node.name, out, keys, half_life_ms, prior)


def counter_step(
    group: Sequence[tuple[int, Node]], registers: Mapping[int, int]
) -> Callable[[Space], None]:
    """The step for some nodes, whatever their transforms, that read counters."""
    known: dict[Key, int] = {}
    reads = [_read(place, node, registers, known) for place, node in group]
    of_ids = {ids: g for g, ids in enumerate(dict.fromkeys(ids for _, _, ids in known))}
    first = np.array([ids[0] for ids in of_ids], np.int64)
    second = np.array([ids[1] if len(ids) > 1 else -1 for ids in of_ids], np.int64)
    begins = np.array([counter_id(entity, kind) for entity, kind, _ in known], np.uint64)
    groups = np.array([of_ids[ids] for _, _, ids in known], np.int64)
    count = np.array([read.keys[0] for read in reads], np.int64)
    per = np.array([read.keys[1] if len(read.keys) > 1 else -1 for read in reads], np.int64)
    outs = np.array([read.out for read in reads], np.int64)
    prior, weight = (np.array([read.prior[i] for read in reads], np.float64) for i in range(2))

    @lru_cache(maxsize=4)
    def columns(half_lives_ms: tuple[int, ...]) -> I64s:
        return np.array([column_of_read(read, half_lives_ms) for read in reads], np.int64)

    def step(space: Space) -> None:
        reader = reader_of(space, reads[0].name)
        half_life = columns(reader.half_lives_ms)
        for moment, some in moments_of(space):
            rows = np.arange(space.n) if some is None else some
            shape, sizes = (first.size, rows.size), np.empty(first.size, np.int64)
            place, (one, other) = np.empty(shape, np.int32), np.empty((2, *shape), np.uint64)
            find_different(space.ids, rows, first, second, place, one, other, sizes)
            keys, offsets = np.empty(begins.size * rows.size, np.uint64), np.empty_like(groups)
            n_keys = write_keys(begins, groups, second, one, other, sizes, offsets, keys)
            counts = np.ascontiguousarray(reader.lookup(keys[:n_keys], moment), np.float32)
            write_counts(
                counts, rows, place, groups, offsets, count, per, half_life, prior, weight, outs,
                space.numbers,
            )  # fmt: skip

    return step


def _read(
    place: int, node: Node, registers: Mapping[int, int], known: dict[Key, int]
) -> CounterRead:
    run, ids = counter_op(node), tuple(registers[i] for i in node.inputs)
    entity = node.params["whose"]
    kinds = (run.count(node.params), *([run.per(node.params)] if run.per else []))
    mine = tuple(known.setdefault((entity, kind, ids), len(known)) for kind in kinds)
    return CounterRead.of(node, registers[place], mine)


def counter_op(node: Node) -> CounterOp:
    """How a node reads counters."""
    if node.transform is None or not isinstance(node.transform.run, CounterOp):
        raise ValueError(f"{node.name!r} reads no counters")
    return node.transform.run


def reader_of(space: Space, feature: str) -> CounterReader:
    """What the rows' counters are read from.

    Raises:
        FeatureError: none was given.
    """
    if space.counters is None:
        raise FeatureError(
            f"feature {feature!r}: reads counters; give a CounterReader (the argument `counters`)"
        )
    return space.counters


def column_of_read(read: CounterRead, half_lives_ms: tuple[int, ...]) -> int:
    """The column of the feature's half-life."""
    if read.half_life_ms not in half_lives_ms:
        hours = ", ".join(f"{one / HOUR_MS:g}" for one in half_lives_ms)
        raise FeatureError(
            f"feature {read.name!r}: half_life_h is {read.half_life_ms / HOUR_MS:g}, this market "
            f"counts by {hours} (counters.half_life_hours in mercer.toml)"
        )
    return half_lives_ms.index(read.half_life_ms)


def moments_of(space: Space) -> Iterator[tuple[int, I64s | None]]:
    """(moment, the rows that are of it; None: all) of all rows; of a request there is one."""
    now_ms = space.now_ms
    if now_ms is None:
        raise ValueError("rows have no moment")
    if space.n < 2 or (now_ms == now_ms[0]).all():
        yield int(now_ms[0]) if space.n else 0, None
        return
    for moment in np.unique(now_ms).tolist():
        yield moment, np.flatnonzero(now_ms == moment)
