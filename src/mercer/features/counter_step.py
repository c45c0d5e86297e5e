"""The step of a program that reads counters: one look-up for all that is asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mercer.features.column import F32s, I64s, U64s
from mercer.features.counter_kernel import I32s, find_different, write_counts, write_keys
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
    begins = np.array([counter_id(entity, kind) for entity, kind, _ in known], np.uint64)
    first = np.array([ids[0] for _, _, ids in known], np.int64)
    second = np.array([ids[1] if len(ids) > 1 else -1 for _, _, ids in known], np.int64)
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
        keys = np.empty((begins.size, space.n), np.uint64)
        write_keys(space.ids, space.n, begins, first, second, keys)
        counts, place = _looked_up(space, reader, keys)
        write_counts(counts, keys, place, count, per, half_life, prior, weight, outs, space.numbers)

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
    if space.n == 0 or (now_ms == now_ms[0]).all():
        yield int(now_ms[0]) if space.n else 0, None
        return
    for moment in np.unique(now_ms).tolist():
        yield moment, np.flatnonzero(now_ms == moment)


def _looked_up(space: Space, reader: CounterReader, keys: U64s) -> tuple[F32s, I32s]:
    """((n_different, n_half_lives) counts, (n_keys, n) which of them is whose); those of one moment are
    asked for together."""
    place = np.empty(keys.shape, np.int32)
    parts: list[F32s] = []
    n = 0
    for moment, rows in moments_of(space):
        mine = keys if rows is None else np.ascontiguousarray(keys[:, rows])
        different, at = np.empty(mine.size, np.uint64), np.empty(mine.shape, np.int32)
        n_mine = find_different(mine, at, different)
        parts.append(np.ascontiguousarray(reader.lookup(different[:n_mine], moment), np.float32))
        place[:, slice(None) if rows is None else rows] = at + np.int32(n)
        n += n_mine
    return np.concatenate(parts), place
