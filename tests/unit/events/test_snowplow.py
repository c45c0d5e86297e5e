"""Snowplow's enriched events, as lines and as the SDKs' JSON: the same events of ours."""

import json
from typing import Any

import pytest

from mercer.events.foreign import Foreign, ForeignChoices
from mercer.events.snowplow import FIELDS, from_line, from_object

PLAIN = ForeignChoices()
VENDOR = "com.snowplowanalytics.snowplow"
BASE = {
    "app_id": "shop", "platform": "web", "collector_tstamp": "2026-01-31 09:30:00.250",
    "dvce_created_tstamp": "2026-01-31 09:29:58.000", "derived_tstamp": "2026-01-31 09:30:00.123",
    "event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb", "user_id": "b-7",
    "domain_userid": "bc2e92ec6c204a14", "network_userid": "ecdff4d0-9175",
    "domain_sessionid": "2b15e5c8-d3b1-11e4", "page_url": "https://shop.example/listing/mug-17?a=1",
}  # fmt: skip
WHO = {
    "source": "snowplow", "visitor_id": "bc2e92ec6c204a14", "session_id": "2b15e5c8-d3b1-11e4",
    "buyer_id": "b-7", "time_ms": "2026-01-31 09:30:00.123",
}  # fmt: skip
MUG = {"id": "mug-17", "category": "Mugs", "price": 18.5, "currency": "EUR", "position": 3}
CUP = {"id": "cup-2", "category": "Cups", "price": 4, "currency": "EUR", "quantity": 2}


def line(**fields: Any) -> str:
    """An enriched event in the order of the format; self-describing JSON packed as trackers do."""
    row = BASE | fields
    return "\t".join(str(row.get(name, "")) for name in FIELDS)


def action(kind: str, *products: Any, vendor: str = f"{VENDOR}.ecommerce", **entities: Any) -> str:
    data = [{"schema": f"iglu:{vendor}/product/jsonschema/1-0-0", "data": p} for p in products]
    data += [
        {"schema": f"iglu:{vendor}/{name}/jsonschema/1-0-0", "data": entity}
        for name, entity in entities.items()
    ]
    event = {"schema": f"iglu:{vendor}/snowplow_ecommerce_action/jsonschema/1-0-2",
             "data": {"type": kind}}  # fmt: skip
    return line(
        event="unstruct",
        event_name="snowplow_ecommerce_action",
        contexts=json.dumps({"schema": f"iglu:{VENDOR}/contexts/jsonschema/1-0-0", "data": data}),
        unstruct_event=json.dumps(
            {"schema": f"iglu:{VENDOR}/unstruct_event/jsonschema/1-0-0", "data": event}
        ),
    )


def events(found: Foreign) -> list[dict[str, Any]]:
    assert not found.fault
    assert not found.skipped
    return [dict(one) for one in found.events]


def test_the_line_has_131_cells() -> None:
    """The canonical event has 131 columns; a line with another number is a fault of that line."""
    assert len(FIELDS) == len(set(FIELDS)) == 131
    assert (FIELDS[6], FIELDS[52], FIELDS[58], FIELDS[-1]) == (
        "event_id", "contexts", "unstruct_event", "true_tstamp",
    )  # fmt: skip
    assert "131 cells, this line 2" in from_line("a\tb", PLAIN).fault


def test_a_transaction_item() -> None:
    """The old way of buying: one line for each thing, under the id of its own event."""
    (one,) = events(
        from_line(
            line(event="transaction_item", ti_orderid="o-9", ti_sku="mug-17", ti_price="18.5",
                 ti_quantity="2", ti_currency="EUR"),
            PLAIN,
        )
    )  # fmt: skip
    assert one == WHO | {
        "kind": "purchase", "event_id": BASE["event_id"], "listing_id": "mug-17",
        "order_id": "o-9", "price": "18.5", "currency": "EUR", "quantity": "2",
    }  # fmt: skip


