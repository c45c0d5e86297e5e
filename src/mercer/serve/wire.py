"""The shapes of requests and responses on the wire, and their examples for the reference.

Requests are pydantic models that forbid what they do not know; each becomes a dataclass of the core
in the function that received it. Responses are the core's own dataclasses, encoded by msgspec.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mercer.retrieve.document_json import Document
from mercer.retrieve.request import (
    MAX_FACETS,
    MAX_FILTER_CHARS,
    MAX_PER_PAGE,
    MAX_QUERY_CHARS,
    Hit,
    Mode,
    SearchRequest,
    Sort,
)
from mercer.serve.market import Suggestion, Verdict
from mercer.serve.problem import Fault, Problem
from mercer.serve.search.listed import MAX_LISTED

MAX_RAW_QUERY_CHARS = 100_000  # a longer q is refused; up to here it is cut, and the answer says so
MAX_ID_CHARS = 200

VisitorId = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_CHARS)]
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_CHARS)]


class SearchParams(BaseModel):
    """One search, as a JSON body or as the parameters of a URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: str = Field(
        "",
        max_length=MAX_RAW_QUERY_CHARS,
        description="What is looked for, as a visitor types it. Empty: everything, by quality. "
        f"Of a long query the first {MAX_QUERY_CHARS} characters count.",
        examples=["white ceramic mug under 20"],
    )
    filter: str = Field(
        "",
        max_length=MAX_FILTER_CHARS,
        description="A restriction in the filter language, over every field and attribute.",
        examples=['category = "Kitchen > Mugs" AND price <= 20 AND color IN ["white", "blue"]'],
    )
    facets: tuple[FieldName, ...] = Field(
        (),
        max_length=MAX_FACETS,
        description="Fields to count values of; `*` for all. In a URL: repeat it, or use commas.",
        examples=[["category", "color"]],
    )
    sort: Sort = Field("relevance", description="The order of the hits.")
    page: int = Field(1, ge=1, description="From 1.")
    per_page: int = Field(24, ge=1, le=MAX_PER_PAGE, description="Hits on a page.")
    cursor: str | None = Field(
        None,
        max_length=2_000,
        description="Of an earlier page of the same search: the slate keeps its order.",
    )
    mode: Mode = Field("hybrid", description="Which candidates count as matches.")
    per_seller: int | None = Field(
        None, ge=1, le=MAX_PER_PAGE, description="At most so many of a seller early; reorders only."
    )
    max_facet_values: int = Field(20, ge=1, le=1_000, description="Values of each facet.")
    budget_ms: float | None = Field(
        None,
        gt=0,
        le=10_000,
        allow_inf_nan=False,
        description="Past it the semantic part is dropped, and `degraded` says so; the market's.",
    )
    visitor_id: VisitorId | None = Field(None, description="Who asks: a browser, a device.")
    session_id: VisitorId | None = Field(None, description="Of one visit.")
    buyer_id: VisitorId | None = Field(None, description="Your own id of who is logged in.")

    def to_request(self, *, max_depth: int) -> SearchRequest:
        """The core's request. Raises Problem where paging goes deeper than `max_depth` hits."""
        if self.page * self.per_page > max_depth:
            largest = max_depth // self.per_page
            detail = (
                f"with per_page {self.per_page} the largest page is {largest} "
                f"(paging reaches {max_depth} hits); narrow the search with a filter"
            )
            got = str(self.page) if self.page < 10**100 else "an integer of more than 100 digits"
            raise Problem("bad-request", f"page: {detail}", faults=[Fault("page", detail, got)])
        return SearchRequest(**self.model_dump())


class RankParams(BaseModel):
    """Listings, and the query that they are ranked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: str = Field("", max_length=MAX_RAW_QUERY_CHARS, examples=["white ceramic mug"])
    listing_ids: tuple[VisitorId, ...] = Field(
        min_length=1, max_length=MAX_LISTED, description="Your own ids.", examples=[["mug-17"]]
    )
    visitor_id: VisitorId | None = Field(None, description="Who asks: a browser, a device.")
    session_id: VisitorId | None = Field(None, description="Of one visit.")
    buyer_id: VisitorId | None = Field(None, description="Your own id of who is logged in.")

    def to_request(self) -> SearchRequest:
        """The search that they are ranked for."""
        return SearchRequest(
            q=self.q,
            visitor_id=self.visitor_id,
            session_id=self.session_id,
            buyer_id=self.buyer_id,
        )


def split_facets(facets: tuple[str, ...]) -> tuple[str, ...]:
    """URL parameters may name several facets in one value, with commas between."""
    return tuple(name for value in facets for name in map(str.strip, value.split(",")) if name)


@dataclass(frozen=True, slots=True)
class SuggestAnswer:
    """Completions of what was typed, most useful first."""

    q: str
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True)
class SimilarAnswer:
    """Listings like one listing, nearest first, itself left out."""

    listing_id: str
    page_id: str  # UUIDv7
    hits: tuple[Hit, ...]
    degraded: tuple[str, ...]  # parts that were dropped, in words


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """What became of one item of a batch."""

    index: int  # in the request, from 0
    listing_id: str  # "" where the item had none that can be read
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What became of a batch; what is accepted is durable and can be found."""

    accepted: int
    duplicate: int
    rejected: int
    results: tuple[ItemAnswer, ...]


@dataclass(frozen=True, slots=True)
class EventAnswer:
    """What became of one event of a batch."""

    index: int  # in the request, from 0
    event_id: str  # "" where the event had none that can be read
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class EventBatchAnswer:
    """What became of a batch of events; what is accepted is durable."""

    accepted: int
    duplicate: int
    rejected: int
    results: tuple[EventAnswer, ...]


@dataclass(frozen=True, slots=True)
class FaultShape:
    """One thing that is wrong with a request."""

    at: str
    detail: str
    got: str


@dataclass(frozen=True, slots=True)
class ProblemShape:
    """RFC 9457. `bad-filter` has two more members: `at` (0-based character) and `caret` (text)."""

    type: str
    title: str
    status: int
    detail: str
    advice: str
    errors: tuple[FaultShape, ...]
    request_id: str


def plain(value: object) -> Any:
    """Numbers and arrays that came out of columns, as msgspec's hook wants them."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    # What msgspec asks its hook to raise for a type that it cannot encode.
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


def _plain_json(value: object) -> Any:
    """As `plain`; a document is there as it goes out."""
    return msgspec.Raw(value.json) if isinstance(value, Document) else plain(value)


_ENCODER = msgspec.json.Encoder(enc_hook=_plain_json)


def encode(answer: object) -> bytes:
    """An answer as JSON bytes; NaN becomes null.

    Raises:
        TypeError, UnicodeEncodeError: our own fault, since everything that came in was checked.
    """
    return _ENCODER.encode(answer)
