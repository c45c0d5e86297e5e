"""Removing a visitor: the order, the record in the log, the events; the pages are the keeper's.

Every step may be interrupted and done again: the order is durable first and leaves the list last.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.log.erased import ErasedVisitors, hidden_rows
from mercer.engines.embedded.log.event_log import EventLog
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.events.log import Change
from mercer.schema.erasure import ERASURE

LATE_MS = 2_000
"""An event that was received may be committed so much later, and whoever looks at the orders once a
second (recent_file.py) has seen each."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the log has of some visitors."""

    n_events: int
    n_pages: int


def footprint(log: EmbeddedLog, visitors: Mapping[str, int]) -> Footprint:
    """How many events and pages a removal would take.

    Args:
        log: also of a market that another process owns.
        visitors: up to which time, by id.
    """
    n_events = sum(
        _n_hidden(change.rows, visitors, time="received_ms")
        for _, change in log.events.read(0, kinds={"events"})
    )
    parts = log.pages.partitions().values()
    n_pages = sum(
        _n_hidden(change.rows, visitors, time="served_ms")
        for part in parts
        for _, change in part.read(0, kinds={"pages"})
    )
    return Footprint(n_events, n_pages)


def _n_hidden(rows: pa.RecordBatch, visitors: Mapping[str, int], *, time: str) -> int:
    hidden = hidden_rows(rows, visitors, time=time)
    return 0 if hidden is None else int(pc.sum(hidden).as_py() or 0)


def record_erasures(log: EmbeddedLog, *, now_ms: int, late_ms: int = LATE_MS) -> int:
    """Carry out what was ordered, as the owner of the market; how many events were removed.

    Costs next to nothing where nothing was ordered, so that a serving owner may call it often.

    Args:
        log: owned by this process.
        now_ms: the time.
        late_ms: an order waits so long for events that were received before it; 0 where nobody
            writes.
    """
    erased = log.pages.erased
    due = {
        who: order.erased_ms
        for who, order in erased.orders().items()
        if not order.is_recorded and order.erased_ms + late_ms <= now_ms
    }
    if not due:
        return 0
    # First the record: consumers have to hear of it, and a second one is harmless.
    log.append([Change("erasures", _rows(due))])
    n_removed = erase_events(log.events, due)
    erased.mark_recorded(due)
    return n_removed


def _rows(due: Mapping[str, int]) -> pa.RecordBatch:
    made = [{"visitor_id": who, "erased_ms": at} for who, at in due.items()]
    return pa.RecordBatch.from_pylist(made, schema=ERASURE)


def erase_events(events: EventLog, visitors: Mapping[str, int]) -> int:
    """Remove the events of visitors that were received up to their times; how many."""
    n_removed = 0
    for position, change in events.read(0):
        hidden = hidden_rows(change.rows, visitors, time="received_ms")
        if hidden is not None and pc.any(hidden).as_py():
            kept = change.rows.filter(pc.invert(hidden))
            events.rewrite(position, kept)
            n_removed += change.rows.num_rows - kept.num_rows
    if n_removed:
        events.checkpoint()
    return n_removed


def is_finished(log: Path, visitor_ids: Collection[str]) -> bool:
    """Whether nothing of these is pending any more."""
    return not set(visitor_ids) & set(ErasedVisitors(log).orders())


def is_recorded(log: Path, visitor_id: str) -> bool:
    """Whether the owner has carried the order out, but for the pages."""
    order = ErasedVisitors(log).orders().get(visitor_id)
    return order is None or order.is_recorded
