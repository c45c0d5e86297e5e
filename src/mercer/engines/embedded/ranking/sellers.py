"""The sellers of a market as the candidates of a plan read them; rows are never taken away.

What a seller is comes from the log, so the table has a version: the record of the catalogue's log up to
which it was read. A page names it, and a replay reads the same sellers.
"""

import threading
from collections.abc import Sequence
from typing import Any, Final, final

import numpy as np
import pyarrow as pa

from mercer.engines.embedded.log.catalogue_log import CatalogueLog
from mercer.features.boundary import BoundaryColumns, joined_columns
from mercer.features.listing_inputs import seller_inputs
from mercer.features.plan import Plan
from mercer.retrieve.part_columns import SELLER as SELLER_LABEL
from mercer.retrieve.segment import I64s, Labels
from mercer.schema.seller import SELLER

_EVERY: Final = pa.schema([field.with_nullable(True) for field in SELLER])
_NOTHING: Final[dict[str, Any]] = dict.fromkeys(SELLER.names)
_BLOCK: Final = 4_096  # sellers whose columns are made anew where one of them changes


@final
class Sellers:
    """All sellers that a listing or a record of the log names. Thread-safe.

    Args:
        log: of the catalogue.
    """

    def __init__(self, log: CatalogueLog) -> None:
        self._log, self._lock = log, threading.Lock()
        self._row: dict[str, int] = {}
        self._known: list[dict[str, Any]] = []  # by row; fields None where nothing is known
        self._blocks: list[pa.RecordBatch | None] = []  # of _BLOCK rows each; None: to be made
        self.version = 0
        self._revision = 0
        self.follow()

    def follow(self) -> bool:
        """Read on; whether anything changed."""
        with self._lock:
            before = self._revision
            for offset, change in self._log.read(self.version, kinds={"sellers"}):
                for seller in change.rows.to_pylist():
                    self._take(seller)
                self.version = offset
            return self._revision != before

    def _take(self, seller: dict[str, Any]) -> None:
        row = self._place(seller["seller_id"])
        stands = self._known[row]["updated_ms"]
        if stands is None or seller["updated_ms"] > stands:
            self._known[row] = seller
            self._blocks[row // _BLOCK] = None
            self._revision += 1

    def _place(self, seller_id: str) -> int:
        row = self._row.setdefault(seller_id, len(self._row))
        if row == len(self._known):
            self._known.append(_NOTHING | {"seller_id": seller_id})
            if row % _BLOCK == 0:
                self._blocks.append(None)
            self._blocks[-1] = None
        return row

    def rows_of(self, labels: Labels) -> I64s:
        """(n_sellers,) the row of each seller that a segment names, in the order of its labels."""
        values = labels.values
        with self._lock:
            return np.array([self._place(values[c]) for c in labels.span(SELLER_LABEL)], np.int64)

    def batch(self, first: int = 0) -> tuple[int, int, pa.RecordBatch]:
        """(version, revision, rows from `first` on), of one moment."""
        with self._lock:
            blocks = [self._block(i) for i in range(first // _BLOCK, len(self._blocks))]
            rows = pa.concat_batches([*blocks, pa.RecordBatch.from_pylist([], schema=_EVERY)])
            return self.version, self._revision, rows.slice(first % _BLOCK)

    def _block(self, i: int) -> pa.RecordBatch:
        block = self._blocks[i]
        if block is None:
            some = self._known[i * _BLOCK : (i + 1) * _BLOCK]
            block = self._blocks[i] = pa.RecordBatch.from_pylist(some, schema=_EVERY)
        return block


@final
class SellerColumns:
    """The sellers as one plan keeps them; grown where a listing names another one. Thread-safe."""

    def __init__(self, sellers: Sellers, plan: Plan) -> None:
        self._sellers, self._plan, self._lock = sellers, plan, threading.Lock()
        self._state: tuple[int, int, BoundaryColumns] | None = None
        self.follow()

    @property
    def now(self) -> tuple[int, BoundaryColumns]:
        """The version, and the columns by row."""
        state = self._state
        assert state is not None
        return state[0], state[2]

    def follow(self) -> None:
        """Take in what changed."""
        with self._lock:
            kept: Sequence[BoundaryColumns] = () if self._state is None else (self._state[2],)
            first = sum(one.n for one in kept)
            version, revision, fresh = self._sellers.batch(first)
            if self._state is not None and revision != self._state[1]:
                version, revision, fresh = self._sellers.batch()
                kept = ()
            if self._state is None or len(fresh) or not kept:
                made = self._plan.seller_columns(seller_inputs(fresh, reads=self._plan.reads))
                self._state = version, revision, joined_columns([*kept, made])
            else:
                self._state = version, revision, self._state[2]
