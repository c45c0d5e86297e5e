"""What HTTP, the command line and the benchmarks ask of one opened market.

Small protocols, one for each kind of caller; `Market` is all of them. All calls are thread-safe and
synchronous; `serve` moves them to threads. Behind them may be this process (`mercer.app`) or, for
writes, the owner's process.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from mercer.engines.embedded.counters.watch import CountersHealth
from mercer.events.recent import Seen
from mercer.events.traffic import Traffic
from mercer.retrieve.request import Hit, SearchRequest, SearchResponse
from mercer.schema.page import PageSummary
from mercer.serve.explain.explain import PageWhy
from mercer.serve.search.listed import Listed

Verdict = Literal["accepted", "duplicate", "rejected"]


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item of a batch; a good item is never refused for a bad neighbour."""

    listing_id: str  # "" where the item had none that can be read
    verdict: Verdict  # "duplicate": nothing newer than what is there
    reason: str = ""  # of a rejection: what was got, what is allowed


@dataclass(frozen=True, slots=True)
class EventResult:
    """What became of one event of a batch."""

    event_id: str  # "" where the item had none that can be read
    verdict: Verdict  # "duplicate": an event with this id was accepted before
    reason: str = ""  # of a rejection: what was got, what is allowed


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One completion of what was typed so far."""

    text: str
    kind: Literal["query", "category", "attribute"]
    n_listings: int  # that this completion would roughly find


@dataclass(frozen=True, slots=True)
class SimilarPage:
    """Listings like one, as a served page."""

    page_id: str
    hits: tuple[Hit, ...]
    degraded: tuple[str, ...] = ()  # parts that were dropped, in words


@dataclass(frozen=True, slots=True)
class RankingHealth:
    """What ranks after the first pass."""

    model: str  # id; "" where values are only logged
    feature_set: str  # hash of its plan
    features_off: tuple[str, ...]  # that count as missing


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the market as operators see it."""

    is_ready: bool
    generation: str  # "" where nothing was indexed yet
    n_listings: int  # findable now
    n_delta: int  # changes served from the delta, not yet merged
    degraded: tuple[str, ...]  # what does not work as it should, a sentence each
    processes: Mapping[str, str] = field(
        default_factory=dict
    )  # name -> "up", "starting", "failing: at what", "down: why"
    counters: CountersHealth | None = None  # None: there are none
    ranking: RankingHealth | None = None  # None: the first pass alone


class Searching(Protocol):
    """What visitors do. Every page that is given out was written to the log before."""

    def search(self, request: SearchRequest) -> SearchResponse:
        """Raises FilterError, InputError (page, facet or cursor that cannot be served)."""
        ...

    def suggest(self, prefix: str, *, limit: int = 8) -> Sequence[Suggestion]:
        """Completions of the words typed so far, most useful first."""
        ...

    def similar(
        self,
        listing_id: str,
        *,
        limit: int = 12,
        visitor_id: str | None = None,
        session_id: str | None = None,
        buyer_id: str | None = None,
    ) -> SimilarPage:
        """Listings like this one, nearest first, itself left out. Raises NotFoundError."""
        ...

    def listing(self, listing_id: str) -> Mapping[str, Any]:
        """All fields of LISTING of one listing as it stands. Raises NotFoundError (also deleted)."""
        ...

    def seller_names(self, seller_ids: Collection[str]) -> Mapping[str, str]:
        """The names of those sellers that have one, by id."""
        ...

    def health(self) -> Health:
        """Cheap; never raises."""
        ...


class Changing(Protocol):
    """What changes. A call returns when what it accepted is durable."""

    def put_listings(self, items: Sequence[Mapping[str, Any]]) -> Sequence[ItemResult]:
        """Upsert listings given as JSON objects; searchable within a second, gone likewise."""
        ...

    def delete_listings(
        self, listing_ids: Sequence[str], *, updated_ms: int
    ) -> Sequence[ItemResult]:
        """Delete listings; found no more within a second."""
        ...

    def put_events(
        self, items: Sequence[Any], *, sent_ms: int | None = None, source: str = "api"
    ) -> Sequence[EventResult]:
        """Take events given as JSON objects; a verdict for each, in their order.

        Args:
            items: (n,) with the names of EVENT, and `token`; what is no object is refused.
            sent_ms: when they were sent by the client's clock; None if it did not say.
            source: whence they came: "api", "shop".
        """
        ...


class Explaining(Protocol):
    """What the people who run the market ask about pages that were served."""

    def explain(self, page_id: str, listing_id: str | None = None) -> PageWhy:
        """A page, and why a listing is or is not on it. Raises NotFoundError (no such page)."""
        ...

    def recent_pages(self, *, limit: int, before_ms: int | None = None) -> Sequence[PageSummary]:
        """The newest pages, newest first; only those served before an instant, where one is given."""
        ...


class Watching(Protocol):
    """What the console shows."""

    def traffic(self, *, since_ms: int, until_ms: int, limit: int = 20) -> Traffic | None:
        """What was counted in whole hours from the first; None where nothing was counted yet."""
        ...

    def seen(self) -> Seen:
        """The last events with their verdict, and how requests ended, over all processes."""
        ...

    def request_ended(self, route: str, status: int) -> None:
        """Note how a request ended; cheap, called on the event loop."""
        ...


@dataclass(frozen=True, slots=True)
class ListedResult:
    """Named listings, ranked for a query."""

    listing_ids: tuple[str, ...]  # as `listed` has them
    listed: Listed
    missing: tuple[str, ...]  # that were named and are not for sale


class Ranking(Protocol):
    """What programs ask that bring their own candidates."""

    def rank(self, request: SearchRequest, listing_ids: Sequence[str]) -> ListedResult:
        """Those listings in the order in which a search would show them, with their features."""
        ...


class Market(Searching, Changing, Explaining, Watching, Ranking, Protocol):
    """One opened market."""
