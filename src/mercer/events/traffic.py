"""What the console counts: searches, queries, latencies, dropped parts and events by hour.

Counts are sums, so the order of the records does not matter. Queries are counted in a sample: of each
day the MAX_SAMPLED pages whose ids hash lowest. That is a uniform sample that comes out the same in
any order; up to MAX_SAMPLED searches a day it is all of them and the counts are exact, above it a count
c of n searches is an estimate with a standard error of about sqrt(c * n / MAX_SAMPLED).

Source: bottom-k sampling, Cohen & Kaplan 2007, doi:10.1145/1281100.1281133.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.schema.time import DAY_MS

HOUR_MS = 3_600_000
MAX_SAMPLED = 10_000  # searches of a day whose queries are kept, and as many that found nothing
MAX_QUERY_CHARS = 100
MAX_NAME_CHARS = 40  # of a stage or a dropped part
BUCKETS_PER_OCTAVE = 4
BUCKET_ERROR = 2 ** (1 / (2 * BUCKETS_PER_OCTAVE)) - 1
"""A latency read back from its bucket is off by at most this share: 9 %."""
TOTAL = "total"  # the stage that stands for the whole request

F64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sampled:
    """One search in the sample of its day."""

    day_ms: int
    has_found: bool
    rank: int  # hash of the page id, 0..2**63 - 1; the lowest are kept
    query: str
    visitor_id: str | None
    served_ms: int


@dataclass(slots=True)
class PageCounts:
    """What a batch of pages adds."""

    # (hour, surface) -> pages, searches (first pages), of these without a match, pages without a part
    pages: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    latency: Counter[tuple[int, str, int]] = field(default_factory=Counter)  # hour, stage, bucket
    dropped: Counter[tuple[int, str]] = field(default_factory=Counter)  # hour, part
    sampled: list[Sampled] = field(default_factory=list)


_READ = (
    "page_id",
    "visitor_id",
    "served_ms",
    "surface",
    "q",
    "request",
    "found",
    "degraded",
    "timings_us",
    "took_us",
)


def page_counts(rows: pa.RecordBatch) -> PageCounts:
    """What rows of PAGE add to the counts."""
    out = PageCounts()
    columns = [rows.column(name).to_pylist() for name in _READ]
    for page_id, visitor_id, served_ms, surface, q, request, found, degraded, timings, took in zip(
        *columns, strict=True
    ):
        hour = served_ms - served_ms % HOUR_MS
        is_search = surface == "search" and _is_first(request)
        added = out.pages.setdefault((hour, surface), [0, 0, 0, 0])
        added[0] += 1
        added[1] += is_search
        added[2] += is_search and found == 0
        added[3] += bool(degraded)
        for stage, took_us in (*timings, (TOTAL, took)):
            out.latency[hour, stage[:MAX_NAME_CHARS], bucket_of(took_us)] += 1
        for part in {why.partition(":")[0][:MAX_NAME_CHARS] for why in degraded}:
            out.dropped[hour, part] += 1
        query = normalised(q)
        if is_search and query:
            day = served_ms - served_ms % DAY_MS
            rank = rank_of(page_id)
            out.sampled.append(Sampled(day, found > 0, rank, query, visitor_id, served_ms))
    return out


def _is_first(request: str) -> bool:
    """Whether the page is the first of its search; a later one is no search of its own."""
    try:
        return bool(json.loads(request).get("page", 1) == 1)
    except (ValueError, AttributeError):
        return True


def event_counts(rows: pa.RecordBatch) -> Counter[tuple[int, str, str, str]]:
    """(hour received, kind, standing, source) -> events, of rows of EVENT."""
    received = np.asarray(rows.column("received_ms"), np.int64)
    hours = (received - received % HOUR_MS).tolist()
    names = [rows.column(name).to_pylist() for name in ("kind", "standing", "source")]
    return Counter(zip(hours, *names, strict=True))


def normalised(q: str) -> str:
    """A query as it is counted: without case, with single spaces, cut."""
    return " ".join(q.casefold().split())[:MAX_QUERY_CHARS]


def rank_of(page_id: str) -> int:
    """Where a page stands in the sample of its day; uniform over 0..2**63 - 1."""
    drawn = blake2b(page_id.encode(), digest_size=8, person=b"traffic").digest()
    return int.from_bytes(drawn, "big") >> 1


def bucket_of(took_us: int) -> int:
    """The bucket of a latency; four to each doubling."""
    return math.floor(BUCKETS_PER_OCTAVE * math.log2(max(took_us, 1)))


def bucket_us(bucket: int) -> float:
    """The latency in the middle of a bucket."""
    return float(2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE))


def quantile_us(buckets: Sequence[tuple[int, int]], q: float) -> float:
    """A quantile of latencies in buckets, off by at most BUCKET_ERROR; NaN of none.

    Args:
        buckets: (bucket, n) in any order.
        q: in (0, 1].
    """
    ordered = sorted(buckets)
    total = sum(n for _, n in ordered)
    below = 0
    for bucket, n in ordered:
        below += n
        if below >= q * total:
            return bucket_us(bucket)
    return math.nan


@dataclass(frozen=True, slots=True)
class QueryCount:
    """How often a query was asked, and how sure that is."""

    query: str
    n: float
    error: float  # standard error; 0 where every search was counted


def top_queries(
    days: Iterable[tuple[int, Sequence[tuple[str, int]]]], *, limit: int
) -> list[QueryCount]:
    """The most frequent queries over some days, ties in alphabetical order.

    Args:
        days: for each day how many searches it had, and the queries of its sample with their counts.
    """
    n: Counter[str] = Counter()
    variance: Counter[str] = Counter()
    for total, sample in days:
        kept = sum(count for _, count in sample)
        weight = total / kept if kept else 0.0
        for query, count in sample:
            n[query] += count * weight  # type: ignore[assignment]  # a Counter of floats
            share = count / kept
            variance[query] += weight**2 * count * (1 - share) * (weight > 1)  # type: ignore[assignment]
    best = sorted(n, key=lambda query: (-n[query], query))[:limit]
    return [QueryCount(query, n[query], math.sqrt(variance[query])) for query in best]


@dataclass(frozen=True, slots=True)
class HourPages:
    """Pages of one hour, over all surfaces."""

    hour_ms: int
    pages: int
    searches: int
    zero: int
    degraded: int


@dataclass(frozen=True, slots=True)
class StageLatency:
    """Latency of a stage; off by at most BUCKET_ERROR."""

    stage: str
    n: int
    p50_us: float
    p99_us: float


@dataclass(frozen=True, slots=True)
class EventCount:
    """Events of one kind and standing."""

    kind: str
    standing: str
    n: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was counted between two instants."""

    hours: tuple[HourPages, ...]  # ascending; hours without a page are left out
    surfaces: tuple[tuple[str, int], ...]  # pages by surface, most first
    latency: tuple[StageLatency, ...]
    dropped: tuple[tuple[str, int], ...]  # parts, most often dropped first
    events: tuple[EventCount, ...]
    top: tuple[QueryCount, ...]  # of the days that the span touches
    zero: tuple[QueryCount, ...]
