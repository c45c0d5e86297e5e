"""The JSON Schema of a batch of events, published for those who send them."""

from collections.abc import Mapping
from typing import Any

from mercer.events.collect import CLIENT_RULES, TOKEN
from mercer.events.token import TOKEN_CHARS
from mercer.schema.event import EVENT_KINDS
from mercer.schema.time import MAX_TIME_MS
from mercer.serve.field_schema import field_schema

PATH = "/v1/events/schema.json"

_MEANING: Mapping[str, str] = {
    "event_id": "Made by the client, a UUID for instance: the same event sent again counts once.",
    "kind": "What happened.",
    "time_ms": "When, by the client's clock; without it, when it is received. Or `time`.",
    "listing_id": "What it happened to.",
    "visitor_id": "A browser, a device.",
    "session_id": "One visit.",
    "buyer_id": "Your own id of who is logged in.",
    "page_id": "Of the answer that showed the listing.",
    "query": "What was searched for.",
    "position": "On the page, 1 for the top.",
    "price_micros": "Of one piece, in millionths of the currency unit. Or `price`, in units.",
    "currency": "Of the price; without it the market's own.",
    "quantity": "Pieces bought or given back.",
    "order_id": "Of a purchase, and of the refund that takes it back.",
}
EXAMPLE: Mapping[str, Any] = {
    "sent_ms": 1_767_225_600_480,
    "events": [
        {
            "event_id": "0198c7a0-6f00-7d31-9f6e-6f0f2a3c4d5e",
            "kind": "click",
            "time_ms": 1_767_225_600_000,
            "listing_id": "mug-17",
            "visitor_id": "v-81f2",
            "session_id": "s-02",
            "page_id": "0198c7a0-5b7c-7d31-9f6e-6f0f2a3c4d5e",
            "token": "BwGcKjtMXX6PmgscLT5PUGEBAgEnCE-4cQhopI8wj0J2Vai9",
            "query": "white ceramic mug",
            "position": 1,
        },
        {
            "event_id": "0198c7a1-1c00-7d31-9f6e-6f0f2a3c4d5e",
            "kind": "purchase",
            "time_ms": 1_767_225_660_000,
            "listing_id": "mug-17",
            "buyer_id": "b-4711",
            "order_id": "o-900",
            "price_micros": 18_500_000,
            "currency": "EUR",
            "quantity": 2,
            "gift_wrap": True,
        },
    ],
}


def event_schema() -> dict[str, Any]:
    """One event; fields that are not named here are kept as they come."""
    properties: dict[str, Any] = {}
    for rule in CLIENT_RULES:
        shape = field_schema(rule)
        shape["description"] = f"{_MEANING[rule.name]} {rule.allowed[0].upper()}{rule.allowed[1:]}."
        properties[rule.name] = shape
    del properties["kind"]["pattern"]
    properties["kind"]["enum"] = list(EVENT_KINDS)
    properties[TOKEN] = {
        "type": "string",
        "maxLength": TOKEN_CHARS,
        "description": "Of the hit, as the answer gave it: proof that the listing was shown.",
    }
    # The time that is missing is the time of receipt.
    required = [rule.name for rule in CLIENT_RULES if rule.is_required and rule.name != "time_ms"]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": True,
    }


def batch_schema(*, ref: str, max_items: int | None = None) -> dict[str, Any]:
    """A batch; `ref` is where the schema of one event stands."""
    events: dict[str, Any] = {"type": "array", "items": {"$ref": ref}}
    if max_items is not None:
        events["maxItems"] = max_items
    return {
        "type": "object",
        "description": "Events, each judged alone.",
        "properties": {
            "sent_ms": {
                "type": "number",
                "minimum": 0,
                "maximum": MAX_TIME_MS,
                "description": "When the batch was sent, by the client's clock: sets it right.",
            },
            "events": events,
        },
        "required": ["events"],
        "additionalProperties": False,
    }


def published(*, max_items: int) -> dict[str, Any]:
    """The document at PATH."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": PATH,
        "title": "A batch of events",
        **batch_schema(ref="#/$defs/Event", max_items=max_items),
        "$defs": {"Event": event_schema()},
    }
