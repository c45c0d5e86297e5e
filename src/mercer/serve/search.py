"""A search from the typed query to the page: the stages in order, each timed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from uuid_utils import uuid7

from mercer.rank.candidates import (
    CandidateParams,
    Head,
    nearest_head,
    ranked_head,
    sorted_head,
)
from mercer.rank.first_pass import FirstPassParams
from mercer.rank.seller_limit import spread_sellers
from mercer.retrieve import bitmap
from mercer.retrieve.facet_page import facet_counts, facet_fields, price_stats
from mercer.retrieve.facets import first_labels
from mercer.retrieve.filter_language import parse_filter
from mercer.retrieve.filter_rows import rows_matching
from mercer.retrieve.index import ListingIndex, Snapshot
from mercer.retrieve.match import (
    MatchParams,
    SemanticHits,
    Wanted,
    has_known_word,
    join,
    lexical_matches,
    semantic_hits,
    wanted_of,
)
from mercer.retrieve.query import ParsedQuery, UnderstandOptions
from mercer.retrieve.request import MAX_PER_PAGE, Hit, SearchRequest, SearchResponse
from mercer.retrieve.understand import understand
from mercer.schema.errors import InputError
from mercer.serve.hit import hits_of
from mercer.serve.slate import Slate, SlateStore

NO_SEMANTIC_THRESHOLD = -1.0  # in semantic mode all near listings match, however far


@dataclass(frozen=True, slots=True)
class SearchParams:
    """How a market searches; the limits of the cascade are set here, once."""

    match: MatchParams = field(default_factory=MatchParams)
    candidates: CandidateParams = field(default_factory=CandidateParams)
    first_pass: FirstPassParams = field(default_factory=FirstPassParams)
    understand: UnderstandOptions = field(default_factory=UnderstandOptions)
    budget_ms: float = 50.0  # of a request that names none


@dataclass(slots=True)
class Stopwatch:
    """Time by stage, and how much of the budget is left."""

    clock: Callable[[], float]
    budget_ms: float
    began: float = 0.0
    timings_us: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start."""
        self.began = self.clock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        start = self.clock()
        yield
        self.timings_us[name] = int((self.clock() - start) * 1e6)

    @property
    def took_ms(self) -> float:
        """Since the beginning."""
        return (self.clock() - self.began) * 1e3

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return self.took_ms > self.budget_ms


class SearchService:
    """Answers searches over whatever the index holds at the moment. Thread-safe."""

    def __init__(
        self,
        index: ListingIndex,
        params: SearchParams,
        *,
        clock: Callable[[], float] = time.perf_counter,
        slates: SlateStore | None = None,
    ) -> None:
        self._index, self._params, self._clock = index, params, clock
        self._slates = slates if slates is not None else SlateStore()

    def search(self, request: SearchRequest) -> SearchResponse:
        """One page.

        Raises:
            FilterError: the filter cannot be read.
            InputError: a facet field, page or limit that cannot be served.
        """
        _check(request)
        budget_ms = self._params.budget_ms if request.budget_ms is None else request.budget_ms
        watch = Stopwatch(self._clock, budget_ms)
        slate: Slate | None = None
        forgotten: tuple[str, ...] = ()
        if request.cursor is not None:
            slate = self._slates.find(request.cursor)
            if slate is None:
                forgotten = ("cursor: expired, the search was made anew",)
            elif _asked(slate.request) != _asked(request):
                slate = None
                forgotten = ("cursor: of another search, which was made anew",)
        if slate is None:
            slate = self._make(request, watch)
            self._slates.keep(slate)
        with watch.stage("page"):
            hits = self._page(slate, request)
        return SearchResponse(
            page_id=str(uuid7()),
            hits=hits,
            found=slate.found,
            page=request.page,
            per_page=request.per_page,
            cursor=slate.cursor,
            facet_counts=slate.facet_counts,
            price_stats=slate.price_stats,
            understood=slate.query.to_dict(),
            did_you_mean=slate.query.did_you_mean,
            degraded=(*slate.degraded, *forgotten),
            search_time_ms=round(watch.took_ms, 3),
            generation=slate.generation,
            timings_us=watch.timings_us,
        )

    def _make(self, request: SearchRequest, watch: Stopwatch) -> Slate:
        """Understand, match, rank and count: the slate of a search."""
        snapshot, params = self._index.snapshot(), self._params
        parts = snapshot.parts
        degraded: list[str] = []
        with watch.stage("understand"):
            tree = parse_filter(request.filter, snapshot.fields)
            fields = facet_fields(request.facets, snapshot)
            query = understand(request.q, lexicon=snapshot.lexicon, options=params.understand)
            wanted = wanted_of(query, parts)
        with watch.stage("lexical"):
            lexical = lexical_matches(
                wanted, parts, params=params.match, has_words=request.mode != "semantic"
            )
        with watch.stage("semantic"):
            vector = _vector(request, query, wanted, snapshot)
            if vector is not None and watch.is_over:
                vector = None
                degraded.append(f"semantic: the time budget of {watch.budget_ms:g} ms was used up")
            hits = _hits(vector, request, snapshot)
        with watch.stage("match"):
            unfiltered = join(lexical, hits, parts)
            matches = tuple(
                bits & rows_matching(tree, part.segment) if tree is not None else bits
                for bits, part in zip(unfiltered, parts, strict=True)
            )
        with watch.stage("rank"):
            if request.sort != "relevance":
                head = sorted_head(request.sort, snapshot, matches)
            elif wanted.is_empty:
                # By quality as it lies; the limit per seller needs a head to reorder.
                is_limited = request.per_seller is not None
                head = (
                    sorted_head("relevance", snapshot, matches) if is_limited else _nothing_ranked()
                )
            elif request.mode == "semantic":
                head = nearest_head(snapshot, matches, hits)
            else:
                head = ranked_head(
                    wanted, snapshot, matches, lexical.bits, lexical.level, hits, vector,
                    params=params.candidates, first_pass=params.first_pass,
                )  # fmt: skip
            if request.per_seller is not None:
                head = _spread(head, snapshot, request.per_seller, request.per_page)
        with watch.stage("facets"):
            facets = facet_counts(
                fields, tree, unfiltered, matches, snapshot, limit=request.max_facet_values
            )
            prices = price_stats(snapshot, matches)
        return Slate(
            request=request,
            cursor=self._slates.new_cursor(),
            generation=snapshot.generation,
            segments=snapshot.segments,
            matches=matches,
            head=head,
            found=sum(bitmap.count(bits) for bits in matches),
            query=query,
            degraded=tuple(degraded),
            facet_counts=facets,
            price_stats=prices,
        )

    def _page(self, slate: Slate, request: SearchRequest) -> tuple[Hit, ...]:
        """The listings of a page as they are now; one that is gone leaves its place empty."""
        first = (request.page - 1) * request.per_page
        if first >= slate.found:
            return ()
        entries = slate.entries(first, first + request.per_page)
        places = self._index.places([entry.row_id for entry in entries])
        return hits_of(entries, places, slate.query, first=first)


