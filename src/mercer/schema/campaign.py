"""What a campaign is: a seller's offer to pay for clicks on some listings, within a budget."""

import pyarrow as pa

CAMPAIGN = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("seller_id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field(
            "listing_ids", pa.list_(pa.string()), nullable=False
        ),  # empty: all of the seller's
        pa.field(
            "bid_micros", pa.int64()
        ),  # the most for a click; null: it follows from the target
        pa.field("target_return", pa.float64()),  # order value per unit spent; null: none
        pa.field("day_budget_micros", pa.int64(), nullable=False),
        pa.field("currency", pa.string(), nullable=False),  # ISO 4217
        pa.field("starts_ms", pa.int64()),
        pa.field("ends_ms", pa.int64()),
        pa.field("is_paused", pa.bool_(), nullable=False),
        pa.field("updated_ms", pa.int64(), nullable=False),  # the last one wins
        pa.field("is_deleted", pa.bool_(), nullable=False),
    ]
)
