"""Looks through all pages of a log for damage: checksums, gaps, order."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path

from mercer.engines.embedded.log.page_folder import PageFile, PageFolder, SegmentName, partitions
from mercer.engines.embedded.log.page_journal import HEADER_BYTES, frames_of, is_open
from mercer.engines.embedded.log.page_log import stored_at
from mercer.engines.embedded.log.page_rows import ORDINAL
from mercer.engines.embedded.log.page_segment import content_fits, read_segment
from mercer.schema.errors import CorruptError


@dataclass(slots=True)
class PageCheck:
    """What was found."""

    n_files: int = 0
    n_pages: int = 0
    n_erased: int = 0  # ordinals whose pages were removed on purpose
    n_torn: int = 0  # journals that end within a frame: a kill, not a loss
    faults: list[str] = field(default_factory=list)


def check_pages(log: Path) -> PageCheck:
    """Read every file of every partition; safe while pages are written.

    Args:
        log: the folder `log/` of a market.
    """
    found = PageCheck()
    for folder in partitions(log):
        before = 0  # the first ordinals may have expired
        for file in folder.files():
            if before and file.first != before + 1:
                found.faults.append(
                    f"{file.path}: begins at ordinal {file.first}, {before + 1} is missing"
                )
            try:
                before = _check_file(folder, file, found)
            except FileNotFoundError:  # sealed meanwhile; what took its place was just written
                before = file.last or 0
            except CorruptError as fault:
                found.faults.append(str(fault))
                before = file.last or 0
    return found


def _check_file(folder: PageFolder, file: PageFile, found: PageCheck) -> int:
    """Check one file; its last ordinal."""
    found.n_files += 1
    if file.segment is not None:
        _check_segment(file.path, file.segment, found)
        return file.segment.last
    bad: list[int] = []
    n, end = 0, 0
    for n, frame in enumerate(frames_of(file.path), 1):
        end = frame.end
        if stored_at(frame.payload) is None:
            bad.append(n - 1)
    if file.last is None and is_open(file.path) and bad == [n - 1]:
        bad = []  # looked at while it was written
    found.n_pages += n - len(bad)
    found.faults += [f"{file.path}: page {file.first + i} is damaged" for i in bad]
    if file.path.stat().st_size > max(end, HEADER_BYTES) and not is_open(file.path):
        found.n_torn += 1
    last = file.first + n - 1
    if file.last is not None and last != file.last:
        found.faults.append(f"{file.path}: ends at ordinal {last}, {file.last} were written")
    return file.last if file.last is not None else last


def _check_segment(path: Path, name: SegmentName, found: PageCheck) -> None:
    if not content_fits(path, name):
        raise CorruptError(f"{path}: its content does not match its name; restore it from a backup")
    segment = read_segment(path)
    ordinals = [n for batch in segment.batches for n in batch.column(ORDINAL).to_pylist()]
    found.n_pages += len(ordinals)
    found.n_erased += segment.n_erased
    if segment.n_lost:
        found.faults.append(f"{path}: {segment.n_lost} pages could not be read when it was sealed")
    if len(ordinals) + segment.n_erased + segment.n_lost != name.n:
        found.faults.append(f"{path}: has {len(ordinals)} pages, its name says {name.n}")
    is_ordered = all(a < b for a, b in itertools.pairwise(ordinals))
    if not is_ordered or (ordinals and not name.first <= ordinals[0] <= ordinals[-1] <= name.last):
        found.faults.append(f"{path}: its ordinals are not in order, or beyond those of its name")
