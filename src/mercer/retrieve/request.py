"""What a search asks and what it answers; the names are the ones HTTP uses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Mode = Literal["lexical", "semantic", "hybrid"]
Sort = Literal["relevance", "newest", "price_asc", "price_desc"]
SearchSurface = Literal["search", "home"]

MAX_QUERY_CHARS = 512  # what is longer is cut, and the response says so
MAX_FILTER_CHARS = 4_096
MAX_PER_PAGE = 250
MAX_FACETS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """One search. `filter` is the language of docs/reference/filter.md."""

    q: str = ""
    filter: str = ""
    facets: tuple[str, ...] = ()  # field names; ("*",) for all
    sort: Sort = "relevance"
    page: int = 1  # from 1
    per_page: int = 24
    cursor: str | None = None  # of an earlier page: same slate, same order
    mode: Mode = "hybrid"
    per_seller: int | None = (
        None  # at most so many of a seller per page's worth of hits; reorders only
    )
    max_facet_values: int = 20
    budget_ms: float | None = None  # past it the semantic part is dropped; None: the market's own
    visitor_id: str | None = None  # who asks: kept with the page, never part of what is found
    session_id: str | None = None
    buyer_id: str | None = None
    surface: SearchSurface = "search"  # where the page is shown: kept with it


@dataclass(frozen=True, slots=True)
class Hit:
    """One listing on the page, with what a result card shows."""

    position: int  # 1 for the top of the whole slate
    listing_id: str
    score: float
    document: Mapping[str, Any]  # the LISTING fields that a card shows, prices in micros
    matched: tuple[str, ...] = ()  # query words that this listing has
    sources: tuple[str, ...] = ()  # "lexical", "semantic"
    token: str = ""  # proves to POST /v1/events that this listing was shown here


@dataclass(frozen=True, slots=True)
class FacetValue:
    """How many matches have this value, the field's own filter left out (disjunctive)."""

    value: str
    count: int
    is_selected: bool = False


@dataclass(frozen=True, slots=True)
class PriceStats:
    """Of the matches that have a price, in the reporting currency."""

    count: int
    min_micros: int
    max_micros: int
    mean_micros: int


@dataclass(frozen=True, slots=True)
class SearchResponse:
    """One page of a slate."""

    page_id: str  # UUIDv7
    hits: tuple[Hit, ...]
    found: int
    page: int
    per_page: int
    cursor: str
    facet_counts: Mapping[str, tuple[FacetValue, ...]]
    price_stats: PriceStats | None
    understood: Mapping[
        str, Any
    ]  # ParsedQuery.to_dict(): terms, corrections, wanted, unwanted, limits
    did_you_mean: str | None
    degraded: tuple[str, ...]  # parts that were dropped, e.g. "semantic: time budget"
    search_time_ms: float
    generation: str
    timings_us: Mapping[str, int] = field(default_factory=dict)  # by stage
