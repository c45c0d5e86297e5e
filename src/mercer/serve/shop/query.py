"""The state of the results page, all of it in its URL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import get_args
from urllib.parse import urlencode

from mercer.retrieve.filter_ast import Equals, Filter, Range, conjunction, to_text
from mercer.retrieve.filter_schema import FieldKind
from mercer.retrieve.request import SearchRequest, SearchResponse, Sort
from mercer.schema.money import MAX_MICROS, MICROS

PER_PAGE = 24
MAX_VALUES_ASKED = 24  # of each facet; a category tree needs more than a list of colours
SORTS: Mapping[Sort, str] = {
    "relevance": "Best match",
    "newest": "Newest",
    "price_asc": "Price, low to high",
    "price_desc": "Price, high to low",
}
_MAX_SELECTED = 50  # checked facet values that a URL may carry
_MAX_CHARS = 512


@dataclass(frozen=True, slots=True)
class PageLink:
    """One entry of the page numbers; number 0 is a gap."""

    number: int
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class PageQuery:
    """What the visitor asked for: the words, the boxes that are checked, prices, order, page."""

    q: str = ""
    selected: tuple[tuple[str, str], ...] = ()  # (field, value), in the order of the URL
    min_price: str = ""  # in currency units, as typed; "" for none
    max_price: str = ""
    sort: Sort = "relevance"
    page: int = 1
    cursor: str | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)  # what of the URL was not usable

    @property
    def is_start(self) -> bool:
        """Nothing was asked yet."""
        return not self.q and not self.has_filters

    @property
    def has_filters(self) -> bool:
        """Something restricts the matches beyond the words."""
        return bool(self.selected or self.min_price or self.max_price)

    def filter(self) -> str:
        """The checked boxes and prices in the filter language; values of one field are alternatives."""
        by_field: dict[str, list[str]] = {}
        for name, value in self.selected:
            by_field.setdefault(name, []).append(value)
        parts: list[Filter] = [
            Equals(name, FieldKind.TEXT, tuple(values)) for name, values in by_field.items()
        ]
        low, high = _micros(self.min_price), _micros(self.max_price)
        if low is not None or high is not None:
            parts.append(Range("price", FieldKind.MONEY, low, high))
        return to_text(conjunction(parts))

    def request(
        self, *, max_depth: int, visitor_id: str | None = None, session_id: str | None = None
    ) -> SearchRequest:
        """The search behind the page; a page beyond the deepest becomes the deepest."""
        return SearchRequest(
            q=self.q,
            filter=self.filter(),
            facets=("*",),
            sort=self.sort,
            page=min(self.page, max(1, max_depth // PER_PAGE)),
            per_page=PER_PAGE,
            cursor=self.cursor,
            max_facet_values=MAX_VALUES_ASKED,
            visitor_id=visitor_id,
            session_id=session_id,
        )

    def url(self) -> str:
        """The address of this state, without what is at its default."""
        pairs: list[tuple[str, str]] = [("q", self.q)] if self.q else []
        pairs += [("f", box_text(name, value)) for name, value in self.selected]
        pairs += [
            (key, text) for key, text in (("min", self.min_price), ("max", self.max_price)) if text
        ]
        if self.sort != "relevance":
            pairs.append(("sort", self.sort))
        if self.page > 1:
            pairs.append(("page", str(self.page)))
            if self.cursor:
                pairs.append(("cursor", self.cursor))
        return "/?" + (urlencode(pairs) or "q=")  # the bare "/" is the start page

    def at_page(self, page: int, *, cursor: str) -> "PageQuery":
        """Another page of the same slate."""
        return replace(self, page=page, cursor=cursor or None)

    def without(self, name: str, value: str) -> "PageQuery":
        """The same search with one box unchecked, from its first page."""
        left = tuple(pair for pair in self.selected if pair != (name, value))
        return replace(self, selected=left, page=1, cursor=None)

    def words(self, q: str) -> "PageQuery":
        """Other words, the same filters."""
        return replace(self, q=q, page=1, cursor=None)

    def prices(self, low: str, high: str) -> "PageQuery":
        """Another price range, in currency units; "" leaves an end open."""
        return replace(self, min_price=low, max_price=high, page=1, cursor=None)

    def cleared(self) -> "PageQuery":
        """The words alone."""
        return PageQuery(q=self.q, sort=self.sort)


def page_links(
    response: SearchResponse, query: PageQuery, *, max_depth: int
) -> tuple[PageLink, ...]:
    """First, last and the pages around this one; nothing where one page holds everything."""
    last = min(-(-response.found // PER_PAGE), max_depth // PER_PAGE)
    if last <= 1:
        return ()
    now = response.page
    numbers = sorted({1, last, *range(max(1, now - 2), min(last, now + 2) + 1)})
    links: list[PageLink] = []
    for before, number in zip([0, *numbers], numbers, strict=False):
        if number - before > 1:
            links.append(PageLink(0, "", False))
        url = query.at_page(number, cursor=response.cursor).url()
        links.append(PageLink(number, url, number == now))
    return tuple(links)


def read_page_query(pairs: Sequence[tuple[str, str]]) -> PageQuery:
    """The state in a URL. A person may have edited it: what is not usable is left out and noted."""
    last = dict(pairs)
    notes: list[str] = []
    sort = last.get("sort", "relevance")
    if sort not in get_args(Sort):
        notes.append("That order is not known; the best matches come first.")
        sort = "relevance"
    prices: dict[str, str] = {}
    for key in ("min", "max"):
        text = last.get(key, "").strip().replace(",", ".")[:20]
        if text and _micros(text) is None:
            notes.append("A price is a number like 12 or 12.50.")
            text = ""
        prices[key] = text
    low, high = _micros(prices["min"]), _micros(prices["max"])
    if low is not None and high is not None and low > high:
        prices = {"min": prices["max"], "max": prices["min"]}
    page = last.get("page", "1")
    boxes = [_box(value) for key, value in pairs if key == "f"][:_MAX_SELECTED]
    return PageQuery(
        q=last.get("q", "").replace("\0", " ").strip()[: 100 * _MAX_CHARS],
        selected=tuple(dict.fromkeys(box for box in boxes if box)),
        min_price=prices["min"],
        max_price=prices["max"],
        sort=sort,  # type: ignore[arg-type]  # checked above, which mypy cannot follow
        page=int(page)
        if page.isascii() and page.isdigit() and 0 < len(page) < 10 and int(page)
        else 1,
        cursor=last.get("cursor", "")[:2_000] or None,
        notes=tuple(dict.fromkeys(notes)),
    )


def box_text(name: str, value: str) -> str:
    """A checked box as one URL parameter: "field:value", a colon inside the field escaped."""
    return name.replace("%", "%25").replace(":", "%3A") + ":" + value


def _box(text: str) -> tuple[str, str] | None:
    name, colon, value = text[:_MAX_CHARS].partition(":")
    name = name.replace("%3A", ":").replace("%25", "%")
    return (name, value) if colon and name.strip() and value.strip() else None


def _micros(text: str) -> int | None:
    """Micros of an amount as typed; None where there is none or it is no amount."""
    try:
        value = Decimal(text) * MICROS
    except InvalidOperation:
        return None
    return int(value) if value.is_finite() and 0 <= value <= MAX_MICROS else None
