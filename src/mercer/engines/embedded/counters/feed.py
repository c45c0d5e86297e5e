"""The log as counters read it: events with the listings as they stood, in sections.

Each record of events is marked with how far the catalogue was committed when it was written
(`event_log.py`), so the facets by which an event counts are a function of the log and not of who read
which partition first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import pyarrow as pa

from mercer.engines.embedded.counters.params import CounterParams
from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.shared_file import MAX_SECTION
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.features.column import F64s, I64s, U64s
from mercer.features.counter_facets import FacetTable
from mercer.features.counter_keys import Updates, event_updates, hash_texts, listing_facets
from mercer.schema.money import Rates
from mercer.schema.price_column import NO_PRICE, reporting_price

_END = Place(events=2**62)


@dataclass(frozen=True, slots=True)
class Section:
    """Updates that belong together, and the place in the log behind them."""

    keys: U64s
    times_ms: I64s
    place: Place
    n_events: int
    newest_ms: int  # when the newest of them was received; 0 of none


@final
class Feed:
    """Reads on from a place. Not thread-safe.

    Args:
        facets: of the listings up to `place.catalogue`.
    """

    def __init__(
        self, log: EmbeddedLog, params: CounterParams, *, facets: FacetTable, place: Place
    ) -> None:
        self._log, self._params = log, params
        self.facets, self.place = facets, place
        self._marks: list[tuple[int, int]] = []
        self._marked = 0  # up to which record `_marks` go

    def sections(self, *, until: Place = _END) -> Iterator[Section]:
        """All that comes, up to a place; `place` follows each section."""
        for offset, change in self._log.events.read(self.place.events):
            n_rows = change.rows.num_rows
            if offset > until.events:
                n_rows = min(n_rows, until.row)
            if n_rows > self.place.row:
                self.learn_listings(until=self._catalogue_at(offset))
                yield from self._cut(change.rows, offset, n_rows)
            elif offset <= until.events:  # an erasure took the rest of it
                self.place = Place(offset, 0, self.place.catalogue)
            if offset > until.events:
                break
        # What no event asked for yet, the place may name all the same.
        if until is not _END:
            self.learn_listings(until=until.catalogue)

    def _catalogue_at(self, offset: int) -> int:
        """How far the catalogue was when a record of events was written."""
        if offset > self._marked:
            self._marked = max(offset, self._log.events.end())
            self._marks = self._log.events.marks(offset, self._marked)
        known = [catalogue for first, catalogue in self._marks if first <= offset]
        return known[-1] if known else 0

    def learn_listings(self, *, until: int) -> None:
        """Take in the listings of the catalogue's records up to that one."""
        if until <= self.place.catalogue:
            return
        for offset, change in self._log.catalogue.read(self.place.catalogue, kinds={"listings"}):
            if offset > until:
                break
            self._learn(change.rows)
        self.place = Place(self.place.events, self.place.row, until)

    def _learn(self, rows: pa.RecordBatch) -> None:
        facets = listing_facets(
            rows, price_micros=_prices(rows, self._params.rates), rules=self._params.rules
        )
        updated_ms = rows.column("updated_ms").to_numpy()
        self.facets.put(hash_texts(rows.column("listing_id")), updated_ms, facets)

    def _cut(self, rows: pa.RecordBatch, offset: int, n_rows: int) -> Iterator[Section]:
        """The rows of a record that are not counted yet, up to row `n_rows`."""
        facets = self.facets.get(hash_texts(rows.column("listing_id")))
        updates = event_updates(rows, facets=facets, rules=self._params.rules)
        received = rows.column("received_ms").to_numpy()
        first = self.place.row
        while first < n_rows:
            stop = min(n_rows, _stop_of(updates, first))
            is_whole = stop == rows.num_rows
            self.place = (
                Place(offset, 0, self.place.catalogue)
                if is_whole
                else Place(self.place.events, stop, self.place.catalogue)
            )
            newest = int(received[first:stop].max())
            yield Section(*updates.part(first, stop), self.place, stop - first, newest)
            first = stop


def last_erasure(log: EmbeddedLog, *, after: int = 0) -> int:
    """The last record of the catalogue that holds erasures; `after` where there is none behind it."""
    found = [offset for offset, _ in log.catalogue.read(after, kinds={"erasures"})]
    return found[-1] if found else after


def _stop_of(updates: Updates, first: int) -> int:
    """The event behind the last that fits into one section with event `first`."""
    begin = int(updates.ends[first - 1]) if first else 0
    return int(np.searchsorted(updates.ends, begin + MAX_SECTION, side="right"))


def _prices(rows: pa.RecordBatch, rates: Rates) -> F64s:
    """(n,) in micros of the reporting currency; NaN where unknown."""
    price = reporting_price(rows, rates)
    return np.where(price == NO_PRICE, np.nan, price.astype(np.float64))
