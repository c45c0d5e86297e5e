"""What an erasure is: the order that a visitor be forgotten, by the log and by all that came from it."""

import pyarrow as pa

ERASURE = pa.schema(
    [
        pa.field("visitor_id", pa.string(), nullable=False),
        pa.field("erased_ms", pa.int64(), nullable=False),  # when it was ordered
    ]
)
