"""What the pages of the console show, made ready for their templates. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from mercer.events.recent import Ends, Seen, SeenEvent
from mercer.events.traffic import HOUR_MS, TOTAL, EventCount, QueryCount, StageLatency, Traffic
from mercer.schema.page import PageSummary
from mercer.schema.time import DAY_MS
from mercer.serve.console.chart import Chart, bar_chart
from mercer.serve.explain.explain import HitWhy, PageWhy
from mercer.serve.explain.words import STAGE_WORDS

RANGES: Mapping[str, tuple[str, int, int]] = {
    "day": ("24 hours", DAY_MS, HOUR_MS),
    "week": ("7 days", 7 * DAY_MS, 6 * HOUR_MS),
    "month": ("30 days", 30 * DAY_MS, DAY_MS),
}
"""Name of a range -> in words, its length, the step of its chart."""


@dataclass(frozen=True, slots=True)
class Row:
    """A label with a number and a bar of that share."""

    text: str
    n: float
    share: float  # of the largest, 0..1
    note: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class StageRow:
    """The latency of one stage."""

    stage: str
    words: str
    n: int
    p50: str
    p99: str
    share_p50: float
    share_p99: float


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page of the console."""

    span: str
    chart: Chart
    searches: int
    zero: int
    pages: int
    degraded: int
    p50: str
    p99: str
    errors: int
    events: int
    top: tuple[Row, ...]
    zero_queries: tuple[Row, ...]
    stages: tuple[StageRow, ...]
    event_rows: tuple[Row, ...]
    dropped: tuple[Row, ...]
    error_rows: tuple[Row, ...]
    surfaces: tuple[Row, ...]
    is_estimate: bool


def overview_of(
    traffic: Traffic | None, seen: Seen, *, name: str, since_ms: int, until_ms: int
) -> Overview:
    """The overview of a range; zeros where nothing was counted."""
    traffic = traffic or Traffic((), (), (), (), (), (), ())
    words, _, step_ms = RANGES[name]
    total = next((s for s in traffic.latency if s.stage == TOTAL), None)
    errors = [end for end in seen.ends if end.status >= 500 and end.hour_ms >= since_ms - HOUR_MS]
    return Overview(
        span=words,
        chart=_chart(traffic, since_ms=since_ms, until_ms=until_ms, step_ms=step_ms),
        searches=sum(h.searches for h in traffic.hours),
        zero=sum(h.zero for h in traffic.hours),
        pages=sum(h.pages for h in traffic.hours),
        degraded=sum(h.degraded for h in traffic.hours),
        p50="" if total is None else took(total.p50_us),
        p99="" if total is None else took(total.p99_us),
        errors=sum(end.n for end in errors),
        events=sum(e.n for e in traffic.events),
        top=query_rows(traffic.top),
        zero_queries=query_rows(traffic.zero),
        stages=stage_rows(traffic.latency),
        event_rows=_event_rows(traffic.events),
        dropped=rows_of(traffic.dropped),
        error_rows=_error_rows([e for e in seen.ends if e.hour_ms >= since_ms - HOUR_MS]),
        surfaces=rows_of(traffic.surfaces),
        is_estimate=any(q.error > 0 for q in (*traffic.top, *traffic.zero)),
    )


def _chart(traffic: Traffic, *, since_ms: int, until_ms: int, step_ms: int) -> Chart:
    first = since_ms - since_ms % step_ms
    sums = {ms: [0, 0] for ms in range(first, until_ms, step_ms)}
    for hour in traffic.hours:
        at = hour.hour_ms - hour.hour_ms % step_ms
        if at in sums:
            sums[at][0] += hour.searches
            sums[at][1] += hour.zero
    values = [(ms, n, zero) for ms, (n, zero) in sums.items()]
    return bar_chart(values, step_ms=step_ms, names=("searches", "without a result"))


def query_rows(queries: Sequence[QueryCount]) -> tuple[Row, ...]:
    """Queries with their counts; each leads to its search in the shop."""
    largest = max((q.n for q in queries), default=1.0)
    return tuple(
        Row(
            q.query, q.n, q.n / largest,
            note=f"about {q.n:,.0f}, give or take {q.error:,.0f}" if q.error else "",
            url="/?" + urlencode({"q": q.query}),
        )
        for q in queries
    )  # fmt: skip


def rows_of(pairs: Sequence[tuple[str, int]]) -> tuple[Row, ...]:
    """Plain counts."""
    largest = max((n for _, n in pairs), default=1)
    return tuple(Row(text, n, n / largest) for text, n in pairs)


def _event_rows(events: Sequence[EventCount]) -> tuple[Row, ...]:
    return rows_of(
        [(f"{e.kind}, {STANDING_WORDS.get(e.standing, e.standing)}", e.n) for e in events]
    )


