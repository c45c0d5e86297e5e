"""The files of one partition of pages; their names are the index.

    log/pages-<slot>/<first>.journal                                             see page_journal.py
    log/pages-<slot>/<first>-<n>-<revision>-<min ms>-<max ms>-<sha16>.arrow      see page_segment.py

Ordinals count the pages of the partition from 1. A segment takes the place of the journals whose
ordinals it covers, and of a segment with the same first ordinal and a lower revision; until those are
removed both lie there, and the covered ones are not looked at.
"""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import final

from mercer.engines.embedded.log.page_journal import SUFFIX, frames_of

PARTITION_PREFIX = "pages-"
_SETTLED_NS = 100_000_000  # far above the grain of a file system's times
_SEGMENT = re.compile(r"^(\d{20})-(\d+)-(\d+)-(\d+)-(\d+)-([0-9a-f]{16})\.arrow$")
_JOURNAL = re.compile(rf"^(\d{{20}}){re.escape(SUFFIX)}$")


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What the name of a segment says."""

    first: int
    n: int  # ordinals it covers, those of removed pages included
    revision: int
    min_ms: int  # of served_ms and of the ids' own times; 0 where it holds no page
    max_ms: int
    sha16: str  # of the content

    @property
    def last(self) -> int:
        """The highest ordinal it covers."""
        return self.first + self.n - 1

    def __str__(self) -> str:
        return (
            f"{self.first:020d}-{self.n}-{self.revision}-{self.min_ms}-{self.max_ms}-"
            f"{self.sha16}.arrow"
        )


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file of a partition, and the ordinals it stands for."""

    path: Path
    first: int
    last: int | None  # None: the newest journal, which may grow
    segment: SegmentName | None  # None: a journal


@final
class PageFolder:
    """One partition, as anybody may look at it while it is written and sealed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, list[PageFile]] | None = (
            None  # mtime of the folder, and what it held
        )

    @property
    def slot(self) -> int:
        """The number in the folder's name."""
        return int(self.path.name.removeprefix(PARTITION_PREFIX))

    def files(self) -> list[PageFile]:
        """The files that count, in the order of their ordinals."""
        try:
            changed_ns = os.stat(self.path).st_mtime_ns
        except FileNotFoundError:
            return []
        if self._seen is not None and self._seen[0] == changed_ns:
            return self._seen[1]
        looked_ns = time.time_ns()
        files = _standing(self.path, self._names())
        # Two changes soon after each other may have the same time.
        self._seen = (changed_ns, files) if looked_ns - changed_ns > _SETTLED_NS else None
        return files

    def _names(self) -> set[str]:
        """A listing that no renaming slipped through: two in a row that are equal.

        A file is removed only after the one that takes its place was named, so whoever saw neither
        sees the new one when it looks again.
        """
        names = _listed(self.path)
        while names != (again := _listed(self.path)):
            names = again
        return names

    def superseded(self) -> list[Path]:
        """Files whose pages lie in another one; only the keeper removes them."""
        names = self._names()
        standing = {file.path.name for file in _standing(self.path, names)}
        known = (n for n in names if _SEGMENT.match(n) or _JOURNAL.match(n))
        return sorted(self.path / name for name in known if name not in standing)

    def end(self) -> int:
        """The ordinal of the last page; 0 where there never was one."""
        while True:
            files = self.files()
            if not files:
                return 0
            newest = files[-1]
            if newest.last is not None:
                return newest.last
            try:
                return newest.first - 1 + sum(1 for _ in frames_of(newest.path))
            except FileNotFoundError:  # sealed since it was listed
                continue


def _listed(path: Path) -> set[str]:
    try:
        return {name for name in os.listdir(path) if not name.startswith(".")}
    except FileNotFoundError:
        return set()


def _standing(path: Path, names: set[str]) -> list[PageFile]:
    segments = sorted(_segments(names), key=lambda s: (s.first, -s.n, -s.revision))
    journals = sorted(int(found[1]) for name in names if (found := _JOURNAL.match(name)))
    files: list[PageFile] = []
    covered = 0
    for segment in segments:
        if segment.first > covered:
            files.append(PageFile(path / str(segment), segment.first, segment.last, segment))
            covered = segment.last
    ranges = [(file.first, file.last or 0) for file in files]
    files += [
        PageFile(path / f"{first:020d}{SUFFIX}", first, None, None)
        for first in journals
        if not any(low <= first <= high for low, high in ranges)
    ]
    files.sort(key=lambda file: file.first)
    # Whoever wrote the next file had counted to the end of this one.
    for i, (file, after) in enumerate(pairwise(files)):
        if file.last is None:
            files[i] = PageFile(file.path, file.first, after.first - 1, None)
    return files


def _segments(names: set[str]) -> Iterator[SegmentName]:
    for name in names:
        if found := _SEGMENT.match(name):
            first, n, revision, min_ms, max_ms = map(int, found.groups()[:5])
            yield SegmentName(first, n, revision, min_ms, max_ms, found[6])


def partitions(log: Path) -> list[PageFolder]:
    """All partitions of a log folder, in the order of their slots."""
    numbers = (name.removeprefix(PARTITION_PREFIX) for name in _listed(log) if _is_slot(name))
    return [PageFolder(log / f"{PARTITION_PREFIX}{k}") for k in sorted(map(int, numbers))]


def _is_slot(name: str) -> bool:
    return name.startswith(PARTITION_PREFIX) and name[len(PARTITION_PREFIX) :].isdigit()
