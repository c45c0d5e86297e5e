"""Calls between processes: answers, faults, time-outs, and the other side going away and coming back."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercer.schema.errors import FilterError, InputError, NotFoundError, UnavailableError
from mercer.serve.process.rpc import RpcClient, RpcServer


def echo(args: Any, blob: bytes) -> tuple[Any, bytes]:
    return args, blob


def fail(args: Any, blob: bytes) -> tuple[Any, bytes]:
    raise {
        "missing": NotFoundError("no such thing"),
        "filter": FilterError("what is this", source="a = b", at=2),
        "bug": ZeroDivisionError("oops"),
    }[args]


def slow(args: Any, blob: bytes) -> tuple[Any, bytes]:
    time.sleep(args)
    return "done", b""


HANDLERS = {"echo": echo, "fail": fail, "slow": slow}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "x.sock"


@pytest.fixture
def client(path: Path) -> Iterator[RpcClient]:
    server = RpcServer(path, HANDLERS)
    client = RpcClient(path, what="other", timeout_s=10.0)
    yield client
    client.close()
    server.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, st.binary(max_size=200_000))
def test_what_is_sent_comes_back(client: RpcClient, args: Any, blob: bytes) -> None:
    """Head and blob arrive as they were."""
    assert client.call("echo", args, blob) == (args, blob)


def test_faults_are_raised_at_the_caller(client: RpcClient) -> None:
    """What a caller can understand keeps its class; what it cannot is no sentence of its own."""
    with pytest.raises(NotFoundError, match="no such thing"):
        client.call("fail", "missing")
    with pytest.raises(InputError, match="what is this"):
        client.call("fail", "filter")
    with pytest.raises(RuntimeError, match="ZeroDivisionError: oops"):
        client.call("fail", "bug")
    assert client.call("echo", 1)[0] == 1


def test_a_call_that_takes_too_long_ends(client: RpcClient) -> None:
    """The time-out holds, and the next call is not answered with the late answer."""
    with pytest.raises(UnavailableError, match="in time"):
        client.call("slow", 0.5, timeout_s=0.05)
    assert client.call("echo", "next")[0] == "next"


def test_calls_run_beside_each_other(client: RpcClient) -> None:
    """Eight slow calls take as long as one."""
    began = time.monotonic()
    threads = [threading.Thread(target=client.call, args=("slow", 0.2)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 1.2


def test_nobody_there_is_told(tmp_path: Path) -> None:
    """Without a process the caller hears so at once, or after it has tried for as long as it may."""
    client = RpcClient(tmp_path / "none.sock", what="owner", timeout_s=10.0)
    with pytest.raises(UnavailableError, match="owner is not there"):
        client.call("echo")
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        client.call("echo", retry_s=0.2)
    assert 0.2 <= time.monotonic() - began < 2.0


def test_a_process_that_was_started_again_answers(path: Path) -> None:
    """Connections that led to the old one are not in the way, and a stale socket file is not either."""
    first = RpcServer(path, HANDLERS)
    client = RpcClient(path, what="other", timeout_s=10.0)
    assert client.call("echo", 1)[0] == 1
    first.close()
    path.touch()  # as a killed process leaves it
    second = RpcServer(path, HANDLERS)
    assert client.call("echo", 2)[0] == 2
    second.close()
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(client.call("echo", 3, retry_s=5.0)[0]))
    waiting.start()
    time.sleep(0.1)
    third = RpcServer(path, HANDLERS)
    waiting.join()
    assert found == [3]
    client.close()
    third.close()


def test_a_server_that_closes_answers_what_runs(path: Path) -> None:
    """A call that is under way is answered before the socket goes."""
    server = RpcServer(path, HANDLERS)
    client = RpcClient(path, what="other", timeout_s=10.0)
    found: list[Any] = []
    calling = threading.Thread(target=lambda: found.append(client.call("slow", 0.3)[0]))
    calling.start()
    time.sleep(0.1)
    server.close()
    calling.join()
    assert found == ["done"]
    client.close()


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    """The kernel takes some hundred bytes; markets may lie deeper."""
    path = tmp_path / ("d" * 120) / "x.sock"
    server = RpcServer(path, HANDLERS)
    client = RpcClient(path, what="other", timeout_s=10.0)
    assert client.call("echo", "far")[0] == "far"
    client.close()
    server.close()
