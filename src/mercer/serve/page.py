"""The pages: results at `/`, listings like one at `/like/{id}`, the reference at `/docs`, errors.

Everything that a page loads comes from this package; it works without JavaScript.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from importlib import resources
from typing import Any, final

from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

import mercer
from mercer.retrieve.request import Hit, SearchResponse
from mercer.schema.errors import InputError
from mercer.serve import page_view
from mercer.serve.market import Market
from mercer.serve.meter import Meter
from mercer.serve.page_query import SORTS, PageQuery, read_page_query
from mercer.serve.problem import KINDS, Problem
from mercer.serve.reference import Operation, operations_of
from mercer.serve.settings import ServeSettings
from mercer.serve.workers import Workers

N_SIMILAR = 24
_MEDIA = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_MACHINE_PATHS = ("/v1/", "/health", "/ready", "/metrics", "/openapi.json", "/static/", "/images/")


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    media_type: str
    tag: str  # a hash of the content, so that a browser may keep it for ever


def _read_assets() -> Mapping[str, _Asset]:
    assets = {}
    for file in resources.files("mercer.serve").joinpath("static").iterdir():
        media_type = _MEDIA.get(file.name.rpartition(".")[2])
        if media_type:
            content = file.read_bytes()
            tag = blake2b(content, digest_size=6).hexdigest()
            assets[file.name] = _Asset(content, media_type, tag)
    return assets


@final
class _Pages:
    """Templates and assets of the package, read once."""

    def __init__(self) -> None:
        self.assets = _read_assets()
        self._templates = Environment(
            loader=PackageLoader("mercer.serve", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["asset"] = self._asset_url
        self._templates.globals["version"] = mercer.__version__
        self._templates.filters["thousands"] = lambda n: f"{n:,}"
        self._templates.filters["code"] = _code

    def _asset_url(self, name: str) -> str:
        return f"/static/{name}?v={self.assets[name].tag}"

    def render(self, template: str, **values: Any) -> str:
        """A page as HTML."""
        return self._templates.get_template(template).render(**values)


def _code(text: str) -> Markup:
    """Text in which `backticks` become code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup().join(
        Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts)
    )


_PAGES = _Pages()


def add_routes(
    app: FastAPI,
    market: Market,
    *,
    workers: Workers,
    settings: ServeSettings,
    meter: Meter,
    can_draw: bool,
) -> None:
    """The pages of one market, and the files that they load."""
    shop = _Shop(market, settings=settings, meter=meter, can_draw=can_draw)

    async def results(request: Request) -> Response:
        query = read_page_query(request.query_params.multi_items())
        return _html(await workers.run(partial(shop.results, query)))

    async def like(request: Request) -> Response:
        return _html(await workers.run(partial(shop.like, request.path_params["listing_id"])))

    async def reference(_: Request) -> Response:
        operations: tuple[Operation, ...] = operations_of(app.openapi())
        page = _PAGES.render(
            "reference.html",
            title=settings.title,
            query=PageQuery(),
            operations=operations,
            kinds=KINDS,
        )
        return _html(page)

    async def static(request: Request) -> Response:
        asset = _PAGES.assets.get(request.path_params["name"])
        if asset is None:
            raise Problem("not-found", "there is no such file")
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": f'"{asset.tag}"'}
        return Response(asset.content, media_type=asset.media_type, headers=headers)

    async def icon(_: Request) -> Response:
        asset = _PAGES.assets["icon.svg"]
        headers = {"Cache-Control": "public, max-age=86400"}
        return Response(asset.content, media_type=asset.media_type, headers=headers)

    for path, handler in (
        ("/", results),
        ("/like/{listing_id:path}", like),
        ("/docs", reference),
        ("/static/{name}", static),
        ("/favicon.ico", icon),
    ):
        app.add_api_route(
            path,
            handler,
            methods=["GET", "HEAD"],
            include_in_schema=False,
            response_class=Response,
            response_model=None,
        )


@final
class _Shop:
    """Searches the market for a page and renders it; runs in a worker thread."""

    def __init__(
        self, market: Market, *, settings: ServeSettings, meter: Meter, can_draw: bool
    ) -> None:
        self._market, self._settings, self._meter = market, settings, meter
        self._can_draw = can_draw

    def results(self, query: PageQuery) -> str:
        """The results page of a state."""
        if not self._market.health().is_ready:
            raise Problem("not-ready", "nothing was indexed yet: run `mercer index`, then reload")
        found = self._search(query)
        depth = self._settings.max_depth
        view = page_view
        return _PAGES.render(
            "search.html",
            title=self._settings.title,
            query=query,
            found=found,
            cards=self._cards(found.hits),
            facets=view.facets_of(found.facet_counts, query),
            understood=view.understood_chips(found.understood, currency=_currency(found)),
            selected=view.selected_chips(query),
            pages=view.page_links(found, query, max_depth=depth),
            previous_url=self._turn(found, query, -1),
            next_url=self._turn(found, query, +1),
            meant_url=query.words(found.did_you_mean).url() if found.did_you_mean else "",
            sorts=SORTS,
        )

    def like(self, listing_id: str) -> str:
        """The listings like one."""
        hits = self._market.similar(listing_id, limit=N_SIMILAR).hits
        return _PAGES.render(
            "like.html",
            title=self._settings.title,
            query=PageQuery(),
            listing_id=listing_id,
            cards=self._cards(hits),
        )

    def _search(self, query: PageQuery) -> SearchResponse:
        asked = query.request(max_depth=self._settings.max_depth)
        try:
            found = self._market.search(asked)
        except InputError:
            if not query.cursor:
                raise
            # A bookmark outlives its slate: the same page of a new slate is the best answer.
            again = query.at_page(query.page, cursor="")
            found = self._market.search(again.request(max_depth=self._settings.max_depth))
        self._meter.searched(found)
        return found

    def _cards(self, hits: tuple[Hit, ...]) -> list[page_view.Card]:
        return [page_view.card_of(hit, can_draw=self._can_draw) for hit in hits]

    def _turn(self, found: SearchResponse, query: PageQuery, step: int) -> str:
        """The next or previous page's address; "" where there is none."""
        links = page_view.page_links(found, query, max_depth=self._settings.max_depth)
        return next((link.url for link in links if link.number == found.page + step), "")


def _currency(found: SearchResponse) -> str:
    """The currency of the page's prices, where all cards agree on one."""
    codes = {hit.document.get("currency") for hit in found.hits} - {None}
    return str(codes.pop()) if len(codes) == 1 else ""


def wants_html(request: Request) -> bool:
    """Whether a person with a browser asked for a page, not a program for data."""
    accepts = "text/html" in request.headers.get("accept", "")
    return accepts and not request.url.path.startswith(_MACHINE_PATHS)


def error_page(request: Request, problem: Problem) -> Response:
    """The problem as a page."""
    kind = KINDS[problem.kind]
    page = _PAGES.render(
        "error.html",
        title="Mercer",
        query=PageQuery(q=request.query_params.get("q", "")[:500]),
        kind=kind,
        problem=problem,
        request_id=request.state.request_id,
    )
    return _html(page, status=problem.status, headers=problem.headers)


def _html(page: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    # Text that is no valid Unicode (half of a pair, from a foreign catalogue) must not fail a page.
    content = page.encode("utf-8", "replace")
    return Response(content, status, headers=headers, media_type="text/html")