def _asked(request: SearchRequest) -> tuple[object, ...]:
    """What makes a search another one; its pages may differ in all else."""
    return request.q, request.filter, request.sort, request.mode, request.per_seller


def _check(request: SearchRequest) -> None:
    faults = []
    if request.page < 1:
        faults.append(f"page must be 1 or more, got {request.page}")
    if not 1 <= request.per_page <= MAX_PER_PAGE:
        faults.append(f"per_page must lie in 1..{MAX_PER_PAGE}, got {request.per_page}")
    if request.per_seller is not None and request.per_seller < 1:
        faults.append(f"per_seller must be 1 or more, got {request.per_seller}")
    if not 0 <= request.max_facet_values <= 1_000:
        faults.append(f"max_facet_values must lie in 0..1000, got {request.max_facet_values}")
    if faults:
        raise InputError("search: " + "; ".join(faults))


def _vector(request: SearchRequest, query: ParsedQuery, wanted: Wanted, snapshot: Snapshot) -> Any:
    """(dim,) the query's meaning; None where it is not asked for."""
    if request.mode == "lexical" or wanted.is_empty:
        return None
    if not has_known_word(wanted, snapshot.parts):
        return None  # every vector is near some listing, also that of "qwertzuiop"
    words = [t.word for t in query.terms if not t.is_optional] or [t.word for t in query.terms]
    return snapshot.encoder.encode_query(query.text, words)


def _hits(vector: Any, request: SearchRequest, snapshot: Snapshot) -> tuple[SemanticHits, ...]:
    if vector is None:
        nothing = SemanticHits(np.zeros(0, np.int64), np.zeros(0, np.float32))
        return (nothing,) * len(snapshot.parts)
    threshold = NO_SEMANTIC_THRESHOLD if request.mode == "semantic" else snapshot.threshold
    return semantic_hits(vector, snapshot.parts, threshold=threshold)


def _nothing_ranked() -> Head:
    return Head(
        np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.uint8)
    )


def _spread(head: Head, snapshot: Snapshot, per_seller: int, per_page: int) -> Head:
    """At most so many listings of one seller on a page, as far as the ranked head reaches."""
    seller = np.full(len(head.row), -1, np.int64)
    names: dict[str, int] = {}
    for i, part in enumerate(snapshot.parts):
        mine = np.flatnonzero(head.part == i)
        segment = part.segment
        seller[mine] = first_labels(segment.labels, "seller", head.row[mine], names)
    order = spread_sellers(seller, per_seller=per_seller, per_page=per_page)
    return Head(head.part[order], head.row[order], head.score[order], head.sources[order])
