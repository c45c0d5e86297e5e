"""The laws of the group commit: order, batches, errors, end."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mercer.engines.embedded.group_commit import GroupCommit


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.002)


class Recorder:
    """A commit that notes its batches, and can be held back or made to fail."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.taken = 0

    def __call__(self, items: Sequence[Any]) -> Sequence[Any]:
        self.taken += len(items)
        self.entered.set()
        self.gate.wait(5)
        self.batches.append(list(items))
        if any(item == "bad" for item in items):
            raise ValueError("no room")
        return [f"done {item}" for item in items]


def test_an_item_gets_its_own_result() -> None:
    """Whatever batch it came into."""
    commit = Recorder()
    group = GroupCommit(commit, interval_s=0.01)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(group.submit, range(30))) == [f"done {i}" for i in range(30)]
    group.close()
    assert sorted(i for batch in commit.batches for i in batch) == list(range(30))


def test_what_waits_during_a_commit_is_one_batch_in_order() -> None:
    """Nothing overtakes, and one commit serves all that waited."""
    commit = Recorder()
    group = GroupCommit(commit, interval_s=0.0)
    commit.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(group.submit, "first")
        assert commit.entered.wait(5)
        waiting = []
        for i in range(5):
            waiting.append(pool.submit(group.submit, i))
            wait_until(lambda i=i: group._waiting.qsize() == i + 1)
        commit.gate.set()
        assert first.result(5) == "done first"
        assert [w.result(5) for w in waiting] == [f"done {i}" for i in range(5)]
    assert commit.batches == [["first"], [0, 1, 2, 3, 4]]
    group.close()


def test_no_batch_is_larger_than_allowed() -> None:
    """The rest comes with the next one."""
    commit = Recorder()
    group = GroupCommit(commit, interval_s=0.0, max_batch=2)
    commit.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(group.submit, i) for i in range(6)]
        wait_until(lambda: group._waiting.qsize() >= 4)
        commit.gate.set()
        assert {f.result(5) for f in futures} == {f"done {i}" for i in range(6)}
    assert max(len(batch) for batch in commit.batches) <= 2
    group.close()


def test_commits_keep_their_distance_but_the_first_of_a_lull_does_not_wait() -> None:
    """Beginnings are at least the interval apart; after a lull there is no delay."""
    group = GroupCommit(lambda items: items, interval_s=0.15)
    began = time.monotonic()
    group.submit(1)
    assert time.monotonic() - began < 0.1
    group.submit(2)
    assert time.monotonic() - began >= 0.15
    time.sleep(0.2)
    again = time.monotonic()
    group.submit(3)
    assert time.monotonic() - again < 0.1
    group.close()


def test_an_error_reaches_every_waiter_and_the_next_batch_is_fine() -> None:
    """The exception of a commit is raised for all its items, and for no other."""
    commit = Recorder()
    group = GroupCommit(commit, interval_s=0.0)
    commit.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(group.submit, "first")
        assert commit.entered.wait(5)
        bad = [pool.submit(group.submit, item) for item in ("good", "bad")]
        wait_until(lambda: group._waiting.qsize() == 2)
        commit.gate.set()
        assert first.result(5) == "done first"
        for waiter in bad:
            with pytest.raises(ValueError, match="no room"):
                waiter.result(5)
    assert group.submit("later") == "done later"
    group.close()


def test_a_commit_that_forgets_a_result_is_an_error_not_a_hang() -> None:
    """Too few results: every waiter is told, and the thread goes on."""
    group: GroupCommit[int, int] = GroupCommit(lambda items: list(items)[1:], interval_s=0.0)
    for _ in range(2):
        with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="results"):
            pool.submit(group.submit, 1).result(5)
    group.close()


def test_closing_commits_what_waits() -> None:
    """What was submitted before is done; what comes after is refused; closing twice is fine."""
    commit = Recorder()
    group = GroupCommit(commit, interval_s=0.05)
    commit.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(group.submit, i) for i in range(5)]
        wait_until(lambda: commit.taken + group._waiting.qsize() == 5)
        closing = pool.submit(group.close)
        wait_until(lambda: group._is_closed)
        commit.gate.set()
        closing.result(5)
        assert {w.result(5) for w in waiting} == {f"done {i}" for i in range(5)}
    with pytest.raises(RuntimeError, match="closed"):
        group.submit("late")
    group.close()
