"""What the owner of a market does beside its writes: erasures, retention, and what else has its hour."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from mercer.engines.embedded.log.erase import record_erasures
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.schema.time import DAY_MS


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chores:
    """When what is done."""

    keep_days: int  # events that came in longer ago are removed
    tick_s: float = 1.0  # erasures are looked for so often
    hour_s: float = 3600.0  # everything else
    hourly: Callable[[], object] = lambda: None  # more to do each hour, and at once


@final
class Housekeeping:
    """A thread that does the chores until it is closed; a fault is kept for health, and tried again.

    The pages are not looked after here but by their keeper, which needs no owner.
    """

    def __init__(
        self, log: EmbeddedLog, chores: Chores, *, now_ms: Callable[[], int] = _now_ms
    ) -> None:
        self._log, self._chores, self._now_ms = log, chores, now_ms
        self.fault = ""
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        hour_at = time.monotonic()
        while True:
            try:
                record_erasures(self._log, now_ms=self._now_ms())
                if time.monotonic() >= hour_at:
                    hour_at = time.monotonic() + self._chores.hour_s
                    before_ms = self._now_ms() - self._chores.keep_days * DAY_MS
                    self._log.events.expire(before_ms=before_ms)
                    self._chores.hourly()
                self.fault = ""
            except Exception as fault:  # the next round may find the disk healed; health tells
                self.fault = f"housekeeping: {fault}"
            if self._is_closing.wait(self._chores.tick_s):
                return

    def close(self) -> None:
        """Finish what is under way."""
        self._is_closing.set()
        self._thread.join()
