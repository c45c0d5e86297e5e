"""Features of pages of past days, as they would have been had they been there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mercer.engines.embedded.catalogue_history import catalogue_history
from mercer.engines.embedded.counters.params import CounterParams
from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.replay import replay_to
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.page_replay import PageRows, asked_ms_of, candidates_of, page_rows
from mercer.events.log import START
from mercer.features.counter_reader import CounterReader
from mercer.features.plan import Plan
from mercer.schema.errors import InputError
from mercer.schema.page import Page

OnPages = Callable[[int, int], None]
"""(pages done, pages in all)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillJob:
    """Which pages, and what of them."""

    out: Path
    from_ms: int
    to_ms: int  # not included
    has_all: bool = False  # also candidates that were not shown
    counters_folder: Path | None = None  # `views/counters/`, to begin at a snapshot


@dataclass(slots=True)
class BackfillReport:
    """What was done."""

    pages: int = 0
    rows: int = 0
    lost: int = 0  # candidates that the log does not know any more


@dataclass(frozen=True, slots=True, order=True)
class _Task:
    place: Place  # of the counters that the page saw
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

    A page that read no counters sees those of the events that had come in when it was served.

    Raises:
        InputError: the window has no page.
        FeatureError: the set reads what pages do not keep.
    """
    tasks, row_ids = _tasks(plan, log, job)
    if not tasks:
        raise InputError(
            f"no page was served from {job.from_ms} to {job.to_ms} (ms since 1970); nothing to fill"
        )
    report = BackfillReport()
    part = job.out.with_name(f".{job.out.name}.part")
    writer: pq.ParquetWriter | None = None
    try:
        with catalogue_history(log, row_ids=row_ids) as history:
            for task, counters in _with_counters(plan, log, params, job, tasks):
                page = log.pages.find(task.page_id)
                if page is None:  # removed meanwhile
                    continue
                found = page_rows(page, history, params.rates, reads=plan.reads)
                rows = _values(plan, page, found, counters, has_all=job.has_all)
                writer = writer or pq.ParquetWriter(part, rows.schema, compression="zstd")
                writer.write_batch(rows)
                report.pages += 1
                report.rows += rows.num_rows
                report.lost += found.n_lost
                on_pages(report.pages, len(tasks))
        if writer is not None:
            writer.close()
            part.replace(job.out)
    finally:
        if writer is not None:
            writer.close()
        part.unlink(missing_ok=True)
    return report


def _values(
    plan: Plan, page: Page, found: PageRows, counters: CounterReader | None, *, has_all: bool
) -> pa.RecordBatch:
    matrix = plan.run(found.batch, now_ms=asked_ms_of(page), counters=counters)
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


def _tasks(
    plan: Plan, log: EmbeddedLog, job: BackfillJob
) -> tuple[list[_Task], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The pages of the window in the order of their counters, and all their candidates."""
    at_time = _places_by_time(log) if plan.reads_counters else None
    tasks, row_ids = list[_Task](), [np.zeros(0, np.int64)]
    for entry in log.read(after=START, kinds={"pages"}):
        rows = entry.change.rows
        served = rows.column("served_ms").to_numpy()
        for i in np.flatnonzero((served >= job.from_ms) & (served < job.to_ms)).tolist():
            page_id = rows.column("page_id")[i].as_py()
            page = log.pages.find(page_id)
            if page is None or not page.shown:
                continue
            place = Place()
            if at_time is not None:
                read = page.counters_position
                place = Place.parse(read) if read else at_time(page.served_ms)
            tasks.append(_Task(place, page_id))
            row_ids.append(candidates_of(page))
        row_ids = [np.unique(np.concatenate(row_ids))]
    return sorted(tasks), row_ids[0]


def _places_by_time(log: EmbeddedLog) -> Callable[[int], Place]:
    """The place behind all records of events that had come in at a moment."""
    offsets, received = [], []
    for offset, change in log.events.read(0):
        offsets.append(offset)
        received.append(int(np.max(change.rows.column("received_ms").to_numpy(), initial=0)))
    newest = np.maximum.accumulate(np.array([0, *received]))
    marks = log.events.marks(1, offsets[-1]) if offsets else []

    def place(at_ms: int) -> Place:
        known = int(np.searchsorted(newest, at_ms, side="right")) - 1
        offset = offsets[known - 1] if known > 0 else 0
        catalogue = max((c for first, c in marks if first <= offset), default=0)
        return Place(events=offset, catalogue=catalogue)

    return place


def _with_counters(
    plan: Plan, log: EmbeddedLog, params: CounterParams, job: BackfillJob, tasks: list[_Task]
) -> Iterator[tuple[_Task, CounterReader | None]]:
    if not plan.reads_counters:
        yield from ((task, None) for task in tasks)
        return
    places = sorted({task.place for task in tasks})
    positions = [str(place.position) for place in places]
    readers = replay_to(log, params, positions, folder=job.counters_folder)
    waiting = iter(tasks)
    task = next(waiting, None)
    for place, reader in zip(places, readers, strict=True):
        while task is not None and task.place == place:
            yield task, reader
            task = next(waiting, None)
