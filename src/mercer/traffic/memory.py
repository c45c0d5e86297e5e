"""How much memory a server has while it is visited."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mercer.schema.errors import ConfigError

PROC: Final = Path("/proc")
_PSS: Final = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)


@contextmanager
def watched(pid: int | None, *, every_s: float = 1.0) -> Iterator[dict[str, float]]:
    """Memory in MiB while the block runs: `first`, `max` and `last`; empty where nobody is watched.

    Of a process and all below it; what several of them share is counted once (proportional set size).

    Raises:
        ConfigError: there is no such process, or its memory cannot be read.
    """
    seen: dict[str, float] = {}
    if pid is None:
        yield seen
        return
    if memory_mib(pid) is None:
        raise ConfigError(f"--server-pid: no process {pid} whose memory can be read")
    stop = threading.Event()

    def look() -> None:
        while True:
            if (now := memory_mib(pid)) is not None:
                seen.setdefault("first", now)
                seen.update(max=max(seen.get("max", now), now), last=now)
            if stop.wait(every_s):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def memory_mib(pid: int) -> float | None:
    """Proportional memory of a process and its descendants; None where it cannot be read."""
    try:
        total_kib = _own_kib(pid)
    except OSError:
        return None
    for child in _below(pid):
        try:
            total_kib += _own_kib(child)
        except OSError:  # it ended meanwhile
            continue
    return round(total_kib / 1_024, 1)


def _own_kib(pid: int) -> int:
    found = _PSS.search((PROC / str(pid) / "smaps_rollup").read_text("ascii"))
    if found is None:
        raise FileNotFoundError(f"{PROC}/{pid}/smaps_rollup says no Pss")
    return int(found[1])


def _below(pid: int) -> Iterator[int]:
    for task in sorted((PROC / str(pid) / "task").glob("*")):
        try:
            children = (task / "children").read_text("ascii").split()
        except OSError:  # the thread ended meanwhile
            continue
        for child in map(int, children):
            yield child
            yield from _below(child)
