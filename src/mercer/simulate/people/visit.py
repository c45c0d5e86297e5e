"""One session of one person: asks, reads, clicks, keeps, buys; a generator of steps (`step.py`)."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from mercer.simulate.people.examine import Cards, appeal, n_examined
from mercer.simulate.people.need import Ask, Need, draw_need
from mercer.simulate.people.person import Person
from mercer.simulate.people.purchase import Checkout, Desire, desire_of
from mercer.simulate.people.season import HOUR_MS, Climate
from mercer.simulate.people.shelf import Shelf
from mercer.simulate.people.step import (
    PER_PAGE,
    Event,
    Judge,
    Later,
    Search,
    Served,
    Similar,
    Step,
    Steps,
    Tell,
    Who,
)
from mercer.simulate.people.utility import Worth, worth

MAX_PAGES: Final = 6
MAX_SIMILAR: Final = 8  # cards of a list of similar listings that are looked at
SECOND_NEED: Final = 0.15  # chance to look for something else too
GIVE_UP: Final = 0.42  # chance to leave rather than to ask again
SIMILAR_SHARE: Final = 0.08  # of clicks that lead on to similar listings
HELD_SHARE: Final = 0.02  # of batches that a client sends much later
TWICE_SHARE: Final = 0.01  # of batches that a client sends twice
SHUFFLED_SHARE: Final = 0.03  # of batches in which the order is lost

_Part = Generator[Step, Served | None, bool]  # True: the need is met


@dataclass(frozen=True, slots=True)
class Looking:
    """What somebody is after while reading a page."""

    need: Need
    sight: Worth
    query: str


def visit(
    person: Person,
    who: Who,
    shelf: Shelf,
    climate: Climate,
    rng: np.random.Generator,
    *,
    at_ms: int,
    skew_ms: int = 0,
) -> Steps:
    """The steps of one session that begins at `at_ms`; the client's clock is `skew_ms` ahead."""
    return _Session(person, who, shelf, climate, rng, at_ms=at_ms, skew_ms=skew_ms).steps()


