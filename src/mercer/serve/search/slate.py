"""A slate: the frozen order of a search, and the cursors under which slates are kept.

The head (what was ranked) is an explicit list. The tail is every other match, best quality first; it
is laid out only when somebody pages that far.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from uuid_utils import uuid7

from mercer.rank.candidates import Head, sort_key
from mercer.retrieve import bitmap
from mercer.retrieve.bitmap import Bits
from mercer.retrieve.query import ParsedQuery
from mercer.retrieve.request import FacetValue, PriceStats, SearchRequest
from mercer.retrieve.segment import F32s, Segment
from mercer.serve.search.slate_pins import Pins

I64s = npt.NDArray[np.int64]
I32s = npt.NDArray[np.int32]

CURSOR_TTL_S = 600.0
MAX_SLATE_BYTES = 256 << 20
SLOT_END = "."


def slot_of(cursor: str) -> int | None:
    """The slot of the process that keeps a cursor's slate; None where it names none."""
    slot, end, _ = cursor.partition(SLOT_END)
    return int(slot) if end and slot.isascii() and slot.isdigit() and len(slot) < 6 else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of a slate."""

    row_id: int
    score: float
    sources: int  # LEXICAL | SEMANTIC; 0 where it was not ranked, only sorted


@dataclass(frozen=True, slots=True)
class Logged:
    """What the pages of a slate write down of how it was ranked, by place in its final order."""

    stages: tuple[str, ...]  # (n_stages,) names of the columns of `scores`
    scores: F32s  # (n_logged, n_stages); NaN where a stage has no score for a candidate
    features: F32s  # (n_kept, n_features) of the first places
    feature_set: str = ""  # hash; "" where no feature was computed
    counters_position: str = ""
    propensity: npt.NDArray[np.float64] | None = None  # (n_places,) of the first page's places


NOTHING_LOGGED = Logged((), np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32))


@dataclass(slots=True)
class Slate:
    """The order of all matches of one search. Thread-safe after it was made."""

    request: SearchRequest
    cursor: str
    generation: str
    segments: tuple[Segment, ...]
    matches: tuple[Bits, ...]  # of each segment, the filter applied
    head: Head
    found: int
    query: ParsedQuery
    degraded: tuple[str, ...]
    facet_counts: Mapping[str, tuple[FacetValue, ...]]
    price_stats: PriceStats | None
    catalogue_version: int = 0
    models: tuple[str, ...] = ()  # name@hash of what ranked, in stage order
    list_stats: Mapping[str, float] = field(default_factory=dict)  # for the page's record
    logged: "Logged" = field(default_factory=lambda: NOTHING_LOGGED)
    _tail: tuple[I32s, I64s] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def n_bytes(self) -> int:
        """About what it keeps in memory."""
        return (
            sum(bits.nbytes for bits in self.matches)
            + 12 * self.found
            + 32 * len(self.head.row)
            + (self.head.parts.values.nbytes if self.head.parts is not None else 0)
            + self.logged.scores.nbytes
            + self.logged.features.nbytes
            + 4_096
        )

    def entries(self, first: int, last: int) -> list[Entry]:
        """The places first..last - 1; fewer where the slate ends."""
        head, n_head = self.head, len(self.head.row)
        shown = slice(first, min(last, n_head))
        out = [
            Entry(self._row_id(part, row), score, sources)
            for part, row, score, sources in zip(
                head.part[shown].tolist(),
                head.row[shown].tolist(),
                head.score[shown].tolist(),
                head.sources[shown].tolist(),
                strict=True,
            )
        ]
        low, high = max(first - n_head, 0), last - n_head
        if high > low and self.found > n_head:
            part, row = self._laid_out_tail()
            out += [
                Entry(self._row_id(p, r), 0.0, 0)
                for p, r in zip(part[low:high], row[low:high], strict=True)
            ]
        return out

    def _row_id(self, part: int, row: int) -> int:
        return int(self.segments[part].row_id[row])

    def _laid_out_tail(self) -> tuple[I32s, I64s]:
        """Part and row of every match after the head, by the sort's key, quality, row id."""
        with self._lock:
            if self._tail is None:
                columns = [self._rest(i) for i in range(len(self.segments))]
                part, row, key, prior, row_id = (
                    np.concatenate(c) for c in zip(*columns, strict=True)
                )
                order = np.lexsort((row_id, -prior, key))
                self._tail = (part[order], row[order])
            return self._tail

    def _rest(self, i: int) -> tuple[npt.NDArray[Any], ...]:
        segment, rest = self.segments[i], self.matches[i].copy()
        bitmap.clear_rows(rest, self.head.row[self.head.part == i].astype(np.uint32))
        row = bitmap.rows_of(rest).astype(np.int64)
        key = sort_key(self.request.sort, segment)[row]
        return np.full(len(row), i, np.int32), row, key, segment.prior[row], segment.row_id[row]


class SlateStore:
    """Slates by cursor: kept for ten minutes, the least recently used go first. Thread-safe.

    Args:
        slot: of the process that keeps them; cursors name it, so that others can ask there.
    """

    def __init__(
        self,
        *,
        ttl_s: float = CURSOR_TTL_S,
        max_bytes: int = MAX_SLATE_BYTES,
        clock: Callable[[], float] = time.monotonic,
        slot: int | None = None,
    ) -> None:
        self._prefix = "" if slot is None else f"{slot}{SLOT_END}"
        self._ttl_s, self._max_bytes, self._clock = ttl_s, max_bytes, clock
        self._slates: OrderedDict[str, tuple[float, Slate]] = OrderedDict()
        self._bytes, self._pins = 0, Pins()
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """About what all slates keep in memory, with the segments that only they still need."""
        return self._bytes + self._pins.n_bytes

    def new_cursor(self) -> str:
        """A name that nobody can guess from another one's."""
        return f"{self._prefix}{uuid7()}"

    def keep(self, slate: Slate) -> None:
        """Remember a slate under its cursor."""
        with self._lock:
            self._slates[slate.cursor] = (self._clock() + self._ttl_s, slate)
            self._bytes += slate.n_bytes
            self._pins.pin(slate.segments)
            now = self._clock()
            while self._slates and (
                self.n_bytes > self._max_bytes or next(iter(self._slates.values()))[0] < now
            ):
                if len(self._slates) == 1 and self.n_bytes > self._max_bytes:
                    break  # a single giant slate is kept rather than made anew for each page
                dropped = self._slates.popitem(last=False)[1][1]
                self._bytes -= dropped.n_bytes
                self._pins.unpin(dropped.segments)

    def find(self, cursor: str) -> Slate | None:
        """The slate, or None where it was forgotten."""
        with self._lock:
            found = self._slates.get(cursor)
            if found is None or found[0] < self._clock():
                return None
            self._slates.move_to_end(cursor)
            return found[1]
