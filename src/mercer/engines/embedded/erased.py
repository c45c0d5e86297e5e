"""Visitors whose removal from the pages was ordered and is not finished.

    log/erased.json    {"visitor id": when it was ordered, in ms, ...}

Whoever reads pages leaves theirs out from the moment that the file is there. The keeper removes the
rows; when no file holds one any more, the visitor leaves the list too.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.durable import write_durably
from mercer.schema.errors import CorruptError


@final
class ErasedVisitors:
    """The list, read again when the file changes."""

    def __init__(self, log: Path) -> None:
        self._log, self._path = log, log / "erased.json"
        self._seen: tuple[int, int, int] | None = None
        self._visitors: Mapping[str, int] = {}

    def visitors(self) -> Mapping[str, int]:
        """Who, and up to which served_ms; empty where nothing is pending."""
        try:
            stat = os.stat(self._path)
        except FileNotFoundError:
            self._seen, self._visitors = None, {}
            return self._visitors
        seen = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if seen != self._seen:
            try:
                told = msgspec.json.decode(self._path.read_bytes(), type=dict[str, int])
            except msgspec.DecodeError as fault:
                raise CorruptError(
                    f"{self._path} cannot be read: {fault}; order the erasures again "
                    "(mercer erase) and remove the file"
                ) from fault
            self._visitors, self._seen = told, seen
        return self._visitors

    def hides(self, visitor_id: str | None, served_ms: int) -> bool:
        """Whether such a page may not be shown any more."""
        return visitor_id is not None and self.visitors().get(visitor_id, -1) >= served_ms

    def kept(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of PAGE that may be shown."""
        hidden = hidden_rows(rows, self.visitors())
        return rows if hidden is None else rows.filter(pc.invert(hidden))

    def add(self, visitor_id: str, *, erased_ms: int) -> None:
        """Hide the pages of that visitor up to that instant; durable when this returns."""
        with self._changing() as visitors:
            visitors[visitor_id] = max(erased_ms, visitors.get(visitor_id, 0))

    def done(self, finished: Mapping[str, int]) -> None:
        """Those orders are carried out; a later order for the same visitor stays."""
        with self._changing() as visitors:
            for visitor_id, erased_ms in finished.items():
                if visitors.get(visitor_id, erased_ms + 1) <= erased_ms:
                    del visitors[visitor_id]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, int]]:
        """One process at a time changes the list."""
        self._log.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._log / ".erased", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._seen = None
            before = self.visitors()
            after = dict(before)
            yield after
            if after != before:
                write_durably(self._path, msgspec.json.encode(after))
        finally:
            os.close(handle)


def hidden_rows(rows: pa.RecordBatch | pa.Table, visitors: Mapping[str, int]) -> pa.Array | None:
    """(n,) whether a row of PAGE belongs to an erased visitor; None where none does."""
    if not visitors:
        return None
    ids = pa.array(list(visitors), pa.string())
    at = pc.index_in(rows["visitor_id"], value_set=ids)
    if at.null_count == len(at):
        return None
    limit = pc.take(pa.array(list(visitors.values()), pa.int64()), at)
    return pc.fill_null(pc.less_equal(rows["served_ms"], limit), False)
