"""What a business rule is: what the market's own staff decide about a page, after all models."""

from typing import Literal, get_args

import pyarrow as pa

RuleAction = Literal["pin", "hide", "boost", "bury"]
RULE_ACTIONS: tuple[str, ...] = get_args(RuleAction)

RULE = pa.schema(
    [
        pa.field("rule_id", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),  # one of RULE_ACTIONS
        pa.field("query", pa.string()),  # the words it is for; null: any query
        pa.field("filter", pa.string(), nullable=False),  # which listings, in the filter language
        pa.field("listing_ids", pa.list_(pa.string()), nullable=False),  # or these; pins in order
        pa.field("weight", pa.float64()),  # of boost and bury
        pa.field("starts_ms", pa.int64()),
        pa.field("ends_ms", pa.int64()),
        pa.field("is_paused", pa.bool_(), nullable=False),
        pa.field("updated_ms", pa.int64(), nullable=False),  # the last one wins
        pa.field("is_deleted", pa.bool_(), nullable=False),
    ]
)
