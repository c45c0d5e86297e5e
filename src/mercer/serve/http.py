"""The HTTP interface of one market: routes, limits, errors. `create_app` is the only way in."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, final

from fastapi import FastAPI, Path, Query
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

import mercer
from mercer.retrieve.request import SearchRequest, SearchResponse
from mercer.schema.errors import MarketError
from mercer.serve import openapi, page, picture
from mercer.serve.body import read_batch, read_body
from mercer.serve.edge import Edge
from mercer.serve.log import Log
from mercer.serve.market import Health, ItemResult, Market
from mercer.serve.meter import Meter
from mercer.serve.problem import Problem, from_market, from_pydantic, unexpected
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


def create_app(
    market: Market,
    *,
    settings: ServeSettings | None = None,
    draw: picture.Draw | None = None,
    log: Log | None = None,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> FastAPI:
    """The app that serves one market: API, results page, pictures, metrics.

    Args:
        market: opened by the caller, who also closes it.
        draw: (image reference, side in pixels) -> PNG, JPEG or WebP bytes of a picture that
            this server can make itself; None where the market's pictures lie elsewhere.
        now_ms: the clock, for deletions that name no time.
    """
    settings, log = settings or ServeSettings(), log or Log()
    meter = Meter(market.health)
    api = _Api(market, settings=settings, meter=meter, now_ms=now_ms)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        api.close()

    app = FastAPI(
        title="Mercer",
        version=mercer.__version__,
        summary="Search and catalogue of one marketplace.",
        description="Prices are integers in micros (millionths of the currency unit). "
        "Errors are problem documents (RFC 9457) and say what to do.",
        docs_url=None,  # FastAPI's own pages load their scripts from elsewhere; /docs is ours
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=[Middleware(Edge, settings=settings, meter=meter, log=log)],
        openapi_tags=[
            {"name": "search", "description": "What visitors do."},
            {"name": "catalogue", "description": "What changes."},
            {"name": "operations", "description": "For those who run it."},
        ],
    )
    _add_errors(app)
    _add_search_routes(app, api)
    _add_catalogue_routes(app, api)
    _add_operation_routes(app, api)
    picture.add_routes(app, draw, workers=api.draws, cache_bytes=settings.image_cache_bytes)
    page.add_routes(
        app,
        market,
        workers=api.reads,
        settings=settings,
        meter=meter,
        can_draw=draw is not None,
    )
    app.openapi = partial(_cached_openapi, app)  # type: ignore[method-assign]  # FastAPI's own hook
    return app


@final
class _Api:
    """The handlers of /v1 and of operations; each turns HTTP into one call of the market."""

    def __init__(
        self, market: Market, *, settings: ServeSettings, meter: Meter, now_ms: Callable[[], int]
    ) -> None:
        self._market, self._settings, self._meter = market, settings, meter
        self._now_ms = now_ms
        max_waiting = settings.max_waiting
        self.reads = Workers(
            "read",
            n_threads=settings.read_threads,
            max_waiting=max_waiting,
            timeout_s=settings.read_timeout_s,
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
        self.draws.close()
        self.writes.close()

    async def search_post(self, request: Request) -> Response:
        """Find listings. The whole search is in the body."""
        body = await read_body(request, max_bytes=self._settings.max_body_bytes)
        try:
            params = SearchParams.model_validate_json(body, strict=True)
        except ValidationError as error:
            raise from_pydantic(error.errors(include_url=False), root="body") from None
        return await self._search(request, params)

    async def search_get(
        self, request: Request, params: Annotated[SearchParams, Query()]
    ) -> Response:
        """Find listings, with everything in the URL: the same words and the same answer as POST."""
        facets = split_facets(params.facets)
        return await self._search(request, params.model_copy(update={"facets": facets}))

    async def _search(self, request: Request, params: SearchParams) -> Response:
        asked = params.to_request(max_depth=self._settings.max_depth)
        request.state.log.debug("search", q=asked.q, filter=asked.filter)
        found = await self.reads.run(partial(search_ready, self._market, asked))
        self._meter.searched(found)
        return _json(found)

    async def suggest(
        self,
        q: Annotated[str, Query(max_length=MAX_RAW_QUERY_CHARS, examples=["cer"])] = "",
        limit: Annotated[int, Query(ge=1, le=50)] = 8,
    ) -> Response:
        """Completions of the words typed so far, most useful first."""
        found = await self.reads.run(partial(self._market.suggest, q, limit=limit))
        return _json(SuggestAnswer(q, tuple(found)))

    async def similar(
        self,
        request: Request,
        listing_id: ListingId,
        limit: Annotated[int, Query(ge=1, le=100)] = 12,
    ) -> Response:
        """Listings like this one, nearest first, itself left out."""
        _check_one_segment(request, after=b"/similar")
        hits = await self.reads.run(partial(self._market.similar, listing_id, limit=limit))
        return _json(SimilarAnswer(listing_id, tuple(hits)))

    async def put_listings(self, request: Request) -> Response:
        """Insert or replace listings by id; answered when they are durable and can be found.

        Every item gets its own verdict: `accepted`, `duplicate` (nothing newer than what is there)
        or `rejected` with a reason. A good item is never refused for a bad neighbour.
        """
        settings = self._settings
        body = await read_body(request, max_bytes=settings.max_batch_bytes)
        return _json(await self.writes.run(partial(self._put, body)))

    def _put(self, body: bytes) -> BatchAnswer:
        settings = self._settings
        batch = read_batch(
            body, max_items=settings.max_batch_items, max_item_bytes=settings.max_item_bytes
        )
        done = self._market.put_listings(batch.items) if batch.items else ()
        results = batch.merge(done)
        self._meter.items_done(results)
        return _batch_answer(results)

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

    async def health(self) -> Response:
        """The state of the market; 200 as long as the process lives."""
        return _json(self._market.health())

    async def ready(self) -> Response:
        """200 when searches are answered, else 503."""
        state = self._market.health()
        if not state.is_ready:
            raise _not_ready()
        return _json(state)

    async def metrics(self) -> Response:
        """Numbers for Prometheus."""
        text = await self.reads.run(partial(generate_latest, self._meter.registry))
        return Response(text, media_type=CONTENT_TYPE_LATEST)


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
    return Response(encode(answer), media_type="application/json")


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


def _add_search_routes(app: FastAPI, api: _Api) -> None:
    errors = openapi.problems("bad-request", "bad-filter", "not-ready", "busy", "timeout")
    found = openapi.answer("One page of the slate.", openapi.SEARCH_ANSWER)
    app.add_api_route(
        "/v1/search",
        api.search_post,
        methods=["POST"],
        tags=["search"],
        summary="Search, in the body",
        operation_id="search",
        response_model=SearchResponse,
        responses=found | errors | openapi.problems("too-large", "unsupported-media-type"),
        openapi_extra=openapi.json_body("SearchParams", openapi.SEARCH_EXAMPLES),
    )
    app.add_api_route(
        "/v1/search",
        api.search_get,
        methods=["GET"],
        tags=["search"],
        summary="Search, in the URL",
        operation_id="search_by_url",
        response_model=SearchResponse,
        responses=found | errors,
    )
    app.add_api_route(
        "/v1/suggest",
        api.suggest,
        methods=["GET"],
        tags=["search"],
        summary="Complete what is typed",
        operation_id="suggest",
        response_model=SuggestAnswer,
        responses=openapi.answer("Completions.", openapi.SUGGEST_ANSWER)
        | openapi.problems("bad-request", "busy", "timeout"),
    )
    app.add_api_route(
        "/v1/listings/{listing_id:path}/similar",
        api.similar,
        methods=["GET"],
        tags=["search"],
        summary="Listings like this one",
        operation_id="similar",
        response_model=SimilarAnswer,
        responses=openapi.answer("The nearest.", openapi.SIMILAR_ANSWER)
        | openapi.problems("bad-request", "not-found", "busy", "timeout"),
    )


def _add_catalogue_routes(app: FastAPI, api: _Api) -> None:
    batch = {"batch": {"summary": "One listing", "value": {"listings": [openapi.LISTING_EXAMPLE]}}}
    app.add_api_route(
        "/v1/listings",
        api.put_listings,
        methods=["PUT"],
        tags=["catalogue"],
        summary="Insert or replace listings",
        operation_id="put_listings",
        response_model=BatchAnswer,
        responses=openapi.answer("A verdict for each item.", openapi.BATCH_ANSWER)
        | openapi.problems("bad-request", "too-large", "unsupported-media-type", "busy", "timeout"),
        openapi_extra=openapi.json_body("PutListings", batch),
    )
    app.add_api_route(
        "/v1/listings/{listing_id:path}",
        api.delete_listing,
        methods=["DELETE"],
        tags=["catalogue"],
        summary="Delete a listing",
        operation_id="delete_listing",
        response_model=ItemAnswer,
        responses=openapi.answer("Its verdict.", openapi.ITEM_ANSWER)
        | openapi.problems("bad-request", "not-found", "busy", "timeout"),
    )


def _add_operation_routes(app: FastAPI, api: _Api) -> None:
    health = openapi.answer("The state of the market.", openapi.HEALTH_ANSWER)
    for path, handler, summary, errors in (
        ("/health", api.health, "Is the process alive", openapi.problems()),
        ("/ready", api.ready, "Can it answer searches", openapi.problems("not-ready")),
    ):
        app.add_api_route(
            path,
            handler,
            methods=["GET"],
            tags=["operations"],
            summary=summary,
            operation_id=path[1:],
            response_model=Health,
            responses=health | errors,
        )
    app.add_api_route(
        "/metrics",
        api.metrics,
        methods=["GET"],
        tags=["operations"],
        summary="Numbers for Prometheus",
        operation_id="metrics",
        response_class=Response,
        responses=openapi.text_answer("Prometheus text format.")
        | openapi.problems("busy", "timeout"),
    )


def _cached_openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = openapi.document(app)
    return app.openapi_schema


def _add_errors(app: FastAPI) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        problem = _as_problem(request, error)
        if problem.kind == "internal":
            request.state.log.error("request_failed", error=error)
        if page.wants_html(request):
            return page.error_page(request, problem)
        return problem.response(request.state.request_id)

    for kind in (Problem, MarketError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)


def _as_problem(request: Request, error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case MarketError():
            return from_market(error)
        case RequestValidationError():
            return from_pydantic(error.errors())
        case HTTPException(status_code=404):
            return Problem("not-found", f"there is nothing at {request.url.path[:200]!r}")
        case HTTPException(status_code=405):
            allowed = _allowed_methods(request)
            detail = f"{request.method[:20]} is not allowed here; allowed: {allowed}"
            return Problem("method-not-allowed", detail, headers={"Allow": allowed})
        case HTTPException(status_code=413):
            return Problem("too-large", str(error.detail))
        case HTTPException() if error.status_code < 500:
            return Problem("bad-request", str(error.detail))
        case _:
            return unexpected()


def _allowed_methods(request: Request) -> str:
    """Of all routes with this path, since each route knows only its own."""
    methods: set[str] = set()
    for route in request.app.routes:
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(request.url.path):
            methods |= getattr(route, "methods", None) or set()
    return ", ".join(sorted(methods))
