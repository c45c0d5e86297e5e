"""Counters whose writer is killed with SIGKILL, whose file is lost, and that forget a visitor."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import support.counter_crash_child
from mercer.engines.embedded import durable
from mercer.engines.embedded.counters import shared_file, snapshot
from mercer.engines.embedded.counters.keeper import CounterKeeper
from mercer.engines.embedded.counters.reader import SharedCounters
from mercer.engines.embedded.counters.replay import replay_to
from mercer.engines.embedded.counters.shared_file import SharedFile
from mercer.engines.embedded.counters.store import LIVE
from mercer.engines.embedded.log.erase import record_erasures
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.features.counter_keys import counter_keys
from mercer.features.counter_table import occupied
from mercer.schema.errors import StorageError
from support.counter_kit import HOUR, PARAMS, events, ids, listing, log_with
from support.dying_child import Child, dying_child
from support.log_kit import T0, change_of

N_EVENTS = 6_000


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with dying_child(support.counter_crash_child.__file__) as ask:
        yield ask


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EmbeddedLog]:
    parts = [
        ("listings", [listing(i) for i in range(5)]),
        *(("events", events(i, 1_500, first=1_500 * i)) for i in range(N_EVENTS // 1_500)),
    ]
    made = log_with(tmp_path / "log", parts)
    yield made
    made.close()


def assert_as_replayed(log: EmbeddedLog, folder: Path) -> str:
    """What readers find now is what a replay of the log gives at its position."""
    view = SharedCounters(folder / LIVE, PARAMS.half_lives).view()
    (end,) = replay_to(log, PARAMS, [log.end(kinds={"events"})])
    keys = occupied(end.table)[0].copy()
    found = view.lookup(keys, T0 + HOUR)
    assert not view.is_degraded
    (again,) = replay_to(log, PARAMS, [view.position])
    np.testing.assert_array_equal(found, again.lookup(keys, T0 + HOUR))
    return view.position


def test_killed_writers_leave_one_state(child: Child, log: EmbeddedLog, tmp_path: Path) -> None:
    """After each SIGKILL readers have a whole state, and the next writer goes on from it, exactly."""
    rng = random.Random(7)
    assert child(f"section|100|{tmp_path}") == 9
    before = assert_as_replayed(log, tmp_path / "c")
    for line in ("section|3", "commit|-", "section|2000"):
        assert child(f"{line}|{tmp_path}") == 9
        after = assert_as_replayed(log, tmp_path / "c")
        assert after != before
        before = after
    for _ in range(8):
        child(f"random|{rng.uniform(0.02, 0.25):.3f}|{tmp_path}")
        assert_as_replayed(log, tmp_path / "c")
    assert child(f"all|-|{tmp_path}") == 0
    end = assert_as_replayed(log, tmp_path / "c")
    state = SharedCounters(tmp_path / "c" / LIVE, PARAMS.half_lives).state()
    assert state is not None
    assert end == "catalogue:1,events:4"
    assert state.n_events == N_EVENTS


def test_another_boot_begins_at_a_snapshot(
    log: EmbeddedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that an earlier boot wrote is not believed: the snapshot and the log give the same bits."""
    folder = tmp_path / "c"
    keeper = CounterKeeper(folder, log, PARAMS)
    keeper.step(max_events=2_000)
    keeper.close()
    position = keeper.position
    old = SharedCounters(folder / LIVE, PARAMS.half_lives)
    assert old.state() is not None
    monkeypatch.setattr(shared_file, "boot_id", lambda: "another")
    keeper = CounterKeeper(folder, log, PARAMS)
    assert keeper.position == position
    keeper.catch_up()
    assert keeper.position == "catalogue:1,events:4"
    assert assert_as_replayed(log, folder) == keeper.position
    again = old.state()  # a reader that was there before finds the new file
    assert again is not None
    assert again.position == keeper.position
    keeper.close()


