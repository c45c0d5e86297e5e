"""Features of pages of past days, as they would have been had they been there."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mercer.engines.embedded.catalogue_history import catalogue_history
from mercer.engines.embedded.counters.params import CounterParams
from mercer.engines.embedded.counters.place import BEGINNING, Place
from mercer.engines.embedded.counters.replay import in_order, replay_to
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_log import PagePartition
from mercer.engines.embedded.log.page_rows import ORDINAL
from mercer.engines.embedded.page_replay import CandidateRows, PageRows, asked_ms_of, page_rows
from mercer.engines.embedded.slate_askers import SlateAskers
from mercer.events.log import START
from mercer.features.column import I64s
from mercer.features.counter_reader import CounterReader
from mercer.features.matrix import FeatureMatrix
from mercer.features.plan import Plan
from mercer.schema.errors import InputError
from mercer.schema.page import Page

OnPages = Callable[[int, int], None]
"""(pages done, pages in all)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayJob:
    """Which pages."""

    from_ms: int
    to_ms: int  # not included
    pages: Collection[str] | None = None  # of these the ones with such ids; None: all
    counters_folder: Path | None = None  # `views/counters/`, to begin at a snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillJob(ReplayJob):
    """And what of them."""

    out: Path
    has_all: bool = False  # also candidates that were not shown


@dataclass(slots=True)
class BackfillReport:
    """What was done."""

    pages: int = 0
    rows: int = 0
    lost: int = 0  # candidates that the log does not know any more


@dataclass(frozen=True, slots=True)
class _Task:
    position: str  # of the counters that the page saw
    page_id: str


def backfill(
    plan: Plan,
    log: EmbeddedLog,
    params: CounterParams,
    job: BackfillJob,
    *,
    on_pages: OnPages = lambda done, total: None,
) -> BackfillReport:
    """Write the features of the pages of a window, a row per listing: listings, sellers and counters as
    of each page. The file is whole or absent.

    A page that read no counters sees those of the events that had come in when it was served, and of
    the searches before it.

    Raises:
        InputError: the window has no page.
        FeatureError: the set reads what pages do not keep.
    """
    report = BackfillReport()
    part = job.out.with_name(f".{job.out.name}.part")
    writer: pq.ParquetWriter | None = None
    try:
        for page, found, matrix in replayed_pages(plan, log, params, job, on_pages=on_pages):
            rows = _values(page, found, matrix, has_all=job.has_all)
            writer = writer or pq.ParquetWriter(part, rows.schema, compression="zstd")
            writer.write_batch(rows)
            report.pages += 1
            report.rows += rows.num_rows
            report.lost += found.n_lost
        if writer is not None:
            writer.close()
            part.replace(job.out)
    finally:
        if writer is not None:
            writer.close()
        part.unlink(missing_ok=True)
    return report


def replayed_pages(
    plan: Plan,
    log: EmbeddedLog,
    params: CounterParams,
    job: ReplayJob,
    *,
    on_pages: OnPages = lambda done, total: None,
) -> Iterator[tuple[Page, PageRows, FeatureMatrix]]:
    """Pages with the rows that features read of them, and the features: as `backfill` writes them.

    Raises:
        InputError: the window has no page.
        FeatureError: the set reads what pages do not keep.
    """
    askers = SlateAskers()
    tasks, row_ids = _tasks(plan, log, job, askers)
    if not tasks:
        raise InputError(
            f"no page was served from {_moment(job.from_ms)} to {_moment(job.to_ms)} (UTC); "
            "nothing to fill"
        )
    with catalogue_history(log, row_ids=row_ids) as history:
        counted = _with_counters(plan, log, params, job, tasks)
        for done, (task, counters) in enumerate(counted, 1):
            page = log.pages.find(task.page_id)
            if page is None:  # removed meanwhile
                continue
            page = askers.as_ranked(page) or _of_nobody(page)
            found = page_rows(page, history, params.rates, reads=plan.reads)
            yield page, found, plan.run(found.batch, now_ms=asked_ms_of(page), counters=counters)
            on_pages(done, len(tasks))


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1e3, UTC).strftime("%Y-%m-%d %H:%M")


