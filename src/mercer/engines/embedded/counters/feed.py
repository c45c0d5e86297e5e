"""The log as counters read it: events with the listings as they stood, and searches, in sections.

Each record of events is marked with how far the catalogue was committed when it was written
(`event_log.py`), so the facets by which an event counts are a function of the log and not of who read
which partition first. A search counts by itself, so pages may be read before or behind events.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pyarrow as pa

from mercer.engines.embedded.counters.params import CounterParams
from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.shared_file import MAX_SECTION
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_log import PagePartition
from mercer.engines.embedded.log.page_rows import ORDINAL
from mercer.features.column import F64s, I64s, U64s
from mercer.features.counter_facets import FacetTable
from mercer.features.counter_keys import Updates, event_updates, hash_texts, listing_facets
from mercer.features.counter_searches import search_updates
from mercer.schema.money import Rates
from mercer.schema.price_column import NO_PRICE, reporting_price

_ALL = 2**62


@dataclass(frozen=True, slots=True)
class Section:
    """Updates that belong together, and the place in the log behind them."""

    keys: U64s
    times_ms: I64s
    place: Place
    n_events: int = 0
    newest_ms: int = 0  # when the newest of them was received; 0 of none
    n_pages: int = 0


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
        # Its own ones: a partition remembers where its reader was.
        self._partitions: dict[str, PagePartition] = {}

    def sections(self, *, until: Place) -> Iterator[Section]:
        """All that comes up to a place that covers this one; `place` follows each section."""
        yield from self.events(until=until)
        yield from self.searches(until=until)
        # What no event asked for yet, the place may name all the same.
        self.learn_listings(until=until.catalogue)

    def events(self, *, until: Place | None = None) -> Iterator[Section]:
        """The events up to a place, or all there are."""
        last = _ALL if until is None else until.events
        for offset, change in self._log.events.read(self.place.events):
            n_rows = change.rows.num_rows
            if until is not None and offset > last:
                n_rows = min(n_rows, until.row)
            if n_rows > self.place.row:
                self.learn_listings(until=self._catalogue_at(offset))
                yield from self._cut(change.rows, offset, n_rows)
            elif offset <= last:  # an erasure took the rest of it
                self.place = replace(self.place, events=offset, row=0)
            if offset > last:
                break

    def searches(self, *, until: Place | None = None) -> Iterator[Section]:
        """The pages of each partition up to a place, or all there are."""
        for name, partition in self._log.pages.partitions().items():
            partition = self._partitions.setdefault(name, partition)
            last = _ALL if until is None else until.pages.get(name, 0)
            if self.place.pages.get(name, 0) < last:
                yield from self._searches_of(name, partition, last)

    def _searches_of(self, name: str, partition: PagePartition, last: int) -> Iterator[Section]:
        for ordinal, rows in partition.asked(self.place.pages.get(name, 0)):
            ordinals = rows.column(ORDINAL).to_numpy()
            n = int(np.searchsorted(ordinals, last, side="right"))
            updates = search_updates(rows)
            first = 0
            while first < n:
                stop = min(n, _stop_of(updates, first))
                is_whole = stop == rows.num_rows
                at = ordinal if is_whole else int(ordinals[stop - 1])
                self.place = self.place.with_page(name, min(at, last))
                yield Section(*updates.part(first, stop), self.place, n_pages=stop - first)
                first = stop
            self.place = self.place.with_page(name, min(ordinal, last))
            if ordinal >= last:
                return

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
        self.place = replace(self.place, catalogue=until)

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
                replace(self.place, events=offset, row=0)
                if is_whole
                else replace(self.place, row=stop)
            )
            newest = int(received[first:stop].max())
            yield Section(*updates.part(first, stop), self.place, stop - first, newest)
            first = stop


def _stop_of(updates: Updates, first: int) -> int:
    """The event behind the last that fits into one section with event `first`."""
    begin = int(updates.ends[first - 1]) if first else 0
    return int(np.searchsorted(updates.ends, begin + MAX_SECTION, side="right"))


def _prices(rows: pa.RecordBatch, rates: Rates) -> F64s:
    """(n,) in micros of the reporting currency; NaN where unknown."""
    price = reporting_price(rows, rates)
    return np.where(price == NO_PRICE, np.nan, price.astype(np.float64))
