"""The start page: which categories and which rows of listings it shows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

from mercer.retrieve.filter_ast import Range, to_text
from mercer.retrieve.filter_schema import FieldKind
from mercer.retrieve.query import CATEGORY
from mercer.retrieve.request import FacetValue, Hit, SearchRequest, Sort
from mercer.schema.money import MICROS
from mercer.serve.picture import picture_url
from mercer.serve.shop.card import Row, Tile, pictures_of, tile_of
from mercer.serve.shop.facet import CATEGORY_STEP, round_units
from mercer.serve.shop.query import MAX_VALUES_ASKED, PageQuery
from mercer.serve.shop.visitor import Visitor

MAX_CATEGORIES = 12
PER_ROW = 6
PER_LAST_ROW = 12
KEEP_ART_S = 600.0
N_ART = 250  # listings among which a picture for each category is looked for

Ask = Callable[[SearchRequest], Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Category:
    """One root category with a picture of something in it."""

    label: str
    url: str
    count: int
    image_url: str  # "" where the tile stands in
    tile: Tile


@final
class CategoryArt:
    """A picture for each root category, looked for every ten minutes. Thread-safe.

    A picture says what a category is like; it leads to the category, never to the listing.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: tuple[float, dict[str, str]] = (float("-inf"), {})

    def of(self, ask: Ask, *, can_draw: bool) -> dict[str, str]:
        """Root category -> picture reference."""
        made, art = self._kept
        if self._clock() - made < KEEP_ART_S:
            return art
        art = {}
        for hit in ask(SearchRequest(per_page=N_ART, surface="home")):
            path = hit.document.get("category_path") or ()
            pictures = pictures_of(hit.document, can_draw=can_draw)
            if path and pictures:
                art.setdefault(str(path[0]), pictures[0])
        self._kept = (self._clock(), art)
        return art


def categories_of(counts: Sequence[FacetValue], art: dict[str, str]) -> tuple[Category, ...]:
    """The largest root categories."""
    roots = [value for value in counts if CATEGORY_STEP not in value.value][:MAX_CATEGORIES]
    return tuple(
        Category(
            label=root.value,
            url=PageQuery(selected=((CATEGORY, root.value),)).url(),
            count=root.count,
            image_url=picture_url(art[root.value], size=240) if root.value in art else "",
            tile=tile_of(root.value, [root.value], {}),
        )
        for root in roots
    )


def start_request(visitor: Visitor) -> SearchRequest:
    """What is worth a look, with the categories and the prices of everything."""
    return SearchRequest(
        facets=(CATEGORY,),
        per_page=PER_LAST_ROW + 2 * PER_ROW,  # the rows above may have some of them already
        max_facet_values=MAX_VALUES_ASKED * 4,
        visitor_id=visitor.visitor_id,
        session_id=visitor.session_id,
        surface="home",
    )


def row_request(visitor: Visitor, *, sort: Sort = "relevance", below: int = 0) -> SearchRequest:
    """A row of the start page: in an order, or below a price in currency units."""
    limit = Range("price", FieldKind.MONEY, None, below * MICROS) if below else None
    return SearchRequest(
        filter=to_text(limit),
        sort=sort,
        per_page=PER_ROW,
        visitor_id=visitor.visitor_id,
        session_id=visitor.session_id,
        surface="home",
    )


def without_repeats(rows: Sequence[Row], *, most: int) -> list[Row]:
    """The rows with no listing twice, and at most so many cards in each."""
    shown: set[str] = set()
    kept = []
    for row in rows:
        cards = tuple(card for card in row.cards if card.listing_id not in shown)[:most]
        shown.update(card.listing_id for card in cards)
        kept.append(replace(row, cards=cards))
    return kept


def little_price(mean_micros: int) -> int:
    """A round amount that makes a small present here, in currency units; 0 where there is none."""
    return round_units(mean_micros // 2) if mean_micros >= 4 * MICROS else 0
