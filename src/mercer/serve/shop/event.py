"""The events that the pages send themselves, as the JSON objects that `put_events` takes.

Their ids follow from what they tell, so that a form sent twice or a page loaded again is one event.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from mercer.serve.shop.basket import Order, Source
from mercer.serve.shop.visitor import Visitor

SOURCE = "shop"
_NAMESPACE = UUID("5f0b8a1e-4c5d-4d3a-9a57-1f6d0c1c7b52")


def event_id(*parts: str) -> str:
    """The same id for the same parts."""
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))


def picked(
    kind: str, listing_id: str, source: Source, visitor: Visitor, *, now_ms: int, once: str = ""
) -> dict[str, Any]:
    """A click, favourite or cart event of one listing.

    Args:
        once: what else tells this event from another of its kind; the same page and listing with
            the same `once` is the same event.
    """
    ids = (kind, visitor.visitor_id, source.page_id, listing_id, once)
    return {
        "event_id": event_id(*ids),
        "kind": kind,
        "time_ms": now_ms,
        "listing_id": listing_id,
        "visitor_id": visitor.visitor_id,
        "session_id": visitor.session_id,
        **_of_page(source),
    }


def purchases(order: Order, visitor: Visitor, *, now_ms: int) -> Sequence[dict[str, Any]]:
    """One purchase event for each line of an order."""
    return [
        {
            "event_id": event_id("purchase", order.order_id, line.listing_id),
            "kind": "purchase",
            "time_ms": now_ms,
            "listing_id": line.listing_id,
            "visitor_id": visitor.visitor_id,
            "session_id": visitor.session_id,
            "order_id": order.order_id,
            "quantity": line.quantity,
            "price_micros": line.price_micros,
            "currency": line.currency,
            **_of_page(line.source),
        }
        for line in order.lines
    ]


def _of_page(source: Source) -> dict[str, Any]:
    """What is known of the page; a field that is not known is left out."""
    found: dict[str, Any] = {}
    if source.page_id:
        found["page_id"] = source.page_id
        if source.position > 0:
            found["position"] = source.position
        if source.token:
            found["token"] = source.token
    return found