@pytest.mark.parametrize("price", ["price", "unitPrice"])
def test_an_add_to_cart_of_the_old_kind(price: str) -> None:
    """`add_to_cart` with a sku is a cart, whatever its price is called."""
    data = {"sku": "mug-17", price: 18.5, "quantity": 1, "currency": "EUR"}
    event = {"schema": f"iglu:{VENDOR}/add_to_cart/jsonschema/1-0-0", "data": data}
    packed = json.dumps({"schema": "iglu:x/unstruct_event/jsonschema/1-0-0", "data": event})
    (one,) = events(from_line(line(event="unstruct", unstruct_event=packed), PLAIN))
    assert (one["kind"], one["listing_id"], one["price"]) == ("cart", "mug-17", 18.5)


@pytest.mark.parametrize(
    ("kind", "ours"),
    [("list_view", "impression"), ("list_click", "click"), ("add_to_cart", "cart")],
)
def test_an_ecommerce_action_is_an_event_for_each_product(kind: str, ours: str) -> None:
    """Each product entity becomes an event with an id of its own, the same whenever it is read."""
    found = events(from_line(action(kind, MUG, CUP, MUG), PLAIN))
    assert found == events(from_line(action(kind, MUG, CUP, MUG), PLAIN))
    assert [e["kind"] for e in found] == [ours] * 3
    assert [e["listing_id"] for e in found] == ["mug-17", "cup-2", "mug-17"]
    assert [e["position"] for e in found] == [3, None, 3]
    names = [f"{BASE['event_id']}/{name}" for name in ("mug-17", "cup-2", "mug-17/2")]
    assert [e["event_id"] for e in found] == names
    assert [e["price"] for e in found] == [18.5, 4, 18.5]


def test_transactions_and_refunds_name_their_order() -> None:
    """The order is that of the transaction, or of the refund; without products nothing can be said."""
    order = {"transaction_id": "o-9"}
    (bought, _) = events(from_line(action("transaction", MUG, CUP, transaction=order), PLAIN))
    (back,) = events(from_line(action("refund", CUP, refund=order), PLAIN))
    assert (bought["kind"], bought["order_id"]) == ("purchase", "o-9")
    assert (back["kind"], back["order_id"], back["quantity"]) == ("refund", "o-9", 2)
    whole = from_line(action("refund", refund=order), PLAIN)
    assert whole.fault == "a refund must have its products as entities"


def test_views_count_only_when_asked() -> None:
    """A detail view and a page view are skipped by name; with the choice they are clicks."""
    view, page = action("product_view", MUG), line(event="page_view", event_name="page_view")
    assert from_line(view, PLAIN).skipped == "product_view"
    assert from_line(page, PLAIN).skipped == "page_view"

    def listing_of(url: str) -> str | None:
        return url.split("/listing/")[1].split("?")[0] if "/listing/" in url else None

    asked = ForeignChoices(views_are_clicks=True, listing_of_url=listing_of)
    for row in (view, page):
        (one,) = events(from_line(row, asked))
        assert (one["kind"], one["listing_id"]) == ("click", "mug-17")
    elsewhere = line(event="page_view", page_url="https://shop.example/about")
    assert from_line(elsewhere, asked).skipped == "page_view"


@pytest.mark.parametrize("event", ["page_ping", "struct", "transaction"])
def test_what_is_no_event_of_a_marketplace_is_skipped(event: str) -> None:
    """Pings, structured events and the head of an old transaction are counted, not refused."""
    assert from_line(line(event=event), PLAIN).skipped == event
    assert from_line(action("checkout_step", MUG), PLAIN).skipped == "checkout_step"


@pytest.mark.parametrize("packed", ["{", "[]", "{}", '{"data": 3}', '{"data": {"schema": "x"}}'])
def test_broken_json_inside_a_line_is_its_fault(packed: str) -> None:
    """A line whose self-describing JSON cannot be read is set aside."""
    assert from_line(line(event="unstruct", unstruct_event=packed), PLAIN).fault


def test_the_sdk_json_says_the_same() -> None:
    """The objects of the analytics SDKs (flat, entities under their schema's name) give equal events."""
    sdk = {
        **BASE,
        "derived_tstamp": "2026-01-31T09:30:00.123Z",
        "event": "unstruct",
        "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1": {
            "type": "list_click"
        },
        "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1": [MUG],
    }
    (got,) = events(from_object(sdk, PLAIN))
    (want,) = events(from_line(action("list_click", MUG), PLAIN))
    assert got == want | {"time_ms": "2026-01-31T09:30:00.123Z"}
    assert from_object({"q": 1}, PLAIN).fault.startswith("event is missing")
