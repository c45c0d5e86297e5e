"""What a request says, as the input columns that features read: the same from a live search and from
the record of a page."""

from collections.abc import Mapping
from typing import Any

CATEGORY = "category"
FACT = "{}={}"
"""An attribute and its value, as `listing_inputs.facts_of` writes those of listings."""


def request_inputs(
    q: str,
    understood: Mapping[str, Any],
    *,
    surface: str,
    buyer_id: str | None = None,
    session_id: str | None = None,
    visitor_id: str | None = None,
) -> dict[str, Any]:
    """The columns of `query`, `context`, `buyer` and `session` by their dotted names.

    "query.vector" and "context.now_ms" are not among them.

    Args:
        q: as typed.
        understood: the `understood` object of the response, or of the page's record; may be empty.
    """
    wanted, corrections = understood.get("wanted", ()), understood.get("corrections", ())
    wishes = [wish for wish in wanted if wish["field"] != CATEGORY]
    terms = [term["word"] for term in understood.get("terms", ())]
    return {
        "query.q": q,
        "query.text": understood["did_you_mean"] if corrections else understood.get("text", q),
        "query.terms": terms,
        "query.excluded": list(understood.get("excluded_terms", ())),
        "query.categories": [wish["value"] for wish in wanted if wish["field"] == CATEGORY],
        "query.values": [wish["value"] for wish in wishes],
        "query.wishes": [FACT.format(wish["field"], wish["value"]) for wish in wishes],
        "query.wished_attributes": [wish["field"] for wish in wishes],
        "query.price_min_micros": understood.get("price_min_micros"),
        "query.price_max_micros": understood.get("price_max_micros"),
        "query.corrections": len(corrections),
        "buyer.buyer_id": buyer_id,
        "session.session_id": session_id,
        "session.visitor_id": visitor_id,
        "context.surface": surface,
    }
