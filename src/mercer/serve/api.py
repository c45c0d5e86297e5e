"""The handlers of /v1 and of operations: HTTP in, one call of the market, HTTP out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, final

from fastapi import Path, Query
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from mercer.retrieve.request import SearchRequest, SearchResponse
from mercer.serve.body import read_batch, read_body
from mercer.serve.market import Health, ItemResult, Market
from mercer.serve.meter import Meter
from mercer.serve.problem import Problem, from_pydantic
from mercer.serve.process.sharing import Sharing
from mercer.serve.quick_read import search_of_body, search_of_url, suggest_of_url
from mercer.serve.settings import ServeSettings
from mercer.serve.wire import (
    MAX_ID_CHARS,
    MAX_RAW_QUERY_CHARS,
    BatchAnswer,
    ItemAnswer,
    SearchParams,
    SimilarAnswer,
    SuggestAnswer,
    encode,
    split_facets,
)
from mercer.serve.workers import Workers

ListingId = Annotated[
    str, Path(min_length=1, max_length=MAX_ID_CHARS, description="Your own id of the listing.")
]


@final
class Api:
    """The handlers of /v1 and of operations; each turns HTTP into one call of the market."""

    def __init__(
        self,
        market: Market,
        *,
        settings: ServeSettings,
        meter: Meter,
        now_ms: Callable[[], int],
        sharing: Sharing | None = None,
    ) -> None:
        self._market, self._settings, self._meter = market, settings, meter
        self._now_ms, self._sharing = now_ms, sharing
        max_waiting = settings.max_waiting
        self.reads = Workers(
            "read",
            n_threads=settings.read_threads,
            max_waiting=max_waiting,
            timeout_s=settings.read_timeout_s,
            told=sharing.tell if sharing is not None else lambda n_open: None,
        )
        # They wait for other processes, and cost nothing meanwhile.
        self._asks = Workers(
            "ask", n_threads=settings.ask_threads, max_waiting=0, timeout_s=settings.read_timeout_s
        )
        # Writes have their own threads: a long batch never takes one from the searches.
        self.writes = Workers(
            "write",
            n_threads=settings.write_threads,
            max_waiting=max_waiting,
            timeout_s=settings.write_timeout_s,
        )
        # Drawing a page of pictures takes longer than the search behind it.
        self.draws = Workers(
            "draw",
            n_threads=settings.draw_threads,
            max_waiting=max_waiting,
            timeout_s=settings.read_timeout_s,
        )

    def close(self) -> None:
        """Stop the threads."""
        self.reads.close()
        self._asks.close()
        self.draws.close()
        self.writes.close()

    async def search_post(self, request: Request) -> Response:
        """Find listings. The whole search is in the body."""
        body = await read_body(request, max_bytes=self._settings.max_body_bytes)
        asked = search_of_body(body, max_depth=self._settings.max_depth)
        if asked is None:
            try:
                params = SearchParams.model_validate_json(body, strict=True)
            except ValidationError as error:
                raise from_pydantic(error.errors(include_url=False), root="body") from None
            asked = params.to_request(max_depth=self._settings.max_depth)
        return await self._search(request, asked)

    async def search_get(
        self, request: Request, params: Annotated[SearchParams, Query()]
    ) -> Response:
        """Find listings, with everything in the URL: the same words and the same answer as POST."""
        facets = split_facets(params.facets)
        params = params.model_copy(update={"facets": facets})
        return await self._search(request, params.to_request(max_depth=self._settings.max_depth))

    async def search_url(self, request: Request) -> Response | None:
        """`search_get` for what is read at once."""
        query = request.scope["query_string"]
        asked = search_of_url(query, max_depth=self._settings.max_depth)
        return None if asked is None else await self._search(request, asked)

    async def _search(self, request: Request, asked: SearchRequest) -> Response:
        if (visit := request.state.caller.visit) is not None:  # a browser speaks for itself only
            whose = {"visitor_id": visit.visitor_id, "session_id": visit.session_id}
            asked = replace(asked, **whose, buyer_id=None)
        request.state.log.debug("search", q=asked.q, filter=asked.filter)
        body = await self._found_elsewhere(asked)
        if body is None:
            body = await self.reads.run(partial(self._found, asked))
        return _json_of(body)

    async def _found_elsewhere(self, asked: SearchRequest) -> bytes | None:
        """The answer of a process that has less to do; None where this one has to make it."""
        sharing = self._sharing
        if sharing is None or asked.cursor is not None:  # a cursor knows where it belongs
            return None
        slot = sharing.freer(self.reads.n_open)
        if slot is None:
            return None
        try:
            return await self._asks.run(partial(sharing.ask, slot, asked))
        except Problem:  # all that ask are asking already
            return None

    def found_here(self, asked: SearchRequest) -> bytes:
        """The encoded answer to another process; it takes its turn among our own. Blocks."""
        return self.reads.call(partial(self._found, asked))

    def _found(self, asked: SearchRequest) -> bytes:
        """In a worker's thread, so that the loop is free to listen: search, count and encode."""
        found = search_ready(self._market, asked)
        self._meter.searched(found)
        return encode(found)

    async def suggest(
        self,
        q: Annotated[str, Query(max_length=MAX_RAW_QUERY_CHARS, examples=["cer"])] = "",
        limit: Annotated[int, Query(ge=1, le=50)] = 8,
    ) -> Response:
        """Completions of the words typed so far, most useful first."""
        found = await self.reads.run(partial(self._market.suggest, q, limit=limit))
        return _json(SuggestAnswer(q, tuple(found)))

    async def suggest_url(self, request: Request) -> Response | None:
        """`suggest` for what is read at once."""
        asked = suggest_of_url(request.scope["query_string"])
        return None if asked is None else await self.suggest(*asked)

    async def similar(
        self,
        request: Request,
        listing_id: ListingId,
        limit: Annotated[int, Query(ge=1, le=100)] = 12,
    ) -> Response:
        """Listings like this one, nearest first, itself left out."""
        _check_one_segment(request, after=b"/similar")
        visit = request.state.caller.visit
        find = partial(self._market.similar, listing_id, limit=limit)
        if visit is not None:
            find = partial(find, visitor_id=visit.visitor_id, session_id=visit.session_id)
        page = await self.reads.run(find)
        return _json(SimilarAnswer(listing_id, page.page_id, page.hits, page.degraded))

    async def put_listings(self, request: Request) -> Response:
        """Insert or replace listings by id; answered when they are durable and can be found.

        Every item gets its own verdict: `accepted`, `duplicate` (nothing newer than what is there)
        or `rejected` with a reason. A good item is never refused for a bad neighbour.
        """
        settings = self._settings
        body = await read_body(request, max_bytes=settings.max_batch_bytes)
        return _json_of(await self.writes.run(partial(self._put, body)))

    def _put(self, body: bytes) -> bytes:
        settings = self._settings
        batch = read_batch(
            body, max_items=settings.max_batch_items, max_item_bytes=settings.max_item_bytes
        )
        done = self._market.put_listings(batch.items) if batch.items else ()
        results = batch.merge(done, lambda reason: ItemResult("", "rejected", reason))
        self._meter.items_done(results)
        return encode(_batch_answer(results))

    async def delete_listing(
        self,
        request: Request,
        listing_id: ListingId,
        updated_ms: Annotated[
            int | None,
            Query(ge=0, le=2**53, description="When it was deleted, ms since 1970 UTC; now."),
        ] = None,
    ) -> Response:
        """Delete a listing; answered when that is durable and it is found no more."""
        _check_one_segment(request, after=b"")
        when_ms = self._now_ms() if updated_ms is None else updated_ms
        delete = partial(self._market.delete_listings, [listing_id], updated_ms=when_ms)
        results = await self.writes.run(delete)
        self._meter.items_done(results)
        return _json(_batch_answer(results).results[0])

    async def health(self, request: Request) -> Response:
        """The state of the market; 200 as long as the process lives. Without an admin key it says no
        more than `is_ready`."""
        return _json(_told(self._market.health(), request))

    async def ready(self, request: Request) -> Response:
        """200 when searches are answered, else 503."""
        state = self._market.health()
        if not state.is_ready:
            raise _not_ready()
        return _json(_told(state, request))

    async def metrics(self) -> Response:
        """Numbers for Prometheus."""
        text = await self.reads.run(self._meter.exposed)
        return Response(text, media_type=CONTENT_TYPE_LATEST)


