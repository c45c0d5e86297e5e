"""Neighbouring readers take changes in one after the other, and the one that is free is asked meanwhile."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from mercer.serve.process import turn
from mercer.serve.process.board import TAKING_AS_SEARCHES, ReaderBoard
from mercer.serve.process.sharing import Sharing
from mercer.serve.process.turn import Turn


class Nobody:
    """Answers nothing."""

    def ask(self, slot: int, name: str, args: object) -> tuple[bool, bytes]:
        return False, b""


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[list[ReaderBoard]]:
    """Of three readers."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(ReaderBoard(tmp_path / "readers", slot=k, n=3)))
            for k in range(3)
        ]


@pytest.fixture
def turns(tmp_path: Path, boards: list[ReaderBoard]) -> Iterator[list[Turn]]:
    """Of the same readers."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(Turn(tmp_path, slot=k, board=board)))
            for k, board in enumerate(boards)
        ]


def test_neighbours_wait_for_each_other_and_nobody_else(turns: list[Turn]) -> None:
    """While reader 0 takes changes in, reader 1 waits and reader 2 does not."""
    order: list[str] = []

    def second() -> None:
        with turns[1].taken():
            order.append("1")

    with turns[0].taken():
        waiting = threading.Thread(target=second)
        waiting.start()
        with turns[2].taken():
            order.append("2")
        order.append("0")
    waiting.join(5)
    assert sorted(order[:2]) == ["0", "2"]
    assert order[2] == "1"


def test_a_turn_that_never_ends_is_not_waited_for(
    turns: list[Turn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A neighbour that hangs delays the changes of this reader for a moment, and does not lose its lock."""
    monkeypatch.setattr(turn, "LONGEST_WAIT_S", 0.01)
    with turns[0].taken():
        with turns[1].taken():
            pass
        assert not turns[1]._wait()
    assert turns[1]._wait()


def test_who_takes_changes_in_has_more_to_do(boards: list[ReaderBoard], turns: list[Turn]) -> None:
    """Searches go to the neighbour, until it has as many as the changes are worth; afterwards all is as
    before."""
    sharing = [Sharing(board, Nobody(), version=lambda: 1) for board in boards]
    boards[2].tell_busy(9)
    with turns[0].taken():
        assert sharing[0].freer(0) == 1
        assert sharing[1].freer(TAKING_AS_SEARCHES) is None
        assert sharing[1].freer(TAKING_AS_SEARCHES + 1) == 0
        boards[1].tell_busy(TAKING_AS_SEARCHES)
        assert sharing[0].freer(0) is None
        assert sharing[0].freer(1) == 1
    assert sharing[0].freer(0) is None
    boards[0].tell_busy(1)
    assert boards[1].others_busy()[0] == (0, 1)


def test_a_search_under_way_finishes_first(boards: list[ReaderBoard], turns: list[Turn]) -> None:
    """Changes are taken in once no search is under way; from before that on searches go elsewhere."""
    boards[0].tell_busy(1)
    begun = threading.Event()

    def take() -> None:
        with turns[0].taken():
            assert boards[0].n_busy == 0
            begun.set()

    taking = threading.Thread(target=take)
    taking.start()
    while not boards[0].extra:
        time.sleep(0.001)
    assert not begun.is_set()
    boards[0].tell_busy(0)
    taking.join(5)
    assert begun.is_set()


def test_searches_that_never_end_are_not_waited_for(
    boards: list[ReaderBoard], turns: list[Turn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that always has one takes changes in beside it."""
    monkeypatch.setattr(turn, "LONGEST_SEARCH_S", 0.01)
    boards[0].tell_busy(3)
    with turns[0].taken():
        assert boards[0].n_busy == 3


def test_a_turn_ends_with_what_failed_in_it(boards: list[ReaderBoard], turns: list[Turn]) -> None:
    """The neighbour takes its turn at once, and searches come back."""

    def fail() -> None:
        with turns[0].taken():
            raise OSError("a full disk")

    with pytest.raises(OSError, match="a full disk"):
        fail()
    assert boards[0].extra == 0
    assert turns[1]._wait()
