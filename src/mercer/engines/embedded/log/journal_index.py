"""Which pages the journals hold, and where, without unpacking them; read on as the journals grow."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import msgspec

from mercer.engines.embedded.log.page_frame import (
    HEAD,
    Frame,
    Stored,
    decode_heading,
    decode_page,
)
from mercer.engines.embedded.log.page_journal import read_journal


@dataclass(frozen=True, slots=True)
class InJournal:
    """A page of a journal, not unpacked yet."""

    page_id: str
    served_ms: int
    visitor_id: str | None
    path: Path
    start: int  # of its frame
    end: int

    def load(self) -> Stored:
        """All of it.

        Raises:
            FileNotFoundError: the journal was sealed meanwhile.
        """
        handle = os.open(self.path, os.O_RDONLY)
        try:
            payload = os.pread(handle, self.end - self.start - HEAD.size, self.start + HEAD.size)
        finally:
            os.close(handle)
        return decode_page(payload)


@dataclass(slots=True)
class _Known:
    end: int = 0
    by_id: dict[str, InJournal] = field(default_factory=dict)


@final
class JournalIndex:
    """Remembers what it read of each journal, as long as the journal lies there. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Path, _Known] = {}

    def pages(self, path: Path) -> dict[str, InJournal]:
        """The whole pages of a journal by id, oldest first.

        Raises:
            FileNotFoundError: it was sealed meanwhile.
        """
        with self._lock:
            return dict(self._read_on(path))

    def find(self, path: Path, page_id: str) -> InJournal | None:
        """One page of a journal. Raises as `pages`."""
        with self._lock:
            return self._read_on(path).get(page_id)

    def _read_on(self, path: Path) -> dict[str, InJournal]:
        if path not in self._known:  # the moment to forget what was sealed
            self._known = {one: k for one, k in self._known.items() if one.exists()}
        known = self._known.get(path) or _Known()
        read = read_journal(path, start=known.end)
        if read.size < known.end:  # another file of that name: an empty one was replaced
            known, read = _Known(), read_journal(path)
        for frame in read.frames:
            if one := _heading(path, frame):
                known.by_id[one.page_id] = one
        known.end = read.end
        self._known[path] = known
        return known.by_id


def _heading(path: Path, frame: Frame) -> InJournal | None:
    if frame.payload is None:
        return None
    try:
        head = decode_heading(frame.payload)
    except msgspec.DecodeError:
        return None
    return InJournal(head.page_id, head.served_ms, head.visitor_id, path, frame.start, frame.end)
