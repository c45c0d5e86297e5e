"""Page logs for tests: one in memory, and one whose disk never answers in time."""

import threading

from mercer.schema.page import Page, PageSummary
from mercer.serve.search.page_record import PageRecorder, RecordParams


def summary_of(page: Page) -> PageSummary:
    """What a list shows of it."""
    return PageSummary(
        page_id=page.page_id, served_ms=page.served_ms, surface=page.surface, q=page.q,
        request=page.request, found=page.found, n_shown=len(page.shown), took_us=page.took_us,
        visitor_id=page.visitor_id, degraded=page.degraded,
    )  # fmt: skip


class MemoryPages:
    """A page log in a list; stricter than the real one: an id twice is a fault."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.budgets_s: list[float] = []
        self._lock = threading.Lock()

    def write(self, page: Page, *, budget_s: float) -> bool:
        with self._lock:
            assert page.page_id not in self.pages, "a page was written twice"
            assert budget_s > 0
            self.budgets_s.append(budget_s)
            self.pages[page.page_id] = page
        return True

    def find(self, page_id: str) -> Page | None:
        return self.pages.get(page_id)

    def recent(self, *, limit: int, before_ms: int | None = None) -> list[PageSummary]:
        found = [p for p in self.pages.values() if before_ms is None or p.served_ms < before_ms]
        return [summary_of(p) for p in sorted(found, key=lambda p: p.page_id, reverse=True)[:limit]]


class SlowPages(MemoryPages):
    """Every write runs out of its time."""

    def write(self, page: Page, *, budget_s: float) -> bool:
        return False


def recorder_of(writer: MemoryPages, **params: float) -> PageRecorder:
    """Signs with the page, the listing and the place in clear text."""

    def sign(page_id, listing_ids, positions, sponsored):
        assert not any(sponsored)
        return [f"{page_id}/{one}/{at}" for one, at in zip(listing_ids, positions, strict=True)]

    return PageRecorder(writer, sign, params=RecordParams(**params))
