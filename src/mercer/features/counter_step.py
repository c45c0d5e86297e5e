"""The step of a program that reads counters: one look-up for all that is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mercer.features.column import F64s, I64s, U64s
from mercer.features.counter_keys import counter_keys
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

    node: Node
    run: CounterOp
    out: int  # its register
    keys: tuple[int, ...]  # places among the keys of the step
    half_life_ms: int


def counter_step(
    group: Sequence[tuple[int, Node]], registers: Mapping[int, int]
) -> Callable[[Space], None]:
    """The step for some nodes, whatever their transforms, that read counters."""
    keys: dict[Key, int] = {}
    reads = [_read(place, node, registers, keys) for place, node in group]

    def step(space: Space) -> None:
        reader = space.counters
        if reader is None:
            raise FeatureError(
                f"feature {reads[0].node.name!r}: reads counters; give a CounterReader "
                "(the argument `counters`)"
            )
        columns = [_column_of(read, reader) for read in reads]
        asked = [
            counter_keys(entity, kind, *(space.ids[id_, : space.n] for id_ in ids))
            for entity, kind, ids in keys
        ]
        counts = _looked_up(space, reader, np.concatenate(asked))
        for read, column in zip(reads, columns, strict=True):
            mine = [counts[key * space.n : (key + 1) * space.n, column] for key in read.keys]
            space.numbers[read.out, : space.n] = read.run.value(mine, read.node.params)

    return step


def _read(place: int, node: Node, registers: Mapping[int, int], keys: dict[Key, int]) -> _Read:
    if node.transform is None or not isinstance(node.transform.run, CounterOp):
        raise ValueError(f"{node.name!r} reads no counters")
    run, ids = node.transform.run, tuple(registers[i] for i in node.inputs)
    entity = node.params["whose"]
    mine = tuple(keys.setdefault((entity, kind, ids), len(keys)) for kind in run.kinds(node.params))
    half_life_ms = round(node.params["half_life_h"] * HOUR_MS)
    return _Read(node, run, registers[place], mine, half_life_ms)


def _column_of(read: _Read, reader: CounterReader) -> int:
    """The column of the feature's half-life."""
    if read.half_life_ms not in reader.half_lives_ms:
        hours = ", ".join(f"{one / HOUR_MS:g}" for one in reader.half_lives_ms)
        raise FeatureError(
            f"feature {read.node.name!r}: half_life_h is {read.half_life_ms / HOUR_MS:g}, this market "
            f"counts by {hours} (counters.half_life_hours in mercer.toml)"
        )
    return reader.half_lives_ms.index(read.half_life_ms)


def _looked_up(space: Space, reader: CounterReader, keys: U64s) -> F64s:
    """(n_keys * n, n_half_lives) counts; NaN where an id is missing. Rows of one moment are asked for
    together."""
    if space.now_ms is None:
        raise ValueError("rows have no moment")
    moments = np.unique(space.now_ms)
    if len(moments) == 1:  # a request
        out = reader.lookup(keys, int(moments[0])).astype(np.float64)
    else:
        out = np.empty((keys.size, len(reader.half_lives_ms)))
        now: I64s = np.tile(space.now_ms, keys.size // max(space.n, 1))
        for moment in moments.tolist():
            rows = np.flatnonzero(now == moment)
            out[rows] = reader.lookup(keys[rows], moment)
    if not keys.all():
        out[keys == 0] = np.nan
    return out
