"""A market that knows no better than categories and words: for tests of people, without an index."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mercer.simulate.people.shelf import Shelf
from mercer.simulate.people.step import Event, Search, Similar
from mercer.simulate.words.taxonomy import taxonomy
from mercer.traffic.clock import Clock, SimulatedClock
from mercer.traffic.shop import Page


class PlainShop:
    """Answers with the listings of the categories that the query's last words name, oldest first.

    It remembers everything that it was asked and told, and it has a stock of its own.
    """

    def __init__(self, shelf: Shelf, *, start_ms: int) -> None:
        self._shelf = shelf
        self._clock = SimulatedClock(start_ms)
        self.searches: list[Search] = []
        self.events: list[Event] = []
        self.listings: dict[str, Mapping[str, Any]] = {}
        self._seen: set[str] = set()

    @property
    def clock(self) -> Clock:
        return self._clock

    def search(self, search: Search) -> Page:
        self.searches.append(search)
        truth, word = self._shelf.truth, search.q.lower()
        leaves = [
            i for i, leaf in enumerate(taxonomy()) if any(noun in word for noun in leaf.nouns)
        ]
        is_found = np.isin(truth.category, leaves) & self._shelf.is_available
        rows = np.flatnonzero(is_found)
        if search.sort == "price_asc":
            rows = rows[np.argsort(self._shelf.price_micros[rows], kind="stable")]
        first = (search.page - 1) * search.per_page
        shown = rows[first : first + search.per_page]
        hits = [self._hit(int(row), first + i + 1) for i, row in enumerate(shown)]
        return Page(f"page-{len(self.searches)}", hits, len(rows), f"cursor-{word}")

    def similar(self, step: Similar) -> Page:
        row = int(step.listing_id[1:])
        near = np.flatnonzero(
            (self._shelf.truth.category == self._shelf.truth.category[row])
            & self._shelf.is_available
        )
        return Page("near", [self._hit(int(r), i + 1) for i, r in enumerate(near[:12])])

    def tell(self, events: Sequence[Event], *, sent_ms: int) -> Sequence[tuple[str, str]]:
        verdicts = []
        for event in events:
            is_new = event["event_id"] not in self._seen
            self._seen.add(event["event_id"])
            if is_new:
                self.events.append(event)
            verdicts.append(("accepted" if is_new else "duplicate", ""))
        return verdicts

    def put(self, listings: Sequence[Mapping[str, Any]]) -> Sequence[tuple[str, str]]:
        self.listings |= {listing["listing_id"]: listing for listing in listings}
        return [("accepted", "")] * len(listings)

    def _hit(self, row: int, position: int) -> Mapping[str, Any]:
        shelf = self._shelf
        return {
            "listing_id": f"L{row:08d}",
            "position": position,
            "token": f"token-{row}",
            "is_sponsored": False,
            "document": {
                "title": taxonomy()[int(shelf.truth.category[row])].nouns[0],
                "price_micros": int(shelf.price_micros[row]),
                "quantity": int(shelf.quantity[row]),
                "rating": 4.5,
                "sold_count": 3,
            },
        }
