"""What the processes of a market saw a moment ago, each in a small file of its own under run/."""

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import final

import msgspec

from mercer.events.recent import Recent, Seen
from mercer.schema.errors import CorruptError

PREFIX = "recent-"
WRITE_EVERY_S = 1.0


@final
class RecentFile:
    """Writes the memory of this process down once a second where it changed; reads that of all.

    Nothing is synced: after a crash the last second is missing, and nobody is billed by it.

    Args:
        folder: run/ of the market; made where it is missing.
        slot: of this process.
        erased: visitors to be forgotten, and up to when; asked once a second.
    """

    def __init__(
        self,
        folder: Path,
        slot: int,
        *,
        now_ms: Callable[[], int],
        erased: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._path = folder, folder / f"{PREFIX}{slot}.json"
        self._erased = erased
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
        with suppress(CorruptError):  # a broken list is told by those who read pages
            self.recent.forget(self._erased())
        with self._lock:
            changes = self.recent.n_changes
            if changes == self._written:
                return
            with suppress(OSError):  # a full disk must not stop what is only looked at
                _replace(self._path, self.recent.seen())
                self._written = changes


def forget_seen(folder: Path, visitors: Mapping[str, int]) -> None:
    """Take visitors out of all files, also those of processes that are gone.

    A process that still runs may write them once more; it forgets them itself, by its `erased`.

    Args:
        folder: run/ of the market.
        visitors: up to which time, by id.
    """
    for path in folder.glob(f"{PREFIX}*.json"):
        seen = _read(path)
        if seen is None:
            path.unlink(missing_ok=True)  # nobody can read it, so nobody can tell who is in it
        elif (kept := seen.without(visitors)) != seen:
            _replace(path, kept)


def _replace(path: Path, seen: Seen) -> None:
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.write_bytes(msgspec.json.encode(seen))
    os.replace(fresh, path)


def _read(path: Path) -> Seen | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Seen)
    except (OSError, msgspec.DecodeError):
        return None
