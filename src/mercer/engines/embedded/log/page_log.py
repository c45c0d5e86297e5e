"""Pages read back: found by id, the newest, or one partition in its order.

Everything here may run in any process, also while pages are written and sealed: what was listed and
is gone when it is opened was sealed meanwhile, so the folder is listed again.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import nlargest
from pathlib import Path
from typing import Any, Final, TypeVar, final

import msgspec
import pyarrow as pa

from mercer.engines.embedded.log.erased import ErasedVisitors
from mercer.engines.embedded.log.journal_index import InJournal, JournalIndex
from mercer.engines.embedded.log.page_folder import PageFile, PageFolder, partitions
from mercer.engines.embedded.log.page_frame import Frame, Stored, decode_asked, decode_page, page_of
from mercer.engines.embedded.log.page_journal import frames_of
from mercer.engines.embedded.log.page_rows import (
    ASKED_PAGE,
    LIGHT_PAGE,
    ORDINAL,
    asked_rows,
    page_at,
    rows_of,
    summary_at,
)
from mercer.engines.embedded.log.page_segment import find_row, id_ms, segment_batches
from mercer.engines.embedded.log.partition import Partition
from mercer.events.log import Change, RecordKind
from mercer.events.page_log import PageFinder
from mercer.schema.page import PAGE, Page, PageSummary

T = TypeVar("T")
_EVER_MS = -(1 << 62)
PAGES_PER_RECORD = 128


def stored_at(payload: memoryview | None) -> Stored | None:
    """The page of a frame; None where its bytes are damaged."""
    return _decoded(payload, decode_page)


def _decoded(payload: memoryview | None, decode: Callable[[memoryview], T]) -> T | None:
    if payload is None:
        return None
    try:
        return decode(payload)
    except msgspec.DecodeError:
        return None


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns are read, and how they come out of the two kinds of files."""

    decode: Callable[[memoryview], Any]
    rows: Callable[[Sequence[Any], Sequence[int]], pa.RecordBatch]
    of_segment: Sequence[str] | None  # None: all


_ALL = _Columns(decode_page, rows_of, None)
_ASKED = _Columns(decode_asked, asked_rows, ASKED_PAGE.names)


