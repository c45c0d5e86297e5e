"""The credits of all purchases, as a view of the log in SQLite: MARKET/views/attribution.db.

The rule is in `events/attribution.py`; here is what it looks at, and its results. Which rows come first
makes no difference: whatever arrives, the purchases that it may concern are credited anew.

    touch           clicks, favourites and carts whose own page is known
    purchase        with its credit, and how many of its pieces were taken back
    refund          by order and listing
    billable_click  clicks on a paid slot, proven by their token
    erasure         until when a visitor's events are forgotten
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, final

import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.views import View
from mercer.events.attribution import (
    KEYS,
    TOUCH_KINDS,
    Purchase,
    Shows,
    Touch,
    billable,
    credit,
    proven_page,
    taken_back,
)
from mercer.events.log import Change, RecordKind
from mercer.events.page_log import PageFinder

_VERSION = 1
_PAGES_REMEMBERED = 1_000
_KEYED = "listing_id text not null, visitor_id text, session_id text, buyer_id text"
_TABLES = f"""
create table if not exists touch (
    event_id text primary key, kind text not null, time_ms integer not null,
    page_id text not null, received_ms integer not null, {_KEYED}
) without rowid;
create table if not exists purchase (
    event_id text primary key, time_ms integer not null, page_id text,
    received_ms integer not null, {_KEYED},
    order_id text, quantity integer not null, price_micros integer, currency text,
    how text not null default 'none', credited_page_id text, touch_id text,
    n_back integer not null default 0
) without rowid;
create table if not exists refund (
    event_id text primary key, order_id text not null, listing_id text not null,
    visitor_id text, quantity integer not null, received_ms integer not null
) without rowid;
create table if not exists billable_click (
    event_id text primary key, time_ms integer not null, listing_id text not null,
    page_id text not null, visitor_id text, received_ms integer not null
) without rowid;
create table if not exists erasure (
    visitor_id text primary key, erased_ms integer not null
) without rowid;
create index if not exists purchase_order on purchase (order_id, listing_id);
create index if not exists purchase_touch on purchase (touch_id);
create index if not exists purchase_page on purchase (credited_page_id);
create index if not exists refund_order on refund (order_id, listing_id);
""" + "".join(
    f"create index if not exists {table}_{key} on {table} ({key}_id, listing_id, time_ms) "
    f"where {key}_id is not null;\n"
    for table in ("touch", "purchase")
    for key in KEYS
)
_FORGET = ("touch", "purchase", "refund", "billable_click")
_WANTED = pa.array([*TOUCH_KINDS, "purchase", "refund"])
_TOUCH_FIELDS = ("event_id", "kind", "time_ms", "listing_id", "page_id", "visitor_id", "session_id",
                 "buyer_id")  # fmt: skip
_PURCHASE_FIELDS = tuple(name for name in _TOUCH_FIELDS if name != "kind")


@dataclass(slots=True)
class _Concerned:
    """What has to be looked at again after some rows came or went."""

    purchases: set[str] = field(default_factory=set)  # event ids
    orders: set[tuple[str, str]] = field(default_factory=set)  # (order_id, listing_id)


@final
class AttributionView:
    """The tables of the credits, and how a record changes them.

    It asks the page log whether a page showed a listing, where no token proves that. Pages are written
    before their events come in, so the answer is the same whenever it is asked, until the page expires.

    Args:
        window_ms: how long before its purchase a touch counts.
        shows: whether the log has a page, with a listing on it.
    """

    name = "attribution"
    kinds = frozenset[RecordKind](("events", "erasures"))
    tables = _TABLES

    def __init__(self, *, window_ms: int, shows: Shows) -> None:
        self._window_ms, self._shows = window_ms, shows

    @property
    def version(self) -> int:
        """With another window all credits are made anew."""
        return _VERSION * 10**9 + round(self._window_ms / 1_000)

    def apply(self, db: sqlite3.Connection, change: Change) -> None:
        """Take one record in, in the caller's transaction."""
        concerned = _Concerned()
        if change.kind == "events":
            self._take_events(db, change.rows, concerned)
        else:
            for one in change.rows.to_pylist():
                _erase(db, one["visitor_id"], one["erased_ms"], concerned)
        for event_id in sorted(concerned.purchases):
            self._credit(db, event_id)
        for order_id, listing_id in sorted(concerned.orders):
            _take_back(db, order_id, listing_id)

    def _take_events(
        self, db: sqlite3.Connection, rows: pa.RecordBatch, concerned: _Concerned
    ) -> None:
        """Impressions, most of all events, are left out column by column."""
        is_wanted = pc.is_in(rows.column("kind"), _WANTED)
        rows = rows.append_column("is_billable", pa.array(billable(rows))).filter(is_wanted)
        for one in rows.to_pylist():
            if _is_erased(db, one):
                continue
            if one["kind"] == "purchase":
                self._take_purchase(db, one, concerned)
            elif one["kind"] == "refund":
                _take_refund(db, one, concerned)
            else:
                self._take_touch(db, one, concerned)

    def _page(self, one: Mapping[str, Any]) -> str | None:
        return proven_page(one["page_id"], one["listing_id"], one["standing"], shows=self._shows)

    def _take_purchase(
        self, db: sqlite3.Connection, one: Mapping[str, Any], concerned: _Concerned
    ) -> None:
        names = (
            *_PURCHASE_FIELDS,
            "received_ms",
            "order_id",
            "quantity",
            "price_micros",
            "currency",
        )
        _insert(db, "purchase", {n: one[n] for n in names} | {"page_id": self._page(one)})
        concerned.purchases.add(one["event_id"])
        if one["order_id"] is not None:
            concerned.orders.add((one["order_id"], one["listing_id"]))

    def _take_touch(
        self, db: sqlite3.Connection, one: Mapping[str, Any], concerned: _Concerned
    ) -> None:
        page_id = self._page(one)
        if page_id is None:
            return
        made = {n: one[n] for n in (*_TOUCH_FIELDS, "received_ms")} | {"page_id": page_id}
        _insert(db, "touch", made)
        if one["is_billable"]:
            names = ("event_id", "time_ms", "listing_id", "page_id", "visitor_id", "received_ms")
            _insert(db, "billable_click", {n: made[n] for n in names})
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


