"""From source files to the log and the view, in a stream: read, judge, append, apply.

Reading and judging the next batch runs beside the writing of the last one, on two cores.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from mercer.engines.embedded.duplicates import SeenIds
from mercer.engines.embedded.foreign_events import ForeignEvents
from mercer.engines.embedded.readers import Block, JsonLines, Source, open_source
from mercer.engines.embedded.rejects import RejectsFile
from mercer.engines.embedded.store import Store
from mercer.events.log import Change, RecordKind
from mercer.schema.attributes import SideAttributes, values_as_text
from mercer.schema.catalogue import Applied
from mercer.schema.cells import as_text
from mercer.schema.errors import InputError, MappingError
from mercer.schema.fields import RULES, SCHEMAS, RowKind
from mercer.schema.judge import Defaults, Judged, judge, judge_objects
from mercer.schema.mapping import SECTIONS, SideColumns, SourceMap
from mercer.schema.objects import columns_of

BATCH_ROWS = 65_536  # of one record of the log
BATCH_BYTES = 64 * 2**20
EVENT_ROWS = 8_192  # a consumer of the log holds some such records at a time
N_EXAMPLES = 10

# Called after each block: the file, its bytes read, its bytes in all, rows read so far.
OnProgress = Callable[[Path, int, int, int], None]


@dataclass(frozen=True, slots=True)
class Example:
    """One row that something is wrong with."""

    file: str
    row: int
    reason: str


@dataclass(slots=True, kw_only=True)
class IngestReport:
    """What became of the rows of some files."""

    kind: RowKind
    files: int = 0
    read: int = 0
    accepted: int = 0
    changed: int = 0  # in the view
    unchanged: int = 0  # nothing newer than what was there
    rejected: int = 0
    duplicates: int = 0  # rows whose id is in the same file before
    skipped: Counter[str] = field(
        default_factory=Counter
    )  # foreign rows that are no events of ours
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    absent_columns: list[str] = field(default_factory=list)  # named by the map, in no row
    failed_files: list[str] = field(default_factory=list)  # with the reason
    rejects_files: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Nothing was wrong with any row or file."""
        return not (self.rejected or self.duplicates or self.failed_files)

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        rate = round(self.read / self.seconds) if self.seconds > 0 else 0
        names = (
            "kind", "files", "read", "accepted", "changed", "unchanged", "rejected", "duplicates",
            "ignored_columns", "absent_columns", "failed_files", "rejects_files",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {
            "skipped": dict(self.skipped.most_common()),
            "reasons": dict(self.reasons.most_common()),
            "examples": [{"file": e.file, "row": e.row, "reason": e.reason} for e in self.examples],
            "seconds": round(self.seconds, 3),
            "rows_per_s": rate,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestJob:
    """What to do with which files."""

    paths: Sequence[Path]
    kind: RowKind
    source_map: SourceMap
    currency: str  # where a row has a price and none
    now_ms: int
    rejects: Path | None = None  # the folder for rows set aside; None: only count them
    open_foreign: Callable[[Path], ForeignEvents] | None = None  # of files with foreign events


@dataclass(slots=True)
class _Writes:
    """Gathers good rows into batches and writes them on a thread of their own, one at a time."""

    store: Store | None
    kind: RecordKind
    report: IngestReport
    pending: list[pa.RecordBatch] = field(default_factory=list)
    n_rows: int = 0
    n_bytes: int = 0
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    running: Future[list[Applied]] | None = None

    def add(self, rows: pa.RecordBatch) -> None:
        if self.store is None or not rows.num_rows:
            return
        self.pending.append(rows)
        self.n_rows += rows.num_rows
        self.n_bytes += rows.nbytes
        if self.n_rows >= BATCH_ROWS or self.n_bytes >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        if self.store is None or not self.pending:
            return
        table = pa.Table.from_batches(self.pending).combine_chunks()
        self.pending, self.n_rows, self.n_bytes = [], 0, 0
        self._wait()
        if self.kind == "events":
            batches = table.to_batches(max_chunksize=EVENT_ROWS)
            self.running = self.pool.submit(self._write_events, batches)
            return
        batches = table.to_batches(max_chunksize=2 * BATCH_ROWS)
        changes = [Change(self.kind, batch) for batch in batches]
        self.running = self.pool.submit(self.store.writer.write, changes)

    def _write_events(self, batches: Sequence[pa.RecordBatch]) -> list[Applied]:
        assert self.store is not None
        known = [int(self.store.log.events.append(batch).sum()) for batch in batches]
        return [Applied(b.num_rows - n, n, 0) for b, n in zip(batches, known, strict=True)]

    def _wait(self) -> None:
        if self.running is not None:
            done, self.running = self.running.result(), None
            self.report.changed += sum(one.n_changed for one in done)
            self.report.unchanged += sum(one.n_stale for one in done)

    def __enter__(self) -> "_Writes":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        try:
            if kind is None or issubclass(kind, InputError):
                self.flush()
            self._wait()
        finally:
            self.pool.shutdown()


def ingest(
    job: IngestJob, *, store: Store | None, on_progress: OnProgress | None = None
) -> IngestReport:
    """Read the files and write their good rows; without a store, only say what is wrong.

    A file that breaks off is reported, and what was read of it is in; the other files go on.

    Raises:
        NotFoundError: a file is missing; nothing was read.
        MappingError: the map does not fit the files; nothing was written.
    """
    began = time.perf_counter()
    report = IngestReport(kind=job.kind)
    sources = _opened(job, report)
    side = _read_side(job, sources, report)
    for source in sources:
        _check_map(job, source)
    with _Writes(store, job.kind, report) as writes:
        for source in sources:
            report.files += 1
            try:
                _ingest_one(job, source, side, writes, on_progress)
            except InputError as fault:
                report.failed_files.append(str(fault))
    report.seconds = time.perf_counter() - began
    return report


def _opened(job: IngestJob, report: IngestReport) -> list[Source]:
    sources: list[Source] = []
    for path in job.paths:
        try:
            if job.open_foreign is not None:
                sources.append(job.open_foreign(path))
            else:
                sources.append(open_source(path, delimiter=job.source_map.delimiter))
        except InputError as fault:
            report.files += 1
            report.failed_files.append(str(fault))
    return sources


def _check_map(job: IngestJob, source: Source) -> None:
    """Every column that a map names must be in a source whose columns are known."""
    wanted = job.source_map.columns(job.kind)
    if job.source_map.is_explicit and not job.source_map.sources(job.kind):
        raise MappingError(f"the map has no [{SECTIONS[job.kind]}] section for {job.kind}")
    if source.columns is None:
        return
    if job.source_map.is_explicit:
        if missing := [name for name in wanted if name not in source.columns]:
            raise MappingError(
                f"{source.path} has no column {', '.join(missing)}, which the map names; "
                f"it has {', '.join(source.columns)}"
            )
    elif not set(wanted) & set(source.columns):
        raise MappingError(
            f"{source.path} has no column that Mercer knows by itself; it has "
            f"{', '.join(source.columns)}. Allowed are {', '.join(wanted)}; "
            "or say with --map which column feeds which field"
        )


def _read_side(
    job: IngestJob, sources: list[Source], report: IngestReport
) -> SideAttributes | None:
    """Take the long-form attribute files out of the sources and join them into memory."""
    columns = job.source_map.side
    if columns is None or job.kind != "listings":
        return None
    parts: list[tuple[Any, Any, Any]] = []
    for source in list(sources):
        if _is_side(source, columns, job.source_map):
            sources.remove(source)
            report.files += 1
            try:
                parts.extend(_side_parts(source, columns))
            except InputError as fault:
                report.failed_files.append(str(fault))
    if not parts:
        return None
    if not sources:
        raise MappingError("attribute files alone make no listings; give their products with them")
    ids, names, values = (pa.concat_arrays(arrays) for arrays in zip(*parts, strict=True))
    return SideAttributes.build(ids, names, values)


def _is_side(source: Source, columns: SideColumns, source_map: SourceMap) -> bool:
    have = source.columns
    if have is None:
        have = source.peek() if isinstance(source, JsonLines) else ()
    titles = {c for s in source_map.fields["listings"].get("title", ()) for c in s.columns}
    return {columns.listing_id, columns.name, columns.value} <= set(have) and not titles & set(have)


def _side_parts(source: Source, columns: SideColumns) -> Iterator[tuple[Any, Any, Any]]:
    wanted = (columns.listing_id, columns.name, columns.value)
    for block in source.blocks(wanted):
        given = block.columns
        if block.items is not None:
            given = columns_of([item for item in block.items if isinstance(item, dict)])
        if not all(name in given for name in wanted):
            continue
        ids, names = (given[name].convert(as_text).values for name in wanted[:2])
        value = given[columns.value]
        if value.values is not None:
            texts = value.convert(as_text).values
        else:
            texts, _ = values_as_text(value.arrow)
        yield ids, names, texts


def _ingest_one(
    job: IngestJob,
    source: Source,
    side: SideAttributes | None,
    writes: _Writes,
    on_progress: OnProgress | None,
) -> None:
    report, seen = writes.report, SeenIds()
    wanted = job.source_map.columns(job.kind)
    occurred: dict[str, None] = dict.fromkeys(source.columns or ())
    rejects = RejectsFile(job.rejects, source.path) if job.rejects else None
    # A deletion without a time is one now; a listing without one is as old as its file.
    mtime_ms = int(source.path.stat().st_mtime * 1000)
    updated_ms = job.now_ms if job.kind == "deletions" else min(mtime_ms, job.now_ms)
    defaults = Defaults(now_ms=job.now_ms, updated_ms=updated_ms, currency=job.currency)
    try:
        for block in source.blocks(wanted):
            judged = _judged(job, block, defaults, side, occurred)
            rows = _note_duplicates(job, source, block, judged, seen, report, rejects)
            _note_rejections(source, block, judged, report, rejects)
            report.read += len(block.row) + len(block.bad) if block.n_read is None else block.n_read
            report.accepted += rows.num_rows
            writes.add(rows)
            if on_progress:
                progress = source.progress
                on_progress(source.path, progress.done_bytes, progress.total_bytes, report.read)
    finally:
        if isinstance(source, ForeignEvents):
            report.skipped.update(source.skipped)
        if rejects:
            rejects.close()
            report.rejects_files += [str(rejects.path)] if rejects.path else []
    _note_columns(job, wanted, occurred, report)


def _note_columns(
    job: IngestJob, wanted: Sequence[str], occurred: Mapping[str, None], report: IngestReport
) -> None:
    """Columns that nothing reads, and those that a map reads and no row had."""
    known = set(wanted)
    if job.kind == "deletions":  # a whole listing may be given to delete it
        known |= {*job.source_map.columns("listings"), *(r.name for r in RULES["listings"])}
    for name in occurred:
        if name not in known and name not in report.ignored_columns:
            report.ignored_columns.append(name)
    if job.source_map.is_explicit:
        report.absent_columns += [
            name for name in wanted if name not in occurred and name not in report.absent_columns
        ]


def _judged(
    job: IngestJob,
    block: Block,
    defaults: Defaults,
    side: SideAttributes | None,
    occurred: dict[str, None],
) -> Judged:
    if block.items is None:
        return judge(block.columns, len(block.row), kind=job.kind, source_map=job.source_map,
                     defaults=defaults, side=side)  # fmt: skip
    if len(occurred) < 1_000:  # names of a hostile file must not fill the memory
        for item in block.items:
            if isinstance(item, dict):
                occurred.update(dict.fromkeys(item))
    return judge_objects(
        block.items, kind=job.kind, source_map=job.source_map, defaults=defaults, side=side
    )


def _note_duplicates(
    job: IngestJob,
    source: Source,
    block: Block,
    judged: Judged,
    seen: SeenIds,
    report: IngestReport,
    rejects: RejectsFile | None,
) -> pa.RecordBatch:
    """Report ids that were in this file before; of an event only the first is kept."""
    key = SCHEMAS[job.kind].names[0]
    row = block.row[judged.kept]
    earlier = seen.earlier(judged.rows.column(key), row)
    again = np.flatnonzero(earlier)
    if not len(again):
        return judged.rows
    report.duplicates += len(again)
    rule = (
        "the first one counts"
        if job.kind == "events"
        else "the later updated_ms wins, at equal times the later row"
    )
    words = f"{key} occurs more than once in this file; {rule}"
    report.reasons[words] += len(again)
    for i in again.tolist():
        reason = f"{words} (row {earlier[i]})"
        if rejects:
            rejects.add(int(row[i]), reason, block.raw(int(judged.kept[i])))
        _exemplify(report, source, int(row[i]), reason)
    if job.kind != "events":
        return judged.rows
    return judged.rows.filter(pa.array(earlier == 0))


def _note_rejections(
    source: Source, block: Block, judged: Judged, report: IngestReport, rejects: RejectsFile | None
) -> None:
    for bad in block.bad:
        report.rejected += 1
        report.reasons[bad.words] += 1
        reason = f"{bad.words}, got {bad.got}" if bad.got else bad.words
        if rejects:
            rejects.add(bad.row, reason, bad.raw)
        _exemplify(report, source, bad.row, reason)
    for one in judged.rejections:
        report.rejected += 1
        report.reasons.update(words for words, _ in one.faults)
        row = int(block.row[one.index])
        if rejects:
            rejects.add(row, one.reason, block.raw(one.index))
        _exemplify(report, source, row, one.reason)


def _exemplify(report: IngestReport, source: Source, row: int, reason: str) -> None:
    if len(report.examples) < N_EXAMPLES:
        report.examples.append(Example(source.path.name, row, reason))
