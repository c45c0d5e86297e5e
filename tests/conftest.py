"""What every test stands on: no network, strict numbers, seeds that are printed, honest skips."""

import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import settings

IN_CI = bool(os.environ.get("CI"))

# Where scripts/test_browser.sh and scripts/test_servers.sh look for what has these marks.
FOLDERS = {"browser": "browser", "server": "contract"}

# A shared two-core machine makes any deadline a coin toss; the blob replays a failure anywhere.
settings.register_profile("default", deadline=None, print_blob=True)
# The build draws the same examples each time, so that a commit goes red for what it changed;
# `make test` at a desk draws new ones, and finds what nobody thought of.
settings.register_profile("ci", settings.get_profile("default"), database=None, derandomize=True)
settings.load_profile("ci" if IN_CI else "default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A marked test elsewhere would be left out by `make test` and found by no other command."""
    for item in items:
        for mark, folder in FOLDERS.items():
            if item.get_closest_marker(mark) and folder not in item.path.parts:
                raise pytest.UsageError(
                    f"{item.nodeid} is marked {mark}; it belongs in tests/{folder}"
                )


def _is_loopback(address: object) -> bool:
    """Whether a socket address stays on this machine; unix sockets (strings, bytes) do."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0]).partition("%")[0]
    if host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """No test leaves this machine: a socket that connects elsewhere raises."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guard(sock: socket.socket, address: object) -> None:
        if not _is_loopback(address):
            sock.close()  # or its leak would be reported in place of what follows
            raise AssertionError(f"a test tried to reach {address!r}; only loopback is allowed")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        guard(self, address)
        return connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        guard(self, address)
        return connect_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        yield


@pytest.fixture(autouse=True)
def strict_floats() -> Iterator[None]:
    """A division by zero, an overflow or a NaN out of nothing is an error, not a warning."""
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield


@pytest.fixture(scope="session")
def absent() -> Callable[[str], NoReturn]:
    """`absent(reason)`: what a test needs is not here. In CI that fails, elsewhere it skips."""

    def give_up(reason: str) -> NoReturn:
        if IN_CI:
            pytest.fail(f"{reason} (with CI set, its absence is a failure)", pytrace=False)
        pytest.skip(reason)  # a developer without that server or browser can run the rest

    return give_up


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """`real_data("esci_us")`: that folder under $MERCER_DATA; skips, with the reason, without it."""

    def folder(name: str) -> Path:
        root = os.environ.get("MERCER_DATA", "")
        if not root:  # the catalogues are no part of the project: a clone without them passes
            pytest.skip(f"MERCER_DATA is not set; it names the folder that holds {name}/")
        path = Path(root) / name
        if not path.is_dir():  # who has some of the catalogues can run the tests of those
            pytest.skip(f"$MERCER_DATA/{name} does not exist")
        return path

    return folder


@pytest.fixture(scope="session")
def chromium_path(absent: Callable[[str], NoReturn]) -> str:
    """The Chromium of this machine, for tests marked `browser`."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    absent("no Chromium on the PATH; `make test-browser` installs it as root on Debian")
