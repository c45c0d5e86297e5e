"""A market in memory for tests of HTTP and pages: the protocol, with substring search.

Stricter than the real one: it checks the types of what `serve` hands over, and that nobody calls it
on the event loop.
"""

import asyncio
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from mercer.engines.embedded.counters.watch import CountersHealth
from mercer.events.recent import Seen
from mercer.events.traffic import Traffic
from mercer.features.matrix import FeatureMatrix
from mercer.retrieve.filter_language import parse_filter
from mercer.retrieve.filter_match import matches
from mercer.retrieve.filter_schema import FieldKind, FilterSchema
from mercer.retrieve.request import FacetValue, Hit, PriceStats, SearchRequest, SearchResponse
from mercer.schema.errors import InputError, NotFoundError
from mercer.schema.page import PageSummary
from mercer.serve.explain.explain import HitWhy, ListingWhy, PageWhy
from mercer.serve.market import (
    EventResult,
    Health,
    ItemResult,
    ListedResult,
    SimilarPage,
    Suggestion,
)
from mercer.serve.search.listed import Listed

PAGE_ID = "0198c7a0-5b7c-7d31-9f6e-6f0f2a3c4d5e"
_CARD = (
    "title", "seller_id", "category_path", "attributes", "price_micros", "currency", "quantity",
    "images", "rating", "rating_count",
)  # fmt: skip


def listing(listing_id: str, title: str, **more: Any) -> dict[str, Any]:
    """A listing with every field of a card."""
    return {
        "listing_id": listing_id,
        "title": title,
        "seller_id": "s1",
        "description": "Made by hand.",
        "tags": [],
        "category_path": ["Home", "Mugs"],
        "attributes": {},
        "price_micros": 12_500_000,
        "currency": "EUR",
        "quantity": 2,
        "images": [],
        "rating": 4.5,
        "rating_count": 3,
        "updated_ms": 1,
        **more,
    }


