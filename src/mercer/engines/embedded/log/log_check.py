"""Looks through a whole log for damage: checksums, gaps, order."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_log_check import check_pages
from mercer.engines.embedded.log.partition import Partition
from mercer.engines.embedded.sqlite_file import open_shared
from mercer.schema.errors import CorruptError


@dataclass(slots=True)
class LogCheck:
    """What was found; sound where `faults` is empty."""

    n_records: int = 0
    n_rows: int = 0
    n_page_files: int = 0
    n_pages: int = 0
    n_erased: int = 0  # pages that were removed on purpose
    n_torn: int = 0  # journals that a kill cut within a frame; no page that was acknowledged
    faults: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def check_log(
    folder: Path, log: EmbeddedLog, *, progress: Callable[[str, int], None] = lambda name, n: None
) -> LogCheck:
    """Read everything; another process may own the market and write meanwhile.

    Args:
        folder: `log/` of a market.
        log: the same, opened.
        progress: told the partition and the rows so far.
    """
    found = LogCheck()
    for name, part in (("catalogue", log.catalogue), ("events", log.events)):
        _check_partition(name, part, found, progress)
    for name in ("log.db", "events.db"):
        _check_database(folder / name, found)
    pages = check_pages(folder)
    found.n_page_files, found.n_pages = pages.n_files, pages.n_pages
    found.n_erased, found.n_torn = pages.n_erased, pages.n_torn
    found.faults += pages.faults
    return found


def _check_partition(
    name: str, part: Partition, found: LogCheck, progress: Callable[[str, int], None]
) -> None:
    """Read on behind a record that cannot be read, so that all of them are told."""
    before, end, n_rows = 0, part.end(), 0
    while before < end:
        try:
            for offset, change in part.read(before, kinds=part.kinds):
                if offset <= before:
                    found.faults.append(f"{name}: offset {offset} comes after {before}")
                before = offset
                found.n_records += 1
                n_rows += change.rows.num_rows
                progress(name, n_rows)
            break
        except CorruptError as fault:
            if str(fault) not in found.faults:
                found.faults.append(str(fault))
            before += 1
        except sqlite3.DatabaseError as fault:
            found.faults.append(f"{name}: cannot be read: {fault}; restore it from a backup")
            break
    found.n_rows += n_rows


def _check_database(path: Path, found: LogCheck) -> None:
    if not path.exists():
        return
    try:
        with closing(open_shared(path)) as db:
            told = [row[0] for row in db.execute("pragma quick_check(20)")]
    except sqlite3.DatabaseError as fault:
        told = [str(fault)]
    if told != ["ok"]:
        found.faults.append(f"{path}: {'; '.join(told)}; restore it from a backup")
