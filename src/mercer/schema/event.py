"""What an event is: something that a visitor did with a listing."""

from typing import Literal, get_args

import pyarrow as pa

EventKind = Literal["impression", "click", "favourite", "cart", "purchase", "refund"]
EVENT_KINDS: tuple[str, ...] = get_args(EventKind)

Standing = Literal["signed", "none", "forged", "expired"]
"""Whether the item token that came with an event proves that we showed the listing there.

"signed": it does; "none": there was no token; "forged" and "expired": there was one that proves
nothing. Only a signed click may ever be billed.
"""
STANDINGS: tuple[str, ...] = get_args(Standing)

EVENT = pa.schema(
    [
        pa.field(
            "event_id", pa.string(), nullable=False
        ),  # made by the client: retries are harmless
        pa.field("kind", pa.string(), nullable=False),  # one of EVENT_KINDS
        pa.field("time_ms", pa.int64(), nullable=False),  # on our clock: the client's, corrected
        pa.field("listing_id", pa.string(), nullable=False),
        pa.field("visitor_id", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("buyer_id", pa.string()),
        pa.field("page_id", pa.string()),  # of the served page; null where the client lost it
        pa.field("query", pa.string()),
        pa.field("position", pa.int64()),  # 1 for the top of the page
        pa.field("price_micros", pa.int64()),  # of one piece, in `currency`
        pa.field("currency", pa.string()),
        pa.field("quantity", pa.int64(), nullable=False),  # pieces bought or given back; 1 else
        # Since version 2.
        pa.field("order_id", pa.string()),  # of a purchase, and of the refund that takes it back
        pa.field("standing", pa.string(), nullable=False),  # one of STANDINGS
        pa.field(
            "is_sponsored", pa.bool_(), nullable=False
        ),  # as the signed token says; else false
        pa.field(
            "client_ms", pa.int64()
        ),  # the time as the client gave it; null where it gave none
        pa.field("received_ms", pa.int64(), nullable=False),  # when we took it
        pa.field(
            "source", pa.string(), nullable=False
        ),  # "api", "shop", "import", "ga4", "snowplow"
        pa.field("extra", pa.string()),  # JSON object of the fields that we do not know; null: none
    ]
)
