"""A real server on a real socket: where it may listen, how it ends, what it does to raw bytes."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.schema.errors import ConfigError
from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.run import listen, server_of
from mercer.serve.settings import ServeSettings
from support.plain_market import PlainMarket, listing

TESTS = Path(__file__).parents[2]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.com", ""])
def test_only_loopback_is_listened_on(host: str) -> None:
    """Without keys nobody else may reach the server; the sentence says what to do instead."""
    with pytest.raises(ConfigError, match="proxy"):
        listen(host, 0).close()


def test_with_keys_any_address_may_be_listened_on() -> None:
    """Whoever reaches it then is asked for a key."""
    with listen("0.0.0.0", 0, is_open=False) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


def test_a_port_out_of_range_or_taken_is_a_sentence() -> None:
    """No stack for a port that cannot be had."""
    with pytest.raises(ConfigError, match="0 to 65535"):
        listen("127.0.0.1", 70_000)
    with listen("localhost", 0) as taken, pytest.raises(ConfigError, match="choose another port"):
        listen("127.0.0.1", taken.getsockname()[1])


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server in a thread."""
    log = Log(lambda line: None)
    market = PlainMarket([listing("m1", "White mug")])
    options = ServeSettings(max_body_bytes=20_000)
    app = create_app(market, settings=options, log=log)
    with listen("127.0.0.1", 0) as listener:
        server = server_of(app, options)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(10)


def test_a_query_of_100_000_characters_in_a_url(port: int) -> None:
    """The URL's bound is above the longest query that is searched."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/v1/search?q=" + "%C3%A9" * 100_000)
    assert connection.getresponse().status == 200
    connection.close()


def test_an_answer_on_an_open_connection_does_not_wait(port: int) -> None:
    """Nagle's delay is off: it would hold the second packet of each answer for 40 ms."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    took_s = []
    for _ in range(15):
        began = time.perf_counter()
        connection.request("GET", "/v1/search?q=mug")
        connection.getresponse().read()
        took_s.append(time.perf_counter() - began)
    connection.close()
    assert min(took_s[1:]) < 0.035  # the delay has no exceptions, a busy machine has


@pytest.mark.parametrize("declared", [True, False])
def test_a_large_body_is_answered_not_cut_off(port: int, declared: bool) -> None:
    """The sender of too much hears the reason, with a length declared or in chunks."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = b" " * 60_000
    content = body if declared else (body[i : i + 5_000] for i in range(0, len(body), 5_000))
    headers = {"Content-Type": "application/json"}
    connection.request(
        "POST", "/v1/search", body=content, headers=headers, encode_chunked=not declared
    )
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["type"] == "/docs#problem-too-large"
    connection.close()


def _raw(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while chunk := connection.recv(65_536):
                received += chunk
        except ConnectionResetError:
            pass
        return received


PATHS = st.sampled_from(
    [b"/", b"/v1/search", b"/v1/suggest", b"/v1/listings", b"/v1/listings/a/similar", b"/listing/x",
     b"/cart", b"/favourites", b"/checkout", b"/order/x", b"/kept", b"/suggest", b"/theme", b"/cart/line",
     b"/images/sim:1:0", b"/static/x", b"/docs", b"/metrics", b"*", b"//", b"/%00", b"/%ff"]
)  # fmt: skip
METHODS = st.sampled_from(
    [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"TRACE", b"FOO"]
)
QUERY = st.binary(max_size=40).map(
    lambda b: b"".join(b"%%%02x" % c for c in b) if b else b"q=a&f=b"
)
HEADER = st.tuples(
    st.sampled_from([b"Content-Type", b"Accept", b"X-Request-ID", b"Content-Length", b"If-None-Match",
                     b"Transfer-Encoding", b"Connection", b"Host", b"Cookie"]),
    st.one_of(
        st.sampled_from([b"application/json", b"text/html", b"5", b"-1", b"chunked", b"close", b"gzip"]),
        st.binary(max_size=20).map(lambda b: b.replace(b"\r", b"").replace(b"\n", b"")),
    ),
)  # fmt: skip


@settings(max_examples=80)
@given(METHODS, PATHS, QUERY, st.lists(HEADER, max_size=4), st.binary(max_size=60))
def test_no_bytes_make_the_server_fail(
    port: int,
    method: bytes,
    path: bytes,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    """Whatever is sent, the answer is no 5xx, and the server lives on."""
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    sent = b"%s %s?%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n%s" % (method, path, query, lines, body)
    status = _raw(port, sent).split(b" ")[1:2]
    assert not status or not status[0].startswith(b"5"), sent
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200
    connection.close()


PROGRAM = """
    import sys
    sys.path.insert(0, sys.argv[1])
    import time
    from support.plain_market import PlainMarket
    from mercer.serve.run import serve

    class Slow(PlainMarket):
        def search(self, request):
            print("searching", flush=True)
            time.sleep(0.5)
            return super().search(request)

    serve(Slow(), port=0, on_ready=lambda url: print(url, flush=True))
    print("closed", flush=True)
"""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_requests_under_way(stop: signal.Signals) -> None:
    """The search that runs is answered, `serve` returns, and the caller can close its market."""
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(TESTS)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(
        command, env={**os.environ, "PYTHONWARNINGS": "error"}, **pipes
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        connection.request("GET", "/v1/search")
        assert process.stdout.readline().strip() == "searching"
        process.send_signal(stop)
        assert connection.getresponse().status == 200
        out, err = process.communicate(timeout=10)
        connection.close()
    assert process.returncode == 0
    assert out.strip() == "closed"
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events == ["serving", "request_done", "stopped"]
