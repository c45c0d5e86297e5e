"""What each field accepts: type, bounds, default, and the sentence that a rejection says.

The one list behind `mercer ingest`, `mercer validate`, map files and the HTTP API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from mercer.schema import limits
from mercer.schema.event import EVENT, EVENT_KINDS, STANDINGS
from mercer.schema.listing import DELETION, LISTING
from mercer.schema.money import MAX_MICROS, MICROS
from mercer.schema.seller import SELLER
from mercer.schema.time import MAX_TIME_MS

FieldKind = Literal["text", "int", "float", "money", "time", "bool", "texts"]
RowKind = Literal["listings", "deletions", "sellers", "events"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """What one field accepts."""

    name: str
    kind: FieldKind
    allowed: str  # "... must be <allowed>"
    is_required: bool = False
    default: Any = None  # where missing; None leaves it null
    low: float | None = None
    high: float | None = None
    max_chars: int | None = None  # of a text, or of each part of a list
    max_items: int | None = None
    pattern: str | None = None  # a text must match
    separator: str | None = None  # splits one text into a list, unless a map says otherwise
    # Other names read without a map, each with the unit it is in; earlier ones win.
    aliases: Mapping[str, str] | None = None


def _id(name: str, *, required: bool = True, aliases: Mapping[str, str] | None = None) -> FieldRule:
    return FieldRule(
        name=name,
        kind="text",
        allowed=f"1 to {limits.MAX_ID_CHARS} characters of text",
        is_required=required,
        max_chars=limits.MAX_ID_CHARS,
        aliases=aliases,
    )


def _text(
    name: str, max_chars: int, *, required: bool = False, default: str | None = ""
) -> FieldRule:
    return FieldRule(
        name=name,
        kind="text",
        allowed=f"text of at most {max_chars:,} characters",
        is_required=required,
        default=None if required else default,
        max_chars=max_chars,
    )


def _texts(name: str, max_items: int, max_chars: int, separator: str, **more: Any) -> FieldRule:
    return FieldRule(
        name=name,
        kind="texts",
        allowed=f"a list of at most {max_items} texts of at most {max_chars:,} characters each",
        default=(),
        max_items=max_items,
        max_chars=max_chars,
        separator=separator,
        **more,
    )


def _count(name: str, *, default: int = 0, aliases: Mapping[str, str] | None = None) -> FieldRule:
    return FieldRule(
        name=name,
        kind="int",
        allowed=f"a whole number from 0 to {limits.MAX_COUNT:,}",
        default=default,
        low=0,
        high=limits.MAX_COUNT,
        aliases=aliases,
    )


def _time(name: str, alias: str, *, required: bool = False) -> FieldRule:
    return FieldRule(
        name=name,
        kind="time",
        allowed="an ISO 8601 time, or seconds or milliseconds since 1970, before the year 2100",
        is_required=required,
        low=0,
        high=MAX_TIME_MS,
        aliases={alias: "auto"},
    )


_RATING = FieldRule(
    name="rating", kind="float", allowed="a number from 0 to 5", low=0.0, high=limits.MAX_RATING
)
_PRICE = FieldRule(
    name="price_micros",
    kind="money",
    allowed=f"a number from 0 to {MAX_MICROS // MICROS:,} units of the currency",
    aliases={"price": "units"},
)
_CURRENCY = FieldRule(
    name="currency", kind="text", allowed="an ISO 4217 code such as EUR", pattern="^[A-Z]{3}$"
)

LISTING_RULES: tuple[FieldRule, ...] = (
    _id("listing_id", aliases={"id": ""}),
    _text("seller_id", limits.MAX_ID_CHARS),
    _text("title", limits.MAX_TITLE_CHARS, required=True),
    _text("description", limits.MAX_DESCRIPTION_CHARS),
    _texts("tags", limits.MAX_TAGS, limits.MAX_TAG_CHARS, ","),
    _texts(
        "category_path",
        limits.MAX_CATEGORY_DEPTH,
        limits.MAX_CATEGORY_CHARS,
        ">",
        aliases={"category": ""},
    ),
    _PRICE,
    _CURRENCY,
    _count("quantity", default=1),
    # A space splits them: addresses hold commas, but no spaces.
    _texts("images", limits.MAX_IMAGES, limits.MAX_IMAGE_CHARS, " ", aliases={"image": ""}),
    _time("created_ms", "created"),
    _time("updated_ms", "updated"),
    _RATING,
    _count("rating_count"),
    _count("sold_count"),
    _count("favourite_count"),
    FieldRule(name="is_hidden", kind="bool", allowed="true or false", default=False),
)

SELLER_RULES: tuple[FieldRule, ...] = (
    _id("seller_id", aliases={"id": ""}),
    _text("name", limits.MAX_NAME_CHARS),
    _time("opened_ms", "opened"),
    FieldRule(
        name="country",
        kind="text",
        allowed="an ISO 3166-1 code of two letters such as DE",
        pattern="^[A-Z]{2}$",
    ),
    _RATING,
    _count("rating_count"),
    _time("updated_ms", "updated"),
)

EVENT_RULES: tuple[FieldRule, ...] = (
    _id("event_id"),
    FieldRule(
        name="kind",
        kind="text",
        allowed="one of " + ", ".join(EVENT_KINDS),
        is_required=True,
        pattern=f"^({'|'.join(EVENT_KINDS)})$",
    ),
    _time("time_ms", "time", required=True),
    _id("listing_id"),
    _id("visitor_id", required=False),
    _id("session_id", required=False),
    _id("buyer_id", required=False),
    _id("page_id", required=False),
    _text("query", limits.MAX_QUERY_CHARS, default=None),
    FieldRule(
        name="position",
        kind="int",
        allowed=f"a whole number from 1 to {limits.MAX_POSITION:,}",
        low=1,
        high=limits.MAX_POSITION,
    ),
    _PRICE,
    _CURRENCY,
    _count("quantity", default=1),
    _id("order_id", required=False),
    FieldRule(
        name="standing",
        kind="text",
        allowed="one of " + ", ".join(STANDINGS),
        default="none",
        pattern=f"^({'|'.join(STANDINGS)})$",
    ),
    FieldRule(name="is_sponsored", kind="bool", allowed="true or false", default=False),
    _time("client_ms", "client_time"),
    _time("received_ms", "received"),
    _text("source", limits.MAX_NAME_CHARS, default="import"),
    _text("extra", limits.MAX_DESCRIPTION_CHARS, default=None),
)

# What only the market that took an event can know. A file that claims a proof is not believed.
_NOT_FROM_FILES = frozenset(("standing", "is_sponsored", "received_ms"))
HISTORY_RULES: tuple[FieldRule, ...] = tuple(
    rule for rule in EVENT_RULES if rule.name not in _NOT_FROM_FILES
)

RULES: Mapping[RowKind, tuple[FieldRule, ...]] = {
    "listings": LISTING_RULES,
    "deletions": tuple(r for r in LISTING_RULES if r.name in DELETION.names),
    "sellers": SELLER_RULES,
    "events": EVENT_RULES,
}
SCHEMAS: Mapping[RowKind, pa.Schema] = {
    "listings": LISTING,
    "deletions": DELETION,
    "sellers": SELLER,
    "events": EVENT,
}
