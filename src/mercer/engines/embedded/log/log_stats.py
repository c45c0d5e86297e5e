"""How much the log holds: rows, bytes and times by partition and kind; how far its consumers are."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from mercer.engines.embedded.log.journal_index import JournalIndex
from mercer.engines.embedded.log.market_log import EmbeddedLog, parse_position
from mercer.engines.embedded.log.page_folder import PageFolder, partitions
from mercer.engines.embedded.log.page_segment import n_removed
from mercer.engines.embedded.sqlite_file import open_shared
from mercer.engines.embedded.view.attribution_view import AttributionView
from mercer.engines.embedded.view.traffic_view import TrafficView
from mercer.events.log import Position, RecordKind

TIMES: dict[RecordKind, str] = {
    "listings": "updated_ms",
    "deletions": "updated_ms",
    "sellers": "updated_ms",
    "campaigns": "updated_ms",
    "rules": "updated_ms",
    "events": "received_ms",
    "pages": "served_ms",
    "erasures": "erased_ms",
}


_READS: dict[str, frozenset[RecordKind]] = {
    view.name: view.kinds for view in (AttributionView, TrafficView)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KindStats:
    """One kind of record in one partition."""

    partition: str
    kind: str
    n_records: int  # of pages: files
    n_rows: int
    n_bytes: int  # on disk; of the catalogue and the events: of the records themselves
    first_ms: int | None  # None where there is no row
    last_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerStats:
    """One consumer of the log."""

    name: str
    position: str
    lag: int  # rows of the partitions it reads that it has not read yet


def kind_stats(folder: Path, log: EmbeddedLog) -> list[KindStats]:
    """One line per partition and kind that has any row.

    Args:
        folder: `log/` of a market; another process may own it.
        log: the same, opened.
    """
    found = [*_catalogue_stats(folder, log), *_event_stats(folder)]
    found += [_page_stats(part) for part in partitions(folder)]
    return [one for one in found if one.n_rows]


def _catalogue_stats(folder: Path, log: EmbeddedLog) -> Iterator[KindStats]:
    path = folder / "log.db"
    if not path.exists():
        return
    with closing(open_shared(path)) as db:
        found = db.execute(
            "select kind, count(*), sum(n_rows), sum(coalesce(length(payload), 0)), "
            "min(position), max(position) from record group by kind order by kind"
        ).fetchall()
        files = db.execute("select distinct kind, file from record where file is not null")
        sizes: dict[str, int] = {}
        for kind, name in files.fetchall():
            size = (folder / "files" / name).stat().st_size
            sizes[kind] = sizes.get(kind, 0) + size
    for kind, n_records, n_rows, n_bytes, first, last in found:
        yield KindStats(
            partition="catalogue",
            kind=kind,
            n_records=n_records,
            n_rows=n_rows,
            n_bytes=n_bytes + sizes.get(kind, 0),
            first_ms=_time_at(log, kind, first, pc.min),
            last_ms=_time_at(log, kind, last, pc.max),
        )


def _time_at(log: EmbeddedLog, kind: RecordKind, position: int, pick: object) -> int | None:
    """The least or greatest time of the record at that place."""
    found = next(log.catalogue.read(position - 1, kinds=(kind,)), None)
    if found is None or not callable(pick):
        return None
    time: int | None = pick(found[1].rows.column(TIMES[kind])).as_py()
    return time


def _event_stats(folder: Path) -> Iterator[KindStats]:
    path = folder / "events.db"
    if not path.exists():
        return
    with closing(open_shared(path)) as db:
        n_records, n_rows, n_bytes, first_ms, last_ms = db.execute(
            "select count(*), coalesce(sum(n_rows), 0), coalesce(sum(length(payload)), 0), "
            "min(first_ms), max(last_ms) from record"
        ).fetchone()
    yield KindStats(
        partition="events",
        kind="events",
        n_records=n_records,
        n_rows=n_rows,
        n_bytes=n_bytes,
        first_ms=first_ms,
        last_ms=last_ms,
    )


def _page_stats(part: PageFolder) -> KindStats:
    n_records, n_rows, n_bytes = 0, 0, 0
    times: list[int] = []
    journals = JournalIndex()
    for file in part.files():
        try:
            n_bytes += file.path.stat().st_size
            if file.segment is not None:
                n_rows += file.segment.n - sum(n_removed(file.path))
                times += [file.segment.min_ms, file.segment.max_ms] if file.segment.max_ms else []
            else:
                pages = journals.pages(file.path).values()
                n_rows += len(pages)
                times += [page.served_ms for page in pages]
        except FileNotFoundError:  # sealed meanwhile; the next look counts it
            continue
        n_records += 1
    return KindStats(
        partition=part.path.name,
        kind="pages",
        n_records=n_records,
        n_rows=n_rows,
        n_bytes=n_bytes,
        first_ms=min(times, default=None),
        last_ms=max(times, default=None),
    )


def consumer_stats(views: Path, log: EmbeddedLog) -> list[ConsumerStats]:
    """How far each consumer with a file in `views/` has read."""
    found = []
    for path in sorted(views.glob("*.db")):
        try:
            with closing(open_shared(path)) as db:
                row = db.execute("select position from consumer").fetchone()
        except sqlite3.DatabaseError:  # no view of ours, or being made just now
            continue
        if row is not None:
            lag = _lag(log, Position(row[0]), _READS.get(path.stem))
            found.append(ConsumerStats(name=path.stem, position=row[0], lag=lag))
    return found


def _lag(log: EmbeddedLog, position: Position, kinds: frozenset[RecordKind] | None) -> int:
    """Rows after that position; of an unknown consumer those of the partitions that it names."""
    if kinds is not None:
        return log.lag(position, kinds=kinds)
    offsets = parse_position(position)
    return sum(
        part.n_rows(offsets[name], kinds=part.kinds)
        for name, part in log.partitions().items()
        if name in offsets
    )
