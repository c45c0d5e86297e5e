"""The training set of a market: its pages, events and credits read once, in bounded memory."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.sqlite_file import open_shared
from mercer.engines.embedded.view.attribution_tables import credits_of
from mercer.events.bot_filter import BotRule, machines
from mercer.events.log import START
from mercer.events.traffic import rank_of
from mercer.metrics.ragged import Ints
from mercer.rank.clicked_before import ClickedBefore, without
from mercer.rank.training_log import (
    CREDIT,
    HOUR_MS,
    LabelParams,
    Labels,
    ShownRows,
    joined_rows,
    label,
    label_purchases,
    shown_rows,
)
from mercer.rank.training_set import FeatureColumns
from mercer.schema.errors import InputError
from mercer.schema.time import DAY_MS

IDS_PER_QUESTION = 5_000
_EVENTS_AT_ONCE = 1 << 18
_LABEL_COLUMNS = ["kind", "standing", "page_id", "session_id", "listing_id", "time_ms"]
AsRanked = Callable[[pa.RecordBatch], pa.RecordBatch]
"""Rows of PAGE with the values that are learned from, without those that have none."""
OnRead = Callable[[str, int], None]
"""How far the log was read: (what, rows so far)."""


def as_logged(pages: pa.RecordBatch) -> pa.RecordBatch:
    """As they are: with the values that they were ranked on."""
    return pages


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWindow:
    """Which pages are learned from."""

    days: float = 90.0  # before the newest page
    max_pages: int = 200_000  # of more, those whose ids hash lowest: a uniform sample
    bots: BotRule | None = field(default_factory=BotRule)  # None: nobody is left out

    def chosen(self, page_id: pa.Array, served_ms: Ints, *, newest_ms: int) -> Ints:
        """(k,) which of (n,) pages are in it, ascending; `newest_ms` is when the newest was served."""
        kept: Ints = np.flatnonzero(served_ms >= newest_ms - round(self.days * DAY_MS))
        if len(kept) > self.max_pages:
            rank = np.array([rank_of(page_id[int(i)].as_py()) for i in kept])
            kept = np.sort(kept[np.argsort(rank, kind="stable")[: self.max_pages]])
        return kept


@dataclass(frozen=True, slots=True)
class LogRows:
    """What was read of a log."""

    rows: ShownRows
    labels: Labels
    counts: dict[str, int]  # of what was read, and of what was left out and why
    from_ms: int
    to_ms: int
    position: str  # of the log, up to which it was read


def newest_feature_set(log: EmbeddedLog) -> str:
    """The hash on the newest page that was ranked on features.

    Raises:
        InputError: no page was.
    """
    newest, found = -1, ""
    for rows in page_batches(log):
        kept = rows.filter(pc.not_equal(rows.column("feature_set"), ""))
        if kept.num_rows:
            at = int(np.argmax(np.asarray(kept.column("served_ms"))))
            if (served := kept.column("served_ms")[at].as_py()) > newest:
                newest, found = served, kept.column("feature_set")[at].as_py()
    if not found:
        raise InputError(
            "the log has no page with feature values yet; mercer features log lets searches write "
            "them down. Meanwhile grades can be learned from (--judgments, --letor)"
        )
    return found


def read_log(
    folder: MarketFolder,
    log: EmbeddedLog,
    columns: FeatureColumns,
    *,
    window: LogWindow,
    params: LabelParams,
    on_read: OnRead = lambda what, n: None,
    as_ranked: AsRanked = as_logged,
) -> LogRows:
    """The pages of the window that were ranked on those features, with their labels.

    Purchases are those that the attribution view has credited so far; the caller brings it up to date.

    Args:
        as_ranked: gives rows of PAGE the values to learn from.
    Raises:
        InputError: there is no such page.
    """
    position = log.end(kinds={"pages", "events"})
    rows, counts = _shown(log, columns, window, on_read, as_ranked)
    to_ms = int(rows.served_ms.max())
    mature_ms = to_ms - round(params.mature_hours * HOUR_MS)
    keep = rows.served_ms <= mature_ms
    counts["pages_too_young"] = int((~keep).sum())
    if window.bots is not None:
        bots = machines_in(log, window.bots)
        is_bot = np.asarray(pc.fill_null(pc.is_in(rows.visitor_id, bots), False))
        counts["machines"] = len(bots)
        counts["pages_of_machines"] = int((is_bot & keep).sum())
        keep &= ~is_bot
    rows = rows.take(np.flatnonzero(keep))
    rows, labels = _labelled(folder, log, rows, params, counts, on_read)
    counts["pages"] = len(rows.page_id)
    counts |= {
        "clicked": int(labels.is_clicked.sum()), "with_gain": int((labels.gain > 0).sum())
    }  # fmt: skip
    if not counts["pages"]:
        raise InputError(
            f"no page is left to learn from: {counts}; wait for more, or lower --mature-hours"
        )
    from_ms = int(rows.served_ms.min())
    return LogRows(rows, labels, counts, from_ms, min(to_ms, mature_ms), str(position))


def _labelled(
    folder: MarketFolder,
    log: EmbeddedLog,
    rows: ShownRows,
    params: LabelParams,
    counts: dict[str, int],
    on_read: OnRead,
) -> tuple[ShownRows, Labels]:
    """The rows that can be learned from and their labels; `counts` is told of the others."""
    labels, before, n_events = Labels.none(len(rows.position)), ClickedBefore(rows, params), 0
    for events in _event_blocks(log):
        labels = label(rows, labels, events, params)
        before.add(events)
        n_events += events.num_rows
        on_read("events", n_events)
    if credits := list(credited(folder, rows.page_id.to_pylist())):
        labels = label_purchases(rows, labels, pa.concat_batches(credits), params)
    left_out = before.rows()
    counts |= {"events_read": n_events, "rows_clicked_before": int(left_out.sum())}
    return without(rows, labels, left_out)


def _event_blocks(log: EmbeddedLog) -> Iterator[pa.RecordBatch]:
    """What labels need of all events, many records at a time: each look for rows goes over all pages."""
    kept: list[pa.RecordBatch] = []
    n_kept = 0
    for entry in log.read(after=START, kinds={"events"}):
        kept.append(entry.change.rows.select(_LABEL_COLUMNS))
        n_kept += entry.change.rows.num_rows
        if n_kept >= _EVENTS_AT_ONCE:
            yield pa.concat_batches(kept)
            kept, n_kept = [], 0
    if kept:
        yield pa.concat_batches(kept)


def page_batches(log: EmbeddedLog) -> Iterator[pa.RecordBatch]:
    """Rows of PAGE, all that the log has."""
    for entry in log.read(after=START, kinds={"pages"}):
        if entry.change.rows.num_rows:
            yield entry.change.rows


def _shown(
    log: EmbeddedLog,
    columns: FeatureColumns,
    window: LogWindow,
    on_read: OnRead,
    as_ranked: AsRanked,
) -> tuple[ShownRows, dict[str, int]]:
    """The pages of the window; of too many, those whose ids hash lowest."""
    parts: list[ShownRows] = []
    n_read = n_kept = newest = 0
    for batch in page_batches(log):
        part = shown_rows(as_ranked(batch), columns)
        n_read += batch.num_rows
        on_read("pages", n_read)
        if len(part.page_id):
            parts.append(part)
            newest = max(newest, int(part.served_ms.max()))
            n_kept += len(part.page_id)
        if n_kept > 2 * window.max_pages:
            parts = [_sampled(parts, newest, window)]
            n_kept = len(parts[0].page_id)
    if not parts:
        raise InputError(
            f"none of the {n_read:,} pages in the log was ranked on feature set {columns.set_hash}"
        )
    rows = _sampled(parts, newest, window)
    return rows, {"pages_read": n_read}


def _sampled(parts: Sequence[ShownRows], newest: int, window: LogWindow) -> ShownRows:
    rows = joined_rows(list(parts))
    kept = window.chosen(rows.page_id, rows.served_ms, newest_ms=newest)
    return rows if len(kept) == len(rows.page_id) else rows.take(kept)


def machines_in(log: EmbeddedLog, rule: BotRule) -> pa.Array:
    """The visitors of the log that are machines.

    Pages of all surfaces count, because a crawler is one wherever it crawls.
    """
    names = ("visitor_id", "time_ms", "kind", "standing")
    events = _columns(
        (e.change.rows for e in log.read(after=START, kinds={"events"})), names, _EVENT_TYPES
    )
    pages = _columns(page_batches(log), ("visitor_id", "served_ms"), _PAGE_TYPES)
    return machines(
        page_visitor=pages["visitor_id"],
        served_ms=np.asarray(pages["served_ms"], np.int64),
        event_visitor=events["visitor_id"],
        event_ms=np.asarray(events["time_ms"], np.int64),
        kind=events["kind"],
        standing=events["standing"],
        rule=rule,
    )


_EVENT_TYPES = (pa.string(), pa.int64(), pa.string(), pa.string())
_PAGE_TYPES = (pa.string(), pa.int64())


def _columns(
    batches: Iterator[pa.RecordBatch], names: Sequence[str], types: Sequence[pa.DataType]
) -> dict[str, Any]:
    """Some columns of all batches, end to end."""
    found: list[list[Any]] = [[] for _ in names]
    for batch in batches:
        for column, name in zip(found, names, strict=True):
            column.append(batch.column(name))
    return {
        name: pa.concat_arrays([pa.array([], kind), *column])
        for name, kind, column in zip(names, types, found, strict=True)
    }


def credited(folder: MarketFolder, ids: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Rows of CREDIT for those pages; purchases that came back whole are left out."""
    file = folder.views / "attribution.db"
    if not file.exists():
        return
    with closing(open_shared(file)) as db:
        for start in range(0, len(ids), IDS_PER_QUESTION):
            yield _credit_rows(db, ids[start : start + IDS_PER_QUESTION])


def _credit_rows(db: sqlite3.Connection, ids: Sequence[str]) -> pa.RecordBatch:
    kept = [
        {
            "page_id": one["credited_page_id"],
            "listing_id": one["listing_id"],
            "time_ms": one["time_ms"],
        }
        for one in credits_of(db, page_ids=ids)
        if one["quantity"] > one["n_back"]
    ]
    return pa.RecordBatch.from_pylist(kept, schema=CREDIT)