def _values(page: Page, found: PageRows, matrix: FeatureMatrix, *, has_all: bool) -> pa.RecordBatch:
    features = matrix.to_arrow()
    position = {one.row_id: one.position for one in page.shown}
    positions = pa.array([position.get(one) for one in found.row_ids.tolist()], pa.int64())
    n = found.row_ids.size
    keys = {
        "page_id": pa.array([page.page_id] * n, pa.string()),
        "served_ms": pa.array(np.full(n, page.served_ms)),
        "listing_id": found.listing_ids,
        "row_id": pa.array(found.row_ids),
        "position": positions,  # null where it was not shown
    }
    names = [*keys, *features.schema.names]
    rows = pa.record_batch([*keys.values(), *features.columns], names=names)
    return rows if has_all else rows.filter(positions.is_valid())


def _of_nobody(page: Page) -> Page:
    """Of a page whose first page is gone the log does not know for whom it was ranked."""
    return replace(page, visitor_id=None, session_id=None, buyer_id=None)


def _tasks(
    plan: Plan, log: EmbeddedLog, job: ReplayJob, askers: SlateAskers
) -> tuple[list[_Task], I64s]:
    """The pages of the window, and all their candidates."""
    at_time = _places_by_time(log) if plan.reads_counters else None
    tasks, row_ids = list[_Task](), CandidateRows()
    for entry in log.read(after=START, kinds={"pages"}):
        rows = entry.change.rows
        askers.note(rows)
        served = rows.column("served_ms").to_numpy()
        for i in np.flatnonzero((served >= job.from_ms) & (served < job.to_ms)).tolist():
            page_id = rows.column("page_id")[i].as_py()
            if job.pages is not None and page_id not in job.pages:
                continue
            page = log.pages.find(page_id)
            if page is None or not page.shown:
                continue
            position = page.counters_position
            if at_time is not None and not position:
                position = at_time(page.served_ms).position or BEGINNING
            tasks.append(_Task(position, page_id))
            row_ids.add(page)
    return tasks, row_ids.different()


def _places_by_time(log: EmbeddedLog) -> Callable[[int], Place]:
    """The place behind all records of events that had come in at a moment, and all pages served before."""
    offsets, received = [], []
    for offset, change in log.events.read(0):
        offsets.append(offset)
        received.append(int(np.max(change.rows.column("received_ms").to_numpy(), initial=0)))
    newest = np.maximum.accumulate(np.array([0, *received]))
    marks = log.events.marks(1, offsets[-1]) if offsets else []
    served = {name: _served(one) for name, one in log.pages.partitions().items()}

    def place(at_ms: int) -> Place:
        known = int(np.searchsorted(newest, at_ms, side="right")) - 1
        offset = offsets[known - 1] if known > 0 else 0
        catalogue = max((c for first, c in marks if first <= offset), default=0)
        pages = {}
        for name, (ordinals, times_ms) in served.items():
            if n := int(np.searchsorted(times_ms, at_ms, side="left")):
                pages[name] = int(ordinals[n - 1])
        return Place(events=offset, catalogue=catalogue, pages=pages)

    return place


def _served(partition: PagePartition) -> tuple[I64s, I64s]:
    """((n,) ordinals, (n,) when the latest of the pages up to there was served)."""
    parts = [rows for _, rows in partition.asked(0)]
    ordinals, served_ms = (
        np.concatenate([np.zeros(0, np.int64), *(one.column(name).to_numpy() for one in parts)])
        for name in (ORDINAL, "served_ms")
    )
    return ordinals, np.maximum.accumulate(served_ms)


def _with_counters(
    plan: Plan, log: EmbeddedLog, params: CounterParams, job: ReplayJob, tasks: list[_Task]
) -> Iterator[tuple[_Task, CounterReader | None]]:
    if not plan.reads_counters:
        yield from ((task, None) for task in tasks)
        return
    groups = dict[str, list[_Task]]()
    for task in tasks:
        groups.setdefault(task.position, []).append(task)
    positions = in_order(groups)
    readers = replay_to(log, params, positions, folder=job.counters_folder)
    for position, reader in zip(positions, readers, strict=True):
        for task in groups[position]:
            yield task, reader