@final
class _Session:
    def __init__(
        self,
        person: Person,
        who: Who,
        shelf: Shelf,
        climate: Climate,
        rng: np.random.Generator,
        *,
        at_ms: int,
        skew_ms: int,
    ) -> None:
        self.person, self.who, self.shelf, self.rng = person, who, shelf, rng
        self._climate, self._at_ms, self._skew_ms = climate, at_ms, skew_ms
        self._events: list[Event] = []
        self._n_events = 0
        self._clicked: set[int] = set()
        self._checkout = Checkout(person, who, shelf, rng)

    def steps(self) -> Steps:
        for _ in range(1 + int(self.rng.random() < SECOND_NEED)):
            need = draw_need(self.person, self.shelf, self._climate, self.rng, at_ms=self._at_ms)
            yield from self._pursue(need)
        yield from self._send()

    def _pursue(self, need: Need) -> _Part:
        sight = worth(self.shelf, self.person, need)
        for ask in need.asks:
            self._pass(float(np.exp(self.rng.normal(8.6, 0.5))))  # typing: some five seconds
            if (yield from self._look_through(ask, need, sight)):
                return True
            if self.rng.random() < GIVE_UP:
                return False
        return False

    def _look_through(self, ask: Ask, need: Need, sight: Worth) -> _Part:
        served = yield from self._search(ask, ask.text, need, sight)
        text = ask.text
        if not len(served) and ask.clean_text != ask.text:  # looks again at what was typed
            text = ask.clean_text
            self._pass(3_000.0)
            served = yield from self._search(ask, text, need, sight)
        left = n_examined(self.rng, patience=self.person.patience)
        looking = Looking(need, sight, text)
        for page in range(2, MAX_PAGES + 2):
            is_met, n_read = yield from self._read(served, looking, left)
            left -= n_read
            if is_met:
                return True
            is_last = page > MAX_PAGES or (page - 1) * PER_PAGE >= served.found
            if left <= 0 or is_last:
                return False
            self._pass(1_500.0)
            served = yield from self._search(ask, text, need, None, page=page, cursor=served.cursor)
        return False

    def _search(
        self,
        ask: Ask,
        text: str,
        need: Need,
        sight: Worth | None,
        *,
        page: int = 1,
        cursor: str | None = None,
    ) -> Generator[Step, Served | None, Served]:
        judge = Judge(sight.utility, self.person.patience) if sight is not None else None
        served = yield Search(
            at_ms=self._at_ms, who=self.who, q=text, filter=ask.filter, sort=ask.sort,
            page=page, cursor=cursor, judge=judge,
        )  # fmt: skip
        assert served is not None  # what a driver owes to a Search
        return served

    def _read(
        self, served: Served, looking: Looking, left: int, *, is_similar: bool = False
    ) -> Generator[Step, Served | None, tuple[bool, int]]:
        """Look at cards from the top; (whether the need is met, how many were looked at)."""
        n = min(len(served), left)
        clicked = self.rng.random(len(served)) < appeal(self._cards(served, looking))
        for i in range(n):
            self._pass(self.person.pace_ms * float(self.rng.uniform(0.5, 1.5)))
            self._note("impression", served, i, looking.query)
            row = int(served.rows[i])
            if not clicked[i] or row in self._clicked:
                continue
            self._clicked.add(row)
            self._note("click", served, i, looking.query)
            if (yield from self._consider(served, i, looking, is_similar=is_similar)):
                yield from self._send()
                return True, i + 1
        yield from self._send()
        return False, n

    def _consider(self, served: Served, i: int, looking: Looking, *, is_similar: bool) -> _Part:
        """The listing's own page: keep it, buy it, look at similar ones, or go back."""
        row, rng = int(served.rows[i]), self.rng
        self._pass(float(np.exp(rng.normal(9.6, 0.8))))  # some 15 seconds
        desire = desire_of(self.shelf, looking.need, looking.sight, row, rng)
        if desire is Desire.KEEP:
            self.shelf.favourite(row)
            self._note("favourite", served, i, looking.query)
        elif desire is Desire.BUY:
            self._note("cart", served, i, looking.query)
            yield from self._send()
            self._pass(float(np.exp(rng.normal(10.5, 0.7))))  # some 40 seconds
            return (
                yield from self._checkout.steps(
                    served, i, looking.need, looking.sight, query=looking.query, at_ms=self._at_ms
                )
            )
        if not is_similar and rng.random() < SIMILAR_SHARE:
            yield from self._send()
            near = yield Similar(self._at_ms, self.who, served.listing_ids[i])
            assert near is not None
            is_met, _ = yield from self._read(near, looking, MAX_SIMILAR, is_similar=True)
            return is_met
        return False

    def _cards(self, served: Served, looking: Looking) -> Cards:
        rows = served.rows
        return Cards(
            fit=looking.sight.seen_fit[rows].astype(float),
            looks=looking.sight.looks[rows].astype(float),
            price_share=served.price_micros / looking.need.budget_micros,
            title_match=title_matches(looking.query, served.titles),
            rating=served.rating,
            sold_count=served.sold_count.astype(float),
        )

    def _note(self, kind: str, served: Served, i: int, query: str) -> None:
        """Keep one event until the batch is sent."""
        self._n_events += 1
        place = shown_fields(served, i, query)
        self._events.append(
            {
                "event_id": f"{self.who.session_id}-{self._n_events}",
                "kind": kind,
                "time_ms": self._at_ms + self._skew_ms,
                **self.who.as_fields(),
                **place,
            }
        )

    def _send(self) -> Generator[Step, Served | None, None]:
        """The batch, as clients send it: nearly always once, at once and in order."""
        events, self._events = self._events, []
        if not events:
            return
        u = float(self.rng.random())
        if u < HELD_SHARE:  # a browser that was closed sends at its next start
            held_ms = int(self.rng.uniform(0.1, 24.0) * HOUR_MS)
            yield Later(self._at_ms + held_ms, tuple(events), skew_ms=self._skew_ms)
            return
        if u < HELD_SHARE + SHUFFLED_SHARE:
            self.rng.shuffle(events)
        tell = Tell(self._at_ms, tuple(events), self._skew_ms)
        yield tell
        if self.rng.random() < TWICE_SHARE:
            yield tell

    def _pass(self, ms: float) -> None:
        self._at_ms += max(int(ms), 1)


def shown_fields(served: Served, i: int, query: str) -> dict[str, object]:
    """What an event says about the place where a listing was shown."""
    fields: dict[str, object] = {
        "listing_id": served.listing_ids[i],
        "page_id": served.page_id,
        "position": served.positions[i],
    }
    if query:
        fields["query"] = query
    if served.tokens[i]:
        fields["token"] = served.tokens[i]
    return fields


def title_matches(
    query: str, titles: tuple[str, ...]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(k,) share of the query's words that each title says, in [0, 1]."""
    words = [word for word in query.lower().split() if len(word) > 2]
    if not words:
        return np.zeros(len(titles))
    return np.array([sum(w in title.lower() for w in words) / len(words) for title in titles])
