"""The routes of the pages: shop, API reference, static files, and errors as pages.

Everything that a page loads comes from this package; it works without JavaScript.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from mercer.serve.market import Market
from mercer.serve.meter import Meter
from mercer.serve.problem import KINDS, Problem
from mercer.serve.reference import Operation, operations_of
from mercer.serve.settings import ServeSettings
from mercer.serve.shop.assets import TEMPLATES
from mercer.serve.shop.counter import Counter
from mercer.serve.shop.query import PageQuery, read_page_query
from mercer.serve.shop.route import CounterRoutes, html
from mercer.serve.shop.shop import Shop
from mercer.serve.shop.visit import read_source, read_visit
from mercer.serve.workers import Workers

_MACHINE_PATHS = ("/v1/", "/health", "/ready", "/metrics", "/openapi.json", "/static/", "/images/")
_SUGGEST_CHARS = 200


def add_routes(
    app: FastAPI,
    market: Market,
    *,
    reads: Workers,
    writes: Workers,
    settings: ServeSettings,
    meter: Meter,
    now_ms: Callable[[], int],
    can_draw: bool,
) -> None:
    """The pages of one market, and the files that they load."""
    shop = Shop(market, settings=settings, meter=meter, can_draw=can_draw)
    counter = Counter(market, shop, now_ms=now_ms)
    pages = _Pages(app, shop, counter, reads=reads, writes=writes)
    posts = CounterRoutes(
        shop, counter, reads=reads, writes=writes, max_form_bytes=settings.max_form_bytes
    )
    read, send = ["GET", "HEAD"], ["POST"]
    for path, methods, handler in (
        ("/", read, pages.start_or_results),
        ("/suggest", read, pages.suggest),
        ("/listing/{listing_id:path}", read, pages.listing),
        ("/favourites", read, pages.favourites),
        ("/favourites", send, posts.favour),
        ("/kept", read, posts.kept),
        ("/cart", read, posts.cart),
        ("/cart", send, posts.put),
        ("/cart/line", send, posts.change),
        ("/checkout", read, posts.checkout),
        ("/checkout", send, posts.place),
        ("/order/{order_id}", read, posts.ordered),
        ("/theme", send, posts.theme),
        ("/docs", read, pages.reference),
        ("/static/{name}", read, _static),
        ("/favicon.ico", read, _icon),
    ):
        app.add_api_route(
            path,
            handler,
            methods=methods,
            include_in_schema=False,
            response_class=Response,
            response_model=None,
        )


@final
class _Pages:
    """The handlers that only read."""

    def __init__(
        self, app: FastAPI, shop: Shop, counter: Counter, *, reads: Workers, writes: Workers
    ) -> None:
        self._app, self._shop, self._counter = app, shop, counter
        self._reads, self._writes = reads, writes

    async def start_or_results(self, request: Request) -> Response:
        """The start page, or the results of what the address asks for."""
        visit = read_visit(request)
        pairs = request.query_params.multi_items()
        if not pairs:
            page = await self._reads.run(partial(self._shop.home, visit))
            return html(page, visit, headers=_history(request, "/"))
        query = read_page_query(pairs)
        page = await self._reads.run(partial(self._shop.results, visit, query))
        return html(page, visit, headers=_history(request, query.url()))

    async def suggest(self, request: Request) -> Response:
        """The list under the search field."""
        text = request.query_params.get("q", "")[:_SUGGEST_CHARS]
        return html(await self._reads.run(partial(self._shop.suggest, text)), None)

    async def listing(self, request: Request) -> Response:
        """One listing; without a script the click that led here is told by this request."""
        visit, listing_id = read_visit(request), request.path_params["listing_id"]
        source = read_source(request.query_params)
        page = await self._reads.run(partial(self._shop.listing, visit, listing_id, source))
        if source.position and not visit.is_scripted and request.method == "GET":
            told = partial(self._counter.clicked, visit, listing_id, source, log=request.state.log)
            await self._writes.run(told)
        return html(page, visit)

    async def favourites(self, request: Request) -> Response:
        """What the visitor keeps."""
        visit = read_visit(request)
        return html(await self._reads.run(partial(self._shop.favourites, visit)), visit)

    async def reference(self, request: Request) -> Response:
        """The API reference."""
        operations: tuple[Operation, ...] = operations_of(self._app.openapi())
        visit = read_visit(request)
        page = self._shop.render("reference.html", visit, operations=operations, kinds=KINDS)
        return html(page, visit)


async def _static(request: Request) -> Response:
    asset = TEMPLATES.assets.get(request.path_params["name"])
    if asset is None:
        raise Problem("not-found", "there is no such file")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": f'"{asset.tag}"'}
    return Response(asset.content, media_type=asset.media_type, headers=headers)


async def _icon(_: Request) -> Response:
    asset = TEMPLATES.assets["icon.svg"]
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def _history(request: Request, url: str) -> Mapping[str, str]:
    """Typing on replaces the address of the letters before; anything else can be gone back to."""
    if request.headers.get("hx-request") != "true":
        return {}
    is_typing = request.headers.get("mercer-typing") == "true"
    return {"HX-Replace-Url" if is_typing else "HX-Push-Url": url}


def wants_html(request: Request) -> bool:
    """Whether a person with a browser asked for a page, not a program for data."""
    if request.url.path.startswith(_MACHINE_PATHS):
        return False
    is_part = request.headers.get("hx-request") == "true"
    return is_part or "text/html" in request.headers.get("accept", "")


def error_page(request: Request, problem: Problem, *, title: str = "Mercer") -> Response:
    """The problem as a page."""
    visit = read_visit(request)
    values: dict[str, Any] = {
        "kind": KINDS[problem.kind],
        "problem": problem,
        "request_id": request.state.request_id,
        "is_listing": request.url.path.startswith("/listing/"),
        "query": PageQuery(q=request.query_params.get("q", "")[:500]),
    }
    page = TEMPLATES.render(
        "error.html",
        layout="part.html" if visit.is_part else "base.html",
        title=title,
        visit=visit,
        is_live=False,
        **values,
    )
    return html(page, None, status=problem.status, headers=problem.headers)
