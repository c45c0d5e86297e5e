"""A log in memory, stricter than any real one: four partitions by key, read in shuffled turns."""

import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import final

import numpy as np
import pyarrow as pa

from mercer.events.log import (
    KEYS,
    RECORD_KINDS,
    RECORD_SCHEMAS,
    Change,
    Entry,
    Log,
    Position,
    RecordKind,
)
from mercer.schema.arrow import require
from mercer.schema.errors import InputError

N_PARTITIONS = 4


@final
class MemoryLog:
    """Keeps every promise of `Log` and not one more.

    Rows of one call are cut by key over the partitions, so nothing is whole that was not promised to
    be; which partition comes next is drawn; a position of another shape is refused.
    """

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self._records: list[list[Change]] = [[] for _ in range(N_PARTITIONS)]
        self._event_ids: set[str] = set()

    def append(self, changes: Sequence[Change]) -> Position:
        for change in changes:
            require(change.rows, RECORD_SCHEMAS[change.kind], at=f"log record of {change.kind}")
        ends = [0] * N_PARTITIONS
        for change in changes:
            schema = RECORD_SCHEMAS[change.kind]
            rows = change.rows.select(schema.names).to_pylist()
            if change.kind == "events":
                rows = [row for row in rows if self._is_new(row["event_id"])]
            for k in range(N_PARTITIONS):
                own = [row for row in rows if self._partition(change.kind, row) == k]
                if own:
                    batch = pa.RecordBatch.from_pylist(own, schema=schema)
                    self._records[k].append(Change(change.kind, batch))
                    ends[k] = len(self._records[k])
        return _position(ends)

    def _is_new(self, event_id: str) -> bool:
        is_new = event_id not in self._event_ids
        self._event_ids.add(event_id)
        return is_new

    def _partition(self, kind: RecordKind, row: dict[str, object]) -> int:
        return zlib.crc32(str(row[KEYS[kind]]).encode()) % N_PARTITIONS

    def read(
        self, *, after: Position, kinds: Collection[RecordKind] | None = None
    ) -> Iterator[Entry]:
        at, asked = self._offsets(after), RECORD_KINDS if kinds is None else kinds
        while True:
            waiting = [k for k in range(N_PARTITIONS) if at[k] < len(self._records[k])]
            if not waiting:
                return
            k = int(self.rng.choice(waiting))
            change = self._records[k][at[k]]
            at[k] += 1
            if change.kind in asked:
                yield Entry(_position(at), change)

    def end(self, *, kinds: Collection[RecordKind] | None = None) -> Position:
        return _position([len(records) for records in self._records])

    def lag(self, position: Position, *, kinds: Collection[RecordKind] | None = None) -> int:
        at, asked = self._offsets(position), RECORD_KINDS if kinds is None else kinds
        return sum(
            change.rows.num_rows
            for records, n in zip(self._records, at, strict=True)
            for change in records[n:]
            if change.kind in asked
        )

    def join(self, *positions: Position) -> Position:
        return _position([max(at) for at in zip(*map(self._offsets, positions), strict=True)])

    def _offsets(self, position: Position) -> list[int]:
        if not position:
            return [0] * N_PARTITIONS
        at = [int(part) for part in position.removeprefix("m").split("/")]
        if len(at) != N_PARTITIONS or any(
            n > len(records) for n, records in zip(at, self._records, strict=True)
        ):
            raise InputError(f"{position!r} is no position that this log gave")
        return at


def _position(at: Sequence[int]) -> Position:
    return Position("m" + "/".join(map(str, at)) if any(at) else "")


_conforms: type[Log] = MemoryLog
