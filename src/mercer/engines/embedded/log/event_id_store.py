"""Which events the log has: hashes of their ids, recent ones in memory, older ones in sorted files.

    log/event-ids/<after>-<last>-<n>.ids    n hashes of the records after..last, ascending

All of it is a view of the event log: what is not in the files is read from the records when the log is
opened, so a file that is lost or broken costs time and nothing else.
"""

import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from mercer.engines.embedded.durable import sync_folder
from mercer.engines.embedded.log.event_hash import Hashes
from mercer.engines.embedded.log.event_ids import Bools, IdTable, Ints, Run, merge_runs

MEMORY_IDS = 1_000_000  # more go to a file; 32 MB
FLUSH_AT_CLOSE = 50_000  # fewer are read again from the records
_NAME = re.compile(r"(\d+)-(\d+)-(\d+)\.ids")


@dataclass(frozen=True, slots=True)
class _Frozen:
    """A full table on its way to a file."""

    table: IdTable
    after: int
    last: int


@final
class EventIds:
    """The set of ids; all methods but `close` belong to the one thread that commits.

    Args:
        folder: of the files; made where it is not there.
        first: offset of the oldest record that the log still has; older files are of no use.
        memory_ids: so many are kept in memory before they go to a file.
    """

    def __init__(self, folder: Path, *, first: int, memory_ids: int = MEMORY_IDS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._memory_ids = folder, memory_ids
        self._runs = _open_runs(folder, first=first)
        # So large at once that it need not grow while writers wait: that takes 50 ms.
        self._n_slots = 1 << (2 * memory_ids).bit_length()
        self._table = IdTable(self._n_slots)
        self._after = self._last = self._runs[-1].last if self._runs else first - 1
        self._frozen: _Frozen | None = None
        self._thread: threading.Thread | None = None
        self.fault = ""  # why the last flush failed; what it held stays in memory

    @property
    def last(self) -> int:
        """Offset of the last record whose ids are in the set."""
        return self._last

    def claim(self, ids: Hashes) -> tuple[Bools, Ints]:
        """(n,) whether each id is there already, also further up in `ids`; the others are put in.

        Returns:
            That, and what `release` takes to undo it, should the records not become durable.
        """
        is_known = np.zeros(len(ids), np.bool_)
        frozen = self._frozen
        for held in (*([frozen.table] if frozen else ()), *self._runs):
            held.mark(ids, is_known)
        return is_known, self._table.claim(ids, is_known)

    def release(self, slots: Ints) -> None:
        """Take the last claim back."""
        self._table.release(slots)

    def settle(self, last: int) -> None:
        """All that was claimed is durable in the records up to `last`; a full table goes to a file."""
        self._last = last
        if self._table.n >= self._memory_ids and (
            self._thread is None or not self._thread.is_alive()
        ):
            self._flush()

    def _flush(self) -> None:
        """Freeze the table and write it in the background."""
        if self._frozen is not None:  # its file could not be written; try that again first
            self._start()
            return
        self._frozen = _Frozen(self._table, self._after, self._last)
        self._table, self._after = IdTable(self._n_slots), self._last
        self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._write, name="event-ids", daemon=True)
        self._thread.start()

    def _write(self) -> None:
        frozen = self._frozen
        assert frozen is not None
        try:
            run = self._file(frozen.after, frozen.last, frozen.table.ascending())
            runs = [*self._runs, run]
            while len(runs) > 1 and len(runs[-2].hashes) <= 2 * len(runs[-1].hashes):
                runs[-2:] = [self._merged(*runs[-2:])]
        except OSError as fault:  # a full disk: nothing is lost, the ids stay in memory
            self.fault = f"event ids: {fault}; they stay in memory until the next attempt"
            return
        # One assignment each: whoever asks meanwhile finds an id in one of the two.
        self._runs = runs
        self._frozen, self.fault = None, ""

    def _file(self, after: int, last: int, hashes: Hashes) -> Run:
        path = self._folder / f"{after}-{last}-{len(hashes)}.ids"
        part = path.with_suffix(".part")
        with open(part, "wb") as file:
            file.write(hashes.data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        sync_folder(self._folder)
        return _open_run(path, after, last, len(hashes))

    def _merged(self, one: Run, other: Run) -> Run:
        """Both in one file; the two are removed, and mapped until nobody reads them."""
        n = len(one.hashes) + len(other.hashes)
        path = self._folder / f"{one.after}-{other.last}-{n}.ids"
        part = path.with_suffix(".part")
        with open(part, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 16 * n)  # a full disk says so here, not by SIGBUS
        merged = np.memmap(part, np.uint64, "r+", shape=(n, 2))
        merge_runs(one.hashes, other.hashes, merged)
        merged.flush()
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
        sync_folder(self._folder)
        for run in (one, other):
            (self._folder / f"{run.after}-{run.last}-{len(run.hashes)}.ids").unlink(missing_ok=True)
        return _open_run(path, one.after, other.last, n)

    def close(self) -> None:
        """Write what is worth a file, so that the next opening need not read its records."""
        if self._thread is not None:
            self._thread.join()
        if self._frozen is None and self._table.n >= FLUSH_AT_CLOSE:
            self._flush()
        if self._thread is not None:
            self._thread.join()


def _open_run(path: Path, after: int, last: int, n: int) -> Run:
    hashes: Hashes = (
        np.memmap(path, np.uint64, "r", shape=(n, 2)) if n else np.zeros((0, 2), np.uint64)
    )
    return Run(after, last, hashes)


def _open_runs(folder: Path, *, first: int) -> list[Run]:
    """Files that follow each other without a gap from before `first`; all others are removed."""
    found = []
    for path in folder.iterdir():
        name = _NAME.fullmatch(path.name)
        if name and path.stat().st_size == 16 * int(name[3]):
            found.append((int(name[1]), -int(name[2]), int(name[3]), path))
    runs: list[Run] = []
    kept = set()
    for after, last, n, path in sorted(found):  # of those that begin at one place the longest first
        follows = after == runs[-1].last if runs else after < first
        if follows and -last >= first:
            runs.append(_open_run(path, after, -last, n))
            kept.add(path)
    for path in folder.iterdir():
        if path not in kept:
            path.unlink()
    return runs
