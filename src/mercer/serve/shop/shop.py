"""What each page of the shop asks of the market, and how it is put together.

Every method runs in a worker thread and gives a page as HTML. Reading is here, what changes something
is in `shop_counter.py`, HTTP is in `page.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, final
from uuid import uuid4

from mercer.retrieve.query import CATEGORY
from mercer.retrieve.request import Hit, SearchRequest, SearchResponse
from mercer.schema.errors import InputError, NotFoundError
from mercer.schema.money import MICROS
from mercer.serve.market import Market, Suggestion
from mercer.serve.meter import Meter
from mercer.serve.problem import Problem
from mercer.serve.settings import ServeSettings
from mercer.serve.shop.assets import TEMPLATES
from mercer.serve.shop.basket import Source
from mercer.serve.shop.card import Card, Row, card_of, money
from mercer.serve.shop.chip import selected_chips, understood_chips
from mercer.serve.shop.facet import CATEGORY_STEP, facets_of, price_steps
from mercer.serve.shop.home import (
    PER_LAST_ROW,
    CategoryArt,
    categories_of,
    little_price,
    row_request,
    start_request,
    without_repeats,
)
from mercer.serve.shop.listing import details_of
from mercer.serve.shop.query import SORTS, PageQuery, page_links
from mercer.serve.shop.visit import Visit

N_SIMILAR = 12
N_OF_SELLER = 6
N_SUGGESTIONS = 7


@final
class Shop:
    """The pages that only read."""

    def __init__(
        self, market: Market, *, settings: ServeSettings, meter: Meter, can_draw: bool
    ) -> None:
        self._market, self._settings, self._meter = market, settings, meter
        self.can_draw = can_draw
        self._art = CategoryArt()

    def render(self, template: str, visit: Visit, **values: Any) -> str:
        """A page of this market, or the part of it that changes."""
        layout = "part.html" if visit.is_part else "base.html"
        given: dict[str, Any] = {"query": PageQuery(), "is_live": False} | values
        return TEMPLATES.render(
            template, layout=layout, title=self._settings.title, visit=visit, **given
        )

    def check_ready(self) -> None:
        """Raises Problem (`not-ready`) while there is nothing to search."""
        if not self._market.health().is_ready:
            raise Problem(
                "not-ready",
                "nothing was indexed yet: run `mercer index`, then reload",
                headers={"Retry-After": "5"},
            )

    def home(self, visit: Visit) -> str:
        """The start page: categories, what is new, what is worth a look."""
        self.check_ready()
        who = visit.visitor
        start = self.ask(start_request(who))
        art = self._art.of(lambda asked: self.ask(asked).hits, can_draw=self.can_draw)
        new = self.ask(row_request(who, sort="newest"))
        mean_micros = start.price_stats.mean_micros if start.price_stats else 0
        below, currency = little_price(mean_micros), _currency(start)
        little = self.ask(row_request(who, below=below)) if below and currency else None
        rows = [self._row(new, visit, title="Just listed", url=PageQuery(sort="newest").url())]
        if little:
            amount = money(below * MICROS, currency).removesuffix(".00")
            url = PageQuery(max_price=str(below)).url()
            rows.append(self._row(little, visit, title=f"Little finds under {amount}", url=url))
        rows.append(self._row(start, visit, title="Worth a look", url=PageQuery().url()))
        rows = without_repeats(rows, most=PER_LAST_ROW)
        return self.render(
            "home.html",
            visit,
            n_listings=start.found,
            categories=categories_of(start.facet_counts.get(CATEGORY, ()), art),
            rows=[row for row in rows if row.cards],
            is_live=True,
        )

    def results(self, visit: Visit, query: PageQuery) -> str:
        """The results page of a state."""
        self.check_ready()
        found = self._search(query, visit)
        others = None
        if not found.hits:  # nobody leaves with empty hands
            start = self.ask(replace(start_request(visit.visitor), facets=()))
            others = self._row(start, visit, title="Worth a look", url="")
            others = replace(others, cards=others.cards[:PER_LAST_ROW])
        depth, currency = self._settings.max_depth, _currency(found)
        pages = page_links(found, query, max_depth=depth)
        turns = {link.number: link.url for link in pages}
        return self.render(
            "search.html",
            visit,
            query=query,
            found=found,
            is_live=True,
            others=others,
            left_out=[part for part in found.degraded if not part.startswith("page log")],
            cards=self._cards(found.hits, found.page_id, visit),
            facets=facets_of(found.facet_counts, query),
            price_steps=price_steps(found.price_stats, query, currency=currency),
            understood=understood_chips(found.understood, query, currency=currency),
            selected=selected_chips(query, currency=currency),
            pages=pages,
            previous_url=turns.get(found.page - 1, ""),
            next_url=turns.get(found.page + 1, ""),
            meant_url=query.words(found.did_you_mean).url() if found.did_you_mean else "",
            sorts=SORTS,
        )

    def listing(self, visit: Visit, listing_id: str, source: Source) -> str:
        """The page of one listing. Raises NotFoundError where it is gone or hidden."""
        document = self._market.listing(listing_id)
        if document.get("is_hidden"):
            raise NotFoundError(f"no listing {listing_id!r}; it was never there, or was taken down")
        details = details_of(
            document,
            can_draw=self.can_draw,
            favourites=visit.favourites,
            sellers=self.sellers_of([document]),
        )
        return self.render(
            "listing.html",
            visit,
            listing=details,
            once=new_once(),
            source=source,
            similar=self._similar(visit, document),
            of_seller=self._of_seller(visit, document),
            in_cart=next((x.quantity for x in visit.cart if x.listing_id == listing_id), 0),
        )

    def favourites(self, visit: Visit) -> str:
        """What the visitor keeps, the newest first."""
        found = self.documents(visit.favourites)
        shown = [one for one in reversed(visit.favourites) if one in found]
        hits = [Hit(0, one, 0.0, found[one]) for one in shown]
        cards = self._cards(hits, "", visit)
        n_gone = len(visit.favourites) - len(shown)
        return self.render("favourites.html", visit, cards=cards, n_gone=n_gone)

    def documents(self, listing_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Listings as they stand, by id; what is gone or hidden is missing."""
        found: dict[str, Mapping[str, Any]] = {}
        for listing_id in listing_ids:
            try:
                document = self._market.listing(listing_id)
            except NotFoundError:
                continue
            if not document.get("is_hidden"):
                found[listing_id] = document
        return found

    def sellers_of(self, documents: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
        """The names of the sellers of some listings, by seller id."""
        ids = {str(document.get("seller_id") or "") for document in documents} - {""}
        return self._market.seller_names(ids)

    def suggest(self, text: str) -> str:
        """The entries of the list under the search field."""
        found: Sequence[Suggestion] = self._market.suggest(text, limit=N_SUGGESTIONS)
        return TEMPLATES.render("suggestions.html", suggestions=found, typed=text.strip().lower())

    def ask(self, request: SearchRequest) -> SearchResponse:
        """One search, counted like any other."""
        found = self._market.search(request)
        self._meter.searched(found)
        return found

    def _search(self, query: PageQuery, visit: Visit) -> SearchResponse:
        asked = self._request(query, visit)
        try:
            return self.ask(asked)
        except InputError:
            if not query.cursor:
                raise
            # A bookmark outlives its slate: the same page of a new slate is the best answer.
            return self.ask(replace(asked, cursor=None))

    def _request(self, query: PageQuery, visit: Visit) -> SearchRequest:
        return query.request(
            max_depth=self._settings.max_depth,
            visitor_id=visit.visitor.visitor_id,
            session_id=visit.visitor.session_id,
        )

    def _similar(self, visit: Visit, document: Mapping[str, Any]) -> Row:
        """Listings like one; of one that is sold out, what else its category has."""
        who, title = visit.visitor, "You may also like"
        page = self._market.similar(
            str(document["listing_id"]),
            limit=N_SIMILAR,
            visitor_id=who.visitor_id,
            session_id=who.session_id,
        )
        path = [str(node) for node in document.get("category_path") or ()]
        if page.hits or not path:
            return Row(title, "", page.page_id, self._cards(page.hits, page.page_id, visit))
        query = PageQuery(selected=((CATEGORY, CATEGORY_STEP.join(path)),))
        return self._few(visit, document, query, title=title, n=N_SIMILAR)

    def _of_seller(self, visit: Visit, document: Mapping[str, Any]) -> Row:
        seller = str(document.get("seller_id") or "")
        if not seller:
            return Row("", "", "", ())
        query = PageQuery(selected=(("seller", seller),))
        return self._few(visit, document, query, title="More from this shop", n=N_OF_SELLER)

    def _few(
        self, visit: Visit, document: Mapping[str, Any], query: PageQuery, *, title: str, n: int
    ) -> Row:
        """The first hits of a search beside a listing, itself left out."""
        asked = replace(self._request(query, visit), facets=(), per_page=n + 1)
        found = self.ask(asked)
        hits = [hit for hit in found.hits if hit.listing_id != document["listing_id"]][:n]
        cards = self._cards(hits, found.page_id, visit)
        return Row(title, query.url() if found.found > n + 1 else "", found.page_id, cards)

    def _row(self, found: SearchResponse, visit: Visit, *, title: str, url: str) -> Row:
        return Row(title, url, found.page_id, self._cards(found.hits, found.page_id, visit))

    def _cards(self, hits: Sequence[Hit], page_id: str, visit: Visit) -> tuple[Card, ...]:
        sellers = self.sellers_of([hit.document for hit in hits])
        return tuple(
            card_of(
                hit,
                page_id=page_id,
                can_draw=self.can_draw,
                favourites=visit.favourites,
                sellers=sellers,
            )
            for hit in hits
        )


def new_once() -> str:
    """A mark for a form that is made now: sent twice, it is one event."""
    return uuid4().hex[:16]


def _currency(found: SearchResponse) -> str:
    """The currency of the page's prices, where all cards agree on one."""
    codes = {hit.document.get("currency") for hit in found.hits} - {None}
    return str(codes.pop()) if len(codes) == 1 else ""
