"""The view `traffic`: what the console counts, kept in views/traffic.db.

Sums name nobody. A query may, so an erased visitor's are blanked: they keep their place in the sample,
or the others would be counted as more than they were.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

from mercer.engines.embedded.sqlite_file import open_shared
from mercer.engines.embedded.view.views import View
from mercer.events.log import Change, RecordKind
from mercer.events.traffic import (
    HOUR_MS,
    MAX_SAMPLED,
    EventCount,
    HourPages,
    QueryCount,
    Sampled,
    StageLatency,
    Traffic,
    event_counts,
    page_counts,
    quantile_us,
    top_queries,
)
from mercer.schema.erasure import ERASURE
from mercer.schema.time import DAY_MS

KEEP_HOURS_MS = 90 * DAY_MS
KEEP_QUERIES_MS = 30 * DAY_MS
_PRUNED = (
    ("pages", "hour_ms", KEEP_HOURS_MS),
    ("latency", "hour_ms", KEEP_HOURS_MS),
    ("dropped", "hour_ms", KEEP_HOURS_MS),
    ("events", "hour_ms", KEEP_HOURS_MS),
    ("queries", "day_ms", KEEP_QUERIES_MS),
    ("query_days", "day_ms", KEEP_QUERIES_MS),
)


@final
class TrafficView:
    """Sums by hour, and a sample of the queries of each day; old ones go as newer ones come."""

    name = "traffic"
    version = 2
    kinds = frozenset[RecordKind]({"pages", "events", "erasures"})
    tables = """
create table if not exists pages (
    hour_ms integer, surface text, pages integer, searches integer, zero integer, degraded integer,
    primary key (hour_ms, surface)) without rowid;
create table if not exists latency (
    hour_ms integer, stage text, bucket integer, n integer,
    primary key (hour_ms, stage, bucket)) without rowid;
create table if not exists dropped (
    hour_ms integer, part text, n integer, primary key (hour_ms, part)) without rowid;
create table if not exists events (
    hour_ms integer, kind text, standing text, source text, n integer,
    primary key (hour_ms, kind, standing, source)) without rowid;
create table if not exists queries (
    day_ms integer, has_found integer, rank integer, query text, visitor_id text,
    served_ms integer, primary key (day_ms, has_found, rank)) without rowid;
create table if not exists erasure (visitor_id text primary key, erased_ms integer) without rowid;
create table if not exists query_days (
    day_ms integer, has_found integer, n integer, primary key (day_ms, has_found)) without rowid;
