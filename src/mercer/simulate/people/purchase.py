"""From a liked listing to an order, a review and sometimes a refund."""

from collections.abc import Generator
from enum import Enum
from typing import Final, final

import numpy as np

from mercer.simulate.people.need import Need
from mercer.simulate.people.person import Person
from mercer.simulate.people.season import HOUR_MS
from mercer.simulate.people.shelf import Shelf
from mercer.simulate.people.step import Event, Later, Review, Served, Step, Tell, Who, opaque
from mercer.simulate.people.utility import Worth
from mercer.simulate.seller import DAY_MS

BUY_FROM: Final = 0.80  # utility at which the undecided buy every second time
KEEN_BY: Final = 0.16  # how much lower that is for the keenest
BUY_SLOPE: Final = 0.045
KEEP_SHARE: Final = 0.10  # of what is liked and not bought
AT_ONCE, ABANDONED = 0.62, 0.26  # of carts; the rest is bought on a later day
LOST_SHARE: Final = 0.25  # of checkouts that no longer know the page
REVIEW_SHARE: Final = 0.3
PHOTO_SHARE: Final = 0.4  # of reviews with a photo of the thing at home
GUEST_SHARE: Final = 0.3  # of purchases without an account that leave no buyer id at all


class Desire(Enum):
    """What a listing's own page makes of somebody who clicked."""

    LEAVE = "goes back to the results"
    KEEP = "marks it as a favourite"
    BUY = "puts it in the cart"


def desire_of(shelf: Shelf, need: Need, sight: Worth, row: int, rng: np.random.Generator) -> Desire:
    """By true utility; what is gone or above the budget is never put in the cart."""
    felt = float(sight.utility[row]) + float(rng.normal(0.0, 0.03))
    edge = BUY_FROM - KEEN_BY * need.keenness
    chance = 1.0 / (1.0 + np.exp(-(felt - edge) / BUY_SLOPE))
    u, v = rng.random(2)
    if u < chance and affordable(shelf, need, row):
        return Desire.BUY
    return Desire.KEEP if v < KEEP_SHARE * float(sight.liking[row]) else Desire.LEAVE


def affordable(shelf: Shelf, need: Need, row: int) -> bool:
    """Whether it is there, and within the budget."""
    return bool(shelf.is_available[row]) and int(shelf.price_micros[row]) <= need.budget_micros


def stars_of(shelf: Shelf, sight: Worth, row: int, rng: np.random.Generator) -> float:
    """1..5 by craft, the seller's trust and how much it is liked; most are four or five."""
    truth = shelf.truth
    good = 0.45 * truth.craft[row] + 0.35 * shelf.trust[row] + 0.2 * sight.liking[row]
    return float(np.clip(np.rint(1.6 + 4.4 * float(good) + rng.normal(0.0, 0.7)), 1.0, 5.0))


@final
class Checkout:
    """What one person does with a cart."""

    def __init__(self, person: Person, who: Who, shelf: Shelf, rng: np.random.Generator) -> None:
        self._person, self._who, self._shelf, self._rng = person, who, shelf, rng
        self._n_orders = 0

    def steps(
        self, served: Served, i: int, need: Need, sight: Worth, *, query: str, at_ms: int
    ) -> Generator[Step, Served | None, bool]:
        """Buy, come back later, or leave the cart; whether the need is met."""
        row, rng = int(served.rows[i]), self._rng
        u = float(rng.random())
        if u < ABANDONED:
            return False
        quantity = min(1 + int(rng.random() < 0.08), int(self._shelf.quantity[row]))
        event = self._purchase(served, i, query=query, quantity=quantity, at_ms=at_ms)
        if u >= ABANDONED + AT_ONCE:
            later_ms = at_ms + int(rng.uniform(1.0, 96.0) * HOUR_MS)
            session = opaque("s", self._person.number, later_ms)
            kept = {k: v for k, v in event.items() if k not in _PLACE}
            told = {**kept, "session_id": session, "time_ms": later_ms}
            yield Later(later_ms, (told,), row, quantity, need.budget_micros)
            return True
        if not affordable(self._shelf, need, row) or not self._shelf.take(row, quantity=quantity):
            return False  # somebody was faster
        yield Tell(at_ms, (event,))  # the shop's own clock
        yield from self._afterwards(event, sight, row, at_ms=at_ms)
        return True

    def _purchase(
        self, served: Served, i: int, *, query: str, quantity: int, at_ms: int
    ) -> dict[str, object]:
        self._n_orders += 1
        order_id = f"{self._who.session_id}-o{self._n_orders}"
        event: dict[str, object] = {
            "event_id": f"{order_id}-p",
            "kind": "purchase",
            "time_ms": at_ms,
            **self._who.as_fields(),
            "listing_id": served.listing_ids[i],
            "price_micros": int(self._shelf.price_micros[int(served.rows[i])]),
            "currency": "USD",
            "quantity": quantity,
            "order_id": order_id,
        }
        if self._person.has_account or self._rng.random() >= GUEST_SHARE:
            event["buyer_id"] = opaque("b", self._person.number)
        if self._rng.random() >= LOST_SHARE:
            place = {"page_id": served.page_id, "position": served.positions[i], "query": query}
            event |= {k: v for k, v in place.items() if v}
            if served.tokens[i]:
                event["token"] = served.tokens[i]
        return event

    def _afterwards(
        self, event: Event, sight: Worth, row: int, *, at_ms: int
    ) -> Generator[Step, Served | None, None]:
        """Stars, and a refund where the work or the seller was not what it seemed."""
        rng, shelf = self._rng, self._shelf
        if rng.random() < REVIEW_SHARE:
            when = at_ms + int(rng.uniform(2.0, 14.0) * DAY_MS)
            stars = stars_of(shelf, sight, row, rng)
            photo = int(rng.integers(1 << 62)) if rng.random() < PHOTO_SHARE else None
            yield Review(when, row, stars, photo)
        good = 0.5 * float(shelf.truth.craft[row]) + 0.5 * float(shelf.trust[row])
        if rng.random() < 0.14 * (1.0 - good):
            when = at_ms + int(rng.uniform(1.0, 12.0) * DAY_MS)
            kept = {k: v for k, v in event.items() if k not in _PLACE}
            refund = {**kept, "event_id": f"{event['order_id']}-r", "kind": "refund"}
            yield Later(when, ({**refund, "time_ms": when},))


_PLACE: Final = frozenset(("page_id", "position", "query", "token"))
