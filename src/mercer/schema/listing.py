"""What a listing is: one thing that one seller offers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

ATTRIBUTES_TYPE = pa.map_(pa.string(), pa.list_(pa.string()))

LISTING = pa.schema(
    [
        pa.field("listing_id", pa.string(), nullable=False),  # the customer's id, 1..200 characters
        pa.field("seller_id", pa.string(), nullable=False),  # "" where the catalogue names none
        pa.field("title", pa.string(), nullable=False),
        pa.field("description", pa.string(), nullable=False),
        pa.field("tags", pa.list_(pa.string()), nullable=False),
        pa.field("category_path", pa.list_(pa.string()), nullable=False),  # root first
        pa.field("attributes", ATTRIBUTES_TYPE, nullable=False),  # name -> values
        pa.field("price_micros", pa.int64()),  # in `currency`; null where unknown; >= 0
        pa.field("currency", pa.string()),  # ISO 4217; null with the price
        pa.field("quantity", pa.int64(), nullable=False),  # 0: sold out
        pa.field("images", pa.list_(pa.string()), nullable=False),  # references, never fetched
        pa.field("created_ms", pa.int64(), nullable=False),
        pa.field("updated_ms", pa.int64(), nullable=False),  # the last one wins
        pa.field("rating", pa.float32()),  # 0..5; null where nobody rated
        pa.field("rating_count", pa.int64(), nullable=False),
        pa.field("sold_count", pa.int64(), nullable=False),
        pa.field("favourite_count", pa.int64(), nullable=False),
        pa.field("is_hidden", pa.bool_(), nullable=False),  # by the market's own moderation
    ]
)


# A deletion is a version of the listing like any other.
DELETION = pa.schema(
    [
        pa.field("listing_id", pa.string(), nullable=False),
        pa.field("updated_ms", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One listing as a single thing; in bulk the same fields are columns of `LISTING`."""

    listing_id: str
    title: str
    updated_ms: int
    seller_id: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    category_path: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    price_micros: int | None = None
    currency: str | None = None
    quantity: int = 1
    images: tuple[str, ...] = ()
    created_ms: int = 0
    rating: float | None = None
    rating_count: int = 0
    sold_count: int = 0
    favourite_count: int = 0
    is_hidden: bool = False
