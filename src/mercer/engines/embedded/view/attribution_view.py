"""The credits of all purchases, as a view of the log in SQLite: MARKET/views/attribution.db.

The rule is in `events/attribution.py`; here is what it looks at, and its results. Which rows come first
makes no difference: whatever arrives, the purchases that it may concern are credited anew.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, final

import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.view.attribution_tables import (
    TABLES,
    Concerned,
    erase,
    expire,
    insert,
    is_erased,
    newest_ms,
    take_back,
    take_refund,
)
from mercer.engines.embedded.view.views import View
from mercer.events.attribution import (
    KEYS,
    TOUCH_KINDS,
    Purchase,
    Shows,
    Touch,
    billable,
    credit,
    proven_page,
)
from mercer.events.log import Change, RecordKind
from mercer.events.page_log import PageFinder
from mercer.schema.errors import NotFoundError
from mercer.schema.time import DAY_MS

_VERSION = 1
_PAGES_REMEMBERED = 1_000
_WANTED = pa.array([*TOUCH_KINDS, "purchase", "refund"])
_TOUCH_FIELDS = ("event_id", "kind", "time_ms", "listing_id", "page_id", "visitor_id", "session_id",
                 "buyer_id")  # fmt: skip
_PURCHASE_FIELDS = tuple(name for name in _TOUCH_FIELDS if name != "kind")


@final
class AttributionView:
    """The tables of the credits, and how a record changes them.

    It asks the page log whether a page showed a listing, where no token proves that. Pages are written
    before their events come in, so the answer is the same whenever it is asked, until the page expires.

    Args:
        window_ms: how long before its purchase a touch counts.
        keep_ms: how long after it came in an event is remembered, as long as the log has it; a touch
            for the window longer, so that no purchase that is there loses its touch.
        shows: whether the log has a page, with a listing on it.
        expire_ms: it is looked for what can be forgotten when so much more time was seen.
    """

    name = "attribution"
    kinds = frozenset[RecordKind](("events", "erasures"))
    tables = TABLES

    def __init__(
        self, *, window_ms: int, keep_ms: int, shows: Shows, expire_ms: int = DAY_MS
    ) -> None:
        self._window_ms, self._keep_ms = window_ms, keep_ms
        self._shows, self._expire_ms = shows, expire_ms

    @property
    def version(self) -> int:
        """With another window all credits are made anew."""
        return _VERSION * 10**9 + round(self._window_ms / 1_000)

    def apply(self, db: sqlite3.Connection, change: Change) -> None:
        """Take one record in, in the caller's transaction."""
        concerned = Concerned()
        if change.kind == "events" and len(change.rows):
            self._move_horizon(db, change.rows, concerned)
            self._take_events(db, change.rows, concerned)
        elif change.kind == "erasures":
            for one in change.rows.to_pylist():
                erase(db, one["visitor_id"], one["erased_ms"], concerned)
        for event_id in sorted(concerned.purchases):
            self._credit(db, event_id)
        for order_id, listing_id in sorted(concerned.orders):
            take_back(db, order_id, listing_id)

    def _before_ms(self, newest: int) -> int:
        """What came in before is forgotten; a function of the newest event, not of the clock."""
        return (newest - self._keep_ms) // self._expire_ms * self._expire_ms

    def _move_horizon(
        self, db: sqlite3.Connection, rows: pa.RecordBatch, concerned: Concerned
    ) -> None:
        before = newest_ms(db)
        newest = max(before, pc.max(rows.column("received_ms")).as_py())
        db.execute("update horizon set newest_ms = ?", (newest,))
        if self._before_ms(newest) > self._before_ms(before):
            at_ms = self._before_ms(newest)
            touches_ms = at_ms - self._window_ms
            expire(db, before_ms=at_ms, touches_before_ms=touches_ms, concerned=concerned)

    def _take_events(
        self, db: sqlite3.Connection, rows: pa.RecordBatch, concerned: Concerned
    ) -> None:
        """Impressions, most of all events, are left out column by column."""
        is_wanted = pc.is_in(rows.column("kind"), _WANTED)
        rows = rows.append_column("is_billable", pa.array(billable(rows))).filter(is_wanted)
        before_ms = self._before_ms(newest_ms(db))
        for one in rows.to_pylist():
            is_touch = one["kind"] in TOUCH_KINDS
            oldest_ms = before_ms - self._window_ms if is_touch else before_ms
            if one["received_ms"] < oldest_ms or is_erased(db, one):
                continue
            if one["kind"] == "purchase":
                self._take_purchase(db, one, concerned)
            elif one["kind"] == "refund":
                take_refund(db, one, concerned)
            else:
                self._take_touch(db, one, concerned)

    def _page(self, one: Mapping[str, Any]) -> str | None:
        return proven_page(one["page_id"], one["listing_id"], one["standing"], shows=self._shows)

    def _take_purchase(
        self, db: sqlite3.Connection, one: Mapping[str, Any], concerned: Concerned
    ) -> None:
        names = (
            *_PURCHASE_FIELDS,
            "received_ms",
            "order_id",
            "quantity",
            "price_micros",
            "currency",
        )
        insert(db, "purchase", {n: one[n] for n in names} | {"page_id": self._page(one)})
        concerned.purchases.add(one["event_id"])
        if one["order_id"] is not None:
            concerned.orders.add((one["order_id"], one["listing_id"]))

    def _take_touch(
        self, db: sqlite3.Connection, one: Mapping[str, Any], concerned: Concerned
    ) -> None:
        page_id = self._page(one)
        if page_id is None:
            return
        made = {n: one[n] for n in (*_TOUCH_FIELDS, "received_ms")} | {"page_id": page_id}
        insert(db, "touch", made)
        if one["is_billable"]:
            names = ("event_id", "time_ms", "listing_id", "page_id", "visitor_id", "received_ms")
            insert(db, "billable_click", {n: made[n] for n in names})
        for key in KEYS:
            if (mine := one[f"{key}_id"]) is not None:
                found = db.execute(
                    f"select event_id from purchase where {key}_id = ? and listing_id = ? "
                    "and time_ms between ? and ?",
                    (mine, one["listing_id"], one["time_ms"], one["time_ms"] + self._window_ms),
                )
                concerned.purchases.update(event_id for (event_id,) in found)

    def _credit(self, db: sqlite3.Connection, event_id: str) -> None:
        """Credit one purchase by all that is known now."""
        row = db.execute(
            f"select {', '.join(_PURCHASE_FIELDS)} from purchase where event_id = ?", (event_id,)
        ).fetchone()
        if row is None:  # forgotten meanwhile
            return
        purchase = Purchase(**dict(zip(_PURCHASE_FIELDS, row, strict=True)))
        found = credit(purchase, self._touches(db, purchase), window_ms=self._window_ms)
        db.execute(
            "update purchase set how = ?, credited_page_id = ?, touch_id = ? where event_id = ?",
            (found.how, found.page_id, found.touch_id, event_id),
        )

    def _touches(self, db: sqlite3.Connection, purchase: Purchase) -> Iterable[Touch]:
        """Those that could be credited."""
        for key in KEYS:
            if (mine := getattr(purchase, f"{key}_id")) is not None:
                for row in db.execute(
                    f"select {', '.join(_TOUCH_FIELDS)} from touch where {key}_id = ? "
                    "and listing_id = ? and time_ms between ? and ?",
                    (mine, purchase.listing_id, purchase.time_ms - self._window_ms,
                     purchase.time_ms),
                ):  # fmt: skip
                    yield Touch(**dict(zip(_TOUCH_FIELDS, row, strict=True)))


def shows_of(pages: PageFinder) -> Shows:
    """Whether a page of the log had a listing on it; the last pages that were found are remembered."""

    @lru_cache(maxsize=_PAGES_REMEMBERED)
    def listings(page_id: str) -> frozenset[str]:
        page = pages.find(page_id)
        if page is None:  # raised, because what is raised is not remembered
            raise NotFoundError(page_id)
        return frozenset(one.listing_id for one in page.shown)

    def shows(page_id: str, listing_id: str) -> bool:
        try:
            return listing_id in listings(page_id)
        except NotFoundError:
            return False

    return shows


_conforms: type[View] = AttributionView