class PlainMarket:
    """Implements the Market protocol over a dict."""

    def __init__(
        self, listings: Sequence[Mapping[str, Any]] = (), *, is_ready: bool = True
    ) -> None:
        self.listings = {item["listing_id"]: dict(item) for item in listings}
        self.is_ready = is_ready
        self.degraded: tuple[str, ...] = ()
        self.searches: list[SearchRequest] = []
        self.events: dict[str, dict[str, Any]] = {}  # by event_id, in order
        self.fault: Exception | None = None  # raised by what writes
        self._lock = threading.Lock()

    def search(self, request: SearchRequest) -> SearchResponse:
        _off_the_loop()
        assert isinstance(request.facets, tuple)
        assert isinstance(request.page, int)
        with self._lock:
            self.searches.append(request)
            names = {name for item in self.listings.values() for name in item["attributes"]}
            schema = FilterSchema(attributes=dict.fromkeys(sorted(names), FieldKind.TEXT))
            tree = parse_filter(request.filter, schema)
            if request.cursor not in (None, "c1"):
                raise InputError(f"cursor {request.cursor!r} is unknown; start again at page 1")
            words = request.q.lower().split()
            rows = [
                item
                for item in self.listings.values()
                if all(word in item["title"].lower() for word in words) and matches(tree, item)
            ]
        return self._answer(request, rows)

    def _answer(self, request: SearchRequest, rows: list[dict[str, Any]]) -> SearchResponse:
        first = (request.page - 1) * request.per_page
        hits = tuple(
            Hit(
                position=first + i + 1,
                listing_id=row["listing_id"],
                score=1.0 / (1 + i),
                document={name: row.get(name) for name in _CARD},
                matched=(),
                sources=("lexical",),
            )
            for i, row in enumerate(rows[first : first + request.per_page])
        )
        prices = [row["price_micros"] for row in rows if row["price_micros"] is not None]
        return SearchResponse(
            page_id=PAGE_ID,
            hits=hits,
            found=len(rows),
            page=request.page,
            per_page=request.per_page,
            cursor="c1",
            facet_counts=_facets(rows) if request.facets else {},
            price_stats=PriceStats(
                len(prices), min(prices), max(prices), sum(prices) // len(prices)
            )
            if prices
            else None,
            understood={"terms": [], "corrections": [], "wanted": [], "unwanted": []},
            did_you_mean=None,
            degraded=self.degraded,
            search_time_ms=0.5,
            generation="g-1",
            timings_us={"lexical": 400},
        )

    def suggest(self, prefix: str, *, limit: int = 8) -> Sequence[Suggestion]:
        _off_the_loop()
        titles = [item["title"] for item in self.listings.values()]
        found = [t for t in titles if prefix.strip() and t.lower().startswith(prefix.lower())]
        return [Suggestion(title, "query", 1) for title in found[:limit]]

    def similar(
        self,
        listing_id: str,
        *,
        limit: int = 12,
        visitor_id: str | None = None,
        session_id: str | None = None,
        buyer_id: str | None = None,
    ) -> SimilarPage:
        _off_the_loop()
        if listing_id not in self.listings:
            raise NotFoundError(f"there is no listing {listing_id[:50]!r}")
        others = [row for row in self.listings.values() if row["listing_id"] != listing_id]
        return SimilarPage(PAGE_ID, self._answer(SearchRequest(per_page=limit), others).hits)

    def put_listings(self, items: Sequence[Mapping[str, Any]]) -> Sequence[ItemResult]:
        _off_the_loop()
        return [self._put(item) for item in items]

    def _put(self, item: Mapping[str, Any]) -> ItemResult:
        assert isinstance(item, dict)
        listing_id, title = item.get("listing_id"), item.get("title")
        if not isinstance(listing_id, str) or not 1 <= len(listing_id) <= 200:
            return ItemResult("", "rejected", "listing_id must be 1 to 200 characters of text")
        if not isinstance(title, str) or len(title) > 1_000:
            return ItemResult(
                listing_id, "rejected", "title must be text of at most 1,000 characters"
            )
        known = self.listings.get(listing_id)
        version = item.get("updated_ms", 1)
        if known and isinstance(version, int) and version <= known["updated_ms"]:
            return ItemResult(listing_id, "duplicate")
        price = item.get("price_micros")
        if price is not None and (not isinstance(price, int) or price < 0):
            return ItemResult(listing_id, "rejected", "price_micros must be 0 or more")
        self.listings[listing_id] = listing(
            listing_id,
            title,
            price_micros=price,
            updated_ms=version if isinstance(version, int) else 1,
        )
        return ItemResult(listing_id, "accepted")

    def delete_listings(
        self, listing_ids: Sequence[str], *, updated_ms: int
    ) -> Sequence[ItemResult]:
        _off_the_loop()
        assert isinstance(updated_ms, int)
        for listing_id in listing_ids:
            self.listings.pop(listing_id, None)
        return [ItemResult(listing_id, "accepted") for listing_id in listing_ids]

    def listing(self, listing_id: str) -> Mapping[str, Any]:
        _off_the_loop()
        if listing_id not in self.listings:
            raise NotFoundError(f"there is no listing {listing_id[:50]!r}")
        return dict(self.listings[listing_id])

    def put_events(
        self, items: Sequence[Any], *, sent_ms: int | None = None, source: str = "api"
    ) -> Sequence[EventResult]:
        _off_the_loop()
        if self.fault is not None:
            raise self.fault
        return [self._put_event(item, source) for item in items]

    def _put_event(self, item: Any, source: str) -> EventResult:
        assert isinstance(item, dict)
        event_id = str(item.get("event_id", ""))
        if event_id in self.events:
            return EventResult(event_id, "duplicate")
        self.events[event_id] = item | {"source": source}
        return EventResult(event_id, "accepted")

    def rank(self, request: SearchRequest, listing_ids: Sequence[str]) -> ListedResult:
        _off_the_loop()
        assert isinstance(listing_ids, tuple)
        there = tuple(one for one in listing_ids if one in self.listings)
        n, price = len(there), [self.listings[one]["price_micros"] for one in there]
        values = np.array(price, np.float32).reshape(-1, 1)
        ids = np.array([2**64 - i if i else 0 for i in range(n)], np.uint64).reshape(-1, 1)
        stats = {"price_z.count": np.array([float(n)])}
        matrix = FeatureMatrix(("price",), ("seller",), values, ids, stats) if n else None
        found = Listed(
            row_ids=tuple(range(n)), score=tuple(float(one or 0) for one in price),
            first_pass=(0.0,) * n, model="plain-1", feature_set="f" * 64, features=matrix,
            counters_position="", catalogue_version=1, degraded=(), timings_us={},
        )  # fmt: skip
        return ListedResult(there, found, tuple(one for one in listing_ids if one not in there))

    def explain(self, page_id: str, listing_id: str | None = None) -> PageWhy:
        _off_the_loop()
        if page_id != PAGE_ID:
            raise NotFoundError(f"the log has no page {page_id[:80]!r}")
        return page_why_of(listing_id)

    def recent_pages(self, *, limit: int, before_ms: int | None = None) -> Sequence[PageSummary]:
        _off_the_loop()
        return []

    def seller_names(self, seller_ids: Collection[str]) -> Mapping[str, str]:
        _off_the_loop()
        return {one: "Studio One" for one in seller_ids if one == "s1"}

    def traffic(self, *, since_ms: int, until_ms: int, limit: int = 20) -> Traffic | None:
        _off_the_loop()
        return None

    def seen(self) -> Seen:
        _off_the_loop()
        return Seen()

    def request_ended(self, route: str, status: int) -> None:
        assert isinstance(status, int)

    def health(self) -> Health:
        counters = CountersHealth("", 0, 0, 0, 0, 0)
        generation = "g-1" if self.is_ready else ""
        return Health(self.is_ready, generation, len(self.listings), 7, (), counters=counters)


def page_why_of(listing_id: str | None = None) -> PageWhy:
    """A page of one hit, explained; with a listing that is not on it."""
    listing = listing_id and ListingWhy(
        listing_id=listing_id, title="A bowl", reason="filtered", sentence="It is filtered out.",
        basis="now",
    )  # fmt: skip
    return PageWhy(
        page_id=PAGE_ID, served_ms=0, surface="search", q="mug", request={}, found=1, cursor="c1",
        understood=("mug",), dropped=(), generation="g-1", catalogue_version=1, models=(),
        feature_set="", is_detailed=True, n_candidates=1, threshold=0.5, timings_us={}, took_us=5,
        basis="now", note="Evaluated now.",
        hits=(HitWhy(position=1, listing_id="m1", title="Mug", score=1.0, sources=(), is_there=True),),
        listing=listing or None,
    )  # fmt: skip


def _facets(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[FacetValue, ...]]:
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        values = {"category": row["category_path"][-1:], **row["attributes"]}
        for name, texts in values.items():
            for text in texts:
                by_value = counts.setdefault(name, {})
                by_value[text] = by_value.get(text, 0) + 1
    return {
        name: tuple(FacetValue(v, n) for v, n in sorted(found.items(), key=lambda e: -e[1]))
        for name, found in counts.items()
    }


def _off_the_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise AssertionError("a market call ran on the event loop and would stop every other request")
