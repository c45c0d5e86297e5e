"""MARKET/run: what the processes that serve a market tell each other, and that only one serves it."""

import fcntl
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

import msgspec

from mercer.schema.errors import MarketBusyError

STATUS: Final = "serve.json"
LEARNER: Final = "learner.json"
_CLAIM: Final = ".serve"


class ProcessStatus(msgspec.Struct, forbid_unknown_fields=True):
    """One process of a served market."""

    state: str  # "up", "starting", "down: why"
    pid: int | None = None


class Status(msgspec.Struct, forbid_unknown_fields=True):
    """`serve.json`: who serves the market, and where."""

    pid: int  # of `mercer serve`
    url: str
    workers: int
    processes: dict[str, ProcessStatus]


@contextmanager
def claim(run: Path) -> Iterator[None]:
    """Be the one that serves the market while the block runs; what a dead one left is removed.

    Raises:
        MarketBusyError: another one serves it.
    """
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(run, 0o700)  # whoever reaches the owner's socket may write, without any key
    handle = os.open(run / _CLAIM, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise MarketBusyError(
                f"{run.parent.absolute()} is served by process {other}; stop it first"
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        _clear(run)
        yield
        _clear(run)
    finally:
        os.close(handle)


def _clear(run: Path) -> None:
    for stale in (run / STATUS, run / LEARNER, *run.glob("*.sock")):
        stale.unlink(missing_ok=True)


def write_status(run: Path, status: Status) -> None:
    """Replace the status in one step; it is worth nothing after a power cut, so it is not synced."""
    _replace(run / STATUS, msgspec.json.format(msgspec.json.encode(status)))


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)


def read_status(run: Path) -> Status | None:
    """Who serves the market; None where nobody does."""
    try:
        return msgspec.json.decode((run / STATUS).read_bytes(), type=Status)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_faults(run: Path, faults: Sequence[str]) -> None:
    """What the learner cannot do at the moment, a sentence each."""
    _replace(run / LEARNER, msgspec.json.encode(list(faults)))


def with_faults(run: Path, states: Mapping[str, str]) -> Mapping[str, str]:
    """States of processes, where that of a learner that runs says what it cannot do."""
    if states.get("learner") != "up":
        return states
    try:
        faults = msgspec.json.decode((run / LEARNER).read_bytes(), type=list[str])
    except (FileNotFoundError, msgspec.DecodeError):
        return states
    return {**states, "learner": f"failing: {'; '.join(faults)}"} if faults else states


@final
class StatusReader:
    """The states of the processes, as `ask` last read them. Thread-safe."""

    def __init__(self, run: Path) -> None:
        self._run, self._lock = run, threading.Lock()
        self._states: Mapping[str, str] = {}

    def ask(self) -> None:
        """Read again."""
        status = read_status(self._run)
        states = {n: p.state for n, p in status.processes.items()} if status is not None else {}
        told = with_faults(self._run, states)
        with self._lock:
            self._states = told

    def states(self) -> Mapping[str, str]:
        """name -> "up", "starting", "failing: at what" or "down: why"."""
        with self._lock:
            return self._states
