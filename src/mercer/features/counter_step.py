"""The step of a program that reads counters: one look-up for all that is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mercer.features.column import F32s, I64s, U64s
from mercer.features.counter_kernel import write_counts, write_keys
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
class _Read:
    """What one feature reads."""

    name: str
    out: int  # its register
    keys: tuple[int, ...]  # places among the keys of the step: the count, and what it is per
    half_life_ms: int
    prior: tuple[float, float]  # sum and weight


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
        return np.array([_column_of(read, half_lives_ms) for read in reads], np.int64)

    def step(space: Space) -> None:
        reader = space.counters
        if reader is None:
            raise FeatureError(
                f"feature {reads[0].name!r}: reads counters; give a CounterReader "
                "(the argument `counters`)"
            )
        half_life = columns(reader.half_lives_ms)
        keys = np.empty((begins.size, space.n), np.uint64)
        write_keys(space.ids, space.n, begins, first, second, keys)
        counts = _looked_up(space, reader, keys.reshape(-1))
        write_counts(counts, keys, count, per, half_life, prior, weight, outs, space.numbers)

    return step


def _read(place: int, node: Node, registers: Mapping[int, int], known: dict[Key, int]) -> _Read:
    if node.transform is None or not isinstance(node.transform.run, CounterOp):
        raise ValueError(f"{node.name!r} reads no counters")
    run, ids = node.transform.run, tuple(registers[i] for i in node.inputs)
    entity = node.params["whose"]
    kinds = (run.count(node.params), *([run.per(node.params)] if run.per else []))
    mine = tuple(known.setdefault((entity, kind, ids), len(known)) for kind in kinds)
    half_life_ms = round(node.params["half_life_h"] * HOUR_MS)
    prior = run.prior(node.params) if run.prior else (0.0, 0.0)
    return _Read(node.name, registers[place], mine, half_life_ms, prior)


def _column_of(read: _Read, half_lives_ms: tuple[int, ...]) -> int:
    """The column of the feature's half-life."""
    if read.half_life_ms not in half_lives_ms:
        hours = ", ".join(f"{one / HOUR_MS:g}" for one in half_lives_ms)
        raise FeatureError(
            f"feature {read.name!r}: half_life_h is {read.half_life_ms / HOUR_MS:g}, this market "
            f"counts by {hours} (counters.half_life_hours in mercer.toml)"
        )
    return half_lives_ms.index(read.half_life_ms)


def _looked_up(space: Space, reader: CounterReader, keys: U64s) -> F32s:
    """(n_keys * n, n_half_lives) counts; rows of one moment are asked for together."""
    if space.now_ms is None:
        raise ValueError("rows have no moment")
    if space.n == 0 or (space.now_ms == space.now_ms[0]).all():  # a request
        moment = int(space.now_ms[0]) if space.n else 0
        return np.ascontiguousarray(reader.lookup(keys, moment), np.float32)
    out = np.empty((keys.size, len(reader.half_lives_ms)), np.float32)
    now: I64s = np.tile(space.now_ms, keys.size // max(space.n, 1))
    for moment in np.unique(now).tolist():
        rows = np.flatnonzero(now == moment)
        out[rows] = reader.lookup(keys[rows], moment)
    return out
