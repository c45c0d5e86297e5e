"""The one way in which the catalogue changes: the log first, then the view."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import final

import pyarrow as pa
from sqlalchemy.exc import DBAPIError

from mercer.events.log import CATALOGUE_KINDS, Change, Log, Position
from mercer.schema.catalogue import Applied, Catalogue, tombstones
from mercer.schema.errors import StorageError
from mercer.schema.listing import DELETION


@contextmanager
def _storage_faults() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, DBAPIError) as fault:
        words = fault.orig if isinstance(fault, DBAPIError) else fault
        raise StorageError(
            f"the storage failed: {words}; the change was not acknowledged, send it again"
        ) from fault


@final
class CatalogueWriter:
    """Appends changes to the log and applies them to the view, in the same order. Thread-safe.

    A crash between the two steps is healed by `recover` when the market is opened next.
    """

    def __init__(self, log: Log, catalogue: Catalogue) -> None:
        self._log, self._catalogue = log, catalogue
        self._lock = threading.Lock()
        self._is_behind = False  # a change that the log has did not reach the view

    def upsert(self, listings: pa.RecordBatch) -> Applied:
        """Rows of LISTING; durable and in the view when this returns."""
        return self.write([Change("listings", listings)])[0]

    def delete(self, listing_ids: Sequence[str], *, updated_ms: int) -> Applied:
        """Delete those ids as of `updated_ms`; an id that is not there leaves a tombstone."""
        ids = pa.array(listing_ids, pa.string())
        times = pa.array([updated_ms] * len(ids), pa.int64())
        rows = pa.RecordBatch.from_arrays([ids, times], schema=DELETION)
        return self.write([Change("deletions", rows)])[0]

    def write(self, changes: Sequence[Change]) -> list[Applied]:
        """Any changes, made durable in one step of the log; what each did to the view.

        Raises:
            SchemaError: rows that are not of their kind's schema; nothing was written.
            StorageError: the log or the tables failed; it was not acknowledged. It may be in the log:
                then the view takes it in before the next change, and writing it again is harmless.
        """
        with self._lock, _storage_faults():
            self._catch_up()
            before = self._catalogue.position()
            position = self._log.join(before, self._log.append(changes))
            last = max((i for i, c in enumerate(changes) if c.kind in CATALOGUE_KINDS), default=-1)
            # From here on the log is ahead: a later change must not pass the view by these.
            self._is_behind = True
            # Only the last moves the view's position: a crash in between replays all, harmlessly.
            applied = [
                self._apply(change, position=position if i == last else before)
                for i, change in enumerate(changes)
            ]
            self._is_behind = False
            return applied

    def recover(self) -> int:
        """Apply what the log has and the view has not; the number of records."""
        with self._lock, _storage_faults():
            self._is_behind = True
            return self._catch_up()

    def _catch_up(self) -> int:
        n_records = 0
        if self._is_behind:
            for entry in self._log.read(after=self._catalogue.position(), kinds=CATALOGUE_KINDS):
                self._apply(entry.change, position=entry.position)
                n_records += 1
            self._is_behind = False
        return n_records

    def _apply(self, change: Change, *, position: Position) -> Applied:
        return apply_change(self._catalogue, change, position=position)


def apply_change(catalogue: Catalogue, change: Change, *, position: Position) -> Applied:
    """Take a record of the log into a view."""
    rows = change.rows
    match change.kind:
        case "listings":
            return catalogue.apply(rows, position=position)
        case "deletions":
            dead = tombstones(rows.column("listing_id"), rows.column("updated_ms"))
            return catalogue.apply(dead, position=position)
        case "sellers":
            return catalogue.apply_sellers(rows, position=position)
        case _:  # of no concern to the view
            return Applied(rows.num_rows, 0, catalogue.version())
