"""The engines of the log, and rows of every kind, for the contract tests."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.events.log import RECORD_SCHEMAS, START, Change, Log, Position, RecordKind
from support.memory_log import MemoryLog

T0 = 1_790_000_000_000


@dataclass(frozen=True, slots=True)
class LogEngine:
    """How an engine is opened, and opened again after its process ended."""

    open: Callable[[Path], Any]
    reopen: Callable[[Any, Path], Any]
    close: Callable[[Any], None]


def _reopen_embedded(log: EmbeddedLog, folder: Path) -> EmbeddedLog:
    log.close()
    return EmbeddedLog(folder)


ENGINES: dict[str, LogEngine] = {
    "embedded": LogEngine(EmbeddedLog, _reopen_embedded, EmbeddedLog.close),
    "memory": LogEngine(lambda folder: MemoryLog(), lambda log, folder: log, lambda log: None),
}

BLANK: dict[str, Any] = {"kind": "click", "standing": "none", "source": "api", "action": "hide"}


def row_of(kind: RecordKind, /, **values: Any) -> dict[str, Any]:
    """A row of that kind: what is given, and something allowed for the rest."""
    row = {}
    for field in RECORD_SCHEMAS[kind]:
        if field.name in values:
            row[field.name] = values[field.name]
        elif field.nullable:
            row[field.name] = None
        elif pa.types.is_nested(field.type):
            row[field.name] = []
        elif pa.types.is_string(field.type):
            row[field.name] = BLANK.get(field.name, "")
        elif pa.types.is_boolean(field.type):
            row[field.name] = False
        else:
            row[field.name] = T0 if field.name.endswith("_ms") else 1
    return row


def change_of(kind: RecordKind, *rows: dict[str, Any]) -> Change:
    """A change of rows that say only what matters."""
    full = [row_of(kind, **row) for row in rows]
    return Change(kind, pa.RecordBatch.from_pylist(full, schema=RECORD_SCHEMAS[kind]))


def event_rows(*event_ids: str, visitor_id: str = "v", received_ms: int = T0) -> pa.RecordBatch:
    """Clicks of one visitor."""
    return change_of(
        "events",
        *({"event_id": e, "visitor_id": visitor_id, "received_ms": received_ms} for e in event_ids),
    ).rows


def rows_of(log: Log, kind: RecordKind, *, after: Position = START) -> list[dict[str, Any]]:
    """All rows of a kind, in the order they are read."""
    entries = log.read(after=after, kinds=(kind,))
    return [row for entry in entries for row in entry.change.rows.to_pylist()]
