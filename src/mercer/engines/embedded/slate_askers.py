"""For whom the slate of a page was ranked: whoever asked for the first page, not who turned to the next.

Anybody who has a cursor gets the frozen slate, so a later page may name another visitor, or none.
"""

from dataclasses import dataclass, replace
from typing import final

import pyarrow as pa

from mercer.engines.embedded.page_replay import asked_ms_of
from mercer.schema.page import Page


@dataclass(frozen=True, slots=True)
class _Asker:
    served_ms: int
    visitor_id: str | None
    session_id: str | None
    buyer_id: str | None


@final
class SlateAskers:
    """Who asked for the first page of each slate; grows by one entry per slate that is noted."""

    def __init__(self) -> None:
        self._of_cursor = dict[str, _Asker]()

    def note(self, rows: pa.RecordBatch) -> None:
        """Some rows of PAGE, in any order."""
        names = ("cursor", "served_ms", "visitor_id", "session_id", "buyer_id")
        columns = [rows.column(name).to_pylist() for name in names]
        for cursor, *who in zip(*columns, strict=True):
            asker, known = _Asker(*who), self._of_cursor.get(cursor)
            if cursor and (known is None or asker.served_ms < known.served_ms):
                self._of_cursor[cursor] = asker

    def as_ranked(self, page: Page) -> Page | None:
        """The page as if all of it had been asked for by whom its slate was ranked for.

        None where the log does not have the first page any more: it is older than what is kept, or its
        visitor was erased.
        """
        if not page.cursor or asked_ms_of(page) == page.served_ms:
            return page
        asker = self._of_cursor.get(page.cursor)
        if asker is None or asker.served_ms != asked_ms_of(page):
            return None
        return replace(
            page, visitor_id=asker.visitor_id, session_id=asker.session_id, buyer_id=asker.buyer_id
        )
