"""The consumers that the contract tests run, and a log for them."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mercer.engines.embedded.view.attribution_view import AttributionView
from mercer.engines.embedded.view.traffic_view import TrafficView
from mercer.engines.embedded.view.views import SqliteConsumer, View
from mercer.events.log import RECORD_KINDS, Change, RecordKind


class CountingView:
    """Rows of each kind by listing, and the last title of each: a sum, and something that needs order."""

    name = "counting"
    version = 1
    kinds = frozenset[RecordKind](RECORD_KINDS) - {"pages"}
    tables = """
    create table if not exists count (kind text, listing_id text, n integer, primary key (kind, listing_id));
    create table if not exists title (listing_id text primary key, title text);
    """

    def apply(self, db: sqlite3.Connection, change: Change) -> None:
        for row in change.rows.to_pylist():
            listing_id = row.get("listing_id", "")
            db.execute(
                "insert into count values (?, ?, 1) "
                "on conflict (kind, listing_id) do update set n = n + 1",
                (change.kind, listing_id),
            )
            if change.kind in ("listings", "deletions"):
                db.execute(
                    "insert or replace into title values (?, ?)",
                    (listing_id, row.get("title", "gone")),
                )


class Credits(AttributionView):
    """With pages that showed everything."""

    def __init__(self) -> None:
        super().__init__(window_ms=30_000, keep_ms=10**9, shows=lambda page_id, listing_id: True)


# A view that is added to the product is added here, and has to keep the laws.
VIEWS: dict[str, Callable[[], View]] = {
    "attribution": Credits,
    "counting": CountingView,
    "traffic": TrafficView,
}


def open_consumer(folder: Path, name: str, **options: Any) -> SqliteConsumer:
    """A consumer of the registry, with its file in that folder."""
    return SqliteConsumer(folder, VIEWS[name](), **options)
