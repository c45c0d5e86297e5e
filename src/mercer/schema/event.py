"""What an event is: something that a visitor did with a listing."""

from typing import Literal, get_args

import pyarrow as pa

EventKind = Literal["impression", "click", "favourite", "cart", "purchase", "refund"]
EVENT_KINDS: tuple[str, ...] = get_args(EventKind)

EVENT = pa.schema(
    [
        pa.field(
            "event_id", pa.string(), nullable=False
        ),  # made by the client: retries are harmless
        pa.field("kind", pa.string(), nullable=False),  # one of EVENT_KINDS
        pa.field("time_ms", pa.int64(), nullable=False),
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
    ]
)
