"""What a seller is."""

from dataclasses import dataclass

import pyarrow as pa

SELLER = pa.schema(
    [
        pa.field("seller_id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("opened_ms", pa.int64()),  # null where unknown
        pa.field("country", pa.string()),  # ISO 3166-1 alpha-2
        pa.field("rating", pa.float32()),  # 0..5; null where nobody rated
        pa.field("rating_count", pa.int64(), nullable=False),
        pa.field("updated_ms", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """One seller as a single thing; in bulk the same fields are columns of `SELLER`."""

    seller_id: str
    updated_ms: int
    name: str = ""
    opened_ms: int | None = None
    country: str | None = None
    rating: float | None = None
    rating_count: int = 0
