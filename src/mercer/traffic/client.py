"""Sends what visitors and the shop system want sent, and counts what comes back. Thread-safe."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, final

import numpy as np

from mercer.simulate.people.shelf import Shelf
from mercer.simulate.people.step import (
    PER_PAGE,
    Judge,
    Role,
    Search,
    Served,
    Similar,
    Step,
    Tell,
    Who,
)
from mercer.traffic.page import served_of
from mercer.traffic.report import Report, Worths, judge_page
from mercer.traffic.shop import Page, Refused, Shop

OnJudged = Callable[[Search, str, Judge], None]
"""(search, id of its page, how it is measured): told of each page that somebody's need judges, before
anybody acts on it."""
PUT_ROWS = 200
EVENTS_PER_BATCH = 500
MAX_DEPTH = 10_000 // PER_PAGE * PER_PAGE  # as far as a market pages, in whole pages
TOO_MANY, MAX_RETRIES, MAX_RETRY_S = 429, 30, 30.0
_NOBODY = Who("", "", None)


@final
class Client:
    """Talks to one market; `lock` guards shelf and report, and is never held while it talks."""

    def __init__(
        self,
        shop: Shop,
        shelf: Shelf,
        report: Report,
        lock: AbstractContextManager[Any],
        *,
        seed: int,
        probe_share: float,
        on_progress: Callable[[Report], None],
        on_judged: OnJudged,
    ) -> None:
        self._shop, self._shelf, self._report, self._lock = shop, shelf, report, lock
        self._probe_share, self._probe_rng = probe_share, np.random.default_rng([seed, 103])
        self._on_progress, self._on_judged = on_progress, on_judged

    def perform(self, step: Step, role: Role) -> Served | None:
        """Send a step; the page that it brings, if it brings one."""
        match step:
            case Search() as search:
                return self._search(search)
            case Similar() as similar:
                return self._shown(self._asked(lambda: self._shop.similar(similar)))
            case Tell() as tell:
                self._tell(tell, role)
            case _:
                raise AssertionError(f"{type(step).__name__} is not sent")
        return None

    def _search(self, search: Search) -> Served:
        began = time.perf_counter()
        page = self._asked(lambda: self._shop.search(search))
        took_ms = (time.perf_counter() - began) * 1e3
        served = self._shown(page)
        worths = None
        if search.judge is not None and page.page_id:  # what was refused served nobody anything
            worths = judge_page(served, search.judge)
            with self._lock:
                is_probed = bool(self._probe_rng.random() < self._probe_share)
                place = int(self._probe_rng.integers(max(min(served.found, MAX_DEPTH), 1)))
            matches = self._random_matches(search, served, worths, is_probed, place)
            worths = replace(worths, matches=matches)
        with self._lock:
            self._report.took_ms.append(took_ms)
            if worths is not None and search.judge is not None:
                self._on_judged(search, page.page_id, search.judge)
                self._report.worths.append(worths)
                self._report.n_zero += not served.found
            self._on_progress(self._report)
        return served

    def _random_matches(
        self, search: Search, served: Served, worths: Worths, is_probed: bool, place: int
    ) -> float:
        """What random order over the match set is worth: known where the page shows all of it, else
        estimated from the page around one random match, without bias; NaN where nobody looked."""
        if served.found <= len(served):
            return worths.shuffled
        if not is_probed or search.judge is None:
            return float("nan")
        page = place // PER_PAGE + 1
        probe = Search(
            at_ms=search.at_ms, who=_NOBODY, q=search.q, filter=search.filter, sort=search.sort,
            page=page, cursor=served.cursor,
        )  # fmt: skip
        found = self._shown(self._asked(lambda: self._shop.search(probe)))
        utility = search.judge.utility[found.rows]
        return float(utility.mean()) if len(utility) else float("nan")

    def _shown(self, page: Page) -> Served:
        served = served_of(page, n_rows=len(self._shelf))
        with self._lock:
            self._shelf.see(served.rows, served.price_micros, served.quantity)
        return served

    def _asked(self, ask: Callable[[], Page]) -> Page:
        """The answer, or an empty page where the market refused; "too many" is tried again."""
        for _ in range(MAX_RETRIES):
            try:
                return ask()
            except Refused as refused:
                with self._lock:
                    self._report.refused[refused.status] += 1
                if refused.status != TOO_MANY:
                    break
                time.sleep(min(refused.retry_after_s, MAX_RETRY_S))
        return Page("", ())

    def _tell(self, tell: Tell, role: Role) -> None:
        with self._lock:
            self._report.count_events(role, tell.events)
        for first in range(0, len(tell.events), EVENTS_PER_BATCH):
            events = tell.events[first : first + EVENTS_PER_BATCH]
            sent_ms = self._shop.clock.now_ms() + tell.skew_ms
            try:
                verdicts = self._shop.tell(events, sent_ms=sent_ms)
            except Refused as refused:
                with self._lock:
                    self._report.refused[refused.status] += 1
                continue
            with self._lock:
                self._report.count_verdicts(verdicts)

    def put(self, listings: Sequence[Mapping[str, Any]]) -> None:
        """Tell the market which listings changed."""
        for first in range(0, len(listings), PUT_ROWS):
            try:
                verdicts = self._shop.put(listings[first : first + PUT_ROWS])
            except Refused as refused:
                with self._lock:
                    self._report.refused[refused.status] += 1
                continue
            with self._lock:
                self._report.put_verdicts.update(verdict for verdict, _ in verdicts)
                self._report.reasons.update(r[:120] for v, r in verdicts if v == "rejected")
