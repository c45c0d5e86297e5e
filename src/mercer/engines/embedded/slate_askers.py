"""For whom the slate of a page was ranked: whoever asked for the first page, not who turned to the next.

Anybody who has a cursor gets the frozen slate, so a later page may name another visitor, or none. A
page whose request named its own cursor was turned to; times do not tell, because a slate may be turned
within the millisecond in which it was ranked, and clocks are set back.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import pyarrow as pa

from mercer.schema.page import Page


@dataclass(frozen=True, slots=True)
class _Asker:
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
        names = ("cursor", "request", "visitor_id", "session_id", "buyer_id")
        columns = [rows.column(name).to_pylist() for name in names]
        for cursor, request, *who in zip(*columns, strict=True):
            if cursor and not (cursor in request and _is_turned(cursor, json.loads(request))):
                self._of_cursor[cursor] = _Asker(*who)

    def as_ranked(self, page: Page) -> Page | None:
        """The page as if all of it had been asked for by whom its slate was ranked for.

        None where the log does not have the first page any more: it is older than what is kept, or its
        visitor was erased.
        """
        if not page.cursor or not _is_turned(page.cursor, page.request):
            return page
        asker = self._of_cursor.get(page.cursor)
        if asker is None:
            return None
        return replace(
            page, visitor_id=asker.visitor_id, session_id=asker.session_id, buyer_id=asker.buyer_id
        )


def _is_turned(cursor: str, request: Mapping[str, Any]) -> bool:
    return request.get("cursor") == cursor
