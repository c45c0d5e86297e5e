"""The console at `/console`, for those who run the market: what happens, which events came, why a page
looks as it does. Server-rendered; needs the scope admin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from importlib import resources
from typing import Any, final
from urllib.parse import quote, urlencode

from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

import mercer
from mercer.schema.errors import NotFoundError
from mercer.schema.event import EVENT_KINDS, STANDINGS
from mercer.schema.page import SURFACES
from mercer.serve.console import view
from mercer.serve.market import Market
from mercer.serve.settings import ServeSettings
from mercer.serve.workers import Workers

N_EVENTS, N_PAGES = 200, 50
SCANNED_PAGES = 2_000  # the newest, among which pages are looked for
_MAX_CHARS = 200
VERDICTS = ("accepted", "duplicate", "rejected")


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("mercer.serve", "templates/console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "asset": _asset_url, "version": mercer.__version__, "kinds": EVENT_KINDS,
        "standings": STANDINGS, "verdicts": VERDICTS, "surfaces": SURFACES, "ranges": view.RANGES,
        "standing_words": view.STANDING_WORDS,
    }  # fmt: skip
    made.filters |= {
        "thousands": lambda n: f"{n:,.0f}", "moment": view.moment, "clock": view.clock,
        "took": view.took, "percent": lambda x: f"{100 * x:.1f} %",
    }  # fmt: skip
    return made


def _asset_url(name: str) -> str:
    content = resources.files("mercer.serve").joinpath("static", name).read_bytes()
    return f"/static/{name}?v={blake2b(content, digest_size=6).hexdigest()}"


_TEMPLATES = _environment()


def add_routes(
    app: FastAPI,
    market: Market,
    *,
    workers: Workers,
    settings: ServeSettings,
    now_ms: Callable[[], int],
) -> None:
    """The pages of the console."""
    pages = _Console(market, title=settings.title, now_ms=now_ms)

    async def overview(request: Request) -> Response:
        return _html(
            await workers.run(partial(pages.overview, request.query_params.get("span", "")))
        )

    async def events(request: Request) -> Response:
        return _html(await workers.run(partial(pages.events, _words(request))))

    async def explorer(request: Request) -> Response:
        words = _words(request)
        if page_id := words.get("page", ""):
            return RedirectResponse(f"/console/pages/{quote(page_id, safe='')}", 303)
        return _html(await workers.run(partial(pages.explorer, words)))

    async def page(request: Request) -> Response:
        page_id, words = request.path_params["page_id"], _words(request)
        html, status = await workers.run(partial(pages.page, page_id, words.get("listing", "")))
        return _html(html, status=status)

    for path, handler in (
        ("/console", overview),
        ("/console/events", events),
        ("/console/pages", explorer),
        ("/console/pages/{page_id}", page),
    ):
        app.add_api_route(
            path,
            handler,
            methods=["GET", "HEAD"],
            include_in_schema=False,
            response_class=Response,
            response_model=None,
        )


def _words(request: Request) -> dict[str, str]:
    """The parameters of the URL, cut; of a doubled one the last."""
    return {name: text.strip()[:_MAX_CHARS] for name, text in request.query_params.items()}


def _html(page: str, *, status: int = 200) -> Response:
    content = page.encode("utf-8", "replace")
    return Response(content, status, media_type="text/html", headers={"Cache-Control": "no-store"})


@dataclass(frozen=True, slots=True)
class _Tab:
    name: str
    url: str


_TABS = (
    _Tab("Overview", "/console"),
    _Tab("Events", "/console/events"),
    _Tab("Pages", "/console/pages"),
)


@final
class _Console:
    """Asks the market for a page and renders it; runs in a worker thread."""

    def __init__(self, market: Market, *, title: str, now_ms: Callable[[], int]) -> None:
        self._market, self._title, self._now_ms = market, title, now_ms

    def _render(self, template: str, tab: str, **values: Any) -> str:
        health = self._market.health()
        return _TEMPLATES.get_template(template).render(
            title=self._title, tabs=_TABS, tab=tab, health=health, now_ms=self._now_ms(), **values
        )

    def overview(self, name: str) -> str:
        """Searches over time, queries, latencies, errors, processes."""
        name = name if name in view.RANGES else "day"
        _, length_ms, step_ms = view.RANGES[name]
        until_ms = self._now_ms()
        since_ms = until_ms - length_ms + step_ms
        since_ms -= since_ms % step_ms
        traffic = self._market.traffic(since_ms=since_ms, until_ms=until_ms)
        shown = view.overview_of(
            traffic, self._market.seen(), name=name, since_ms=since_ms, until_ms=until_ms
        )
        return self._render("overview.html", "Overview", shown=shown, range_name=name)

    def events(self, words: Mapping[str, str]) -> str:
        """The last events with their verdict."""
        names = ("visitor", "kind", "verdict", "standing", "page", "listing")
        asked = view.EventQuery(**{name: words.get(name, "") for name in names})
        seen = self._market.seen().events
        found = [event for event in seen if asked.matches(event)]
        return self._render(
            "events.html", "Events", asked=asked, events=found[:N_EVENTS], n_found=len(found),
            n_seen=len(seen), counts=view.verdict_counts(seen),
        )  # fmt: skip

    def explorer(self, words: Mapping[str, str]) -> str:
        """The newest pages that are asked for."""
        names = ("q", "visitor", "surface", "only")
        asked = view.PageFilter(**{name: words.get(name, "") for name in names})
        before = words.get("before", "")
        before_ms = (
            int(before) if before.isascii() and before.isdigit() and len(before) < 15 else None
        )
        scanned = self._market.recent_pages(limit=SCANNED_PAGES, before_ms=before_ms)
        found = [page for page in scanned if asked.matches(page)]
        shown = found[:N_PAGES]
        older = ""
        if len(found) > N_PAGES or len(scanned) == SCANNED_PAGES:
            last = shown[-1] if len(found) > N_PAGES else scanned[-1]
            pairs = {name: getattr(asked, name) for name in names} | {"before": last.served_ms}
            older = "/console/pages?" + urlencode({k: v for k, v in pairs.items() if v})
        return self._render(
            "pages.html", "Pages", asked=asked, pages=shown, n_scanned=len(scanned), older=older,
            is_first=before_ms is None,
        )  # fmt: skip

    def page(self, page_id: str, listing_id: str) -> tuple[str, int]:
        """A page explained, with a listing where one is asked about; and the HTTP status."""
        try:
            why = self._market.explain(page_id, listing_id or None)
        except NotFoundError as error:
            missing = self._render("missing.html", "Pages", page_id=page_id, sentence=str(error))
            return missing, 404
        seen = self._market.seen().events
        largest = view.largest_bar(why)
        return self._render(
            "page.html", "Pages", why=why, listing_id=listing_id,
            bars=[view.score_bar(hit, largest=largest) for hit in why.hits],
            part_names=tuple(dict.fromkeys(p.name for hit in why.hits for p in hit.parts)),
            times=view.time_bar(why),
            events=[event for event in seen if event.page_id == page_id],
        ), 200  # fmt: skip
