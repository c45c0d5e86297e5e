"""Events of one request: judged here, made durable by the owner, answered one by one."""

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.events.collect import Arrival, CollectRules, collect
from mercer.events.recent import Recent
from mercer.events.token import KeyRing
from mercer.schema.judge import Judged
from mercer.serve.market import EventResult

Bools = npt.NDArray[np.bool_]

_SHOWN_CHARS = 200  # of an id that was refused


@final
class EventIntake:
    """What `put_events` does, in whichever process it runs. Thread-safe.

    Args:
        rules: of the market.
        ring: the keys as they are now.
        append: rows of EVENT made durable; for each whether it is new (False: its id was there).
        now_ms: the server's clock.
        recent: remembers the last ones for the console.
    """

    def __init__(
        self,
        *,
        rules: CollectRules,
        ring: Callable[[], KeyRing],
        append: Callable[[pa.RecordBatch], Bools],
        now_ms: Callable[[], int],
        recent: Recent | None = None,
    ) -> None:
        self._rules, self._ring = rules, ring
        self._append, self._now_ms = append, now_ms
        self._recent = recent

    def put(self, items: Sequence[Any], *, sent_ms: int | None, source: str) -> list[EventResult]:
        """One result for each of `items` (n,), in their order."""
        arrival = Arrival(received_ms=self._now_ms(), sent_ms=sent_ms, source=source)
        judged = collect(items, arrival=arrival, rules=self._rules, ring=self._ring())
        is_new = self._append(judged.rows) if len(judged.rows) else np.zeros(0, np.bool_)
        if self._recent is not None:
            at = arrival.received_ms
            self._recent.events_came(items, judged, is_new.tolist(), received_ms=at)
        return event_results(items, judged, is_new=is_new)


def event_results(items: Sequence[Any], judged: Judged, *, is_new: Bools) -> list[EventResult]:
    """The verdict on each item; `is_new` has one value for each of the judged rows."""
    results: list[EventResult | None] = [None] * len(items)
    ids = judged.rows.column("event_id").to_pylist()
    for place, event_id, new in zip(judged.kept.tolist(), ids, is_new.tolist(), strict=True):
        results[place] = EventResult(event_id, "accepted" if new else "duplicate")
    for one in judged.rejections:
        results[one.index] = EventResult(_given_id(items[one.index]), "rejected", one.reason)
    return [result for result in results if result is not None]


def _given_id(item: Any) -> str:
    given = item.get("event_id") if isinstance(item, dict) else None
    return given[:_SHOWN_CHARS] if isinstance(given, str) else ""
