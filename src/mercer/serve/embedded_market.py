"""A market as one process of this machine serves it: searches here, writes at the owner's."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.engines.embedded.counters.watch import CounterWatch
from mercer.engines.embedded.index.follower import Follower
from mercer.engines.embedded.log.page_writer import SlotWriter
from mercer.engines.embedded.log.recent_file import RecentFile
from mercer.engines.embedded.ranking.page_models import PageModel
from mercer.engines.embedded.ranking.watch import RankerWatch
from mercer.engines.embedded.view.traffic_view import read_traffic
from mercer.events.collect import CollectRules
from mercer.events.log import Change
from mercer.events.page_log import PageFinder
from mercer.events.recent import Seen
from mercer.events.token import KeyRing
from mercer.events.traffic import Traffic
from mercer.retrieve.index import Snapshot
from mercer.retrieve.request import SearchRequest, SearchResponse
from mercer.schema.catalogue import Catalogue
from mercer.schema.errors import ConfigError, NotFoundError
from mercer.schema.judge import Defaults, judge_objects, listings_from_objects
from mercer.schema.listing import LISTING
from mercer.schema.mapping import own_names
from mercer.schema.page import Page, PageSummary
from mercer.serve.event_intake import EventIntake
from mercer.serve.explain.explain import PageWhy
from mercer.serve.explain.explainer import Explainer, known_of
from mercer.serve.market import (
    EventResult,
    Health,
    ItemResult,
    ListedResult,
    Market,
    RankingHealth,
    SimilarPage,
    Suggestion,
)
from mercer.serve.process.owner import Writing
from mercer.serve.search.listed import Listed
from mercer.serve.search.page_record import Visit
from mercer.serve.search.search import SearchService
from mercer.serve.search.stages import SearchParams

SEEN_S = 1.0
"""An acknowledgement waits at most so long for this process's own index to show the change."""

Bools = npt.NDArray[np.bool_]
Elsewhere = Callable[[SearchRequest], SearchResponse | None]
"""The page of a cursor that another process keeps; None where this one has to answer."""


