"""What a served page says of the wishes of whoever asked: the few columns that counting reads."""

import pyarrow as pa

from mercer.schema.page import PAGE

SEARCHED: pa.Schema = pa.schema(
    [
        PAGE.field(name)
        for name in (
            "served_ms", "visitor_id", "session_id", "buyer_id", "surface", "request", "understood"
        )
    ]
)  # fmt: skip
