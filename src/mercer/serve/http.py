"""The HTTP interface of one market: routes, limits, errors. `create_app` is the only way in."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

import mercer
from mercer.retrieve.request import SearchResponse
from mercer.schema.errors import MarketError
from mercer.serve import openapi, picture, route_events, route_explain, route_login, route_rank
from mercer.serve.access.gate import Access, Gate, open_access
from mercer.serve.api import Api
from mercer.serve.console import console
from mercer.serve.edge import Edge
from mercer.serve.hot import Handler, Hot
from mercer.serve.log import Log
from mercer.serve.market import Health, Market
from mercer.serve.meter import Meter, Others
from mercer.serve.problem import Problem, from_market, from_pydantic, unexpected
from mercer.serve.process.sharing import Sharing
from mercer.serve.settings import ServeSettings
from mercer.serve.shop import page
from mercer.serve.wire import (
    BatchAnswer,
    ItemAnswer,
    SimilarAnswer,
    SuggestAnswer,
)


def create_app(
    market: Market,
    *,
    settings: ServeSettings | None = None,
    draw: picture.Draw | None = None,
    stored: picture.Stored | None = None,
    access: Access | None = None,
    log: Log | None = None,
    others: Others = dict,
    sharing: Sharing | None = None,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> FastAPI:
    """The app that serves one market: API, results page, pictures, metrics.

    Args:
        market: opened by the caller, who also closes it.
        draw: (image reference, side in pixels) -> PNG, JPEG or WebP bytes of a picture that
            this server can make itself; None where the market's pictures lie elsewhere.
        stored: name of a picture in the market's folder -> its bytes; None where it has none.
        access: who may do what; None allows everything.
        others: what the other processes that answer the same address count, by their names;
            `/metrics` then has all of it, with the label `process`.
        sharing: the other processes, which are asked for a search where they have less to do.
        now_ms: the clock, for deletions that name no time.
    """
    settings, log, access = settings or ServeSettings(), log or Log(), access or open_access()
    meter = Meter(market.health, others=others, ended=market.request_ended)
    api = Api(market, settings=settings, meter=meter, now_ms=now_ms, sharing=sharing)
    events = route_events.EventRoutes(market, settings=settings, meter=meter)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        api.close()
        events.workers.close()

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
        openapi_tags=[
            {"name": "search", "description": "What visitors do."},
            {"name": "events", "description": "What visitors did."},
            {"name": "catalogue", "description": "What changes."},
            {"name": "operations", "description": "For those who run it."},
        ],
    )
    app.state.meter = meter
    app.state.found_here = api.found_here
    app.state.shop_title = settings.title
    _add_errors(app)
    _add_search_routes(app, api)
    route_events.add_routes(app, events)
    _add_catalogue_routes(app, api)
    _add_operation_routes(app, api)
    picture.add_routes(
        app, draw, stored=stored, workers=api.draws, cache_bytes=settings.image_cache_bytes
    )
    route_login.add_routes(app, access.verifier)
    route_explain.add_routes(app, market, workers=api.reads)
    route_rank.add_routes(app, market, workers=api.reads, settings=settings)
    console.add_routes(app, market, workers=api.reads, settings=settings, now_ms=now_ms)
    page.add_routes(
        app,
        market,
        reads=api.reads,
        writes=api.writes,
        settings=settings,
        meter=meter,
        now_ms=now_ms,
        can_draw=draw is not None,
    )
    hot: dict[tuple[str, str], Handler] = {
        ("GET", "/v1/search"): api.search_url,
        ("POST", "/v1/search"): api.search_post,
        ("GET", "/v1/suggest"): api.suggest_url,
        ("PUT", "/v1/listings"): api.put_listings,
        ("POST", "/v1/events"): events.post_events,
    }
    _add_middleware(app, access, settings=settings, meter=meter, log=log, hot=hot)
    app.openapi = partial(_cached_openapi, app)  # type: ignore[method-assign]  # FastAPI's own hook
    return app


def _add_middleware(
    app: FastAPI,
    access: Access,
    *,
    settings: ServeSettings,
    meter: Meter,
    log: Log,
    hot: Mapping[tuple[str, str], Handler],
) -> None:
    """Edge, then CORS where a page of another origin is allowed, then the gate, then what is hot; each
    goes before what was added earlier."""
    app.add_middleware(Hot, handlers=hot, failed=_failed)
    app.add_middleware(
        Gate, access=access, settings=settings, routes=app.router.routes, answer=_answer
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type"),
            expose_headers=("RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"),
            allow_credentials=False,  # a foreign page has a key, or nothing
        )
    app.add_middleware(Edge, settings=settings, meter=meter, log=log)


def _add_search_routes(app: FastAPI, api: Api) -> None:
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


def _add_catalogue_routes(app: FastAPI, api: Api) -> None:
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


def _add_operation_routes(app: FastAPI, api: Api) -> None:
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


def _answer(request: Request, problem: Problem) -> Response:
    """A problem as whoever asked wants it."""
    if page.wants_html(request):
        return page.error_page(request, problem, title=request.app.state.shop_title)
    return problem.response(request.state.request_id)


def _add_errors(app: FastAPI) -> None:
    for kind in (Problem, MarketError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _failed)


async def _failed(request: Request, error: Exception) -> Response:
    problem = _as_problem(request, error)
    if problem.kind in ("internal", "storage"):
        request.state.log.error("request_failed", error=error)
    return _answer(request, problem)


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
