"""What one process saw a moment ago: the last events with their verdict, and how requests ended.

Rejected events are in no log, and neither are requests that failed, so this is where a developer finds
them. Bounded, in memory; `engines.embedded.recent_file` lets other processes read it.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from mercer.events.traffic import HOUR_MS
from mercer.schema.judge import Judged

MAX_EVENTS = 500
MAX_OF_BATCH = 100  # of one batch the first; a load test must not push all else out at no use
MAX_PER_S = MAX_EVENTS  # good ones; of further batches one each, for it is Python for each event
KEEP_HOURS = 48
MAX_ENDS = 200  # different (route, status) of one hour
_MAX_CHARS = 200
_SHOWN = (
    "event_id", "kind", "listing_id", "visitor_id", "session_id", "buyer_id", "page_id", "query",
    "order_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEvent:
    """An event as it came in, and what became of it; texts are cut to 200 characters."""

    received_ms: int
    verdict: str  # accepted, duplicate, rejected
    reason: str = ""  # of a rejection
    event_id: str = ""
    kind: str = ""
    standing: str = ""  # "" of a rejected one: its token was not looked at
    listing_id: str = ""
    visitor_id: str = ""
    session_id: str = ""
    buyer_id: str = ""
    page_id: str = ""
    query: str = ""
    order_id: str = ""
    position: int | None = None
    time_ms: int | None = None  # on our clock
    source: str = ""


@dataclass(frozen=True, slots=True)
class Ends:
    """How requests of one hour ended."""

    hour_ms: int
    route: str
    status: int
    n: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen, by one process or by several."""

    events: tuple[SeenEvent, ...] = ()  # newest first
    ends: tuple[Ends, ...] = ()
    since_ms: int = 0  # of the process that has been counting shortest

    @classmethod
    def together(cls, parts: Iterable["Seen"]) -> "Seen":
        """What several processes saw."""
        found = list(parts)
        events = sorted((e for one in found for e in one.events), key=lambda e: -e.received_ms)
        sums: Counter[tuple[int, str, int]] = Counter()
        for end in (end for one in found for end in one.ends):
            sums[end.hour_ms, end.route, end.status] += end.n
        return cls(
            tuple(events),
            tuple(Ends(*key, n) for key, n in sorted(sums.items())),
            max((one.since_ms for one in found), default=0),
        )

    def without(self, visitors: Mapping[str, int]) -> "Seen":
        """The same without the events of visitors that came in up to their times."""
        return Seen(tuple(_of_others(self.events, visitors)), self.ends, self.since_ms)


def _of_others(events: Iterable[SeenEvent], visitors: Mapping[str, int]) -> list[SeenEvent]:
    return [one for one in events if visitors.get(one.visitor_id, -1) < one.received_ms]


@final
@dataclass(slots=True)
class Recent:
    """The memory of one process. Thread-safe."""

    now_ms: Callable[[], int]
    since_ms: int = 0
    _events: deque[SeenEvent] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS))
    _ends: Counter[tuple[int, str, int]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    n_changes: int = 0  # counts up with every change
    _second: int = 0
    _left: int = 0  # of MAX_PER_S in that second

    def __post_init__(self) -> None:
        """Start counting."""
        self.since_ms = self.since_ms or self.now_ms()

    def remember(self, before: Seen) -> None:
        """Take over what this process saw before it was started again."""
        with self._lock:
            self._events.extend(reversed(before.events))
            self._ends.update({(e.hour_ms, e.route, e.status): e.n for e in before.ends})

    def events_came(
        self, items: Sequence[Any], judged: Judged, is_new: Sequence[bool], *, received_ms: int
    ) -> None:
        """Note a batch of events: of the good ones the first, of the bad ones the first."""
        n_good = self._taken(min(judged.rows.num_rows, MAX_OF_BATCH), second=received_ms // 1_000)
        good = judged.rows.slice(0, n_good).to_pylist()
        seen = [
            _accepted(row, received_ms, "accepted" if new else "duplicate")
            for row, new in zip(good, is_new[:n_good], strict=True)
        ]
        seen += [
            _rejected(items[one.index], received_ms, one.reason)
            for one in judged.rejections[:MAX_OF_BATCH]
        ]
        with self._lock:
            self._events.extend(seen)
            self.n_changes += 1

    def _taken(self, n: int, *, second: int) -> int:
        """How many of n good events may be noted."""
        with self._lock:
            if second != self._second:
                self._second, self._left = second, MAX_PER_S
            taken = min(n, max(self._left, 1))
            self._left -= taken
            return taken

    def request_ended(self, route: str, status: int) -> None:
        """Note how a request ended."""
        now = self.now_ms()
        key = (now - now % HOUR_MS, route, status)
        with self._lock:
            if key not in self._ends and len(self._ends) >= MAX_ENDS * KEEP_HOURS:
                return
            self._ends[key] += 1
            self.n_changes += 1

    def forget(self, visitors: Mapping[str, int]) -> None:
        """Forget the events of visitors that came in up to their times."""
        if not visitors:
            return
        with self._lock:
            kept = _of_others(self._events, visitors)
            if len(kept) < len(self._events):
                self._events = deque(kept, maxlen=MAX_EVENTS)
                self.n_changes += 1

    def seen(self) -> Seen:
        """What is remembered now; hours that are too old are forgotten."""
        oldest = self.now_ms() - KEEP_HOURS * HOUR_MS
        with self._lock:
            for key in [key for key in self._ends if key[0] < oldest]:
                del self._ends[key]
            events, ends = tuple(reversed(self._events)), sorted(self._ends.items())
        return Seen(events, tuple(Ends(*key, n) for key, n in ends), self.since_ms)


def _accepted(row: Mapping[str, Any], received_ms: int, verdict: str) -> SeenEvent:
    return SeenEvent(
        received_ms=received_ms,
        verdict=verdict,
        standing=row["standing"],
        position=row["position"],
        time_ms=row["time_ms"],
        source=row["source"],
        **_texts(row),
    )


def _rejected(item: Any, received_ms: int, reason: str) -> SeenEvent:
    given = item if isinstance(item, dict) else {}
    return SeenEvent(
        received_ms=received_ms, verdict="rejected", reason=reason[:_MAX_CHARS], **_texts(given)
    )


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    """The shown fields that are text; what a client sent may be anything."""
    return {
        name: value[:_MAX_CHARS] for name in _SHOWN if isinstance(value := values.get(name), str)
    }
