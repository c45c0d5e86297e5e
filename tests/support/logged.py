"""Rows of PAGE and EVENT as columns, made by hand."""

from typing import Any

import pyarrow as pa

from mercer.schema.event import EVENT
from mercer.schema.page import PAGE


def page_rows(*pages: dict[str, Any]) -> pa.RecordBatch:
    """Rows of PAGE; each needs page_id, served_ms and shown: [(listing_id, [features])].

    `first` is the position of its first listing, 1 where it is not given.
    """
    rows = []
    for page in pages:
        listed, first = page.pop("shown"), page.pop("first", 1)
        row = {
            "surface": "search",
            "q": "",
            "request": "{}",
            "understood": "{}",
            "found": len(listed),
            "cursor": "",
            "generation": "g",
            "catalogue_version": 1,
            "counters_position": "",
            "models": [],
            "feature_set": "set",
            "degraded": [],
            "timings_us": [],
            "took_us": 1,
            "part_names": [],
            "shown_parts": [],
            "is_detailed": True,
            "stages": [],
            "candidate_rows": [],
            "candidate_scores": [],
            "list_stats": [],
            "shown_features": [value for _, values in listed for value in values],
            "shown": [
                {
                    "listing_id": listing_id,
                    "row_id": i,
                    "position": first + i,
                    "score": 0.0,
                    "propensity": 1.0,
                    "sources": 1,
                    "is_sponsored": listing_id.startswith("ad"),
                }
                for i, (listing_id, _) in enumerate(listed)
            ],
        }
        rows.append(row | page)
    return pa.RecordBatch.from_pylist(rows, schema=PAGE)


def event_rows(*events: dict[str, Any]) -> pa.RecordBatch:
    """Rows of EVENT; each needs kind, time_ms, listing_id and page_id."""
    rows = [
        {
            "event_id": f"e{i}",
            "quantity": 1,
            "standing": "signed",
            "is_sponsored": False,
            "received_ms": event["time_ms"],
            "source": "api",
        }
        | event
        for i, event in enumerate(events)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=EVENT)
