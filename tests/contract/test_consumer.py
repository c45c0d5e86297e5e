"""The laws of `events.consumer.Consumer`, for every view, over a log that shuffles all it may."""

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mercer.events.consumer import POLL_S, RETRY_S, Loop, catch_up, run, step
from mercer.events.log import START, Change
from support import consumer_kit
from support.consumer_kit import VIEWS
from support.forked import status_of
from support.log_kit import T0, change_of
from support.memory_log import MemoryLog

OPEN: list[Any] = []


def open_consumer(folder: Path, name: str, **options: Any) -> Any:
    """A consumer that is closed with the test."""
    OPEN.append(consumer_kit.open_consumer(folder, name, **options))
    return OPEN[-1]


@pytest.fixture(autouse=True)
def close_all() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


@pytest.fixture(params=VIEWS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def history(n: int = 40) -> list[Change]:
    """Pages, and what some visitors did with what they showed, over listings that change."""
    changes = []
    for i in range(n):
        who = {
            "visitor_id": f"v{i % 7}",
            "session_id": f"s{i % 7}-{i % 2}",
            "buyer_id": f"b{i % 3}",
        }
        at_ms = T0 + 1_000 * i
        kind = ("impression", "click", "cart", "purchase", "refund")[i % 5]
        event = who | {
            "event_id": f"e{i}",
            "kind": kind,
            "listing_id": f"l{i % 11}",
            "page_id": f"p{i - i % 4}" if i % 3 else None,
            "order_id": f"o{i - 1 if kind == 'refund' else i}",
            "price_micros": 1_000_000,
            "currency": "USD",
            "time_ms": at_ms,
            "received_ms": at_ms + 50,
        }
        page = who | {"page_id": f"p{i}", "served_ms": at_ms, "q": f"q{i % 4}", "surface": "search"}
        listing = {"listing_id": f"l{i % 11}", "title": f"t{i}", "updated_ms": at_ms}
        changes += [change_of("pages", page), change_of("listings", listing)]
        changes.append(change_of("events", event))
        if i % 9 == 0:
            changes.append(
                change_of("deletions", {"listing_id": f"l{i % 11}", "updated_ms": at_ms + 1})
            )
        if i in (20, 30):
            order = {"visitor_id": f"v{i // 10}", "erased_ms": at_ms}
            changes.append(change_of("erasures", order))
    return changes


def logged(seed: int) -> MemoryLog:
    log = MemoryLog(seed)
    log.append(history())
    return log


def plain_hash(folder: Path, name: str) -> str:
    """The state after one undisturbed run."""
    consumer = open_consumer(folder / "plain", name)
    catch_up(consumer, logged(0))
    return consumer.state_hash()


@pytest.mark.parametrize("max_rows", [1, 7, 10_000])
def test_the_mixture_of_the_keys_does_not_matter(tmp_path: Path, name: str, max_rows: int) -> None:
    """Law 1: any interleaving, and steps of any size, come to the same state."""
    expected = plain_hash(tmp_path, name)
    for seed in range(1, 4):
        consumer, log = open_consumer(tmp_path / f"{seed}", name), logged(seed)
        assert catch_up(consumer, log, max_rows=max_rows) == log.lag(START, kinds=consumer.kinds)
        assert consumer.state_hash() == expected
        assert log.lag(consumer.position(), kinds=consumer.kinds) == 0


def test_a_step_that_fails_leaves_nothing(tmp_path: Path, name: str) -> None:
    """Law 2: whatever was done inside it is undone, and it can be done again."""
    is_broken = False

    def on_step(step: str) -> None:
        if is_broken and step == "applied":
            raise OSError("no space left")

    consumer, log = open_consumer(tmp_path, name, on_step=on_step), logged(1)
    step(consumer, log, max_rows=10)
    before = consumer.position(), consumer.state_hash()
    is_broken = True
    with pytest.raises(OSError, match="no space"):
        step(consumer, log, max_rows=10)
    assert (consumer.position(), consumer.state_hash()) == before
    is_broken = False
    catch_up(consumer, log)
    assert consumer.state_hash() == plain_hash(tmp_path, name)


@pytest.mark.parametrize("at", ["applied", "committed"])
def test_kill_9_at_a_commit(tmp_path: Path, name: str, at: str) -> None:
    """Law 2 for a process that ends: the next one reads on, and nothing is there twice."""
    log = logged(3)

    def child() -> None:
        seen = itertools.count(1)

        def on_step(step: str) -> None:
            if step == at and next(seen) == 3:
                os.kill(os.getpid(), signal.SIGKILL)

        catch_up(open_consumer(tmp_path, name, on_step=on_step), log, max_rows=9)

    assert status_of(child) == signal.SIGKILL
    consumer = open_consumer(tmp_path, name)
    assert consumer.position() != START
    catch_up(consumer, log)
    assert consumer.state_hash() == plain_hash(tmp_path, name)


def test_reset_and_other_versions_start_anew(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 3; so do a view of another version and a file that is no database."""
    consumer, log = open_consumer(tmp_path, name), logged(1)
    catch_up(consumer, log)
    consumer.reset()
    assert consumer.position() == START
    catch_up(consumer, log)
    assert consumer.state_hash() == plain_hash(tmp_path, name)
    assert open_consumer(tmp_path, name).position() != START
    file = tmp_path / f"{consumer.name}.db"
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    file.write_bytes(b"x" * 5_000)
    assert open_consumer(tmp_path, name).position() == START
    catch_up(open_consumer(tmp_path, name), log)
    monkeypatch.setattr(VIEWS[name], "version", 10**6)
    assert open_consumer(tmp_path, name).position() == START


class Broken:
    """A consumer that fails its first three steps."""

    name, kinds = "broken", frozenset({"listings"})
    n_steps, taken = 0, 0

    def position(self) -> Any:
        return START if self.n_steps < 4 else "m" + "/".join(["0"] * 4)

    def apply(self, entries: Any) -> None:
        self.n_steps += 1
        if self.n_steps < 4:
            raise OSError(f"{self.n_steps}")
        self.taken += len(entries)

    def reset(self) -> None:
        pass


def test_the_loop_tells_of_faults_and_goes_on() -> None:
    """Each fault is told and waited after, longer and longer; then it polls until it has to stop."""
    faults: list[str] = []
    slept: list[float] = []
    log = MemoryLog()
    log.append([change_of("listings", {"listing_id": "a"})])
    consumer = Broken()
    loop = Loop(
        is_stopping=lambda: consumer.taken > 0,
        sleep=slept.append,
        on_fault=lambda name, fault: faults.append(f"{name} {fault}"),
    )
    run(consumer, log, loop)
    assert faults == ["broken 1", "broken 2", "broken 3"]
    assert slept == list(RETRY_S)
    idle = Loop(is_stopping=lambda: len(slept) > 4, sleep=slept.append, on_fault=loop.on_fault)
    run(consumer, MemoryLog(), idle)
    assert slept[3:] == [POLL_S, POLL_S]
