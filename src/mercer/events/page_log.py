"""The role "page log": every served page, written before its reply and found again by its id."""

from typing import Protocol

from mercer.schema.page import Page, PageSummary


class PageWriter(Protocol):
    """Takes pages in, one at a time, within the budget of the request that made them.

    Laws (tests/contract/test_page_log.py):
    1. a page whose `write` returned True is found, equal, also after the process was killed;
    2. `write` returns within its budget, whatever the disk does, and never raises for the disk's sake;
    3. a page is there at most once, also when a write that returned False lands later.
    """

    def write(self, page: Page, *, budget_s: float) -> bool:
        """Whether the page was written within the budget.

        Where it was not, the page is served without item tokens (they would name a page that nobody
        knows) and `degraded` says so.
        """
        ...


class PageFinder(Protocol):
    """Gives pages back, the newest included."""

    def find(self, page_id: str) -> Page | None:
        """The page of that id (a UUIDv7); None where the log has none."""
        ...

    def recent(self, *, limit: int, before_ms: int | None = None) -> list[PageSummary]:
        """The newest pages, newest first.

        Args:
            limit: >= 1.
            before_ms: only pages served before this instant; None: all.
        """
        ...
