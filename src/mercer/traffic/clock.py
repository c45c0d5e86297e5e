"""Whose time is written in requests: the simulation's, or the world's."""

import threading
import time
from typing import Protocol, final


class Clock(Protocol):
    """The clock that clients and market share."""

    def reach(self, at_ms: int) -> None:
        """It is `at_ms` now in the simulation."""
        ...

    def now_ms(self) -> int:
        """The market's time; never goes back."""
        ...

    def stamp(self, time_ms: int, *, skew_ms: int) -> int:
        """What a client with a wrong clock writes for what happened at `time_ms` of its simulation."""
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

    def stamp(self, time_ms: int, *, skew_ms: int) -> int:
        """The simulation's own time, which has the skew in it."""
        return time_ms


@final
class RealClock:
    """The market has a clock of its own: days of the simulation pass in minutes."""

    def reach(self, at_ms: int) -> None:
        """Nothing moves."""

    def now_ms(self) -> int:
        """Now."""
        return time.time_ns() // 1_000_000

    def stamp(self, time_ms: int, *, skew_ms: int) -> int:
        """What happened in the simulation happened just now; a wrong clock stays wrong."""
        return self.now_ms() + skew_ms


_conforms: tuple[type[Clock], ...] = (SimulatedClock, RealClock)