STANDING_WORDS: Mapping[str, str] = {
    "signed": "signed",
    "none": "without a token",
    "forged": "forged token",
    "expired": "expired token",
}


def _error_rows(ends: Sequence[Ends]) -> tuple[Row, ...]:
    """Answers of 400 and above by route and status, most first."""
    sums: Counter[tuple[str, int]] = Counter()
    for end in ends:
        if end.status >= 400:
            sums[end.route, end.status] += end.n
    pairs = [(f"{status}  {route}", n) for (route, status), n in sums.most_common(12)]
    return rows_of(pairs)


def stage_rows(latency: Sequence[StageLatency]) -> tuple[StageRow, ...]:
    """Stages in the order in which a search takes them, all of it last."""
    order = {stage: i for i, stage in enumerate(STAGE_WORDS)}
    known = sorted(latency, key=lambda s: (s.stage == TOTAL, order.get(s.stage, 99), s.stage))
    largest = max((s.p99_us for s in latency), default=1.0)
    return tuple(
        StageRow(
            s.stage, "All of it" if s.stage == TOTAL else STAGE_WORDS.get(s.stage, s.stage), s.n,
            took(s.p50_us), took(s.p99_us), s.p50_us / largest, s.p99_us / largest,
        )
        for s in known
    )  # fmt: skip


def took(us: float) -> str:
    """A duration for people: 840 µs, 12.4 ms, 1.20 s."""
    if us < 1_000:
        return f"{us:.0f} µs"
    return f"{us / 1e3:.1f} ms" if us < 1e6 else f"{us / 1e6:.2f} s"


def moment(ms: int) -> str:
    """An instant for people, UTC."""
    return datetime.fromtimestamp(ms / 1e3, UTC).strftime("%Y-%m-%d %H:%M:%S")


def clock(ms: int) -> str:
    """The time of day, with milliseconds."""
    return datetime.fromtimestamp(ms / 1e3, UTC).strftime("%H:%M:%S.%f")[:-3]


# -- events -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EventQuery:
    """What the events debugger is asked for; "" for no restriction."""

    visitor: str = ""
    kind: str = ""
    verdict: str = ""
    standing: str = ""
    page: str = ""
    listing: str = ""

    def matches(self, event: SeenEvent) -> bool:
        """Whether an event is asked for."""
        return all(
            not wanted or wanted == have
            for wanted, have in (
                (self.visitor, event.visitor_id), (self.kind, event.kind),
                (self.verdict, event.verdict), (self.standing, event.standing),
                (self.page, event.page_id), (self.listing, event.listing_id),
            )
        )  # fmt: skip


def verdict_counts(events: Sequence[SeenEvent]) -> tuple[tuple[str, int], ...]:
    """How many of each verdict there are."""
    counts = Counter(event.verdict for event in events)
    return tuple((name, counts[name]) for name in ("accepted", "duplicate", "rejected"))


# -- pages ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageFilter:
    """Which pages the explorer lists; "" for no restriction."""

    q: str = ""  # a part of the query
    visitor: str = ""
    surface: str = ""
    only: str = ""  # "zero", "degraded"

    def matches(self, page: PageSummary) -> bool:
        """Whether a page is asked for."""
        return (
            self.q.casefold() in page.q.casefold()
            and self.visitor in ("", page.visitor_id)
            and self.surface in ("", page.surface)
            and (self.only != "zero" or page.found == 0)
            and (self.only != "degraded" or bool(page.degraded))
        )


@dataclass(frozen=True, slots=True)
class Slice:
    """One coloured piece of a bar, in percent of its width."""

    name: str
    x: float
    width: float
    text: str


def score_bar(hit: HitWhy, *, largest: float) -> tuple[Slice, ...]:
    """The parts of a score side by side; what takes away is not drawn, the table has it."""
    at, out = 0.0, []
    for part in hit.parts:
        width = 100 * max(part.value, 0.0) / largest if largest > 0 else 0.0
        if width > 0:
            out.append(
                Slice(part.name, round(at, 2), round(width, 2), f"{part.words}: {part.value:.4f}")
            )
            at += width
    return tuple(out)


def largest_bar(why: PageWhy) -> float:
    """The sum of what adds to the highest score; the width of a whole bar."""
    return max((sum(max(p.value, 0.0) for p in hit.parts) for hit in why.hits), default=0.0)


def time_bar(why: PageWhy) -> tuple[Slice, ...]:
    """The stages one after the other, as shares of the time that they took together."""
    total = max(sum(why.timings_us.values()), 1)
    at, out = 0.0, []
    for stage, us in why.timings_us.items():
        width = 100 * us / total
        out.append(
            Slice(
                stage, round(at, 2), round(width, 2), f"{STAGE_WORDS.get(stage, stage)}: {took(us)}"
            )
        )
        at += width
    return tuple(out)