@final
class PagePartition:
    """The pages of one slot, in the order they were written. Offsets are ordinals."""

    kinds: Final = frozenset[RecordKind]({"pages"})

    def __init__(self, folder: Path, erased: ErasedVisitors) -> None:
        self._folder, self._erased = PageFolder(folder), erased
        self._at: tuple[Path, int, int] | None = None  # journal, ordinals read of it, byte offset
        self._counted: tuple[Path | None, int, int] = (None, 0, 0)  # the same, of `end`

    def read(self, after: int, *, kinds: Collection[RecordKind]) -> Iterator[tuple[int, Change]]:
        """(ordinal of the last row, rows) after that ordinal, by ordinal.

        An ordinal whose page was erased, has expired or is damaged has no row; the offset passes it.
        """
        if "pages" not in kinds:
            return
        for upto, rows in self._read(after, _ALL):
            yield upto, Change("pages", rows.select(PAGE.names))

    def asked(self, after: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """As `read`, but rows of ASKED_PAGE: a small part of the bytes and of the work.

        One partition is either read or asked: it remembers where its last reader was.
        """
        return self._read(after, _ASKED)

    def _read(self, after: int, columns: _Columns) -> Iterator[tuple[int, pa.RecordBatch]]:
        while True:
            try:
                for file in self._folder.files():
                    if file.last is None or file.last > after:
                        for upto, rows in self._records(file, after, columns):
                            yield upto, self._erased.kept(rows)
                            after = upto
                return
            except FileNotFoundError:  # sealed meanwhile: its pages lie in another file now
                continue

    def _records(
        self, file: PageFile, after: int, columns: _Columns
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        upto = after
        source = _segment_records if file.segment else self._journal_records
        for upto, rows in source(file, after, columns):
            yield upto, rows
        if file.last is not None and upto < file.last:
            yield file.last, columns.rows([], [])

    def _journal_records(
        self, file: PageFile, after: int, columns: _Columns
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        skip, start = 0, 0
        if (
            self._at is not None
            and self._at[0] == file.path
            and file.first + self._at[1] <= after + 1
        ):
            _, skip, start = self._at  # only what came since
        last = file.first + skip - 1
        frames = frames_of(file.path, start=start)
        for part in _parts_of(frames, is_growing=file.last is None):
            ordinal, last = last + 1, last + len(part)
            if last > after:
                numbered = enumerate(part, ordinal)
                pages = {
                    n: p
                    for n, f in numbered
                    if n > after and (p := _decoded(f.payload, columns.decode))
                }
                yield last, columns.rows(list(pages.values()), list(pages))
            self._at = (file.path, last - file.first + 1, part[-1].end)

    def end(self) -> int:
        """The ordinal of the last page."""
        while True:
            files = self._folder.files()
            if not files or files[-1].last is not None:
                return (files[-1].last or 0) if files else 0
            newest = files[-1]
            path, n, start = self._counted
            if path != newest.path:
                n, start = 0, 0
            try:
                for frame in frames_of(newest.path, start=start):
                    n, start = n + 1, frame.end
            except FileNotFoundError:  # sealed since it was listed
                continue
            self._counted = (newest.path, n, start)
            return newest.first - 1 + n

    def expired_up_to(self) -> int:
        """The last ordinal of the files that were removed because of their age; 0 of none."""
        return max(self._folder.files()[0].first - 1, 0) if self._folder.files() else 0

    def n_rows(self, after: int, *, kinds: Collection[RecordKind]) -> int:
        """Ordinals after that one; those of removed pages count until they were read."""
        return max(0, self.end() - after) if "pages" in kinds else 0


def _parts_of(frames: Iterator[Frame], *, is_growing: bool) -> Iterator[list[Frame]]:
    """PAGES_PER_RECORD frames at a time.

    Args:
        is_growing: the last frame may be damaged because it was looked at while it was written; it is
            left out then.
    """
    part: list[Frame] = []
    for frame in frames:
        if len(part) == PAGES_PER_RECORD:
            yield part
            part = []
        part.append(frame)
    if is_growing and part and part[-1].payload is None:
        part.pop()
    if part:
        yield part


def _segment_records(
    file: PageFile, after: int, columns: _Columns
) -> Iterator[tuple[int, pa.RecordBatch]]:
    for batch in segment_batches(file.path, after=after, names=columns.of_segment):
        yield batch.column(ORDINAL)[-1].as_py(), batch


@final
class PageLog:
    """All pages of a market, over all slots. Thread-safe.

    Args:
        log: the folder `log/` of a market.
    """

    def __init__(self, log: Path) -> None:
        self._log, self.erased, self._journals = log, ErasedVisitors(log), JournalIndex()
        self._folders: dict[Path, PageFolder] = {}  # each remembers what it listed

    def _partitions(self) -> list[PageFolder]:
        return [self._folders.setdefault(one.path, one) for one in partitions(self._log)]

    def partitions(self) -> dict[str, PagePartition]:
        """Those that are there now, by name."""
        return {f.path.name: PagePartition(f.path, self.erased) for f in partitions(self._log)}

    def find(self, page_id: str) -> Page | None:
        """The page of that id; None where the log has none, or has it no more."""
        at_ms = id_ms(page_id)
        for folder in self._partitions():
            page = _retried(partial(self._find_in, folder, page_id, at_ms))
            if page is not None:
                return None if self.erased.hides(page.visitor_id, page.served_ms) else page
        return None

    def _find_in(self, folder: PageFolder, page_id: str, at_ms: int | None) -> Page | None:
        for file in reversed(folder.files()):
            name = file.segment
            if name is None:
                seen = self._journals.find(file.path, page_id)
                if seen is not None:
                    return page_of(seen.load())
            elif at_ms is None or name.min_ms <= at_ms <= name.max_ms:
                rows = find_row(file.path, page_id)
                if rows is not None:
                    return page_at(rows, 0)
        return None

    def recent(self, *, limit: int, before_ms: int | None = None) -> list[PageSummary]:
        """The newest pages, newest first; those served before that instant."""
        return _retried(partial(self._recent, limit, before_ms))

    def _recent(self, limit: int, before_ms: int | None) -> list[PageSummary]:
        found: list[InJournal | _Row] = []
        for folder in self._partitions():
            for file in reversed(folder.files()):
                from_ms = found[-1].served_ms if len(found) == limit else _EVER_MS
                newer = self._newest_of(file, limit, before_ms, from_ms)
                found = nlargest(limit, [*found, *newer], key=_newness)
        return [one.summary() for one in found]

    def _newest_of(
        self, file: PageFile, limit: int, before_ms: int | None, from_ms: int
    ) -> Sequence["InJournal | _Row"]:
        """The newest of one file; a segment is opened only if it may hold one of them."""

        def is_wanted(page: InJournal | _Row) -> bool:
            in_time = before_ms is None or page.served_ms < before_ms
            return in_time and not self.erased.hides(page.visitor_id, page.served_ms)

        name = file.segment
        if name is None:
            return self._journals.newest(
                file.path, limit=limit, is_wanted=is_wanted, from_ms=from_ms
            )
        if name.max_ms < from_ms or (before_ms is not None and name.min_ms >= before_ms):
            return ()
        found: list[_Row] = []
        for batch in segment_batches(file.path, names=LIGHT_PAGE):
            here = filter(is_wanted, _rows_in(batch))
            found = nlargest(limit, [*found, *here], key=_newness)
        return found


@dataclass(frozen=True, slots=True)
class _Row:
    """A page of a segment, not unpacked yet."""

    page_id: str
    served_ms: int
    visitor_id: str | None
    batch: pa.RecordBatch
    i: int

    def summary(self) -> PageSummary:
        return summary_at(self.batch, self.i)


def _rows_in(batch: pa.RecordBatch) -> Iterator[_Row]:
    columns = (batch[name].to_pylist() for name in ("page_id", "served_ms", "visitor_id"))
    return (
        _Row(page_id, served_ms, visitor_id, batch, i)
        for i, (page_id, served_ms, visitor_id) in enumerate(zip(*columns, strict=True))
    )


def _newness(page: InJournal | _Row) -> tuple[int, str]:
    return page.served_ms, page.page_id


def _retried(look: Callable[[], T]) -> T:
    """Look again where a file was sealed between listing and opening it."""
    while True:
        try:
            return look()
        except FileNotFoundError:
            continue


_conforms: type[PageFinder] = PageLog
_partition_conforms: type[Partition] = PagePartition
