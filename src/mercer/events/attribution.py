"""Which page sold it: the written rule of docs/reference/attribution.md.

A purchase is credited to one page or to none. The rule looks at the set of events and not at the order
in which they came in, so a click that arrives after its purchase, a second reading of the log and a
shuffled log all give the same credits.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]

How = Literal["page", "visitor", "session", "buyer", "none"]
"""By what a purchase is credited: the page it names, the last touch of its visitor, of its session, of
its buyer, or not at all."""

KEYS: tuple[Literal["visitor", "session", "buyer"], ...] = ("visitor", "session", "buyer")
TOUCH_KINDS = ("click", "favourite", "cart")

# Whether the log has that page, and it showed that listing: (page_id, listing_id).
Shows = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A click, favourite or cart of which we know the page that led to it."""

    event_id: str
    kind: str  # one of TOUCH_KINDS
    time_ms: int
    listing_id: str
    page_id: str
    visitor_id: str | None = None
    session_id: str | None = None
    buyer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A purchase, and the page that it is proven to come from, if it is."""

    event_id: str
    time_ms: int
    listing_id: str
    page_id: str | None = None  # None: it names none, or one that did not show the listing
    visitor_id: str | None = None
    session_id: str | None = None
    buyer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """To which page a purchase is credited, and why."""

    how: How
    page_id: str | None = None
    touch_id: str | None = None  # event id of the touch; None where the purchase names its page


NO_CREDIT = Credit("none")


def proven_page(page_id: str | None, listing_id: str, standing: str, *, shows: Shows) -> str | None:
    """The page that an event came from, if that is known.

    Args:
        page_id: as the event has it; of a signed event what its token says.
        listing_id: of the event.
        standing: of its token.
        shows: asked only where the token does not prove it.
    Returns:
        `page_id` where a token proves it, or where the log has the page with this listing on it;
        None else. A forged token proves the contrary: its event is believed in nothing.
    """
    if page_id is None or standing == "forged":
        return None
    return page_id if standing == "signed" or shows(page_id, listing_id) else None


def credit(purchase: Purchase, touches: Iterable[Touch], *, window_ms: int) -> Credit:
    """The page that sold it.

    1. The page that the purchase itself is proven to come from.
    2. Else the last touch of the same listing at most `window_ms` before it, by the same visitor; if
       there is none, in the same session; if there is none, by the same buyer. A click goes before a
       favourite or cart however late; of touches at the same millisecond the smaller event id counts.
    3. Else none.

    Args:
        purchase: what is credited.
        touches: at least those of the same listing that share its visitor, session or buyer; in any
            order.
        window_ms: > 0; a touch exactly so long before counts, and so does one at the same instant.
    """
    if purchase.page_id is not None:
        return Credit("page", purchase.page_id)
    near = [
        touch
        for touch in touches
        if touch.listing_id == purchase.listing_id
        and purchase.time_ms - window_ms <= touch.time_ms <= purchase.time_ms
    ]
    for key in KEYS:
        name = f"{key}_id"
        mine = getattr(purchase, name)
        if mine is None:
            continue
        if own := [touch for touch in near if getattr(touch, name) == mine]:
            last = min(own, key=_precedence)
            return Credit(key, last.page_id, last.event_id)
    return NO_CREDIT


def _precedence(touch: Touch) -> tuple[bool, int, str]:
    """The smallest is the one that counts."""
    return (touch.kind != "click", -touch.time_ms, touch.event_id)


def taken_back(bought: Mapping[str, int], *, refunded: int) -> dict[str, int]:
    """How many pieces of each purchase a refund takes back.

    Args:
        bought: pieces by purchase, all of one order and listing, in the order of time and event id.
        refunded: pieces given back of that order and listing, by all its refunds together.
    Returns:
        Pieces by purchase, the first filled first; none gives back more than it had.
    """
    taken = {}
    for event_id, quantity in bought.items():
        taken[event_id] = min(quantity, refunded)
        refunded -= taken[event_id]
    return taken


def billable(events: pa.RecordBatch) -> Bools:
    """(n,) of rows of EVENT: clicks on a paid slot whose token proves that we sold it. Nothing else.

    A forged, expired or missing token never makes a click billable, whatever else the event says.
    """
    is_click = pc.equal(events.column("kind"), "click")
    is_signed = pc.equal(events.column("standing"), "signed")
    mask: Bools = pc.and_(pc.and_(is_click, is_signed), events.column("is_sponsored")).to_numpy(
        zero_copy_only=False
    )
    return mask
