"""The newest rows of the log, and then those that come."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mercer.engines.embedded.log.log_stats import TIMES
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.partition import Partition
from mercer.events.log import RECORD_SCHEMAS, Change, Position, RecordKind


@dataclass(frozen=True, slots=True)
class TailRow:
    """One row of the log, and where its record lies."""

    position: str  # of its record: PARTITION:OFFSET, or a whole position of the log
    kind: RecordKind
    time_ms: int
    row: Mapping[str, Any]  # as JSON has it: maps are objects, NaN is null

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "position": self.position,
            "kind": self.kind,
            "time_ms": self.time_ms,
            "row": self.row,
        }


def last_rows(log: EmbeddedLog, *, kinds: Collection[RecordKind], n: int) -> list[TailRow]:
    """The last `n` rows of those kinds by their time, oldest first."""
    found: list[TailRow] = []
    for name, part in log.partitions(kinds).items():
        found += _last_of(name, part, kinds, n)
    found.sort(key=lambda one: one.time_ms)
    return found[-n:] if n else []


def _last_of(name: str, part: Partition, kinds: Collection[RecordKind], n: int) -> list[TailRow]:
    end, back = part.end(), max(n, 1)
    while True:
        after = max(0, end - back)
        rows: list[TailRow] = []
        for offset, change in part.read(after, kinds=kinds):
            rows = [*rows, *rows_of(f"{name}:{offset}", change, last=n)][-n:] if n else []
        if len(rows) >= n or not after:
            return rows
        back *= 8  # other kinds, or ordinals without a row, lie in between


def rows_of(position: str, change: Change, *, last: int | None = None) -> list[TailRow]:
    """The rows of a record, or its last few."""
    rows = change.rows if last is None else change.rows.slice(max(0, change.rows.num_rows - last))
    time = TIMES[change.kind]
    plain = (plain_row(change.kind, row) for row in rows.to_pylist())
    return [TailRow(position, change.kind, row[time], row) for row in plain]


def plain_row(kind: RecordKind, row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON has it."""
    maps = {f.name for f in RECORD_SCHEMAS[kind] if str(f.type).startswith("map<")}
    return {
        name: _plain(dict(value) if name in maps and value is not None else value)
        for name, value in row.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None  # NaN and infinity have no JSON
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


def follow(
    log: EmbeddedLog, *, kinds: Collection[RecordKind], after: Position
) -> Iterator[TailRow | None]:
    """Rows as they come, for ever; None each time that there is nothing new."""
    while True:
        for entry in log.read(after=after, kinds=kinds):
            after = entry.position
            yield from rows_of(entry.position, entry.change)
        yield None
