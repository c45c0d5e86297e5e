"""A search from its request to the page that is served and written down."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from uuid_utils import uuid7

from mercer.retrieve import bitmap
from mercer.retrieve.facet_page import facet_counts, facet_fields, price_stats
from mercer.retrieve.index import ListingIndex
from mercer.retrieve.query import ParsedQuery
from mercer.retrieve.request import MAX_PER_PAGE, Hit, SearchRequest, SearchResponse
from mercer.schema.errors import InputError
from mercer.serve.market import SimilarPage
from mercer.serve.search.hit import hits_of, nearest
from mercer.serve.search.listed import Listed, listed
from mercer.serve.search.page_record import (
    PageRecorder,
    Visit,
    list_stats,
    logged_of,
    model_names,
    search_page,
    served_ms,
    similar_page,
)
from mercer.serve.search.ranked import Ranked, RankStage
from mercer.serve.search.slate import NOTHING_LOGGED, Entry, Slate, SlateStore
from mercer.serve.search.stages import (
    FIRST_PASS,
    SearchParams,
    head_of,
    matched,
    spread,
    stage_of,
    swapped_head,
)
from mercer.serve.search.stopwatch import Stopwatch

NOT_LOGGED = "page log: the page could not be written in time; its hits carry no tokens"


class SearchService:
    """Answers searches over whatever the index holds at the moment. Thread-safe.

    With a recorder every page is written down before it is given out; without one (evaluation,
    benchmarks, a market opened for reading) nothing is kept and hits carry no tokens.
    """

    def __init__(
        self,
        index: ListingIndex,
        params: SearchParams,
        *,
        clock: Callable[[], float] = time.perf_counter,
        slates: SlateStore | None = None,
        recorder: PageRecorder | None = None,
        ranker: RankStage | None = None,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        """With `now_ms` pages are served at that clock's time, else at the machine's.

        Without a `ranker` the first pass has the last word.
        """
        self._index, self._params, self._clock = index, params, clock
        self._slates = slates if slates is not None else SlateStore()
        self._recorder, self._now_ms = recorder, now_ms
        self._ranker = ranker

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
        page_id = self._new_page_id()
        if slate is None:
            slate = self._make(request, watch, page_id)
            self._slates.keep(slate)
        with watch.stage("page"):
            entries, hits = self._page(slate, request, page_id)
        response = SearchResponse(
            page_id=page_id,
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
        return self._recorded(response, slate, request, entries, watch)

    def _recorded(
        self,
        response: SearchResponse,
        slate: Slate,
        request: SearchRequest,
        entries: list[Entry],
        watch: Stopwatch,
    ) -> SearchResponse:
        """The response once its page is written down, with tokens; or with a word that it is not."""
        recorder = self._recorder
        if recorder is None:
            return response
        with watch.stage("log"):
            first = (request.page - 1) * request.per_page
            page = search_page(
                response, slate, request, entries, first=first, params=recorder.params
            )
            is_written = recorder.record(page, budget_s=(watch.budget_ms - watch.took_ms) / 1e3)
        took_ms = round(watch.took_ms, 3)
        if is_written:
            return replace(response, search_time_ms=took_ms)
        degraded = (*response.degraded, NOT_LOGGED)
        hits = _without_tokens(response.hits)
        return replace(response, hits=hits, degraded=degraded, search_time_ms=took_ms)

    def _new_page_id(self) -> str:
        """A UUIDv7; a page is as old as the millisecond in it."""
        made = str(uuid7())
        if self._now_ms is None:
            return made
        at = f"{self._now_ms():012x}"
        return f"{at[:8]}-{at[8:]}{made[13:]}"  # the rest of it is random

    def similar(self, listing_id: str, row_id: int, *, limit: int, visit: Visit) -> SimilarPage:
        """The listings nearest to one that is for sale, nearest first; none for one that is not."""
        watch, snapshot = Stopwatch(self._clock, self._params.budget_ms), self._index.snapshot()
        with watch.stage("semantic"):
            entries = nearest(self._index, snapshot, row_id, limit=limit)
        page_id, recorder = self._new_page_id(), self._recorder
        with watch.stage("page"):
            places = self._index.places([entry.row_id for entry in entries])
            sign = None if recorder is None else recorder.signer(page_id)
            hits = hits_of(entries, places, ParsedQuery(text=""), first=0, sign=sign)
        made = SimilarPage(page_id, hits)
        if recorder is None:
            return made
        page = similar_page(
            made, snapshot, entries, listing_id=listing_id, limit=limit, visit=visit, watch=watch
        )
        left_s = (watch.budget_ms - watch.took_ms) / 1e3
        if recorder.record(page, budget_s=left_s):
            return made
        return SimilarPage(page_id, _without_tokens(hits), (NOT_LOGGED,))

    def listed(self, row_ids: Sequence[int], request: SearchRequest) -> Listed:
        """Listings that the caller names, ranked for a query; nothing is written down."""
        budget_ms = self._params.budget_ms if request.budget_ms is None else request.budget_ms
        ranking = None if self._ranker is None else self._ranker.ranking()  # before the snapshot
        return listed(
            row_ids, request, self._index.snapshot(), self._params, self._ranker, ranking,
            now_ms=served_ms(self._new_page_id()), watch=Stopwatch(self._clock, budget_ms),
        )  # fmt: skip

    def _make(self, request: SearchRequest, watch: Stopwatch, page_id: str) -> Slate:
        """Understand, match, rank and count: the slate of a search."""
        ranking = None if self._ranker is None else self._ranker.ranking()  # before the snapshot
        snapshot, params, recorder = self._index.snapshot(), self._params, self._recorder
        fields = facet_fields(request.facets, snapshot)
        found = matched(request, snapshot, params, watch=watch)
        stage = stage_of(request, found.wanted)
        ranked = Ranked()
        with watch.stage("rank"):
            has_parts = recorder is not None or ranking is not None
            head = head_of(request, snapshot, params, found, has_parts=has_parts)
        if (
            self._ranker is not None
            and ranking is not None
            and stage == FIRST_PASS
            and len(head.row)
        ):
            head, ranked = self._ranker.ranked(
                ranking, request, found.query, snapshot, head,
                now_ms=served_ms(page_id), watch=watch,
            )  # fmt: skip
        with watch.stage("order"):
            head = spread(head, snapshot, request)
            propensity = None
            if recorder is not None and stage is not None:
                head, propensity = swapped_head(
                    head, page_id, n_places=request.per_page, params=params.swap
                )
        with watch.stage("facets"):
            facets = facet_counts(
                fields, found.tree, found.unfiltered, found.matches, snapshot,
                limit=request.max_facet_values,
            )  # fmt: skip
            prices = price_stats(snapshot, found.matches)
        stats: dict[str, float] = {}
        models: tuple[str, ...] = ()
        logged = NOTHING_LOGGED
        if recorder is not None:
            n = recorder.params.max_candidates
            head = head.with_parts_of(n)
            stats = {**list_stats(request, snapshot, params, found, head), **ranked.stats}
            models = model_names(params, ranked, stage)
            logged = logged_of(head, ranked, stage=stage, n=n, propensity=propensity)
        head = replace(head, cosine=None, place=None)
        return Slate(
            request=request,
            cursor=self._slates.new_cursor(),
            generation=snapshot.generation,
            segments=snapshot.segments,
            matches=found.matches,
            head=head if recorder is not None else replace(head, parts=None),
            found=sum(bitmap.count(bits) for bits in found.matches),
            query=found.query,
            degraded=(*found.degraded, *ranked.degraded),
            facet_counts=facets,
            price_stats=prices,
            catalogue_version=snapshot.version,
            models=models,
            list_stats=stats,
            logged=logged,
        )

    def _page(
        self, slate: Slate, request: SearchRequest, page_id: str
    ) -> tuple[list[Entry], tuple[Hit, ...]]:
        """The places of a page, and their listings as they are now; one that is gone is no hit."""
        first = (request.page - 1) * request.per_page
        if first >= slate.found:
            return [], ()
        entries = slate.entries(first, first + request.per_page)
        places = self._index.places([entry.row_id for entry in entries])
        sign = None if self._recorder is None else self._recorder.signer(page_id)
        return entries, hits_of(entries, places, slate.query, first=first, sign=sign)


def _without_tokens(hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """A token names a page, so none is given out for a page that nobody would find."""
    return tuple(replace(hit, token="") for hit in hits)


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