def _told(state: Health, request: Request) -> Health:
    """What a stranger may know of the state."""
    is_operator = request.state.caller.is_operator
    return state if is_operator else Health(state.is_ready, "", 0, 0, ())


def _check_one_segment(request: Request, *, after: bytes) -> None:
    """An id may hold a slash, but then it is written %2F.

    Otherwise DELETE /v1/listings/x/similar, a slip, would delete the listing "x/similar".
    """
    path: bytes = request.scope.get("raw_path") or b""
    listing_id = path.removeprefix(b"/v1/listings/").removesuffix(after)
    if b"/" not in listing_id:
        return
    if not after and listing_id.endswith(b"/similar"):
        detail = "similar listings can only be read: GET"
        raise Problem("method-not-allowed", detail, headers={"Allow": "GET"})
    raise Problem("not-found", "nothing is below a listing; a slash in an id is written %2F")


def search_ready(market: Market, asked: SearchRequest) -> SearchResponse:
    """The answer of a market that has something to search. Raises Problem (`not-ready`)."""
    if not market.health().is_ready:
        raise _not_ready()
    return market.search(asked)


def _not_ready() -> Problem:
    return Problem(
        "not-ready",
        "nothing was indexed yet: `mercer index` builds the first generation",
        headers={"Retry-After": "5"},
    )


def _json(answer: object) -> Response:
    return _json_of(encode(answer))


def _json_of(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _batch_answer(results: Sequence[ItemResult]) -> BatchAnswer:
    verdicts = [result.verdict for result in results]
    return BatchAnswer(
        accepted=verdicts.count("accepted"),
        duplicate=verdicts.count("duplicate"),
        rejected=verdicts.count("rejected"),
        results=tuple(
            ItemAnswer(index, result.listing_id, result.verdict, result.reason)
            for index, result in enumerate(results)
        ),
    )
