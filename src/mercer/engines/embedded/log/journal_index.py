"""Which pages the journals hold, and where, without unpacking them; read on as the journals grow."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from pathlib import Path
from typing import final

import msgspec

from mercer.engines.embedded.log.page_frame import (
    HEAD,
    Frame,
    Stored,
    decode_heading,
    decode_page,
    summary_in,
)
from mercer.engines.embedded.log.page_journal import frames_of
from mercer.schema.page import PageSummary


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
        return decode_page(self._payload())

    def summary(self) -> PageSummary:
        """The light part of it. Raises as `load`."""
        return summary_in(self._payload())

    def _payload(self) -> bytes:
        handle = os.open(self.path, os.O_RDONLY)
        try:
            return os.pread(handle, self.end - self.start - HEAD.size, self.start + HEAD.size)
        finally:
            os.close(handle)


@dataclass(slots=True)
class _Known:
    end: int = 0
    by_id: dict[str, InJournal] = field(default_factory=dict)
    newest_ms: list[int] = field(default_factory=list)  # of the first k + 1 pages by id

    def add(self, one: InJournal) -> None:
        if one.page_id not in self.by_id:
            before_ms = self.newest_ms[-1] if self.newest_ms else one.served_ms
            self.newest_ms.append(max(before_ms, one.served_ms))
        self.by_id[one.page_id] = one


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

    def newest(
        self, path: Path, *, limit: int, is_wanted: Callable[[InJournal], bool], from_ms: int
    ) -> list[InJournal]:
        """The newest pages of a journal, newest first; raises as `pages`.

        Pages lie nearly in the order in which they were served: the search goes backwards and ends
        where nothing before can be new enough.

        Args:
            limit: at most so many, >= 1.
            from_ms: none that was served before that instant.
        """
        best: list[tuple[tuple[int, str], InJournal]] = []  # a heap, the oldest on top
        with self._lock:
            self._read_on(path)
            known = self._known[path]
            backwards = zip(reversed(known.by_id.values()), reversed(known.newest_ms), strict=True)
            for one, newest_ms in backwards:
                if newest_ms < from_ms or (len(best) == limit and newest_ms < best[0][0][0]):
                    break
                if one.served_ms < from_ms or not is_wanted(one):
                    continue
                (heappush if len(best) < limit else heappushpop)(
                    best, ((one.served_ms, one.page_id), one)
                )
        return [one for _, one in sorted(best, reverse=True)]

    def _read_on(self, path: Path) -> dict[str, InJournal]:
        if path not in self._known:  # the moment to forget what was sealed
            self._known = {one: k for one, k in self._known.items() if one.exists()}
        known = self._known.get(path) or _Known()
        if path.stat().st_size < known.end:  # another file of that name: an empty one was replaced
            known = _Known()
        for frame in frames_of(path, start=known.end):
            if one := _heading(path, frame):
                known.add(one)
            known.end = frame.end
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
