"""The role "tables: catalogue view": what of the catalogue is true now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from mercer.schema.listing import LISTING
from mercer.schema.position import Position

# A listing as it stands, with the row id that is never reused and the version it became visible at.
STORED_LISTING = pa.schema(
    [
        *LISTING,
        pa.field("row_id", pa.int64(), nullable=False),
        pa.field("version", pa.int64(), nullable=False),
    ]
)

# What changed: the listing as it stands now; where `is_deleted`, only its ids and times mean anything.
CHANGED_LISTING = pa.schema([*STORED_LISTING, pa.field("is_deleted", pa.bool_(), nullable=False)])

# What a deleted listing holds in the columns that may not be null.
BLANK = pa.RecordBatch.from_pylist(
    [
        {
            field.name: (
                None
                if field.nullable
                else []
                if pa.types.is_nested(field.type)
                else ""
                if pa.types.is_string(field.type)
                else False
                if pa.types.is_boolean(field.type)
                else 0
            )
            for field in LISTING
        }
    ],
    schema=LISTING,
)


def tombstones(listing_ids: Any, updated_ms: Any) -> pa.RecordBatch:
    """Deletions as rows that `Catalogue.apply` takes: LISTING and `is_deleted`.

    Args:
        listing_ids: (n,) string array.
        updated_ms: (n,) int64 array.
    """
    n = len(listing_ids)
    at = pa.array([0] * n, pa.int64())
    columns = {name: BLANK.column(name).take(at) for name in LISTING.names}
    columns |= {"listing_id": listing_ids, "updated_ms": updated_ms}
    columns |= {"is_deleted": pa.array([True] * n)}
    fields = [*LISTING, pa.field("is_deleted", pa.bool_(), nullable=False)]
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=pa.schema(fields))


@dataclass(frozen=True, slots=True)
class Applied:
    """What one batch of changes did to the view."""

    n_changed: int  # rows that are now different
    n_stale: int  # rows older than, or as old as and equal to, what was there
    version: int  # of the view after the batch


@dataclass(frozen=True, slots=True)
class RowState:
    """What is known of an id that ever was, its content left out."""

    row_id: int
    version: int  # at which it became what it is
    updated_ms: int
    is_deleted: bool


class Catalogue(Protocol):
    """The listings and sellers that stand now: a view over the log that can be rebuilt.

    Laws (tests/contract/test_catalogue.py):
    1. applying a batch twice changes nothing the second time;
    2. of two versions of an id the later `updated_ms` wins, whatever the order they come in; at equal
       times the one applied later wins; a deletion is a version like any other;
    3. a row id belongs to one listing id for ever, also after it was deleted;
    4. `changes(since=v)` gives each id at most once, with its newest state, and nothing at or before v;
    5. a batch is applied whole or not at all, together with the log position it came from.
    """

    def apply(self, listings: pa.RecordBatch, *, position: Position) -> Applied:
        """Upsert rows of LISTING; an optional boolean column `is_deleted` marks tombstones."""
        ...

    def apply_sellers(self, sellers: pa.RecordBatch, *, position: Position) -> Applied:
        """Upsert rows of SELLER."""
        ...

    def advance(self, *, position: Position) -> None:
        """Note that the log was read up to `position` where nothing changed (records of events)."""
        ...

    def position(self) -> Position:
        """The log position that this view stands at; `START` before the first record."""
        ...

    def version(self) -> int:
        """The version of the newest change; 0 where there is none."""
        ...

    def count(self) -> int:
        """How many listings stand, deleted ones left out."""
        ...

    def changes(self, *, since: int, batch_rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """CHANGED_LISTING rows whose version is above `since`, oldest version first.

        `since=0` gives all that stands (deleted rows included, as tombstones). A row that changes
        while this runs may be left out: its new version is above all that was given, so it comes
        with the next call.
        """
        ...

    def listings(self, listing_ids: Sequence[str]) -> pa.Table:
        """STORED_LISTING rows of those ids that exist and are not deleted, in the order asked for."""
        ...

    def row_state(self, listing_id: str) -> RowState | None:
        """What is known of one id, deleted or not; None where it never was."""
        ...

    def sellers(self, seller_ids: Sequence[str]) -> pa.Table:
        """SELLER rows of those ids that exist, in the order asked for."""
        ...
