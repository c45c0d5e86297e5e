"""The market as a visitor's client reaches it, in process or over HTTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, final

from mercer.retrieve.request import Hit, SearchRequest
from mercer.schema.errors import MarketError
from mercer.serve.market import Market
from mercer.simulate.people.step import Event, Search, Similar
from mercer.traffic.clock import Clock

NO_HURRY_MS: Final = 60_000.0
"""Simulated time stands still during a search, so none drops a part because this machine is busy."""


class Refused(Exception):  # noqa: N818  # an answer that is counted, not a fault of ours
    """The market answered a request with an error."""

    def __init__(self, status: int, detail: str, *, retry_after_s: float = 1.0) -> None:
        self.status, self.detail, self.retry_after_s = status, detail, retry_after_s
        super().__init__(f"{status}: {detail}")


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it came: hits as JSON objects."""

    page_id: str
    hits: Sequence[Mapping[str, Any]]
    found: int = 0
    cursor: str = ""


class Shop(Protocol):
    """What a client asks. Every call may raise Refused; thread-safe."""

    @property
    def clock(self) -> Clock:
        """Whose time is written."""
        ...

    def search(self, search: Search) -> Page:
        """One page of results."""
        ...

    def similar(self, step: Similar) -> Page:
        """Listings like one."""
        ...

    def tell(self, events: Sequence[Event], *, sent_ms: int) -> Sequence[tuple[str, str]]:
        """Send events; (verdict, reason) of each."""
        ...

    def put(self, listings: Sequence[Mapping[str, Any]]) -> Sequence[tuple[str, str]]:
        """Change listings; (verdict, reason) of each."""
        ...


@final
class InProcess:
    """A market that this process opened.

    Args:
        before_search: counts what the log has, so that every search sees all that came before it,
            however fast this machine is.
    """

    def __init__(
        self, market: Market, clock: Clock, *, before_search: Callable[[], None] = lambda: None
    ) -> None:
        self._market, self.clock, self._before_search = market, clock, before_search

    def search(self, search: Search) -> Page:
        """One page of results."""
        request = SearchRequest(
            q=search.q,
            filter=search.filter,
            sort=search.sort,  # type: ignore[arg-type]  # one of Sort; the market checks
            page=search.page,
            per_page=search.per_page,
            cursor=search.cursor,
            visitor_id=search.who.visitor_id or None,
            session_id=search.who.session_id or None,
            buyer_id=search.who.buyer_id,
            budget_ms=NO_HURRY_MS,
        )
        self._before_search()
        try:
            found = self._market.search(request)
        except MarketError as fault:
            raise Refused(400, str(fault)) from None
        return Page(found.page_id, [_plain(hit) for hit in found.hits], found.found, found.cursor)

    def similar(self, step: Similar) -> Page:
        """Listings like one."""
        try:
            found = self._market.similar(
                step.listing_id,
                visitor_id=step.who.visitor_id,
                session_id=step.who.session_id,
                buyer_id=step.who.buyer_id,
            )
        except MarketError as fault:
            raise Refused(404, str(fault)) from None
        return Page(found.page_id, [_plain(hit) for hit in found.hits], len(found.hits))

    def tell(self, events: Sequence[Event], *, sent_ms: int) -> Sequence[tuple[str, str]]:
        """Send events."""
        return [
            (r.verdict, r.reason) for r in self._market.put_events(list(events), sent_ms=sent_ms)
        ]

    def put(self, listings: Sequence[Mapping[str, Any]]) -> Sequence[tuple[str, str]]:
        """Change listings."""
        return [(r.verdict, r.reason) for r in self._market.put_listings(list(listings))]


def _plain(hit: Hit) -> Mapping[str, Any]:
    return {
        "listing_id": hit.listing_id,
        "position": hit.position,
        "token": hit.token,
        "is_sponsored": getattr(hit, "is_sponsored", False),
        "document": hit.document,
    }


_conforms: type[Shop] = InProcess
