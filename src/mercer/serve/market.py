"""What HTTP, the command line and the benchmarks ask of one opened market."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from mercer.retrieve.request import Hit, SearchRequest, SearchResponse

Verdict = Literal["accepted", "duplicate", "rejected"]


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item of a batch; a good item is never refused for a bad neighbour."""

    listing_id: str  # "" where the item had none that can be read
    verdict: Verdict  # "duplicate": nothing newer than what is there
    reason: str = ""  # of a rejection: what was got, what is allowed


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One completion of what was typed so far."""

    text: str
    kind: Literal["query", "category", "attribute"]
    n_listings: int  # that this completion would roughly find


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the market as operators see it."""

    is_ready: bool
    generation: str  # "" where nothing was indexed yet
    n_listings: int  # findable now
    n_delta: int  # changes served from the delta, not yet merged
    degraded: tuple[str, ...]


class Market(Protocol):
    """One opened market. All calls are thread-safe and synchronous; `serve` moves them to threads."""

    def search(self, request: SearchRequest) -> SearchResponse:
        """Raises FilterError, InputError (page, facet or cursor that cannot be served)."""
        ...

    def suggest(self, prefix: str, *, limit: int = 8) -> Sequence[Suggestion]:
        """Completions of the words typed so far, most useful first."""
        ...

    def similar(self, listing_id: str, *, limit: int = 12) -> Sequence[Hit]:
        """Listings like this one, nearest first, itself left out. Raises NotFoundError."""
        ...

    def put_listings(self, items: Sequence[Mapping[str, Any]]) -> Sequence[ItemResult]:
        """Upsert listings given as JSON objects; returns when they are durable and searchable."""
        ...

    def delete_listings(
        self, listing_ids: Sequence[str], *, updated_ms: int
    ) -> Sequence[ItemResult]:
        """Delete listings; returns when that is durable and they are found no more."""
        ...

    def health(self) -> Health:
        """Cheap; never raises."""
        ...
