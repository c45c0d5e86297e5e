"""A market over HTTP, as a client of the simulator sees it."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from mercer.schema.errors import ConfigError
from mercer.simulate.people.step import Search, Similar, Who
from mercer.traffic.http_shop import UNREACHABLE, HttpShop
from mercer.traffic.shop import Refused

WHO = Who("v1", "s1", None)
HIT = {"listing_id": "L00000001", "position": 1, "token": "t", "document": {"title": "mug"}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str, Any, str | None]]] = []
    status = 200

    def _answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw) if raw else None
        self.seen.append((self.command, self.path, body, self.headers.get("Authorization")))
        answer: dict[str, Any] = {"page_id": "p1", "hits": [HIT], "found": 7, "cursor": "c1"}
        if self.path == "/v1/events":
            answer = {"results": [{"verdict": "accepted", "reason": ""} for _ in body["events"]]}
        if self.path == "/v1/listings":
            answer = {
                "results": [{"verdict": "rejected", "reason": "no"} for _ in body["listings"]]
            }
        out = json.dumps(answer).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(out)))
        self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(out)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815  # the names that http.server calls

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    _Handler.seen.clear()
    _Handler.status = 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def _shop(server: ThreadingHTTPServer, **more: str) -> Iterator[HttpShop]:
    with closing(HttpShop(f"http://127.0.0.1:{server.server_port}", **more)) as shop:
        yield shop


def test_every_step_is_the_request_that_the_reference_names(server: ThreadingHTTPServer) -> None:
    """Searches, similar, events and listings go to their routes, with ids, sent_ms and the key."""
    with _shop(server, api_key="mercer_1_x") as shop:
        page = shop.search(Search(at_ms=1, who=WHO, q="mug", page=2, cursor="c0"))
        assert (page.page_id, page.found, page.cursor, len(page.hits)) == ("p1", 7, "c1", 1)
        assert shop.similar(Similar(1, WHO, "L 1")).hits[0]["listing_id"] == "L00000001"
        assert shop.tell([{"event_id": "e"}], sent_ms=5) == [("accepted", "")]
        assert shop.put([{"listing_id": "L1"}]) == [("rejected", "no")]
    routes = [(method, path) for method, path, _, _ in _Handler.seen]
    assert routes == [
        ("POST", "/v1/search"),
        ("GET", "/v1/listings/L%201/similar"),
        ("POST", "/v1/events"),
        ("PUT", "/v1/listings"),
    ]
    asked, told = _Handler.seen[0][2], _Handler.seen[2][2]
    assert (asked["visitor_id"], asked["session_id"], asked["cursor"]) == ("v1", "s1", "c0")
    assert told == {"sent_ms": 5, "events": [{"event_id": "e"}]}
    assert {key for _, _, _, key in _Handler.seen} == {"Bearer mercer_1_x"}


@pytest.mark.parametrize("status", [429, 500, 503, 404])
def test_an_error_answer_is_refused_with_its_status(
    server: ThreadingHTTPServer, status: int
) -> None:
    """Whatever is not 2xx raises Refused with the status and the time to wait."""
    _Handler.status = status
    with _shop(server) as shop, pytest.raises(Refused) as refused:
        shop.search(Search(at_ms=1, who=WHO, q="mug"))
    assert (refused.value.status, refused.value.retry_after_s) == (status, 7.0)


def test_a_server_that_is_away_is_counted_as_failing() -> None:
    """Nobody listens: Refused with a status above 500, so that it counts as an error."""
    with pytest.raises(Refused) as refused:
        HttpShop("http://127.0.0.1:9").search(Search(at_ms=1, who=WHO, q="mug"))
    assert refused.value.status == UNREACHABLE >= 500


@pytest.mark.parametrize("url", ["127.0.0.1:8100", "ftp://x", "http://", "http://x/?a=1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """The message says what an address looks like."""
    with pytest.raises(ConfigError, match="http://HOST:PORT"):
        HttpShop(url)
