"""The attribution rule once more, from the whole set of events and without any state."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]


def credits(
    events: Sequence[Event],
    erased: Mapping[str, int],
    *,
    window_ms: int,
    before_ms: int,
    shows: Callable[[str, str], bool],
) -> dict[str, tuple[Any, ...]]:
    """(how, page, touch, pieces given back) of each purchase that is not forgotten."""
    live = [
        e
        for e in events
        if erased.get(e["visitor_id"] or "", -1) < e["received_ms"]
        and e["received_ms"]
        >= before_ms - (window_ms if e["kind"] in ("click", "favourite", "cart") else 0)
    ]
    purchases = [e for e in live if e["kind"] == "purchase"]
    back = _given_back(purchases, [e for e in live if e["kind"] == "refund"])
    touches = [e for e in live if e["kind"] in ("click", "favourite", "cart") and _known(e, shows)]
    return {
        p["event_id"]: (*_credit(p, touches, window_ms, shows), back[p["event_id"]])
        for p in purchases
    }


def _known(event: Event, shows: Callable[[str, str], bool]) -> bool:
    if event["page_id"] is None:
        return False
    if event["standing"] == "signed":
        return True
    return event["standing"] != "forged" and shows(event["page_id"], event["listing_id"])


def _credit(
    purchase: Event, touches: Iterable[Event], window_ms: int, shows: Callable[[str, str], bool]
) -> tuple[str, str | None, str | None]:
    if _known(purchase, shows):
        return ("page", purchase["page_id"], None)
    near = [
        t
        for t in touches
        if t["listing_id"] == purchase["listing_id"]
        and 0 <= purchase["time_ms"] - t["time_ms"] <= window_ms
    ]
    for key in ("visitor", "session", "buyer"):
        own = [t for t in near if purchase[f"{key}_id"] == t[f"{key}_id"] is not None]
        clicks = [t for t in own if t["kind"] == "click"]
        for group in (clicks, own):
            if group:
                latest = max(t["time_ms"] for t in group)
                first = min(t["event_id"] for t in group if t["time_ms"] == latest)
                (touch,) = [t for t in group if t["event_id"] == first]
                return (key, touch["page_id"], first)
    return ("none", None, None)


def _given_back(purchases: Sequence[Event], refunds: Sequence[Event]) -> dict[str, int]:
    back = {p["event_id"]: 0 for p in purchases}
    for refund in refunds:
        for _ in range(refund["quantity"]):
            for p in sorted(purchases, key=lambda p: (p["time_ms"], p["event_id"])):
                if (
                    p["order_id"] is not None
                    and (p["order_id"], p["listing_id"])
                    == (refund["order_id"], refund["listing_id"])
                    and back[p["event_id"]] < p["quantity"]
                ):
                    back[p["event_id"]] += 1
                    break
    return back
