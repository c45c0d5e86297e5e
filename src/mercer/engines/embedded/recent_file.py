"""What the processes of a market saw a moment ago, each in a small file of its own under run/."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import final

import msgspec

from mercer.events.recent import Recent, Seen

PREFIX = "recent-"
WRITE_EVERY_S = 1.0


@final
class RecentFile:
    """Writes the memory of this process down once a second where it changed; reads that of all.

    Nothing is synced: after a crash the last second is missing, and nobody is billed by it.

    Args:
        folder: run/ of the market; made where it is missing.
        slot: of this process.
    """

    def __init__(self, folder: Path, slot: int, *, now_ms: Callable[[], int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._path = folder, folder / f"{PREFIX}{slot}.json"
        before = _read(self._path)
        self.recent = Recent(now_ms, *((before.since_ms,) if before else ()))
        if before is not None:
            self.recent.remember(before)
        self._written = self.recent.n_changes
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="recent", daemon=True)
        self._thread.start()

    def all_seen(self) -> Seen:
        """What all processes saw, this one to the moment."""
        others = (p for p in sorted(self._folder.glob(f"{PREFIX}*.json")) if p != self._path)
        found = [seen for path in others if (seen := _read(path)) is not None]
        return Seen.together([self.recent.seen(), *found])

    def close(self) -> None:
        """Write the last of it."""
        self._stop.set()
        self._thread.join()
        self._write()

    def _run(self) -> None:
        while not self._stop.wait(WRITE_EVERY_S):
            self._write()

    def _write(self) -> None:
        with self._lock:
            changes = self.recent.n_changes
            if changes == self._written:
                return
            fresh = self._path.with_suffix(".new")
            with suppress(OSError):  # a full disk must not stop what is only looked at
                fresh.write_bytes(msgspec.json.encode(self.recent.seen()))
                os.replace(fresh, self._path)
                self._written = changes


def _read(path: Path) -> Seen | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Seen)
    except (OSError, msgspec.DecodeError):
        return None
