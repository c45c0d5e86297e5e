"""The keeper of the page log: seals closed journals, removes what was erased or has expired.

It runs beside the writers and never touches a journal that one of them has open. Each step writes the
new file whole before it removes the old one, so that a kill in between changes nothing that is read
(page_folder.py says which file counts), and the next run removes what is left over.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.log.erased import ErasedVisitors, hidden_rows
from mercer.engines.embedded.log.journal_index import JournalIndex
from mercer.engines.embedded.log.journal_rows import counted, kept_rows
from mercer.engines.embedded.log.page_folder import PageFile, PageFolder, partitions
from mercer.engines.embedded.log.page_journal import is_open
from mercer.engines.embedded.log.page_segment import (
    n_removed,
    read_columns,
    segment_batches,
    write_segment,
)
from mercer.schema.errors import CorruptError, MarketBusyError
from mercer.schema.time import DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperParams:
    """When journals are worth sealing."""

    seal_bytes: int = 32 << 20  # so much together, or
    seal_s: float = 3600.0  # the oldest was last written so long ago
    most_bytes: int = 64 << 20  # of journals in one segment
    late_ms: int = 60_000  # a page may reach its journal so long after it was served


@dataclass(slots=True)
class KeeperReport:
    """What one run did, or would do."""

    sealed_journals: int = 0
    sealed_pages: int = 0
    erased_pages: int = 0
    expired_pages: int = 0
    removed_files: int = 0  # whose pages lie in another file
    waiting: list[str] = field(default_factory=list)  # visitors still in a journal that is open
    faults: list[str] = field(default_factory=list)


@final
class Keeper:
    """Keeps the pages of one market.

    Args:
        log: the folder `log/` of the market.
        keep_days: pages that were served longer ago are removed.
        params: when to seal.
    """

    def __init__(self, log: Path, *, keep_days: int, params: KeeperParams | None = None) -> None:
        self._log, self._keep_ms = log, keep_days * DAY_MS
        self._params = params or KeeperParams()
        self._erased, self._journals = ErasedVisitors(log), JournalIndex()
        self._clean: dict[str, Mapping[str, int]] = {}  # segments that were looked through

    def run(self, *, now_ms: int, seal_all: bool = False, dry_run: bool = False) -> KeeperReport:
        """Do all that is due.

        Args:
            now_ms: the time.
            seal_all: seal closed journals however small and young they are.
            dry_run: only count.
        Raises:
            MarketBusyError: another keeper is at work.
        """
        report = KeeperReport()
        with _alone(self._log):
            due = dict(self._erased.visitors())
            for folder in partitions(self._log):
                work = _Work(folder, report, self._params, dry_run)
                work.remove_superseded()
                work.seal(due, now_ms=now_ms, seal_all=seal_all, journals=self._journals)
                self._erase(work, due)
                work.expire(before_ms=now_ms - self._keep_ms)
            self._finish(due, report, now_ms=now_ms, dry_run=dry_run)
        return report

    def _erase(self, work: "_Work", due: Mapping[str, int]) -> None:
        if not due:
            self._clean.clear()
            return
        for file in work.folder.files():
            if file.segment is not None and self._clean.get(file.path.name) != due:
                name = work.erase(file, due)
                if name is not None:
                    self._clean[name] = due

    def _finish(
        self, due: Mapping[str, int], report: KeeperReport, *, now_ms: int, dry_run: bool
    ) -> None:
        """Erasures whose rows are in no file any more leave the list."""
        if not due or dry_run or report.faults:
            return
        waiting, is_any_open = set(), False
        for folder in partitions(self._log):
            for file in folder.files():
                if file.segment is None:
                    is_any_open |= is_open(file.path)
                    waiting |= self._visitors_in(file.path, due)
        late = self._params.late_ms if is_any_open else 0
        self._erased.done(
            {who: at for who, at in due.items() if who not in waiting and at + late <= now_ms}
        )
        report.waiting = sorted(self._erased.visitors())

    def _visitors_in(self, path: Path, due: Mapping[str, int]) -> set[str]:
        try:
            pages = self._journals.pages(path).values()
        except FileNotFoundError:
            return set(due)  # look again next time
        return {
            who
            for page in pages
            if (who := page.visitor_id) is not None and due.get(who, -1) >= page.served_ms
        }


@dataclass(slots=True)
class _Work:
    """The steps on one partition."""

    folder: PageFolder
    report: KeeperReport
    params: KeeperParams
    dry_run: bool

    def remove_superseded(self) -> None:
        """What an interrupted run left beside the file that took its place."""
        for path in [*self.folder.superseded(), *self.folder.path.glob(".*.arrow.*.part")]:
            self.report.removed_files += 1
            self._remove(path)

    def _remove(self, path: Path) -> None:
        if not self.dry_run:
            path.unlink(missing_ok=True)

    def seal(
        self, due: Mapping[str, int], *, now_ms: int, seal_all: bool, journals: JournalIndex
    ) -> None:
        """Turn runs of closed journals into segments."""
        for run in _runs(self.folder.files(), self.params.most_bytes):
            sizes = [(file.path.stat().st_size, file.path.stat().st_mtime) for file in run]
            is_old = now_ms / 1000 - min(time for _, time in sizes) >= self.params.seal_s
            is_large = sum(size for size, _ in sizes) >= self.params.seal_bytes
            if seal_all or is_old or is_large or self._has_erased(run, due, journals):
                try:
                    self._seal_run(run, due)
                except CorruptError as fault:
                    self.report.faults.append(str(fault))

    def _has_erased(
        self, run: Sequence[PageFile], due: Mapping[str, int], journals: JournalIndex
    ) -> bool:
        return bool(due) and any(
            due.get(page.visitor_id or "", -1) >= page.served_ms
            for file in run
            for page in journals.pages(file.path).values()
        )

    def _seal_run(self, files: Sequence[PageFile], due: Mapping[str, int]) -> None:
        run = counted(files, due)
        if not run.n:
            return
        self.report.sealed_journals += len(run.files)
        self.report.sealed_pages += run.n_kept
        self.report.erased_pages += run.n_erased
        if not self.dry_run:
            write_segment(
                self.folder.path,
                kept_rows(run, due),
                first=files[0].first,
                n=run.n,
                n_rows=run.n_kept,
                revision=0,
                n_erased=run.n_erased,
            )
        for file in run.files:
            self._remove(file.path)

    def erase(self, file: PageFile, due: Mapping[str, int]) -> str | None:
        """Remove the rows of erased visitors; the name of the file that has none, None if unknown."""
        try:
            names = read_columns(file.path, ("visitor_id", "served_ms"))
            hidden = hidden_rows(names, due)
            n_erased = 0 if hidden is None else pc.sum(hidden).as_py()
            if not n_erased:  # at most later pages of a visitor who came back
                return file.path.name
            n_before, _ = n_removed(file.path)
            n_rows = names.num_rows - n_erased
            rows = (_without(batch, due) for batch in segment_batches(file.path))
            name = self._replace(file, rows, n_rows=n_rows, n_erased=n_before + n_erased)
        except CorruptError as fault:
            self.report.faults.append(str(fault))
            return None
        self.report.erased_pages += n_erased
        return name

    def _replace(
        self, file: PageFile, rows: Iterable[pa.RecordBatch], *, n_rows: int, n_erased: int
    ) -> str | None:
        old = file.segment
        if self.dry_run or old is None:
            return None
        new = write_segment(
            self.folder.path,
            rows,
            first=old.first,
            n=old.n,
            n_rows=n_rows,
            revision=old.revision + 1,
            n_erased=n_erased,
        )
        self._remove(file.path)
        return str(new)

    def expire(self, *, before_ms: int) -> None:
        """Remove the oldest segments; the newest file stays, empty, for it knows the last ordinal."""
        files = self.folder.files()
        for file in files:
            if file.segment is None or file.segment.max_ms >= before_ms:
                return
            n_pages = self._n_rows(file)
            self.report.expired_pages += n_pages
            if file is not files[-1]:
                self._remove(file.path)
            elif n_pages:
                self._replace(file, (), n_rows=0, n_erased=file.segment.n)

    def _n_rows(self, file: PageFile) -> int:
        try:
            return int(read_columns(file.path, ("served_ms",)).num_rows)
        except CorruptError as fault:
            self.report.faults.append(str(fault))
            return 0


def _runs(files: Sequence[PageFile], most_bytes: int) -> Iterator[list[PageFile]]:
    """Closed journals that follow each other, as many as go into one segment."""
    run: list[PageFile] = []
    size = 0
    for file in files:
        is_closed = file.segment is None and not is_open(file.path)
        n_bytes = file.path.stat().st_size if is_closed else 0
        if run and (not is_closed or size + n_bytes > most_bytes):
            yield run
            run, size = [], 0
        if is_closed:
            run.append(file)
            size += n_bytes
    if run:
        yield run


def _without(rows: pa.RecordBatch, due: Mapping[str, int]) -> pa.RecordBatch:
    """The rows of nobody who was erased."""
    hidden = hidden_rows(rows, due)
    return rows if hidden is None else rows.filter(pc.invert(hidden))


@contextmanager
def _alone(log: Path) -> Iterator[None]:
    """Be the only keeper while the block runs."""
    log.mkdir(parents=True, exist_ok=True)
    handle = os.open(log / ".keeper", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MarketBusyError(
                f"{log}: another process is sealing pages; wait until it is done"
            ) from None
        yield
    finally:
        os.close(handle)