def test_other_rules_and_damaged_files(log: EmbeddedLog, tmp_path: Path) -> None:
    """Counters of other rules, a damaged snapshot or no file at all: made anew from the log."""
    folder = tmp_path / "c"
    small = type(PARAMS)(
        half_lives=PARAMS.half_lives, rules=PARAMS.rules, rates=PARAMS.rates, max_keys=2_000
    )
    keeper = CounterKeeper(folder, log, small)
    keeper.catch_up()
    keeper.close()
    for path in folder.glob("snapshot-*"):
        path.write_bytes(path.read_bytes()[:-40])
    for damage in (
        lambda: None,
        lambda: (folder / LIVE).write_bytes(b"no"),
        (folder / LIVE).unlink,
    ):
        damage()
        keeper = CounterKeeper(folder, log, PARAMS)
        keeper.catch_up()
        keeper.close()
        assert_as_replayed(log, folder)


def test_no_room(log: EmbeddedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is told in a sentence, before anything is mapped."""

    def full(handle: int, n_bytes: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shared_file, "_reserve", full)
    with pytest.raises(StorageError, match=r"no room .* lower counters.max_keys"):
        CounterKeeper(tmp_path / "c", log, PARAMS)
    assert not list((tmp_path / "c").glob("*.bin"))


@pytest.mark.parametrize("at", ["copying", "syncing"])
def test_no_room_for_a_snapshot(
    log: EmbeddedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """It is told in a sentence and leaves nothing behind; the one before stays, and the counters go on."""
    folder = tmp_path / "c"
    keeper = CounterKeeper(folder, log, PARAMS)
    keeper.step(max_events=2_000)
    keeper.close()
    (folder / ".snapshot-1.bin.7.part").touch()  # of a process that died
    keeper = CounterKeeper(folder, log, PARAMS)
    before = {path.name for path in folder.iterdir()}
    assert not any(name.endswith(".part") for name in before)
    keeper.step(max_events=1_500)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        if at == "copying":
            patched.setattr(snapshot, "_write_columns", full)
        else:
            patched.setattr(durable.os, "fsync", full)
        keeper.begin_snapshot()
        if keeper._writing is not None:
            keeper._writing.join()
    assert {path.name for path in folder.iterdir()} == before
    with pytest.raises(StorageError, match=r"could not be written .*No space left"):
        keeper.step()
    keeper.catch_up()
    keeper.close()
    assert len([*folder.glob("snapshot-*.bin")]) == 2
    assert assert_as_replayed(log, folder) == keeper.position


def test_an_erased_visitor_is_forgotten(log: EmbeddedLog, tmp_path: Path) -> None:
    """Tastes are gone, sums are those of the log as it is now, and no file names the visitor's keys."""
    folder, now = tmp_path / "c", [0.0]
    keeper = CounterKeeper(folder, log, PARAMS, clock=lambda: now[0])
    keeper.catch_up()
    keeper.begin_snapshot()
    counters = SharedCounters(folder / LIVE, PARAMS.half_lives)
    taste = counter_keys("visitor.category", "click", ids("v1"), ids("home > c1"))
    assert counters.view().lookup(taste, T0)[0, 0] > 1
    order = {"visitor_id": "v1", "erased_ms": T0 + 99 * HOUR}
    log.pages.erased.add(**order)
    log.append([change_of("erasures", order)])
    now[0] += 2.0
    keeper.catch_up()  # not yet: its events are still there
    assert SharedFile(folder / LIVE).losses == 0
    assert counters.view().lookup(taste, T0)[0, 0] > 1
    assert record_erasures(log, now_ms=T0 + 100 * HOUR) > 0
    now[0] += 2.0
    keeper.catch_up()
    assert counters.view().lookup(taste, T0)[0, 0] == 0
    keeper.close()
    assert_as_replayed(log, folder)
    assert not any(taste.tobytes() in path.read_bytes() for path in folder.glob("*.bin"))
