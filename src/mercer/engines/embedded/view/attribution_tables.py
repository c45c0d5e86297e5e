"""The tables of the credits: how rows come in, how they are forgotten, how they are asked for.

touch           clicks, favourites and carts whose own page is known
purchase        with its credit, and how many of its pieces were taken back
refund          by order and listing
billable_click  clicks on a paid slot, proven by their token
erasure         until when a visitor's events are forgotten
horizon         when the newest event that was seen came in
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mercer.events.attribution import KEYS, taken_back

_KEYED = "listing_id text not null, visitor_id text, session_id text, buyer_id text"
TABLES = f"""
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
create table if not exists horizon (
    only integer primary key check (only = 1), newest_ms integer not null
);
insert or ignore into horizon values (1, 0);
create index if not exists touch_received on touch (received_ms);
create index if not exists purchase_received on purchase (received_ms);
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


@dataclass(slots=True)
class Concerned:
    """What has to be looked at again after some rows came or went."""

    purchases: set[str] = field(default_factory=set)  # event ids
    orders: set[tuple[str, str]] = field(default_factory=set)  # (order_id, listing_id)


def insert(db: sqlite3.Connection, table: str, fields: Mapping[str, Any]) -> None:
    """One row. The log gives each event once; one that comes again after a change of the view is the same."""
    marks = ", ".join("?" for _ in fields)
    names = ", ".join(fields)
    db.execute(f"insert or ignore into {table} ({names}) values ({marks})", tuple(fields.values()))


def take_refund(db: sqlite3.Connection, one: Mapping[str, Any], concerned: Concerned) -> None:
    """A refund; without an order it takes nothing back."""
    if one["order_id"] is None:
        return
    names = ("event_id", "order_id", "listing_id", "visitor_id", "quantity", "received_ms")
    insert(db, "refund", {n: one[n] for n in names})
    concerned.orders.add((one["order_id"], one["listing_id"]))


def take_back(db: sqlite3.Connection, order_id: str, listing_id: str) -> None:
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


def is_erased(db: sqlite3.Connection, one: Mapping[str, Any]) -> bool:
    """Whether the event is of a visitor who was erased after it came in."""
    if one["visitor_id"] is None:
        return False
    found = db.execute(
        "select 1 from erasure where visitor_id = ? and erased_ms >= ?",
        (one["visitor_id"], one["received_ms"]),
    ).fetchone()
    return found is not None


def erase(db: sqlite3.Connection, visitor_id: str, erased_ms: int, concerned: Concerned) -> None:
    """Forget what came from a visitor until then; whom it was credited to is decided anew."""
    db.execute(
        "insert into erasure values (?, ?) on conflict (visitor_id) do update "
        "set erased_ms = max(erased_ms, excluded.erased_ms)",
        (visitor_id, erased_ms),
    )
    for table in _FORGET:
        _forget(
            db, table, "visitor_id = ? and received_ms <= ?", (visitor_id, erased_ms), concerned
        )


def newest_ms(db: sqlite3.Connection) -> int:
    """When the newest event that was seen came in."""
    return int(db.execute("select newest_ms from horizon").fetchone()[0])


def expire(
    db: sqlite3.Connection, *, before_ms: int, touches_before_ms: int, concerned: Concerned
) -> None:
    """Forget what came in before then."""
    for table in _FORGET:
        at_ms = touches_before_ms if table in ("touch", "billable_click") else before_ms
        _forget(db, table, "received_ms < ?", (at_ms,), concerned)


def _forget(
    db: sqlite3.Connection, table: str, where: str, of: tuple[Any, ...], concerned: Concerned
) -> None:
    """Delete rows of one table, and note what has to be looked at again without them."""
    if table == "touch":
        found = db.execute(
            "select event_id from purchase where touch_id in "
            f"(select event_id from touch where {where})",
            of,
        )
        concerned.purchases.update(event_id for (event_id,) in found)
    elif table in ("purchase", "refund"):
        orders = db.execute(
            f"select order_id, listing_id from {table} where {where} and order_id is not null", of
        )
        concerned.orders.update(orders.fetchall())
    db.execute(f"delete from {table} where {where}", of)


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


def totals(db: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """By what purchases are credited -> how many, of how many pieces, of which so many were taken back."""
    rows = db.execute(
        "select how, count(*), sum(quantity), sum(n_back) from purchase group by how order by how"
    )
    names = ("purchases", "pieces", "taken_back")
    return {how: dict(zip(names, counts, strict=True)) for how, *counts in rows}
