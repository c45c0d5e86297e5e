"""The attribution rule, case by case, and what may be billed."""

from typing import Any

import pyarrow as pa
import pytest

from mercer.events.attribution import (
    Credit,
    Purchase,
    Touch,
    billable,
    credit,
    proven_page,
    taken_back,
)

WINDOW_MS = 1_000
BOUGHT: dict[str, Any] = {"event_id": "p", "time_ms": 5_000, "listing_id": "mug"}
BY_ALL = {"visitor_id": "v", "session_id": "s", "buyer_id": "b"}


def touch(event_id: str, time_ms: int = 4_900, kind: str = "click", **more: Any) -> Touch:
    made = {"listing_id": "mug", "page_id": f"page of {event_id}", "visitor_id": "v"} | more
    return Touch(event_id=event_id, time_ms=time_ms, kind=kind, **made)


def won(*touches: Touch, **more: Any) -> str | None:
    found = credit(Purchase(**(BOUGHT | BY_ALL | more)), touches, window_ms=WINDOW_MS)
    assert (found.page_id is None) == (found.how == "none")
    return found.touch_id


def test_the_page_that_the_purchase_names() -> None:
    """A proven page of its own goes before every touch."""
    purchase = Purchase(**BOUGHT, **BY_ALL, page_id="own")
    assert credit(purchase, [touch("c")], window_ms=WINDOW_MS) == Credit("page", "own", None)


def test_the_latest_click_counts_and_else_the_latest_favourite_or_cart() -> None:
    """A click goes before a later cart; without a click the latest of the others counts."""
    assert won(touch("old", 4_100), touch("new", 4_200), touch("cart", 4_999, "cart")) == "new"
    assert won(touch("fav", 4_300, "favourite"), touch("cart", 4_200, "cart")) == "fav"


def test_ties_go_to_the_smaller_event_id() -> None:
    """Two clicks of the same millisecond are told apart by id, whichever comes first."""
    assert won(touch("b"), touch("a")) == won(touch("a"), touch("b")) == "a"


@pytest.mark.parametrize(
    ("time_ms", "counts"), [(3_999, False), (4_000, True), (5_000, True), (5_001, False)]
)
def test_the_edges_of_the_window(time_ms: int, counts: bool) -> None:
    """Exactly the window before counts, and so does the same instant; one millisecond more does not."""
    assert won(touch("c", time_ms)) == ("c" if counts else None)


def test_visitor_then_session_then_buyer() -> None:
    """An older click of the visitor goes before a later one of the session, and that before the buyer's."""
    visitor = touch("1", 4_100)
    session = touch("2", 4_200, visitor_id="w", session_id="s")
    buyer = touch("3", 4_300, visitor_id="x", buyer_id="b")
    assert won(buyer, session, visitor) == "1"
    assert won(buyer, session) == "2"
    assert won(buyer) == "3"
    assert won(touch("4", visitor_id="x")) is None


def test_nobody_is_not_somebody() -> None:
    """A purchase and a touch that both name no visitor are not of the same visitor."""
    nobody = {"visitor_id": None, "session_id": None, "buyer_id": None}
    assert won(touch("c", **nobody), **nobody) is None


def test_another_listing_is_another_story() -> None:
    """A click on a cup sells no mug."""
    assert won(touch("c", listing_id="cup")) is None


@pytest.mark.parametrize(
    ("page_id", "standing", "asked", "known"),
    [
        ("shown", "signed", False, True),
        ("elsewhere", "signed", False, True),
        ("shown", "none", True, True),
        ("shown", "expired", True, True),
        ("elsewhere", "none", True, False),
        ("shown", "forged", False, False),
        (None, "none", False, False),
    ],
)
def test_when_a_page_is_known(page_id: str | None, standing: str, asked: bool, known: bool) -> None:
    """A signed token proves it, else the log does; a forged token is believed in nothing."""
    calls = []

    def shows(page: str, listing: str) -> bool:
        calls.append(listing)
        return page == "shown"

    assert (proven_page(page_id, "mug", standing, shows=shows) is not None) == known
    assert bool(calls) == asked


def test_refunds_take_back_the_earliest_first_and_never_more_than_was_bought() -> None:
    """Three of two and two pieces are both of the first and one of the second."""
    assert taken_back({"p1": 2, "p2": 2}, refunded=3) == {"p1": 2, "p2": 1}
    assert taken_back({"p1": 2}, refunded=9) == {"p1": 2}
    assert taken_back({}, refunded=9) == {}


def test_only_a_signed_click_on_a_paid_slot_is_billable() -> None:
    """Of all kinds, standings and slots exactly one combination is billed."""
    kinds = ("impression", "click", "favourite", "cart", "purchase", "refund")
    rows = [
        {"kind": kind, "standing": standing, "is_sponsored": paid}
        for kind in kinds
        for standing in ("signed", "none", "forged", "expired")
        for paid in (True, False)
    ]
    mask = billable(pa.RecordBatch.from_pylist(rows))
    assert [row for row, yes in zip(rows, mask, strict=True) if yes] == [
        {"kind": "click", "standing": "signed", "is_sponsored": True}
    ]
