"""Slow and greedy connections on a real socket: they cost nothing but themselves."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.run import listen, server_of
from mercer.serve.settings import ServeSettings
from support.plain_market import PlainMarket, listing

LIMITS = ServeSettings(head_timeout_s=0.3, body_timeout_s=0.3, max_connections=5)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server with short times and few places."""
    app = create_app(PlainMarket([listing("m1", "Mug")]), settings=LIMITS, log=Log(lambda _: None))
    with listen("127.0.0.1", 0) as listener:
        server = server_of(app, LIMITS)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(10)


def _until_closed(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(4_096):
        received += chunk
    return received


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "]
)
def test_a_head_that_does_not_end_is_cut_off(port: int, begun: bytes) -> None:
    """Nothing at all, or a head without its end: closed in time, however slowly bytes trickle."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(begun)
        assert _until_closed(connection) == b""
    assert 0.2 < time.monotonic() - began < 5


def _trickle(connection: socket.socket, *, until_s: float) -> None:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    while time.monotonic() < until_s:
        connection.sendall(b"X: y\r\n")
        time.sleep(0.02)


def test_a_trickle_does_not_buy_time(port: int) -> None:
    """The bound is on the whole head, not on the gap between its bytes."""
    began = time.monotonic()
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        pytest.raises((ConnectionResetError, BrokenPipeError)),
    ):
        _trickle(connection, until_s=began + 5)
    assert time.monotonic() - began < 4


def test_a_second_head_is_bounded_too(port: int) -> None:
    """An answered connection may idle, but a begun second request has its time."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(4_096).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        connection.sendall(b"GET /hea")
        _until_closed(connection)
        assert time.monotonic() - began < 4


def test_a_body_that_does_not_come_is_a_408(port: int) -> None:
    """The sender hears why, and the connection is closed."""
    head = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head)
        received = _until_closed(connection)
    assert received.startswith(b"HTTP/1.1 408")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["type"] == "/docs#problem-slow-body"


def test_one_connection_too_many_is_told(port: int) -> None:
    """Those that are open go on; when they are gone there is room again."""
    held = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(5)]
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as extra:
            assert _until_closed(extra).startswith(b"HTTP/1.1 503")
        held[0].sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert held[0].recv(4_096).startswith(b"HTTP/1.1 200")
    finally:
        for connection in held:
            connection.close()
    time.sleep(0.1)
    connection_again = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection_again.request("GET", "/health")
    assert connection_again.getresponse().status == 200
    connection_again.close()


def test_many_headers_are_a_431(port: int) -> None:
    """A head that no honest client sends is refused before it costs anything."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/health", headers={f"x-{i}": "y" for i in range(150)})
    answer = connection.getresponse()
    assert answer.status == 431
    assert json.loads(answer.read())["type"] == "/docs#problem-too-many-headers"
    connection.close()
