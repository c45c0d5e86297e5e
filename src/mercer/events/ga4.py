"""Google Analytics 4 events as BigQuery exports them -> events of ours. docs/howto/import-events.md.

A row of `events_YYYYMMDD` as a JSON object (whole numbers may be texts, as BigQuery writes them) or as
a row of a Parquet file. Source of names: the GA4 BigQuery event schema.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from mercer.events.foreign import Foreign, ForeignChoices, Names, position_of, text_of

_KINDS: Mapping[str, str] = {
    "view_item_list": "impression",
    "select_item": "click",
    "add_to_wishlist": "favourite",
    "add_to_cart": "cart",
    "purchase": "purchase",
    "refund": "refund",
}
_VALUES = ("string_value", "int_value", "double_value", "float_value")
COLUMNS = (
    "event_timestamp", "event_name", "event_params", "event_bundle_sequence_id", "user_id",
    "user_pseudo_id", "stream_id", "ecommerce", "items", "batch_event_index", "batch_page_id",
    "batch_ordering_id",
)  # fmt: skip


def from_object(row: Mapping[str, Any], choices: ForeignChoices) -> Foreign:
    """One row of the export: an event for each of its items."""
    name = row.get("event_name")
    if not isinstance(name, str):
        return Foreign(fault="event_name is missing; a row of a GA4 BigQuery export is needed")
    is_view = name == "view_item" and choices.views_are_clicks
    kind = "click" if is_view else _KINDS.get(name)
    if kind is None:
        return Foreign(skipped=name)
    given = row.get("items")
    items = [i for i in given if isinstance(i, Mapping)] if isinstance(given, list) else []
    if not items:
        return Foreign(fault=f"a {name} must have its items")
    params = _params(row.get("event_params"))
    base = _base(row, params, kind)
    names = Names(_event_name(row, name, base))
    return Foreign(
        tuple(
            base | _item(item, params) | {"event_id": names.next(item.get("item_id"))}
            for item in items
        )
    )


def _params(pairs: Any) -> dict[str, Any]:
    """event_params as name -> the one value that is set."""
    found: dict[str, Any] = {}
    for pair in pairs if isinstance(pairs, list) else ():
        if isinstance(pair, Mapping) and isinstance(value := pair.get("value"), Mapping):
            values = (value.get(kind) for kind in _VALUES)
            found[str(pair.get("key"))] = next((v for v in values if v is not None), None)
    return found


def _base(row: Mapping[str, Any], params: Mapping[str, Any], kind: str) -> dict[str, Any]:
    visitor_id = text_of(row.get("user_pseudo_id"))
    session = params.get("ga_session_id")
    ecommerce = row.get("ecommerce")
    order_id = text_of(ecommerce.get("transaction_id")) if isinstance(ecommerce, Mapping) else None
    base = {
        "kind": kind,
        "source": "ga4",
        "time_ms": _time_ms(row.get("event_timestamp")),
        "visitor_id": visitor_id,
        # The number of a session is only unique to its visitor.
        "session_id": f"{visitor_id}.{session}" if visitor_id and session is not None else None,
        "buyer_id": text_of(row.get("user_id")),
        "query": text_of(params.get("search_term")),
    }
    if kind in ("purchase", "refund"):
        base["order_id"] = order_id or text_of(params.get("transaction_id"))
    return base


def _time_ms(micros: Any) -> Any:
    """Microseconds since 1970, a number or its digits, as milliseconds; anything else for the judge."""
    try:
        return int(micros) // 1_000
    except (TypeError, ValueError, OverflowError):
        return micros


def _item(item: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "listing_id": text_of(item.get("item_id")),
        "position": position_of(item.get("item_list_index")),
        "price": item.get("price"),
        "currency": text_of(params.get("currency")),
        "quantity": item.get("quantity"),
    }


def _event_name(row: Mapping[str, Any], name: str, base: Mapping[str, Any]) -> str:
    """The export has no event ids: one is made of what tells two events apart.

    A purchase is told by its order alone, as Google counts it: the thank-you page seen twice, or the
    same day exported twice, is one purchase.
    """
    if name == "purchase" and base["order_id"] is not None:
        parts: list[Any] = [name, base["order_id"]]
    else:
        order = ("batch_page_id", "batch_ordering_id", "batch_event_index")
        parts = [name, row.get("stream_id"), row.get("user_pseudo_id"), row.get("event_timestamp"),
                 row.get("event_bundle_sequence_id"), *(row.get(one) for one in order)]  # fmt: skip
    text = "\x1f".join("" if part is None else str(part) for part in parts)
    return "ga4-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
