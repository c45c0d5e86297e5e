"""The one way in which the catalogue changes: the log first, then the view."""

import threading
from collections.abc import Sequence
from typing import final

import pyarrow as pa

from mercer.events.log import CATALOGUE_KINDS, Change, Log, Position
from mercer.schema.catalogue import Applied, Catalogue, tombstones
from mercer.schema.listing import DELETION


@final
class CatalogueWriter:
    """Appends changes to the log and applies them to the view, in the same order. Thread-safe.

    A crash between the two steps is healed by `recover` when the market is opened next.
    """

    def __init__(self, log: Log, catalogue: Catalogue) -> None:
        self._log, self._catalogue = log, catalogue
        self._lock = threading.Lock()

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
        """Any changes, made durable in one step of the log; what each did to the view."""
        with self._lock:
            before = self._catalogue.position()
            position = self._log.join(before, self._log.append(changes))
            last = max((i for i, c in enumerate(changes) if c.kind in CATALOGUE_KINDS), default=-1)
            # Only the last moves the view's position: a crash in between replays all, harmlessly.
            return [
                self._apply(change, position=position if i == last else before)
                for i, change in enumerate(changes)
            ]

    def recover(self) -> int:
        """Apply what the log has and the view has not; the number of records."""
        n_records = 0
        with self._lock:
            for entry in self._log.read(after=self._catalogue.position(), kinds=CATALOGUE_KINDS):
                self._apply(entry.change, position=entry.position)
                n_records += 1
        return n_records

    def _apply(self, change: Change, *, position: Position) -> Applied:
        catalogue, rows = self._catalogue, change.rows
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
