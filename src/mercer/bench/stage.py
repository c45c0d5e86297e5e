"""Seconds by stage, from a build that says when it is done with each."""

import threading
import time
from collections.abc import Callable
from typing import final


@final
class Stages:
    """A `Progress` that keeps how long each stage took. Thread-safe.

    Of stages that run at the same time the one that ends later gets only what was still left, so that
    all together are the time that passed.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = clock()
        self.seconds: dict[str, float] = {}

    def __call__(self, step: str, n: int) -> None:
        """The time since the last call was of this stage; a stage may come in parts."""
        with self._lock:
            now = self._clock()
            self.seconds[step] = self.seconds.get(step, 0.0) + now - self._last
            self._last = now

    @property
    def total(self) -> float:
        """Seconds of all stages together."""
        return sum(self.seconds.values())

    def rounded(self) -> dict[str, float]:
        """Seconds by stage, to the millisecond."""
        return {step: round(seconds, 3) for step, seconds in self.seconds.items()}
