"""What becomes of closed journals when they are sealed: counted first, then given as rows, a few at a time.

Nobody writes a closed journal, so both see the same pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mercer.engines.embedded.log.page_folder import PageFile
from mercer.engines.embedded.log.page_frame import Stored
from mercer.engines.embedded.log.page_journal import frames_of
from mercer.engines.embedded.log.page_log import stored_at
from mercer.engines.embedded.log.page_rows import rows_of
from mercer.engines.embedded.log.page_segment import PAGES_PER_BATCH


@dataclass(frozen=True, slots=True)
class JournalRun:
    """Closed journals that follow each other, each of which has pages."""

    files: Sequence[PageFile]
    n: int  # ordinals that they stand for
    n_kept: int  # pages that are whole, and of nobody who was erased
    n_erased: int


def counted(files: Sequence[PageFile], due: Mapping[str, int]) -> JournalRun:
    """What some closed journals hold; an empty one, which is the newest, is left out.

    Args:
        files: they follow each other.
        due: visitors to be erased, and up to which time.
    Raises:
        CorruptError: one of them is no journal.
    """
    full: list[PageFile] = []
    n = n_kept = n_erased = 0
    for file in files:
        n_frames = 0
        for frame in frames_of(file.path):
            n_frames += 1
            page = stored_at(frame.payload)
            if page is not None and _is_due(page, due):
                n_erased += 1
            elif page is not None:
                n_kept += 1
        n_here = n_frames if file.last is None else file.last - file.first + 1
        if n_here:  # the slot's next writer takes the name of an empty one
            full.append(file)
            n += n_here
    return JournalRun(full, n, n_kept, n_erased)


def kept_rows(run: JournalRun, due: Mapping[str, int]) -> Iterator[pa.RecordBatch]:
    """The pages that `counted` counts as kept, PAGES_PER_BATCH at a time."""
    pages: dict[int, Stored] = {}
    for file in run.files:
        for ordinal, frame in enumerate(frames_of(file.path), file.first):
            page = stored_at(frame.payload)
            if page is None or _is_due(page, due):
                continue
            pages[ordinal] = page
            if len(pages) == PAGES_PER_BATCH:
                yield rows_of(list(pages.values()), list(pages))
                pages = {}
    if pages:
        yield rows_of(list(pages.values()), list(pages))


def _is_due(page: Stored, due: Mapping[str, int]) -> bool:
    return page.visitor_id is not None and due.get(page.visitor_id, -1) >= page.served_ms
