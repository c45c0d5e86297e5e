"""What happened in a run: counts, rates, and the true worth of what was shown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from mercer.metrics.sampling import Interval, bootstrap_mean
from mercer.simulate.people.examine import page_value
from mercer.simulate.people.step import PER_PAGE, Event, Judge, Role, Served

N_POSITIONS = 2 * PER_PAGE  # whose click rates are reported
N_RESAMPLES = 1_000
PEOPLE: Role = "person"


@dataclass(frozen=True, slots=True)
class Worths:
    """Mean true utility of one search's page, in [0, 1]."""

    served: float
    shuffled: float  # the listings of the page in random order, on average
    oracle: float  # the best of the whole catalogue, best first
    matches: float  # the match set in random order, on average; NaN where it was not looked at


def judge_page(served: Served, judge: Judge) -> Worths:
    """The page as it was shown, shuffled, and as an oracle would have filled it; `matches` is NaN."""
    utility = judge.utility[served.rows]
    top = -np.partition(-judge.utility, min(PER_PAGE, len(judge.utility)) - 1)[:PER_PAGE]
    best = -np.sort(-top)
    mean = utility.mean() if len(utility) else 0.0

    def value(shown: "np.ndarray[Any, Any]") -> float:
        return page_value(shown, patience=judge.patience, n_places=PER_PAGE)

    return Worths(
        served=value(utility),
        shuffled=value(np.full(len(utility), mean)),
        oracle=value(best),
        matches=float("nan"),
    )


