"""The partition `events`: nothing acknowledged is lost or doubled, whatever fails."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import support.event_crash_child
from mercer.engines.embedded.log.event_log import EventLog
from mercer.schema.errors import CorruptError, MarketError, SchemaError
from support.dying_child import Child, dying_child
from support.log_kit import T0, event_rows


def ids_of(log: EventLog) -> list[str]:
    return [e for _, c in log.read(0) for e in c.rows.column("event_id").to_pylist()]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path)
    yield opened
    opened.close()


def test_a_verdict_for_each_event(log: EventLog) -> None:
    """True where the log has it, or the batch further up; a batch of nothing new writes nothing."""
    assert log.append(event_rows("a", "b", "a")).tolist() == [False, False, True]
    assert log.append(event_rows("c", "b")).tolist() == [False, True]
    end = log.end()
    assert log.append(event_rows("c", "b", "a")).all()
    assert log.append(event_rows()).tolist() == []
    assert (log.end(), ids_of(log)) == (end, ["a", "b", "c"])


def test_writers_share_commits(tmp_path: Path) -> None:
    """Many at once: each id accepted from exactly one of them, in far fewer records than batches."""
    gate = threading.Event()
    log = EventLog(tmp_path, on_step=lambda step: gate.wait(5) and None)
    with ThreadPoolExecutor(16) as pool:
        batches = [event_rows(*(f"{i}" for i in range(k, k + 8))) for k in range(60)]
        waiting = [pool.submit(log.append, rows) for rows in batches]
        gate.set()
        verdicts = [one.result() for one in waiting]
    taken = Counter(
        event_id
        for rows, is_known in zip(batches, verdicts, strict=True)
        for event_id in rows.filter(~is_known).column("event_id").to_pylist()
    )
    assert taken == Counter(f"{i}" for i in range(67)) == Counter(ids_of(log))
    assert log.end() < 30
    log.close()


def test_others_read_while_it_is_written(log: EventLog, tmp_path: Path) -> None:
    """A reader that is not the owner sees what is acknowledged, in order, and how much is left."""
    reader = EventLog(tmp_path, is_owner=False)
    assert (ids_of(reader), reader.end()) == ([], 0)
    log.append(event_rows("a", "b"))
    log.append(event_rows("c"))
    assert ids_of(reader) == ["a", "b", "c"]
    assert (reader.n_rows(0), reader.n_rows(1), reader.n_rows(reader.end())) == (3, 1, 0)
    newest = reader.recent(limit=2).column("event_id").to_pylist()
    assert newest == ["c", "b"]
    assert reader.recent(limit=9).num_rows == 3
    nowhere = EventLog(tmp_path / "none", is_owner=False)
    assert (ids_of(nowhere), nowhere.end(), nowhere.n_rows(0)) == ([], 0, 0)
    assert nowhere.recent(limit=1).num_rows == 0


def test_old_ids_are_known_when_opened_again(tmp_path: Path) -> None:
    """Those in memory, those in files, and those whose files were lost."""
    log = EventLog(tmp_path, memory_ids=20, interval_s=0.0)
    for i in range(30):
        log.append(event_rows(*(f"{i} {j}" for j in range(5))))
    log.close()
    asked = event_rows(*(f"{i} {j}" for i in range(30) for j in range(5)), "new")
    for is_lost in (False, True):
        if is_lost:
            for path in (tmp_path / "event-ids").iterdir():
                path.unlink()
        log = EventLog(tmp_path, memory_ids=20)
        assert log.append(asked).sum() == 150 + is_lost
        log.close()


def test_a_full_disk_is_told_and_heals(log: EventLog) -> None:
    """Nothing of a batch that failed is kept or known; with room again the same batch is taken."""
    log.append(event_rows("a"))
    limited = log._owned()
    limited.execute(f"pragma max_page_count={limited.execute('pragma page_count').fetchone()[0]}")
    many = event_rows(*(f"{i:x}" * 40 for i in np.random.default_rng(1).integers(2**62, size=900)))
    with pytest.raises(MarketError, match=r"events\.db.*full.*send it again"):
        log.append(many)
    assert ids_of(log) == ["a"]
    limited.execute("pragma max_page_count=100000")
    assert not log.append(many).any()
    assert log.append(many).all()
    assert len(ids_of(log)) == 901


def test_a_fault_fails_all_who_share_the_commit(tmp_path: Path) -> None:
    """Each writer hears of it; none of their events is there, and all may be sent again."""
    is_broken = True

    def on_step(step: str) -> None:
        if is_broken and step == "written":
            raise sqlite3.OperationalError("disk I/O error")

    log = EventLog(tmp_path, on_step=on_step)
    waiting = [log.begin(event_rows(f"{i}")) for i in range(5)]
    for one in waiting:
        with pytest.raises(MarketError, match="disk I/O error"):
            one.result()
    is_broken = False
    assert not any(log.append(event_rows(f"{i}")).any() for i in range(5))
    assert sorted(ids_of(log)) == ["0", "1", "2", "3", "4"]
    log.close()


def test_a_damaged_record_is_named(log: EventLog) -> None:
    """The message says which."""
    log.append(event_rows("a"))
    log._owned().execute("update record set payload = zeroblob(40)")
    with pytest.raises(CorruptError, match=r"events\.db, position 1"):
        ids_of(log)


def test_rows_of_another_schema_are_refused(log: EventLog) -> None:
    """Before they wait for anybody."""
    with pytest.raises(SchemaError, match="standing"):
        log.append(event_rows("a").drop_columns(["standing"]))


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """`child("verb|argument|folder")`: the wait status of a process that did what the line says."""
    with dying_child(support.event_crash_child.__file__) as ask:
        yield ask


def assert_whole(folder: Path, *, more: tuple[str, ...] = ()) -> None:
    """What was acknowledged is there once, each batch whole or not at all, and known when it comes again."""
    acked = (folder / "acked").read_text().split()
    log = EventLog(folder, memory_ids=64)
    found = ids_of(log)
    assert len(found) == len(set(found))
    batches = Counter(event_id.split("-")[0] for event_id in found)
    assert set(acked) <= set(batches)
    assert {b: n for b, n in batches.items() if n != 10} == dict.fromkeys(more, 1)
    for i in range(len(acked) + 2):
        is_known = log.append(event_rows(*(f"b{i}-{j}" for j in range(10))))
        assert is_known.all() if f"b{i}" in batches else not is_known.any()
    found = ids_of(log)
    assert len(found) == len(set(found))
    log.close()


@pytest.mark.parametrize(
    "line", ["kill|claimed", "kill|written", "kill|committed", "random|.02", "random|.06"]
)
def test_kill_9_loses_and_doubles_nothing(tmp_path: Path, child: Child, line: str) -> None:
    """Before, in and after the transaction, and anywhere."""
    (tmp_path / "acked").touch()
    assert child(f"{line}|{tmp_path}") & 0x7F in (9, 14)
    assert_whole(tmp_path)
    assert child(f"{line}|{tmp_path}") & 0x7F in (9, 14)  # again, on top of the first


@pytest.mark.parametrize("n_bytes", [500_000, 800_000])
def test_an_io_error_is_told_and_heals(tmp_path: Path, child: Child, n_bytes: int) -> None:
    """A file that may not grow: batches fail, none of them is lost to the duplicates, then it goes on."""
    assert child(f"limit|{n_bytes}|{tmp_path}") == 0
    assert (tmp_path / "failed").read_text()
    assert (tmp_path / "acked").read_text()
    assert_whole(tmp_path, more=("after",))


def test_times_of_a_record(log: EventLog) -> None:
    """Each record says from when to when its events were received: retention goes by that."""
    early, late = event_rows("a", received_ms=T0 - 9), event_rows("b", received_ms=T0 + 9)
    for one in [log.begin(rows) for rows in (late, early)]:
        one.result()
    rows = log._owned().execute("select min(first_ms), max(last_ms) from record").fetchall()
    assert rows == [(T0 - 9, T0 + 9)]