def now_ms() -> int:
    """The server's clock."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketParts:
    """What one serving process is made of; `mercer.app` chooses."""

    catalogue: Catalogue
    follower: Follower
    service: SearchService
    search_params: SearchParams
    page_log: PageFinder
    rules: CollectRules
    ring: Callable[[], KeyRing]
    writes: Writing | None = None  # None: opened for reading
    pages: SlotWriter | None = None  # None: pages are not written down
    views: Path | None = None  # where the learner keeps what it counts
    recent: RecentFile | None = None  # None: nothing is remembered for the console
    counters: CounterWatch | None = None  # None: features that count find nothing
    ranker: RankerWatch | None = None  # None: the first pass alone ranks
    page_models: Callable[[Page], PageModel | None] = lambda page: None  # what ranked a page
    elsewhere: Elsewhere = lambda request: None
    processes: Callable[[], Mapping[str, str]] = dict  # Health.processes
    now_ms: Callable[[], int] = now_ms  # of events and changes; a simulation brings its own


@final
class EmbeddedMarket:
    """A market on this machine. Thread-safe."""

    def __init__(self, parts: MarketParts) -> None:
        self._parts = parts
        self._currency = parts.rules.currency
        self._counted: tuple[Snapshot | None, int] = None, 0
        self._explainer = Explainer(
            parts.follower.index,
            parts.search_params,
            pages=parts.page_log,
            known=partial(known_of, parts.catalogue),
            models=parts.page_models,
        )
        self._intake = EventIntake(
            rules=parts.rules,
            ring=parts.ring,
            append=self._add_events,
            now_ms=parts.now_ms,
            recent=None if parts.recent is None else parts.recent.recent,
        )

    def search(self, request: SearchRequest) -> SearchResponse:
        """One page of results."""
        if request.cursor is not None:
            response = self._parts.elsewhere(request)
            if response is not None:
                return response
        return self._parts.service.search(request)

    def search_here(self, request: SearchRequest) -> SearchResponse:
        """One page of results, whoever keeps its cursor."""
        return self._parts.service.search(request)

    @property
    def version(self) -> int:
        """Of the catalogue, as searches see it now."""
        return self._parts.follower.index.snapshot().version

    def suggest(self, prefix: str, *, limit: int = 8) -> Sequence[Suggestion]:
        """Completions of what was typed so far."""
        suggestions = self._parts.follower.index.snapshot().suggestions
        return [Suggestion(**one) for one in suggestions.complete(prefix, limit=limit)]

    def similar(
        self,
        listing_id: str,
        *,
        limit: int = 12,
        visitor_id: str | None = None,
        session_id: str | None = None,
        buyer_id: str | None = None,
    ) -> SimilarPage:
        """Listings like this one, nearest first."""
        row_id = self._stored(listing_id).column("row_id")[0].as_py()
        visit = Visit(visitor_id=visitor_id, session_id=session_id, buyer_id=buyer_id)
        return self._parts.service.similar(listing_id, row_id, limit=limit, visit=visit)

    def listing(self, listing_id: str) -> Mapping[str, Any]:
        """All fields of one listing as it stands."""
        (row,) = self._stored(listing_id).select(LISTING.names).to_pylist(maps_as_pydicts="strict")
        return dict(row)

    def seller_names(self, seller_ids: Collection[str]) -> Mapping[str, str]:
        """The names of those sellers that have one, by id."""
        found = self._parts.catalogue.sellers(sorted(seller_ids)) if seller_ids else None
        if found is None:
            return {}
        names = zip(
            *(found.column(name).to_pylist() for name in ("seller_id", "name")), strict=True
        )
        return {seller_id: name for seller_id, name in names if name}

    def _stored(self, listing_id: str) -> pa.Table:
        stored = self._parts.catalogue.listings([listing_id])
        if not len(stored):
            raise NotFoundError(f"no listing {listing_id!r}; it was never there, or was deleted")
        return stored

    def put_listings(self, items: Sequence[Mapping[str, Any]]) -> Sequence[ItemResult]:
        """Upsert listings; durable and searchable when this returns."""
        batch, rejections = listings_from_objects(items, defaults=self._defaults())
        reasons = dict(rejections)
        accepted = batch.column("listing_id").to_pylist()
        changed = self._write(Change("listings", batch)) if accepted else frozenset()
        results, next_id = [], iter(accepted)
        for i, item in enumerate(items):
            if i in reasons:
                given = dict(item).get("listing_id", "") if isinstance(item, dict) else ""
                results.append(ItemResult(str(given)[:200], "rejected", reasons[i]))
                continue
            listing_id = next(next_id)
            is_new = listing_id in changed
            results.append(ItemResult(listing_id, "accepted" if is_new else "duplicate"))
        return results

    def delete_listings(
        self, listing_ids: Sequence[str], *, updated_ms: int
    ) -> Sequence[ItemResult]:
        """Delete listings; found no more when this returns."""
        items = [{"listing_id": one, "updated_ms": updated_ms} for one in listing_ids]
        judged = judge_objects(
            items, kind="deletions", source_map=own_names(), defaults=self._defaults()
        )
        reasons = {r.index: r.reason for r in judged.rejections}
        changed = self._write(Change("deletions", judged.rows)) if len(judged.rows) else frozenset()
        results = []
        for i, one in enumerate(listing_ids):
            if i in reasons:
                results.append(ItemResult(one[:200], "rejected", reasons[i]))
            elif one in changed:
                results.append(ItemResult(one, "accepted"))
            else:
                results.append(ItemResult(one, "duplicate", "a change that is not older is there"))
        return results

    def put_events(
        self, items: Sequence[Any], *, sent_ms: int | None = None, source: str = "api"
    ) -> Sequence[EventResult]:
        """Take events; durable when this returns."""
        return self._intake.put(items, sent_ms=sent_ms, source=source)

    def rank(self, request: SearchRequest, listing_ids: Sequence[str]) -> ListedResult:
        """Those listings in the order in which a search would show them, with their features."""
        wanted = list(dict.fromkeys(listing_ids))
        stored = self._parts.catalogue.listings(wanted)
        pairs = zip(
            *(stored.column(name).to_pylist() for name in ("row_id", "listing_id")), strict=True
        )
        known = dict(pairs)
        found = self._parts.service.listed(list(known), request)
        ids = tuple(known[row_id] for row_id in found.row_ids)
        there = frozenset(ids)
        return ListedResult(ids, found, tuple(one for one in wanted if one not in there))

    def ranked_rows(self, row_ids: Sequence[int], request: SearchRequest) -> Listed:
        """As `rank`, of listings that are named by the row ids of a page's record."""
        return self._parts.service.listed(list(row_ids), request)

    @property
    def catalogue(self) -> Catalogue:
        """All listings and sellers."""
        return self._parts.catalogue

    def page(self, page_id: str) -> Page | None:
        """The record of a served page; None where the log has none, or has it no more."""
        return self._parts.page_log.find(page_id)

    def follow_models(self) -> None:
        """Look now which model serves; the process does so once a second anyway."""
        if self._parts.ranker is not None:
            self._parts.ranker.poll()

    def explain(self, page_id: str, listing_id: str | None = None) -> PageWhy:
        """A page, and why a listing is or is not on it."""
        return self._explainer.explain(page_id, listing_id)

    def recent_pages(self, *, limit: int, before_ms: int | None = None) -> Sequence[PageSummary]:
        """The newest pages, newest first."""
        return self._parts.page_log.recent(limit=limit, before_ms=before_ms)

    def traffic(self, *, since_ms: int, until_ms: int, limit: int = 20) -> Traffic | None:
        """What the learner counted."""
        if self._parts.views is None:
            return None
        return read_traffic(self._parts.views, since_ms=since_ms, until_ms=until_ms, limit=limit)

    def seen(self) -> Seen:
        """What all processes saw a moment ago."""
        return Seen() if self._parts.recent is None else self._parts.recent.all_seen()

    def request_ended(self, route: str, status: int) -> None:
        """Note how a request ended."""
        if self._parts.recent is not None:
            self._parts.recent.recent.request_ended(route, status)

    def health(self) -> Health:
        """What operators look at."""
        parts, snapshot = self._parts, self._parts.follower.index.snapshot()
        n_listings = self._n_listings(snapshot)
        n_delta = parts.follower.index.n_delta()
        degraded = [parts.follower.fault]
        if parts.writes is not None:
            degraded += parts.writes.degraded()
        if parts.pages is not None and (fault := parts.pages.health().fault):
            degraded.append(f"page log: {fault}")
        counters = None
        if parts.counters is not None:
            counters = parts.counters.health()
            degraded.append(parts.counters.fault)
        ranking = None
        if parts.ranker is not None:
            degraded.append(parts.ranker.fault)
            if (serving := parts.ranker.ranking) is not None:
                ranking = RankingHealth(serving.name, serving.plan.hash, tuple(sorted(serving.off)))
        processes = parts.processes()
        degraded += [
            f"process {name} is {state}" for name, state in processes.items() if state != "up"
        ]
        told = tuple(one for one in degraded if one)
        return Health(
            True, snapshot.generation, n_listings, n_delta, told, processes, counters, ranking
        )

    def _n_listings(self, snapshot: Snapshot) -> int:
        """Counted once for each snapshot: health is asked before each search."""
        counted, n = self._counted
        if counted is not snapshot:
            n = int(sum(np.bitwise_count(part.alive).sum() for part in snapshot.parts))
            self._counted = snapshot, n
        return n

    def adopt_generation(self) -> str:
        """Serve the newest generation, with the changes since as its delta; its name."""
        return self._parts.follower.adopt()

    def close(self) -> None:
        """Follow no more, and write what waits of the pages."""
        if self._parts.ranker is not None:
            self._parts.ranker.close()
        self._parts.follower.close()
        if self._parts.pages is not None:
            self._parts.pages.close()
        if self._parts.recent is not None:
            self._parts.recent.close()

    # -- writing ----------------------------------------------------------------------------------

    def _defaults(self) -> Defaults:
        now = self._parts.now_ms()
        return Defaults(now_ms=now, updated_ms=now, currency=self._currency)

    def _writes(self) -> Writing:
        if self._parts.writes is None:
            raise ConfigError("this market was opened for reading; only its owner may write")
        return self._parts.writes

    def _write(self, change: Change) -> frozenset[str]:
        """The ids that changed; whoever asks this process next finds them as they are now."""
        done = self._writes().write(change)
        self._parts.follower.wait_for(done.version, timeout_s=SEEN_S)
        return done.changed

    def _add_events(self, rows: pa.RecordBatch) -> Bools:
        return self._writes().add_events(rows)


_conforms: type[Market] = EmbeddedMarket
