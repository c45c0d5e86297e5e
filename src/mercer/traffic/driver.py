"""Plays arrivals, sellers' deeds and late events against a market, in the order of simulated time."""

import heapq
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

from mercer.simulate.people.machine import MACHINES
from mercer.simulate.people.person import People
from mercer.simulate.people.plan import Arrival
from mercer.simulate.people.season import HOUR_MS, Climate
from mercer.simulate.people.shelf import Shelf
from mercer.simulate.people.step import (
    Event,
    Later,
    Review,
    Role,
    Search,
    Served,
    Step,
    Steps,
    Tell,
)
from mercer.simulate.people.supply import Supply, apply
from mercer.simulate.people.visit import visit
from mercer.traffic.client import Client, OnJudged
from mercer.traffic.report import PEOPLE, Report
from mercer.traffic.shop import Shop

FLUSH_EVERY_MS = 2 * HOUR_MS  # of the simulation, between messages of the shop system
FLUSH_ROWS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much traffic: it ends with the searches or the sessions, whichever is reached first."""

    searches: int | None = None
    sessions: int | None = None
    days: float = 7.0  # over which the visits are spread; the last ones may come a little later


@dataclass(slots=True)
class _Session:
    """One visit that is under way."""

    role: Role
    steps: Steps
    answer: Served | None = None


@dataclass(frozen=True, slots=True)
class _Flush:
    """Tell the market which listings changed."""

    listings: list[dict[str, Any]]


_Task: TypeAlias = tuple[Step | _Flush, _Session | None]


@dataclass(order=True, slots=True)
class _Due:
    at_ms: int
    serial: int  # of two at the same moment the one that was planned first
    task: "_Task | Arrival | Supply" = field(compare=False)


@final
class Traffic:
    """One run. With one connection the same seed and market give the same requests in the same order."""

    def __init__(
        self,
        shop: Shop,
        shelf: Shelf,
        people: People,
        climate: Climate,
        arrivals: Iterator[Arrival],
        supply: Sequence[Supply],
        *,
        seed: int,
        start_ms: int,
        amount: Amount,
        probe_share: float = 0.1,
        on_progress: Callable[[Report], None] = lambda report: None,
        on_review: Callable[[Review], None] = lambda review: None,
        on_arrival: Callable[[Arrival], None] = lambda arrival: None,
        on_judged: OnJudged = lambda search, page_id, judge: None,
    ) -> None:
        self.report = Report()
        self._shop, self._shelf, self._people, self._climate = shop, shelf, people, climate
        self._arrivals, self._amount = arrivals, amount
        self._end_ms = start_ms + int(amount.days * 24 * HOUR_MS)
        self._on_review, self._on_arrival = on_review, on_arrival
        self._due: list[_Due] = []
        self._serial = self._n_sessions = self._n_running = self._n_released = 0
        self._is_over = False
        self._next_flush_ms = start_ms + FLUSH_EVERY_MS
        self._at_ms = start_ms
        self._ready = threading.Condition()
        self._client = Client(
            shop, shelf, self.report, self._ready, seed=seed, probe_share=probe_share,
            on_progress=on_progress, on_judged=on_judged,
        )  # fmt: skip
        for one in supply:
            self._plan(one.at_ms, one)
        self._invite()

    @property
    def shelf(self) -> Shelf:
        """The market as the shop system sees it now."""
        return self._shelf

    @property
    def until_ms(self) -> int:
        """The simulated time that was reached."""
        return self._at_ms

    @property
    def n_released(self) -> int:
        """How many new listings appeared."""
        return self._n_released

    def run(self, *, connections: int = 1) -> Report:
        """Play until the amount is reached; raises what the first failing connection raised."""
        faults: list[BaseException] = []

        def work() -> None:
            try:
                self._work()
            except BaseException as fault:  # handed to the caller's thread below
                with self._ready:
                    faults.append(fault)
                    self._is_over = True
                    self._due.clear()
                    self._ready.notify_all()

        threads = [threading.Thread(target=work, daemon=True) for _ in range(connections - 1)]
        for thread in threads:
            thread.start()
        work()
        for thread in threads:
            thread.join()
        if faults:
            raise faults[0]
        if self._shelf.n_changed():
            self._client.put(self._shelf.take_changed())
        return self.report

    def _work(self) -> None:
        while (task := self._next_task()) is not None:
            step, session = task
            answer: Any = None
            try:
                if isinstance(step, _Flush):
                    self._client.put(step.listings)
                else:
                    answer = self._client.perform(step, session.role if session else PEOPLE)
            finally:
                with self._ready:
                    self._n_running -= 1
                    self._ready.notify_all()
            if session is not None:
                with self._ready:
                    session.answer = answer
                    self._advance(session, self._at_ms)
                    self._ready.notify_all()

    def _next_task(self) -> _Task | None:
        """What is to be sent next; waits while only answers are awaited."""
        with self._ready:
            while True:
                if self._shelf.n_changed() >= FLUSH_ROWS or (
                    self._at_ms >= self._next_flush_ms and self._shelf.n_changed()
                ):
                    self._next_flush_ms = self._at_ms + FLUSH_EVERY_MS
                    self._n_running += 1
                    return _Flush(self._shelf.take_changed()), None
                if not self._due:
                    if not self._n_running:
                        return None
                    self._ready.wait()
                    continue
                due = heapq.heappop(self._due)
                if (task := self._take(due)) is not None:
                    self._n_running += 1
                    return task

    def _take(self, due: _Due) -> _Task | None:
        """What a due item has to send; None where it only changes the simulation."""
        at_ms = max(due.at_ms, self._at_ms)
        if at_ms > self._end_ms and isinstance(due.task, Supply):
            return None
        self._at_ms = at_ms
        self._shop.clock.reach(at_ms)
        match due.task:
            case Arrival() as arrival:
                self._begin(arrival)
                return None
            case Supply() as one:
                apply(self._shelf, one)
                self._n_released += one.deed == "release"
                return None
            case (Later() as later, session):
                return self._bought(later, session)
            case (Review() as review, _):
                self._shelf.review(review.row, stars=review.stars)
                self.report.reviews += 1
                self._on_review(review)
                return None
            case (step, session):
                return step, session

    def _begin(self, arrival: Arrival) -> None:
        if self._is_over:
            return
        self.report.sessions[arrival.role] += 1
        self._n_sessions += 1
        self._on_arrival(arrival)
        if arrival.role == PEOPLE:
            steps = visit(
                self._people.one(arrival.person), arrival.who, self._shelf, self._climate,
                arrival.rng, at_ms=arrival.at_ms, skew_ms=arrival.skew_ms,
            )  # fmt: skip
        else:
            steps = MACHINES[arrival.role](arrival.who, self._shelf, arrival.rng, arrival.at_ms)
        self._advance(_Session(arrival.role, steps), arrival.at_ms)
        self._invite()

    def _invite(self) -> None:
        """Plan the next session, where one more is wanted."""
        if self._amount.sessions is not None and self._n_sessions >= self._amount.sessions:
            return
        arrival = next(self._arrivals)
        self._plan(arrival.at_ms, arrival)

    def _advance(self, session: _Session, now_ms: int) -> None:
        """Let a visitor go on until something has to be sent and answered."""
        while True:
            try:
                step = session.steps.send(session.answer)
            except StopIteration:
                return
            session.answer = None
            if isinstance(step, Later | Review):
                self._postpone(step, session.role)
                continue
            if isinstance(step, Search):
                if self._is_over:
                    session.steps.close()
                    return
                self._count(step, session.role)
            elif isinstance(step, Tell):
                step = self._stamped(step)
            self._plan(max(step.at_ms, now_ms), (step, session))
            return

    def _count(self, step: Search, role: Role) -> None:
        self.report.count_search(role, q=step.q, page=step.page, is_judged=step.judge is not None)
        wanted = self._amount.searches
        if wanted is not None and self.report.n_searches >= wanted:
            self._is_over = True

    def _postpone(self, step: Later | Review, role: Role) -> None:
        """Keep for later; what is due after the last day never happens."""
        if step.at_ms <= self._end_ms:
            if isinstance(step, Later) and step.row < 0:
                step = self._held(step)
            self._plan(step.at_ms, (step, _Session(role, _nothing())))

    def _held(self, later: Later) -> Later:
        """Events that happened already get their time now, those to come when they are due."""
        if not self._has_happened(later.events, later.at_ms):
            return later
        return Later(later.at_ms, self._written(later.events, later.skew_ms), skew_ms=later.skew_ms)

    def _has_happened(self, events: Sequence[Event], at_ms: int) -> bool:
        return all(int(event["time_ms"]) < at_ms for event in events)

    def _bought(self, later: Later, session: _Session | None) -> _Task | None:
        """The events of a Later that is due; None where the thing is gone or has become too dear."""
        events = later.events
        if later.row >= 0:
            price = int(self._shelf.price_micros[later.row])
            if price > later.price_max_micros or not self._shelf.take(
                later.row, quantity=later.quantity
            ):
                self.report.missed_sales += 1
                return None
            events = tuple({**event, "price_micros": price} for event in events)
        role = session.role if session else PEOPLE
        if later.row >= 0 or not self._has_happened(later.events, later.at_ms):
            events = self._written(events, later.skew_ms)
        return Tell(later.at_ms, events, later.skew_ms), _Session(role, _nothing())

    def _stamped(self, tell: Tell) -> Tell:
        return Tell(tell.at_ms, self._written(tell.events, tell.skew_ms), tell.skew_ms)

    def _written(self, events: Sequence[Event], skew_ms: int) -> tuple[Event, ...]:
        stamp = self._shop.clock.stamp
        return tuple(
            {**event, "time_ms": stamp(int(event["time_ms"]), skew_ms=skew_ms)} for event in events
        )

    def _plan(self, at_ms: int, task: "_Task | Arrival | Supply") -> None:
        self._serial += 1
        heapq.heappush(self._due, _Due(at_ms, self._serial, task))


def _nothing() -> Steps:
    """The steps of somebody who is gone."""
    yield from ()
