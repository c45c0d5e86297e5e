"""Rows of the GA4 BigQuery export -> events of ours."""

from typing import Any

import pytest

from mercer.events.foreign import Foreign, ForeignChoices
from mercer.events.ga4 import from_object

PLAIN = ForeignChoices()


def row(name: str, *items: Any, **more: Any) -> dict[str, Any]:
    """As BigQuery writes JSON: whole numbers are texts, every parameter has one value."""
    return {
        "event_date": "20260131",
        "event_timestamp": "1769851800123456",
        "event_name": name,
        "event_params": [
            {"key": "ga_session_id", "value": {"string_value": None, "int_value": "1769851000"}},
            {"key": "currency", "value": {"string_value": "EUR"}},
            {"key": "page_location", "value": {"string_value": "https://shop.example/search"}},
            {"key": "search_term", "value": {"string_value": "white mug"}},
        ],
        "event_bundle_sequence_id": "77",
        "user_id": None,
        "user_pseudo_id": "1234.5678",
        "stream_id": "99",
        "items": list(items),
        **more,
    }


def item(item_id: str, **more: Any) -> dict[str, Any]:
    return {"item_id": item_id, "item_name": "(not set)", "price": 18.5, "quantity": "1"} | more


def events(found: Foreign) -> list[dict[str, Any]]:
    assert not found.fault
    assert not found.skipped
    return [dict(one) for one in found.events]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("view_item_list", "impression"),
        ("select_item", "click"),
        ("add_to_wishlist", "favourite"),
        ("add_to_cart", "cart"),
        ("purchase", "purchase"),
        ("refund", "refund"),
    ],
)
def test_each_item_is_an_event(name: str, kind: str) -> None:
    """Kinds by name; time in milliseconds, the session made unique, the query and currency found."""
    found = events(from_object(row(name, item("mug", item_list_index="3"), item("cup")), PLAIN))
    assert [(e["kind"], e["listing_id"], e["position"]) for e in found] == [
        (kind, "mug", 3), (kind, "cup", None),
    ]  # fmt: skip
    one = found[0]
    assert one["time_ms"] == 1_769_851_800_123
    assert (one["visitor_id"], one["session_id"]) == ("1234.5678", "1234.5678.1769851000")
    assert (one["query"], one["currency"], one["price"], one["quantity"]) == (
        "white mug", "EUR", 18.5, "1",
    )  # fmt: skip


@pytest.mark.parametrize("place", ["(not set)", "Slide 3", None, "", 0])
def test_a_place_that_is_no_number_is_none(place: Any) -> None:
    """What the shop wrote as a name of a place is no position."""
    (one,) = events(from_object(row("select_item", item("mug", item_list_index=place)), PLAIN))
    assert one["position"] is None


def test_ids_are_made_of_what_tells_events_apart() -> None:
    """The same row gives the same ids, another item, moment or visitor another one."""
    ids = [
        events(from_object(one, PLAIN))[0]["event_id"]
        for one in (
            row("select_item", item("mug")),
            row("select_item", item("mug")),
            row("select_item", item("cup")),
            row("select_item", item("mug"), event_timestamp="1769851800123457"),
            row("select_item", item("mug"), user_pseudo_id="other"),
            row("add_to_cart", item("mug")),
            row("select_item", item("mug"), batch_event_index="2"),
        )
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == len(ids) - 1
    twice = events(from_object(row("select_item", item("mug"), item("mug")), PLAIN))
    assert twice[0]["event_id"] != twice[1]["event_id"]


def test_a_purchase_is_its_order() -> None:
    """The thank-you page seen again is the same purchase; a refund at another time is another one."""
    order = {"ecommerce": {"transaction_id": "o-9"}}
    later = {"event_timestamp": "1769859999000000", **order}
    (one,) = events(from_object(row("purchase", item("mug"), **order), PLAIN))
    (again,) = events(from_object(row("purchase", item("mug"), **later), PLAIN))
    assert (one["order_id"], one["event_id"]) == ("o-9", again["event_id"])
    (back,) = events(from_object(row("refund", item("mug"), **order), PLAIN))
    (more,) = events(from_object(row("refund", item("mug"), **later), PLAIN))
    assert back["event_id"] != more["event_id"]
    unknown = {"ecommerce": {"transaction_id": "(not set)"}}
    (lost,) = events(from_object(row("purchase", item("mug"), **unknown), PLAIN))
    assert lost["order_id"] is None


def test_views_count_only_when_asked() -> None:
    """`view_item` is skipped, unless views are clicks."""
    assert from_object(row("view_item", item("mug")), PLAIN).skipped == "view_item"
    asked = ForeignChoices(views_are_clicks=True)
    assert events(from_object(row("view_item", item("mug")), asked))[0]["kind"] == "click"


def test_the_rest_is_skipped_or_a_fault() -> None:
    """Scrolls are skipped; a purchase without items and a row of something else are faults."""
    assert from_object(row("scroll"), PLAIN).skipped == "scroll"
    for items in ((), (3, None)):
        assert from_object(row("purchase", *items), PLAIN).fault == "a purchase must have its items"
    assert from_object({"a": 1}, PLAIN).fault.startswith("event_name is missing")
    odd = row("select_item", item("mug"), event_params="x", ecommerce="y", event_timestamp="soon")
    assert events(from_object(odd, PLAIN))[0]["time_ms"] == "soon"