@final
class Report:
    """Counts of one run; not thread-safe."""

    def __init__(self) -> None:
        self.n_searches = 0
        self.sessions: Counter[Role] = Counter()
        self.searches: Counter[Role] = Counter()
        self.events: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.put_verdicts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.refused: Counter[int] = Counter()
        self.reviews = 0
        self.missed_sales = 0  # carts that came back after the last piece was gone
        self.revenue_micros = 0
        self.n_zero = 0  # of the people's first pages
        self.worths: list[Worths] = []
        self.took_ms: list[float] = []
        self.impressions = np.zeros(N_POSITIONS + 1, np.int64)  # of people, by position
        self.clicks = np.zeros(N_POSITIONS + 1, np.int64)
        self.pages_shown = np.zeros(N_POSITIONS // PER_PAGE, np.int64)  # first, second, ... page
        self.query_words: Counter[int] = Counter()
        self.clicks_of: Counter[str] = Counter()  # by listing id
        self.sold_of: Counter[str] = Counter()
        self.clicks_in: Counter[str] = Counter()  # by session id
        self.buying_sessions: set[str] = set()
        self.page_clicks: Counter[int] = Counter()  # by page number

    def count_search(self, role: Role, *, q: str, page: int, is_judged: bool) -> None:
        """One request was made."""
        self.n_searches += 1
        self.searches[role] += 1
        if role == PEOPLE and page <= len(self.pages_shown):
            self.pages_shown[page - 1] += 1
        if is_judged:
            self.query_words[len(q.split())] += 1

    def count_events(self, role: Role, events: Sequence[Event]) -> None:
        """A batch was sent."""
        for event in events:
            kind = str(event["kind"])
            self.events[kind] += 1
            if role == PEOPLE:
                self._count_of_people(kind, event)

    def _count_of_people(self, kind: str, event: Event) -> None:
        position = int(event.get("position") or 0)
        listing, session = str(event["listing_id"]), str(event["session_id"])
        if kind == "impression" and position <= N_POSITIONS:
            self.impressions[position] += 1
        elif kind == "click":
            self.clicks[position if position <= N_POSITIONS else 0] += 1
            self.clicks_of[listing] += 1
            self.page_clicks[1 + max(position - 1, 0) // PER_PAGE] += 1
            self.clicks_in[session] += 1
        elif kind == "purchase":
            self.sold_of[listing] += int(event["quantity"])
            self.buying_sessions.add(session)
            self.revenue_micros += int(event["price_micros"]) * int(event["quantity"])

    def count_verdicts(self, verdicts: Sequence[tuple[str, str]]) -> None:
        """What the market said to a batch of events."""
        self.verdicts.update(verdict for verdict, _ in verdicts)
        self.reasons.update(reason[:120] for verdict, reason in verdicts if verdict == "rejected")

    def summary(self, *, seed: int) -> dict[str, Any]:
        """The whole report as one JSON object; rates are of people only, machines are counted apart."""
        impressions, clicks = int(self.impressions.sum()), int(self.clicks.sum())
        n_people = self.sessions[PEOPLE]
        buying = len(self.buying_sessions)
        return {
            "searches": self.n_searches,
            "sessions": sum(self.sessions.values()),
            "sessions_by_role": dict(sorted(self.sessions.items())),
            "searches_by_role": dict(sorted(self.searches.items())),
            "events": dict(sorted(self.events.items())),
            "verdicts": dict(sorted(self.verdicts.items())),
            "rejections": dict(self.reasons.most_common(5)),
            "listings_put": dict(sorted(self.put_verdicts.items())),
            "errors_5xx": sum(n for status, n in self.refused.items() if status >= 500),
            "refused": {str(status): n for status, n in sorted(self.refused.items())},
            "purchases": self.events["purchase"],
            "refunds": self.events["refund"],
            "reviews": self.reviews,
            "missed_sales": self.missed_sales,
            "revenue_micros": self.revenue_micros,
            "utility": self._utility(seed),
            "zero_result_rate": _share(self.n_zero, len(self.worths)),
            "click_rate": _share(clicks, impressions),
            "click_rate_by_position": [
                _share(int(c), int(n))
                for c, n in zip(self.clicks[1:], self.impressions[1:], strict=True)
            ],
            "clicks_by_position": self.clicks[1:].tolist(),
            "impressions_by_position": self.impressions[1:].tolist(),
            "clicks_by_page": [self.page_clicks[p] for p in range(1, 7)],
            "first_pages": int(self.pages_shown[0]),
            "sessions_with_click": _share(len(self.clicks_in), n_people),
            "conversion": _share(buying, n_people),
            "purchases_per_click": _share(self.events["purchase"], clicks),
            "clicks_per_session": _histogram(self.clicks_in),
            "clicks_per_listing": _histogram(self.clicks_of),
            "sold_per_listing": _histogram(self.sold_of),
            "query_words": {str(n): c for n, c in sorted(self.query_words.items())},
            "search_ms": _quantiles(self.took_ms),
        }

    def _utility(self, seed: int) -> dict[str, Any]:
        rng = np.random.default_rng([seed, 5])
        columns = {
            name: np.array([getattr(w, name) for w in self.worths], float)
            for name in ("served", "shuffled", "matches", "oracle")
        }
        looked_at = ~np.isnan(columns["matches"])
        gain = (columns["served"] - columns["matches"])[looked_at]
        return {
            "served": _interval(columns["served"], rng),
            "random_page": _interval(columns["shuffled"], rng),
            "random_matches": _interval(columns["matches"], rng),
            "oracle": _interval(columns["oracle"], rng),
            "served_over_random_matches": _interval(gain, rng),
            "share_of_oracle": _share(columns["served"].sum(), columns["oracle"].sum()),
        }


def _interval(values: "np.ndarray[Any, Any]", rng: np.random.Generator) -> dict[str, Any]:
    found: Interval = bootstrap_mean(values, rng, n_resamples=N_RESAMPLES)
    return {k: (None if v != v else round(v, 6)) for k, v in asdict(found).items()}


def _histogram(counts: Counter[str]) -> dict[str, int]:
    """How many have how much; those that have none are not in it."""
    return {str(n): k for n, k in sorted(Counter(counts.values()).items())}


def _share(part: float, whole: float) -> float | None:
    return round(float(part) / float(whole), 6) if whole else None


def _quantiles(values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {"p50": None, "p99": None}
    p50, p99 = np.quantile(values, [0.5, 0.99])
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2)}
