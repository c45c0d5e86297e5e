"""The columns that every market has: what a feature may read, where it comes from, its kind.

Whose a column is stands before the dot. `query`, `buyer`, `session` and `context` are of the request,
`listing` and `seller` of one listing, `candidate` of the two together, and `label` is read when a
transform is fitted and never else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mercer.features.column import Kind
from mercer.schema.errors import FeatureError

REQUEST_OWNERS = ("query", "buyer", "session", "context")
ROW_OWNERS = ("listing", "seller")
OWNERS = (*REQUEST_OWNERS, *ROW_OWNERS, "candidate", "pair", "label")
ATTRIBUTE = "listing.attributes."
"""What follows is the name of an attribute: its values, as texts."""


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """A column that is there without being declared."""

    kind: Kind
    doc: str


KNOWN: Mapping[str, KnownColumn] = {
    "context.now_ms": KnownColumn("number", "when the page was asked for, in ms since 1970 UTC"),
    "context.surface": KnownColumn("text", "where it is shown: search, home, similar"),
    "query.q": KnownColumn("text", "as typed"),
    "query.text": KnownColumn("text", "as used, corrected"),
    "query.terms": KnownColumn("texts", "its words as understood"),
    "query.excluded": KnownColumn("texts", "words that are not wanted"),
    "query.categories": KnownColumn("texts", "categories that it names"),
    "query.values": KnownColumn("texts", "attribute values that it names"),
    "query.wishes": KnownColumn("texts", "the same with their attribute: color=blue"),
    "query.wished_attributes": KnownColumn("texts", "attributes whose values it names"),
    "query.price_min_micros": KnownColumn("number", "asked for, in the reporting currency"),
    "query.price_max_micros": KnownColumn("number", "asked for, in the reporting currency"),
    "query.corrections": KnownColumn("number", "words that were corrected"),
    "query.vector": KnownColumn("vector", "its meaning, by the encoder of the index"),
    "buyer.buyer_id": KnownColumn("text", "missing where nobody is logged in"),
    "session.session_id": KnownColumn("text", "of the visit"),
    "session.visitor_id": KnownColumn("text", "of the browser"),
    "listing.listing_id": KnownColumn("text", "the customer's id"),
    "listing.seller_id": KnownColumn("text", "empty where the catalogue names none"),
    "listing.title": KnownColumn("text", ""),
    "listing.description": KnownColumn("text", ""),
    "listing.tags": KnownColumn("texts", ""),
    "listing.category_path": KnownColumn("texts", "root first"),
    "listing.category": KnownColumn("text", "the whole path, ' > ' between; missing: none"),
    "listing.leaf_category": KnownColumn("text", "the last of the path; missing: none"),
    "listing.labels": KnownColumn("texts", "tags and the values of all attributes"),
    "listing.facts": KnownColumn("texts", "its attributes with their values: color=blue"),
    "listing.stated_attributes": KnownColumn("texts", "attributes that it has a value of"),
    "listing.price_micros": KnownColumn("number", "in the reporting currency"),
    "listing.currency": KnownColumn("text", "ISO 4217, of the seller"),
    "listing.quantity": KnownColumn("number", "pieces; 0: sold out"),
    "listing.images": KnownColumn("texts", "references of its pictures"),
    "listing.created_ms": KnownColumn("number", "ms since 1970 UTC"),
    "listing.updated_ms": KnownColumn("number", "ms since 1970 UTC"),
    "listing.rating": KnownColumn("number", "0 to 5; missing where nobody rated"),
    "listing.rating_count": KnownColumn("number", ""),
    "listing.sold_count": KnownColumn("number", ""),
    "listing.favourite_count": KnownColumn("number", ""),
    "listing.vector": KnownColumn("vector", "its meaning, by the encoder of the index"),
    "seller.name": KnownColumn("text", ""),
    "seller.opened_ms": KnownColumn("number", "ms since 1970 UTC; missing where unknown"),
    "seller.country": KnownColumn("text", "ISO 3166-1 alpha-2"),
    "seller.rating": KnownColumn("number", "0 to 5; missing where nobody rated"),
    "seller.rating_count": KnownColumn("number", ""),
    "candidate.cosine": KnownColumn("number", "of query and listing, by the encoder of the index"),
    "candidate.first_pass": KnownColumn("number", "score of the first pass"),
    "candidate.lexical": KnownColumn("number", "part of the first pass"),
    "candidate.semantic": KnownColumn("number", "part of the first pass"),
    "candidate.title": KnownColumn("number", "part of the first pass"),
    "candidate.unwanted": KnownColumn("number", "part of the first pass"),
    "candidate.wish": KnownColumn("number", "part of the first pass"),
    "candidate.prior": KnownColumn("number", "part of the first pass: quality"),
}


def owner_of(column: str) -> str:
    """What stands before the dot."""
    return column.partition(".")[0]


def kind_of(column: str, declared: Mapping[str, Kind], *, at: str) -> Kind:
    """The kind of an input column.

    Raises:
        FeatureError: there is no such column.
    """
    if column in declared:
        return declared[column]
    if column in KNOWN:
        return KNOWN[column].kind
    if column.startswith(ATTRIBUTE) and len(column) > len(ATTRIBUTE):
        return "texts"
    owner = owner_of(column)
    near = [name for name in (*KNOWN, *declared) if owner_of(name) == owner]
    if owner not in OWNERS:
        raise FeatureError(
            f"{at}: {column!r} is neither a feature of this set nor a column; "
            f"columns begin with one of {', '.join(OWNERS)} and a dot"
        )
    raise FeatureError(
        f"{at}: unknown column {column!r}; known: {', '.join(near) or 'none'}; "
        "a column of your own is declared under [columns] with its kind"
    )
