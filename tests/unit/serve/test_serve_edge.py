"""What guards every request: host, sizes, headers, overload, faults of our own, logs."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from typing import Any

import pytest
from starlette.testclient import TestClient

from mercer.retrieve.request import SearchRequest, SearchResponse
from mercer.schema.errors import CorruptError, MarketBusyError, StorageError
from mercer.serve.edge import is_loopback
from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.settings import ServeSettings
from support.plain_market import PlainMarket

ProblemOf = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:9", "localhost."],
)
def test_our_own_names_are_served(client: TestClient, host: str) -> None:
    """Any port and spelling of a loopback name is ours."""
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "[::2]", "a:b:c"],
)
def test_a_foreign_host_is_refused_everywhere(
    client: TestClient, problem_of: ProblemOf, host: str
) -> None:
    """A page that re-points its own name at this machine gets nothing, whatever the path."""
    for path in ("/health", "/", "/nothing", "/v1/search?q=mug"):
        problem = problem_of(client.get(path, headers={"host": host}), 421, "wrong-host")
        assert "localhost" in problem["detail"]


def test_security_headers_are_on_every_answer(client: TestClient) -> None:
    """Good answers, errors, pages and files carry the same guard; scripts only from here."""
    for path in ("/", "/v1/search", "/v1/nothing", "/docs", "/static/shop.js", "/openapi.json"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
    assert client.get("/v1/search").headers["cache-control"] == "no-store"


def test_a_body_over_the_limit_is_refused(
    client_of: Callable[..., TestClient], problem_of: ProblemOf
) -> None:
    """Searches and batches have bounds of their own; exactly the bound is allowed."""
    client = client_of(PlainMarket(), max_body_bytes=1_000, max_batch_bytes=2_000)
    headers = {"content-type": "application/json"}
    exact = b'{"q": "' + b"x" * 991 + b'"}'
    assert len(exact) == 1_000
    assert client.post("/v1/search", content=exact, headers=headers).status_code == 200
    answer = client.post("/v1/search", content=exact + b" ", headers=headers)
    assert "1000 bytes" in problem_of(answer, 413, "too-large")["detail"]
    assert client.put("/v1/listings", content=exact, headers=headers).status_code == 400
    answer = client.put("/v1/listings", content=b" " * 2_001, headers=headers)
    problem_of(answer, 413, "too-large")


def test_an_endless_body_is_not_read_to_its_end() -> None:
    """The bytes are counted while they come, without trust in Content-Length."""
    log = Log(lambda line: None)
    app = create_app(PlainMarket(), settings=ServeSettings(max_body_bytes=1_000), log=log)
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "path": "/v1/search", "raw_path": b"/v1/search", "query_string": b"", "root_path": "",
        "scheme": "http", "headers": headers, "client": ("127.0.0.1", 1), "server": ("localhost", 80),
    }  # fmt: skip
    n_sent, statuses = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal n_sent
        n_sent += 100
        assert n_sent < 10_000
        return {"type": "http.request", "body": b" " * 100, "more_body": True}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append((message["status"], dict(message["headers"]).get(b"connection")))

    asyncio.run(app(scope, receive, send))
    assert statuses == [(413, b"close")]


def test_a_long_url_is_a_414(client_of: Callable[..., TestClient], problem_of: ProblemOf) -> None:
    """The URL has a bound of its own, and POST is the way out."""
    client = client_of(PlainMarket(), max_url_bytes=500)
    assert (
        "POST" in problem_of(client.get("/v1/search?q=" + "x" * 500), 414, "url-too-long")["advice"]
    )


def test_a_request_id_is_kept_or_made(client: TestClient) -> None:
    """A sane id of the caller comes back; anything else is replaced."""
    assert (
        client.get("/health", headers={"x-request-id": "abc-12345"}).headers["x-request-id"]
        == "abc-12345"
    )
    made = client.get("/health", headers={"x-request-id": "a b\tc"}).headers["x-request-id"]
    assert len(made) == 36


class _Broken(PlainMarket):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def search(self, request: SearchRequest) -> SearchResponse:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (RuntimeError("/home/secret/path"), 500, "internal"),
        (CorruptError("/home/secret/path is torn"), 500, "internal"),
        (StorageError("/home/secret/path is full"), 503, "storage"),
        (MarketBusyError("another process owns this market"), 503, "busy"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), 500, "internal"),
    ],
)
def test_faults_of_our_own_tell_nothing_but_the_request_id(
    client_of: Callable[..., TestClient],
    problem_of: ProblemOf,
    lines: list[str],
    error: Exception,
    status: int,
    kind: str,
) -> None:
    """A crash is a problem document without paths or stacks; the log has them."""
    answer = client_of(_Broken(error)).get("/v1/search")
    problem = problem_of(answer, status, kind)
    assert "secret" not in answer.text
    if status == 500:
        failed = [line for line in map(json.loads, lines) if line["event"] == "request_failed"]
        assert failed[0]["request_id"] == problem["request_id"]
        assert "Traceback" in failed[0]["stack"]


class _Slow(PlainMarket):
    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.entered = 0

    def search(self, request: SearchRequest) -> SearchResponse:
        self.entered += 1
        self.go.wait(10)
        return super().search(request)


def test_a_call_past_its_deadline_is_a_503(
    client_of: Callable[..., TestClient], problem_of: ProblemOf
) -> None:
    """The caller waits no longer than the bound, and hears when to come again."""
    market = _Slow()
    client = client_of(market, read_timeout_s=0.05)
    began = time.monotonic()
    answer = client.get("/v1/search")
    assert time.monotonic() - began < 5
    assert problem_of(answer, 503, "timeout")["status"] == 503
    assert answer.headers["retry-after"] == "1"
    market.go.set()


def test_overload_is_refused_at_once_and_the_rest_goes_on(
    client_of: Callable[..., TestClient], problem_of: ProblemOf
) -> None:
    """Threads and the queue before them are bounded; writes have a thread of their own."""
    market = _Slow()
    client = client_of(market, read_threads=1, max_waiting=1)
    with ThreadPoolExecutor(5) as pool:
        calls = [pool.submit(client.get, "/v1/search") for _ in range(5)]
        refused = [call.result(5) for call in islice(as_completed(calls, timeout=5), 3)]
        for answer in refused:
            assert "2 are allowed" in problem_of(answer, 503, "busy")["detail"]
        assert client.get("/health").status_code == 200
        assert client.delete("/v1/listings/x").status_code == 200
        market.go.set()
        assert sorted(call.result(5).status_code for call in calls) == [200, 200, 503, 503, 503]
    assert market.entered == 2
    assert client.get("/v1/search").status_code == 200


def test_logs_are_json_lines_without_query_text(
    client_of: Callable[..., TestClient], lines: list[str]
) -> None:
    """One line per request with its id, route, status and time; words appear at debug only."""
    answer = client_of(PlainMarket()).get("/v1/search?q=secretword")
    (line,) = map(json.loads, lines)
    assert line["event"] == "request_done"
    assert line["route"] == "/v1/search"
    assert line["status"] == 200
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["took_us"] > 0
    assert "secretword" not in str(lines)
    client_of(PlainMarket(), level="debug").get("/v1/search?q=secretword")
    assert "secretword" in str(lines)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("192.168.0.1", False), ("example.com", False), ("", False)],
)  # fmt: skip
def test_is_loopback(host: str, expected: bool) -> None:
    """Only what cannot be reached from another machine is loopback."""
    assert is_loopback(host) is expected