def _insert(db: sqlite3.Connection, table: str, fields: Mapping[str, Any]) -> None:
    """The log gives each event once; one that comes again after a change of the view is the same."""
    marks = ", ".join("?" for _ in fields)
    names = ", ".join(fields)
    db.execute(f"insert or ignore into {table} ({names}) values ({marks})", tuple(fields.values()))


def _take_refund(db: sqlite3.Connection, one: Mapping[str, Any], concerned: _Concerned) -> None:
    if one["order_id"] is None:
        return
    names = ("event_id", "order_id", "listing_id", "visitor_id", "quantity", "received_ms")
    _insert(db, "refund", {n: one[n] for n in names})
    concerned.orders.add((one["order_id"], one["listing_id"]))


def _take_back(db: sqlite3.Connection, order_id: str, listing_id: str) -> None:
    """Write anew how many pieces of each purchase of an order and listing were given back."""
    of = (order_id, listing_id)
    where = "where order_id = ? and listing_id = ?"
    (refunded,) = db.execute(f"select total(quantity) from refund {where}", of).fetchone()
    bought = dict(
        db.execute(
            f"select event_id, quantity from purchase {where} order by time_ms, event_id", of
        )
    )
    for event_id, n_back in taken_back(bought, refunded=int(refunded)).items():
        db.execute("update purchase set n_back = ? where event_id = ?", (n_back, event_id))


def _is_erased(db: sqlite3.Connection, one: Mapping[str, Any]) -> bool:
    if one["visitor_id"] is None:
        return False
    found = db.execute(
        "select 1 from erasure where visitor_id = ? and erased_ms >= ?",
        (one["visitor_id"], one["received_ms"]),
    ).fetchone()
    return found is not None


def _erase(db: sqlite3.Connection, visitor_id: str, erased_ms: int, concerned: _Concerned) -> None:
    """Forget what came from a visitor until then; whom it was credited to is decided anew."""
    db.execute(
        "insert into erasure values (?, ?) on conflict (visitor_id) do update "
        "set erased_ms = max(erased_ms, excluded.erased_ms)",
        (visitor_id, erased_ms),
    )
    gone = (visitor_id, erased_ms)
    where = "where visitor_id = ? and received_ms <= ?"
    found = db.execute(
        f"select event_id from purchase where touch_id in (select event_id from touch {where})",
        gone,
    )
    concerned.purchases.update(event_id for (event_id,) in found)
    for table in ("purchase", "refund"):
        orders = db.execute(
            f"select order_id, listing_id from {table} {where} and order_id is not null", gone
        )
        concerned.orders.update(orders.fetchall())
    for table in _FORGET:
        db.execute(f"delete from {table} {where}", gone)


def credits_of(db: sqlite3.Connection, *, page_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The purchases that are credited to some pages, oldest first."""
    names = ("event_id", "time_ms", "listing_id", "credited_page_id", "how", "touch_id", "order_id",
             "quantity", "n_back", "price_micros", "currency")  # fmt: skip
    marks = ", ".join("?" for _ in page_ids)
    rows = db.execute(
        f"select {', '.join(names)} from purchase where credited_page_id in ({marks}) "
        "order by time_ms, event_id",
        tuple(page_ids),
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def n_billable(db: sqlite3.Connection) -> int:
    """Clicks on paid slots that their tokens prove."""
    return int(db.execute("select count(*) from billable_click").fetchone()[0])


def shows_of(pages: PageFinder) -> Shows:
    """Whether a page of the log had a listing on it; the last pages asked for are remembered."""

    @lru_cache(maxsize=_PAGES_REMEMBERED)
    def listings(page_id: str) -> frozenset[str]:
        page = pages.find(page_id)
        return frozenset(one.listing_id for one in page.shown) if page else frozenset()

    return lambda page_id, listing_id: listing_id in listings(page_id)


_conforms: type[View] = AttributionView