"""

    def apply(self, db: sqlite3.Connection, change: Change) -> None:
        """Add one record of pages or events, or blank what erased visitors asked."""
        if change.kind == "erasures":
            _erase(db, change)
            return
        if change.kind == "pages":
            self._add_pages(db, change)
        else:
            counts = event_counts(change.rows)
            db.executemany(
                "insert into events values (?, ?, ?, ?, ?) on conflict do update set n = n + excluded.n",
                [(*key, n) for key, n in counts.items()],
            )
        for table, column, keep_ms in _PRUNED:
            db.execute(
                f"delete from {table} where {column} < (select max({column}) from {table}) - {keep_ms}"
            )

    def _add_pages(self, db: sqlite3.Connection, change: Change) -> None:
        counts = page_counts(change.rows)
        # Its record lies in another partition than the pages and may have been read before them.
        erased = dict(db.execute("select visitor_id, erased_ms from erasure").fetchall())
        db.executemany(
            "insert into pages values (?, ?, ?, ?, ?, ?) on conflict do update set "
            "pages = pages + excluded.pages, searches = searches + excluded.searches, "
            "zero = zero + excluded.zero, degraded = degraded + excluded.degraded",
            [(*key, *added) for key, added in counts.pages.items()],
        )
        db.executemany(
            "insert into latency values (?, ?, ?, ?) on conflict do update set n = n + excluded.n",
            [(*key, n) for key, n in counts.latency.items()],
        )
        db.executemany(
            "insert into dropped values (?, ?, ?) on conflict do update set n = n + excluded.n",
            [(*key, n) for key, n in counts.dropped.items()],
        )
        db.executemany(
            "insert into query_days values (?, ?, 1) on conflict do update set n = n + 1",
            [(one.day_ms, one.has_found) for one in counts.sampled],
        )
        db.executemany(
            "insert or ignore into queries values (?, ?, ?, ?, ?, ?)",
            [_sampled_row(one, erased) for one in counts.sampled],
        )
        for day_ms, has_found in {(one.day_ms, one.has_found) for one in counts.sampled}:
            db.execute(
                "delete from queries where day_ms = ?1 and has_found = ?2 and rank > (select rank "
                "from queries where day_ms = ?1 and has_found = ?2 order by rank limit 1 offset ?3)",
                (day_ms, has_found, MAX_SAMPLED - 1),
            )


def _sampled_row(one: Sampled, erased: Mapping[str, int]) -> tuple[object, ...]:
    if one.visitor_id is not None and erased.get(one.visitor_id, -1) >= one.served_ms:
        one = replace(one, query="", visitor_id=None)
    return one.day_ms, one.has_found, one.rank, one.query, one.visitor_id, one.served_ms


def _erase(db: sqlite3.Connection, change: Change) -> None:
    orders = list(zip(*(change.rows.column(n).to_pylist() for n in ERASURE.names), strict=True))
    db.executemany(
        "insert into erasure values (?, ?) on conflict (visitor_id) do update "
        "set erased_ms = max(erased_ms, excluded.erased_ms)",
        orders,
    )
    db.executemany(
        "update queries set query = '', visitor_id = null where visitor_id = ? and served_ms <= ?",
        orders,
    )


def read_traffic(views: Path, *, since_ms: int, until_ms: int, limit: int = 20) -> Traffic | None:
    """What was counted; None where nothing was counted yet.

    Args:
        views: `views/` of a market.
        since_ms: included; whole hours.
        limit: queries of a list.
    """
    path = views / "traffic.db"
    if not path.exists():
        return None
    try:
        db = open_shared(path)
    except sqlite3.OperationalError:
        return None
    try:
        return _read(db, since_ms - since_ms % HOUR_MS, until_ms, limit)
    except sqlite3.OperationalError:  # it is being made
        return None
    finally:
        db.close()


def _read(db: sqlite3.Connection, since: int, until: int, limit: int) -> Traffic:
    span = (since, until)
    hours = db.execute(
        "select hour_ms, sum(pages), sum(searches), sum(zero), sum(degraded) from pages "
        "where hour_ms >= ? and hour_ms < ? group by hour_ms order by hour_ms", span,
    )  # fmt: skip
    surfaces = db.execute(
        "select surface, sum(pages) from pages where hour_ms >= ? and hour_ms < ? "
        "group by surface order by 2 desc, 1", span,
    )  # fmt: skip
    dropped = db.execute(
        "select part, sum(n) from dropped where hour_ms >= ? and hour_ms < ? group by part "
        "order by 2 desc, 1", span,
    )  # fmt: skip
    events = db.execute(
        "select kind, standing, sum(n) from events where hour_ms >= ? and hour_ms < ? "
        "group by kind, standing order by 3 desc, 1, 2", span,
    )  # fmt: skip
    return Traffic(
        hours=tuple(HourPages(*row) for row in hours),
        surfaces=tuple(surfaces),
        latency=_latency(db, span),
        dropped=tuple(dropped),
        events=tuple(EventCount(*row) for row in events),
        top=tuple(_top(db, span, (0, 1), limit)),
        zero=tuple(_top(db, span, (0,), limit)),
    )


def _latency(db: sqlite3.Connection, span: tuple[int, int]) -> tuple[StageLatency, ...]:
    by_stage: dict[str, list[tuple[int, int]]] = {}
    rows = db.execute(
        "select stage, bucket, sum(n) from latency where hour_ms >= ? and hour_ms < ? "
        "group by stage, bucket", span,
    )  # fmt: skip
    for stage, bucket, n in rows:
        by_stage.setdefault(stage, []).append((bucket, n))
    return tuple(
        StageLatency(
            stage, sum(n for _, n in buckets), quantile_us(buckets, 0.5), quantile_us(buckets, 0.99)
        )
        for stage, buckets in by_stage.items()
    )


def _top(
    db: sqlite3.Connection, span: tuple[int, int], has_found: Sequence[int], limit: int
) -> list[QueryCount]:
    """The most frequent queries; with and without matches are sampled apart, and join here."""
    samples = []
    first = span[0] - span[0] % DAY_MS
    for kind in has_found:
        for day_ms, n in db.execute(
            "select day_ms, n from query_days where day_ms >= ? and day_ms < ? and has_found = ?",
            (first, span[1], kind),
        ).fetchall():
            sample = db.execute(
                "select query, count(*) from queries where day_ms = ? and has_found = ? group by query",
                (day_ms, kind),
            )
            samples.append((n, sample.fetchall()))
    return [one for one in top_queries(samples, limit=limit + 1) if one.query][:limit]


_conforms: type[View] = TrafficView
