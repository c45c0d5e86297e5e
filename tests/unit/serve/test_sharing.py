"""A search goes to the reader that has the fewest, and nothing that goes wrong there is noticed."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mercer.retrieve.request import SearchRequest, SearchResponse
from mercer.schema.errors import InputError, UnavailableError
from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.process.board import ReaderBoard
from mercer.serve.process.peers import Peers, socket_of
from mercer.serve.process.rpc import RpcServer
from mercer.serve.process.sharing import AGAIN_S, Sharing, sharing_calls
from mercer.serve.settings import ServeSettings
from support.plain_market import PlainMarket, listing


class Others:
    """What another reader answers, as a test says."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, 0

    def ask(self, slot: int, name: str, args: object) -> tuple[Any, bytes]:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(slot) if callable(self.answer) else self.answer


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[list[ReaderBoard]]:
    """Of three readers."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(ReaderBoard(tmp_path / "readers", slot=k, n=3)))
            for k in range(3)
        ]


@pytest.mark.parametrize(
    ("mine", "others", "want"),
    [(0, (0, 0), None), (1, (1, 1), None), (1, (0, 1), 1), (2, (1, 0), 2), (3, (1, 2), 1)],
)
def test_the_freest_is_asked(
    boards: list[ReaderBoard], mine: int, others: tuple[int, int], want: int | None
) -> None:
    """The one with the fewest searches, where those are fewer than here; else none."""
    for board, n in zip(boards[1:], others, strict=True):
        board.tell_busy(n)
    assert Sharing(boards[0], Others(None), version=lambda: 1).freer(mine) == want


def test_one_that_hangs_gets_no_more(boards: list[ReaderBoard]) -> None:
    """What was asked and not answered counts, though the other says that it has nothing to do."""
    boards[2].tell_busy(9)
    seen: list[int | None] = []
    sharing: Sharing

    def hanging(slot: int) -> tuple[bool, bytes]:
        seen.append(sharing.freer(1))
        return True, b"late"

    sharing = Sharing(boards[0], Others(hanging), version=lambda: 1)
    assert sharing.freer(1) == 1
    assert sharing.ask(1, SearchRequest()) == b"late"
    assert seen == [None]
    assert sharing.freer(1) == 1


def test_one_that_is_gone_is_left_alone(boards: list[ReaderBoard]) -> None:
    """For a while nobody asks a reader that is not there; the others are asked."""
    now_s = [100.0]
    gone = Others(UnavailableError("gone"))
    sharing = Sharing(boards[0], gone, version=lambda: 1, clock=lambda: now_s[0])
    assert sharing.ask(1, SearchRequest()) is None
    assert sharing.freer(1) == 2
    now_s[0] += AGAIN_S + 0.1
    assert sharing.freer(1) == 1


@pytest.mark.parametrize("answer", [InputError("a filter"), RuntimeError("a bug"), (False, b"")])
def test_a_fault_there_is_a_search_here(boards: list[ReaderBoard], answer: Any) -> None:
    """Whatever it says but an answer, the search is made here, and tells its own fault."""
    assert Sharing(boards[0], Others(answer), version=lambda: 1).ask(1, SearchRequest()) is None


def test_who_is_behind_does_not_answer() -> None:
    """A reader that does not know all that the asking one knows leaves the search to it."""
    asked: list[SearchRequest] = []

    def answer(request: SearchRequest) -> bytes:
        asked.append(request)
        return b"found"

    calls = sharing_calls(answer, lambda: 7)
    request = {"q": "mug", "facets": ["*"]}
    assert calls["answer"]((request, 8), b"") == (False, b"")
    assert not asked
    assert calls["answer"]((request, 7), b"") == (True, b"found")
    assert asked == [SearchRequest(q="mug", facets=("*",))]


class SlowMarket(PlainMarket):
    """Its search for "slow" waits until it is told."""

    def __init__(self) -> None:
        super().__init__([listing("m1", "Mug")])
        self.begun, self.go_on = threading.Event(), threading.Event()

    def search(self, request: SearchRequest) -> SearchResponse:
        if request.q == "slow":
            self.begun.set()
            assert self.go_on.wait(10)
        return super().search(request)


def test_a_busy_reader_asks_the_idle_one(tmp_path: Path) -> None:
    """While one search keeps a reader busy, the next is answered by the other, with the same answer;
    a cursor and a search that the other refuses are answered at home."""
    home, idle = SlowMarket(), PlainMarket([listing("m1", "Mug")])
    settings = ServeSettings(allowed_hosts=("testserver",))
    log = Log(lambda line: None)
    with ExitStack() as stack:
        board, other_board = (
            stack.enter_context(closing(ReaderBoard(tmp_path / "readers", slot=k, n=2)))
            for k in (0, 1)
        )
        peers = stack.enter_context(closing(Peers(tmp_path, slot=0, n=2)))
        other_app = create_app(
            idle, settings=settings, log=log,
            sharing=Sharing(other_board, Others(None), version=lambda: 1),
        )  # fmt: skip
        calls = sharing_calls(other_app.state.found_here, lambda: 1)
        stack.enter_context(closing(RpcServer(tmp_path / socket_of(1), calls)))
        sharing = Sharing(board, peers, version=lambda: 1)
        app = create_app(home, settings=settings, log=log, sharing=sharing)
        client = stack.enter_context(TestClient(app))
        stack.enter_context(TestClient(other_app))
        slow = threading.Thread(target=client.get, args=("/v1/search?q=slow",))
        slow.start()
        assert home.begun.wait(10)
        found = client.get("/v1/search?q=mug")
        refused = client.get("/v1/search", params={"filter": "color = ("})
        paged = client.get("/v1/search?q=mug&cursor=c1")
        home.go_on.set()
        slow.join(10)
        at_home = client.get("/v1/search?q=mug")
    assert [request.q for request in idle.searches if request.q] == ["mug"]
    assert found.status_code == paged.status_code == 200
    assert found.json()["hits"] == at_home.json()["hits"]
    assert refused.json()["type"] == "/docs#problem-bad-filter"
