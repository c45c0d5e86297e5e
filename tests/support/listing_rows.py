"""Listings, sellers and times for tests of the catalogue, in one line each."""

from typing import Any

import pyarrow as pa

from mercer.schema.catalogue import tombstones
from mercer.schema.judge import Defaults, listings_from_objects
from mercer.schema.listing import LISTING

DEFAULTS = Defaults(now_ms=1_790_000_000_000, updated_ms=1_780_000_000_000, currency="USD")


def listing_rows(*items: dict[str, Any]) -> pa.RecordBatch:
    """Rows of LISTING; a title and an updated time are made up where none is given."""
    full = [{"title": f"thing {item['listing_id']}", "updated_ms": 10**12} | item for item in items]
    rows, refused = listings_from_objects(full, defaults=DEFAULTS)
    assert refused == []
    return rows


def deleted_rows(updated_ms: int, *listing_ids: str) -> pa.RecordBatch:
    """Tombstones as `Catalogue.apply` takes them."""
    times = pa.array([updated_ms] * len(listing_ids), pa.int64())
    return tombstones(pa.array(listing_ids, pa.string()), times)


def standing(catalogue: Any) -> dict[str, dict[str, Any]]:
    """What a catalogue says: its live rows of LISTING by id."""
    rows = [row for batch in catalogue.changes(since=0) for row in batch.to_pylist()]
    assert len({row["listing_id"] for row in rows}) == len(rows), "an id came twice"
    return {
        row["listing_id"]: {name: row[name] for name in LISTING.names}
        for row in rows
        if not row["is_deleted"]
    }
