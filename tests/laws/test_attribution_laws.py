"""The credits are a function of the set of events: no order, no batch size, no repetition changes them."""

import random
import sqlite3
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.engines.embedded.view.attribution_tables import n_billable
from mercer.engines.embedded.view.attribution_view import AttributionView
from mercer.events.log import Change
from mercer.schema.erasure import ERASURE
from mercer.schema.event import EVENT
from support.attribution_twin import credits

WINDOW_MS, EXPIRE_MS = 10, 4
KNOWN = {("p1", "mug"), ("p2", "mug"), ("p2", "cup")}


def shows(page_id: str, listing_id: str) -> bool:
    return (page_id, listing_id) in KNOWN


few = st.sampled_from
# Biased to what meets: most events are of one listing and one visitor, from a page that is known.
events = st.lists(
    st.fixed_dictionaries(
        {
            "kind": few(["click", "cart", "purchase", "refund", "favourite", "impression"]),
            "time_ms": st.integers(0, 15),
            "received_ms": st.integers(0, 30),
            "listing_id": few(["mug"] * 4 + ["cup"]),
            "visitor_id": few(["v1"] * 3 + ["v2", None]),
            "session_id": few([None, "s1", "s2"]),
            "buyer_id": few([None, "b1"]),
            "page_id": few(["p1", "p2", "p2", "p3", None]),
            "order_id": few(["o1", "o1", None]),
            "quantity": st.integers(0, 3),
            "standing": few(["signed"] * 3 + ["none", "none", "forged", "expired"]),
            "is_sponsored": st.booleans(),
        }
    ),
    max_size=14,
)
erasures = st.lists(st.tuples(few(["v1", "v2"]), st.integers(0, 30)), max_size=2)


def batch(rows: list[dict[str, Any]]) -> Change:
    empty = dict.fromkeys(EVENT.names)
    return Change(
        "events", pa.RecordBatch.from_pylist([empty | {"source": "t"} | r for r in rows], EVENT)
    )


def erased(visitor_id: str, erased_ms: int) -> Change:
    row = {"visitor_id": visitor_id, "erased_ms": erased_ms}
    return Change("erasures", pa.RecordBatch.from_pylist([row], ERASURE))


def view_of(changes: list[Change], *, keep_ms: int = 10_000) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    view = AttributionView(window_ms=WINDOW_MS, keep_ms=keep_ms, shows=shows, expire_ms=EXPIRE_MS)
    db.executescript(view.tables)
    for change in changes:
        view.apply(db, change)
    return db


def all_rows(db: sqlite3.Connection) -> dict[str, list[Any]]:
    tables = ("touch", "purchase", "refund", "billable_click", "erasure", "horizon")
    return {t: sorted(db.execute(f"select * from {t}").fetchall(), key=repr) for t in tables}


@settings(max_examples=100)
@given(
    given_events=events,
    gone=erasures,
    keep_ms=few([10_000, 20, 5]),
    seed=st.integers(0, 2**32),
)
def test_any_order_gives_the_credits_of_the_rule(
    given_events: list[dict[str, Any]], gone: list[tuple[str, int]], keep_ms: int, seed: int
) -> None:
    """However events and erasures are ordered and cut into records, and however much is too old to be
    remembered, the view says what the brute-force twin says of the whole set, and every table is the
    same to the last row."""
    rows = [row | {"event_id": f"e{i}"} for i, row in enumerate(given_events)]
    one_by_one = [batch([row]) for row in rows] + [erased(*one) for one in gone]
    rng = random.Random(seed)
    rng.shuffle(one_by_one)
    at_once = [batch(rows), *(erased(*one) for one in gone)]
    first, second = view_of(one_by_one, keep_ms=keep_ms), view_of(at_once, keep_ms=keep_ms)
    assert all_rows(first) == all_rows(second)
    until = {v: max(ms for w, ms in gone if w == v) for v, _ in gone}
    newest_ms = max((row["received_ms"] for row in rows), default=0)
    before_ms = (newest_ms - keep_ms) // EXPIRE_MS * EXPIRE_MS
    want = credits(rows, until, window_ms=WINDOW_MS, before_ms=before_ms, shows=shows)
    got = first.execute("select event_id, how, credited_page_id, touch_id, n_back from purchase")
    assert {event_id: tuple(rest) for event_id, *rest in got} == want


@settings(max_examples=30)
@given(given_events=events)
def test_reading_twice_changes_nothing(given_events: list[dict[str, Any]]) -> None:
    """The same records once more, as after a crash, leave every row as it was."""
    rows = [row | {"event_id": f"e{i}"} for i, row in enumerate(given_events)]
    assert all_rows(view_of([batch(rows)])) == all_rows(view_of([batch(rows), batch(rows)]))


@settings(max_examples=50)
@given(given_events=events)
def test_forged_tokens_are_never_billable(given_events: list[dict[str, Any]]) -> None:
    """However many events claim a paid slot, what is billable are the signed clicks."""
    rows = [row | {"event_id": f"e{i}"} for i, row in enumerate(given_events)]
    signed = [
        r for r in rows
        if r["kind"] == "click" and r["standing"] == "signed" and r["is_sponsored"] and r["page_id"]
    ]  # fmt: skip
    assert n_billable(view_of([batch(rows)])) == len(signed)


def test_an_erased_visitor_leaves_nothing() -> None:
    """After the erasure no table but that of the erasures knows the visitor, and later events count."""

    def click(event_id: str, received_ms: int) -> dict[str, Any]:
        return {"event_id": event_id, "kind": "click", "time_ms": 1, "received_ms": received_ms,
                "listing_id": "mug", "visitor_id": "v1", "page_id": "p1", "quantity": 1,
                "standing": "signed", "is_sponsored": True}  # fmt: skip

    db = view_of(
        [batch([click("e1", 5), click("e2", 7)]), erased("v1", 6), batch([click("e3", 6)])]
    )
    assert db.execute("select event_id from touch").fetchall() == [("e2",)]
    assert db.execute("select event_id from billable_click").fetchall() == [("e2",)]


def test_an_erased_refund_gives_its_pieces_back() -> None:
    """What an erased visitor took back counts as bought again, and what it bought takes nothing."""

    def of(kind: str, event_id: str, visitor_id: str) -> dict[str, Any]:
        return {"event_id": event_id, "kind": kind, "time_ms": 1, "received_ms": 1,
                "listing_id": "mug", "visitor_id": visitor_id, "order_id": "o1", "quantity": 1,
                "standing": "none", "is_sponsored": False}  # fmt: skip

    rows = [of("purchase", "p1", "v2"), of("purchase", "p2", "v1"), of("refund", "r1", "v1")]
    n_back = "select event_id, n_back from purchase"
    assert view_of([batch(rows)]).execute(n_back).fetchall() == [("p1", 1), ("p2", 0)]
    db = view_of([batch(rows), erased("v1", 9)])
    assert db.execute(n_back).fetchall() == [("p1", 0)]
