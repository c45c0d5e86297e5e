"""Simulated time, and how it becomes the time that a market sees."""

import threading
import time
from typing import Protocol, final


class Clock(Protocol):
    """Turns the simulator's time into what is written in requests."""

    def reach(self, at_ms: int) -> None:
        """It is `at_ms` now in the simulation; times never go back."""
        ...

    def written(self, at_ms: int) -> int:
        """What a client writes for a moment of the simulation."""
        ...


@final
class SimulatedClock:
    """The market lives in simulated time: it is given `now_ms` of this clock."""

    def __init__(self, start_ms: int) -> None:
        self._at_ms = start_ms
        self._lock = threading.Lock()

    def reach(self, at_ms: int) -> None:
        """Move on."""
        with self._lock:
            self._at_ms = max(self._at_ms, at_ms)

    def now_ms(self) -> int:
        """For the market."""
        return self._at_ms

    def written(self, at_ms: int) -> int:
        """Simulated times are written as they are."""
        return at_ms


@final
class RealClock:
    """The market has a clock of its own: what just happened in the simulation happened just now."""

    def __init__(self) -> None:
        self._reached_ms = 0

    def reach(self, at_ms: int) -> None:
        """Remember the simulation's now."""
        self._reached_ms = max(self._reached_ms, at_ms)

    def written(self, at_ms: int) -> int:
        """The true time, plus what the simulation says about wrong clocks and late events.

        Within a visit, seconds of the simulation pass in no time; a client never writes a time
        before the page it saw, so what is up to a minute old is written as now.
        """
        away_ms = at_ms - self._reached_ms
        now_ms = time.time_ns() // 1_000_000
        return now_ms if -3_600_000 < away_ms <= 0 else now_ms + away_ms


_conforms: tuple[type[Clock], ...] = (SimulatedClock, RealClock)
