"""How the counters are, for those who look after a market: cheap enough to be asked at each search."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.reader import SharedCounters
from mercer.engines.embedded.log.event_log import EventLog

EVERY_S: Final = 1.0  # how often the log is asked
STUCK_S: Final = 10.0  # without a move while there is something to count, something is wrong
FAR_BEHIND: Final = 100_000  # events


@dataclass(frozen=True, slots=True)
class CountersHealth:
    """What is counted, and what is not yet."""

    position: str  # up to where events are counted
    lag_events: int  # that the log has behind it
    n_keys: int
    n_evicted: int  # keys that had to go because their places were taken
    n_events: int  # counted since they were made from the log
    newest_ms: int  # when the newest of them was received; 0 of none
    n_pages: int = 0  # whose searches are counted


@final
class CounterWatch:
    """Looks at the counters now and then. Thread-safe.

    Args:
        counters: as this process reads them.
        events: of the log.
    """

    def __init__(
        self,
        counters: SharedCounters,
        events: EventLog,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters, self._events, self._clock = counters, events, clock
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._waiting_since = float("inf")  # without a move, while there is something to count
        self._health: CountersHealth | None = None
        self._fault = ""

    def health(self) -> CountersHealth | None:
        """As of about a second ago; None where there are no counters."""
        self._look()
        return self._health

    @property
    def fault(self) -> str:
        """What is not as it should be; "" where nothing is."""
        self._look()
        return self._fault

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked_at < EVERY_S or not self._lock.acquire(blocking=False):
            return
        try:
            self._looked_at = now
            before, self._health = self._health, self._asked()
            if self._health is None or not self._health.lag_events:
                self._waiting_since = float("inf")
            elif before is None or before.position != self._health.position:
                self._waiting_since = now
            else:
                self._waiting_since = min(self._waiting_since, now)
            self._fault = self._judged(now)
        finally:
            self._lock.release()

    def _asked(self) -> CountersHealth | None:
        state = self.counters.state()
        if state is None:
            return None
        place = Place.parse(state.position)
        lag = max(self._events.n_rows(place.events) - place.row, 0)
        return CountersHealth(
            state.position, lag, state.n_keys, state.n_evicted, state.n_events, state.newest_ms,
            state.n_pages,
        )  # fmt: skip

    def _judged(self, now: float) -> str:
        if self.counters.fault:
            return self.counters.fault
        lag = 0 if self._health is None else self._health.lag_events
        if lag > FAR_BEHIND or now - self._waiting_since > STUCK_S:
            return f"counters are {lag:,} events behind the log"
        return ""
