"""Erasing a visitor from the log, and events that have expired."""

import time

import pyarrow as pa
import pytest

from mercer.engines.embedded.log.erase import (
    LATE_MS,
    erase_events,
    footprint,
    is_finished,
    record_erasures,
)
from mercer.engines.embedded.log.event_log import EventLog
from mercer.engines.embedded.log.event_records import OLDEST
from mercer.engines.embedded.log.housekeeping import Chores, Housekeeping
from mercer.engines.embedded.log.keeper import Keeper
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_writer import SlotWriter
from mercer.schema.time import DAY_MS
from support.log_kit import T0, event_rows, rows_of
from support.page_samples import plain_page


@pytest.fixture
def log(tmp_path):
    made = EmbeddedLog(tmp_path / "log")
    yield made
    made.close()


def fill(log, folder):
    """Events and pages of ann and bob."""
    for n in range(3):
        log.events.append(event_rows(f"a{n}", visitor_id="ann", received_ms=T0 + n))
        log.events.append(event_rows(f"b{n}", visitor_id="bob", received_ms=T0 + n))
    writer = SlotWriter(folder / "log" / "pages-0")
    for n in range(4):
        who = "ann" if n % 2 else "bob"
        assert writer.write(plain_page(n, ms=T0 + n, visitor_id=who), budget_s=5)
    writer.close()


def visitors_of(log, kind):
    return [row["visitor_id"] for row in rows_of(log, kind)]


def test_an_erasure_takes_everything_and_tells_consumers(log, tmp_path):
    """Events and pages of the visitor go, those of others stay, and the log has the erasure."""
    fill(log, tmp_path)
    due = {"ann": T0 + 100}
    assert footprint(log, due) == footprint(EmbeddedLog(tmp_path / "log", is_owner=False), due)
    assert (footprint(log, due).n_events, footprint(log, due).n_pages) == (3, 2)
    end = log.events.end()
    log.pages.erased.add("ann", erased_ms=T0 + 100)
    assert record_erasures(log, now_ms=T0 + 100, late_ms=0) == 3
    Keeper(tmp_path / "log", keep_days=400).run(now_ms=T0 + 200)
    assert visitors_of(log, "events") == ["bob"] * 3
    assert visitors_of(log, "pages") == ["bob"] * 2
    assert rows_of(log, "erasures") == [{"visitor_id": "ann", "erased_ms": T0 + 100}]
    assert is_finished(tmp_path / "log", ["ann"])
    assert log.events.end() == end
    assert footprint(log, due).n_events == 0


def test_nothing_ordered_costs_nothing(log):
    """Without an order, nothing is appended and nothing is removed."""
    assert record_erasures(log, now_ms=T0) == 0
    assert rows_of(log, "erasures") == []


def test_what_comes_later_stays(log, tmp_path):
    """Events that came in after the order are kept; an order waits for those before it."""
    fill(log, tmp_path)
    log.pages.erased.add("ann", erased_ms=T0 + 1)
    assert record_erasures(log, now_ms=T0 + 500) == 0
    assert record_erasures(log, now_ms=T0 + 1 + LATE_MS) == 2
    assert visitors_of(log, "events").count("ann") == 1


@pytest.mark.parametrize("step", ["append", "erase_events", "mark_recorded"])
def test_an_interrupted_erasure_is_done_again(log, tmp_path, monkeypatch, step):
    """Killed at any step, the next round ends with the same log."""
    fill(log, tmp_path)
    log.pages.erased.add("ann", erased_ms=T0 + 100)

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        if step == "append":
            patched.setattr(EmbeddedLog, "append", die)
        elif step == "erase_events":
            patched.setattr("mercer.engines.embedded.log.erase.erase_events", die)
        else:
            patched.setattr(type(log.pages.erased), "mark_recorded", die)
        with pytest.raises(KeyboardInterrupt):
            record_erasures(log, now_ms=T0 + 100, late_ms=0)
    record_erasures(log, now_ms=T0 + 100, late_ms=0)
    assert visitors_of(log, "events") == ["bob"] * 3
    assert {row["visitor_id"] for row in rows_of(log, "erasures")} == {"ann"}
    assert log.pages.erased.orders()["ann"].is_recorded


def test_erased_events_leave_nothing_in_the_files(tmp_path):
    """What was removed is overwritten, in the database and in the file beside it."""
    events = EventLog(tmp_path)
    visitor = "visitor-4711-who-asked-to-be-forgotten"
    events.append(event_rows("e1", visitor_id=visitor))
    events.append(event_rows("e2", visitor_id="bob"))
    assert erase_events(events, {visitor: T0}) == 1
    data = b"".join(p.read_bytes() for p in tmp_path.iterdir() if p.is_file())
    assert visitor.encode() not in data
    events.close()
    events = EventLog(tmp_path)
    assert [c.rows["event_id"].to_pylist() for _, c in events.read(0)] == [["e2"]]
    events.close()


def test_old_events_expire(tmp_path):
    """Records that came in before the limit go; offsets go on, and a reader is not confused."""
    events = EventLog(tmp_path)
    for n in range(50):
        events.append(event_rows(f"e{n}", received_ms=T0 + n * DAY_MS))
    both = [event_rows("old", received_ms=T0), event_rows("young", received_ms=T0 + 70 * DAY_MS)]
    events.append(pa.Table.from_batches(both).combine_chunks().to_batches()[0])
    end = events.end()
    assert events.expire(before_ms=T0 + 40 * DAY_MS) == 40
    assert events.n_rows(0) == 12, "a record stays as long as its youngest event"
    assert events.end() == end
    assert events.n_before(before_ms=T0 + 99 * DAY_MS) == 12
    assert events.expire(before_ms=T0 + 99 * DAY_MS) == 12
    events.close()
    events = EventLog(tmp_path)
    events.append(event_rows("new"))
    assert [at for at, _ in events.read(end)] == [end + 1]
    events.close()


def test_looking_for_old_events_reads_no_records(tmp_path):
    """Commits wait while it is looked, so the index has to answer, whatever the log holds."""
    events = EventLog(tmp_path)
    plan = events._db.execute(f"explain query plan {OLDEST}", (0, 10)).fetchall()
    assert [row[3] for row in plan] == ["SEARCH record USING INDEX record_last (last_ms<?)"]
    events.close()


def test_the_owner_does_its_chores(log, tmp_path):
    """A serving owner carries an order out by itself, expires events, and tells a fault."""
    fill(log, tmp_path)
    hours = []

    def hourly():
        hours.append(1)
        if len(hours) == 1:
            raise OSError("the disk is full")

    chores = Chores(keep_days=1, tick_s=0.01, hour_s=0.02, hourly=hourly)
    keeping = Housekeeping(log, chores, now_ms=lambda: T0 + 50_000)
    log.pages.erased.add("ann", erased_ms=T0 + 100)
    deadline = time.monotonic() + 10
    while not (len(hours) > 2 and log.pages.erased.orders()["ann"].is_recorded):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert keeping.fault == ""
    keeping.close()
    assert visitors_of(log, "events") == ["bob"] * 3
