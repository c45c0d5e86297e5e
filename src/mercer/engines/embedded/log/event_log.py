"""The partition `events`: one record for all events that were committed together, in SQLite.

    log/events.db     WAL, synchronous=FULL; a record is a zstd-compressed Arrow IPC record batch
    log/event-ids/    which events there are (`event_id_store.py`), a view of the records

Writers wait for a commit that takes all who wait; while one runs, the next gathers.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.engines.embedded.durable import sync_folder
from mercer.engines.embedded.group_commit import GroupCommit
from mercer.engines.embedded.log.event_hash import Hashes, hash_ids
from mercer.engines.embedded.log.event_id_store import MEMORY_IDS, EventIds
from mercer.engines.embedded.log.event_records import (
    FORMAT,
    INSERT,
    MARK,
    MARKS,
    OLDEST,
    PAGE_BYTES,
    SELECT,
    TABLES,
    UPDATE,
    newest,
    packed,
    schema_id_of,
    unpacked,
)
from mercer.engines.embedded.log.partition import Partition
from mercer.engines.embedded.sqlite_file import last_offset, open_owned, open_shared, transaction
from mercer.events.log import Change, RecordKind
from mercer.schema.arrow import require
from mercer.schema.errors import StorageError
from mercer.schema.event import EVENT

Bools = npt.NDArray[np.bool_]

INTERVAL_S = 0.005  # between the beginnings of two commits; far below the 20 ms that are promised
MAX_COMMIT_ROWS = 8_192
_EVENTS: Final = frozenset[RecordKind](("events",))
_READ_RECORDS = 32


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one writer brings."""

    rows: pa.RecordBatch
    ids: Hashes


@final
class EventLog:
    """Events in a folder. One process owns it; its methods are thread-safe.

    Args:
        folder: of the log; made where it is not there.
        is_owner: this process writes; else the log is only read, and may not be there yet.
        interval_s: at least so long between the beginnings of two commits.
        memory_ids: so many ids are kept in memory before they go to a file.
        catalogue_end: up to where the partition of the catalogue is committed; each record is marked
            with it, so that whoever joins events with listings does it the same way every time.
        on_step: told of "claimed", "written" and "committed" inside a commit; what it raises before
            "committed" makes the commit fail. For tests of crashes.
    """

    kinds: Final = _EVENTS

    def __init__(
        self,
        folder: Path,
        *,
        is_owner: bool = True,
        interval_s: float = INTERVAL_S,
        memory_ids: int = MEMORY_IDS,
        catalogue_end: Callable[[], int] = lambda: 0,
        on_step: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._path, self._on_step = folder / "events.db", on_step
        self._lock = threading.Lock()  # of the owner's connection
        self._db: sqlite3.Connection | None = None
        if not is_owner:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._db = open_owned(self._path, TABLES, format_version=FORMAT, page_bytes=PAGE_BYTES)
        sync_folder(folder)
        self._key = self._id_key(self._db)
        self._schema_id = schema_id_of(self._db)
        self._catalogue_end = catalogue_end
        self._marked = self._first_mark(self._db)
        oldest = self._db.execute("select min(position) from record").fetchone()[0]
        first = int(oldest) if oldest is not None else last_offset(self._db) + 1
        self._ids = EventIds(folder / "event-ids", first=first, memory_ids=memory_ids)
        self._recover_ids()
        self._commits = GroupCommit(
            self._commit,
            interval_s=interval_s,
            max_batch=MAX_COMMIT_ROWS,
            weigh=lambda batch: batch.rows.num_rows,
        )

    @staticmethod
    def _id_key(db: sqlite3.Connection) -> bytes:
        """The market's own key of the hashes, made with the file."""
        row = db.execute("select body from id_key").fetchone()
        if row is None:
            row = (os.urandom(16),)
            db.execute("insert into id_key values (?)", row)
        return bytes(row[0])

    def _first_mark(self, db: sqlite3.Connection) -> int:
        """The newest mark; records of a version that made none are marked with the catalogue of today."""
        row = db.execute("select catalogue from catalogue_at order by position desc").fetchone()
        if row is None:
            row = (self._catalogue_end() if last_offset(db) else 0,)
            db.execute(MARK, (0, *row))
        return int(row[0])

    def _recover_ids(self) -> None:
        """Ids of the records that are in no file yet."""
        for offset, change in self.read(self._ids.last):
            self._ids.claim(hash_ids(change.rows.column("event_id"), key=self._key))
            self._ids.settle(offset)

    # -- writing ----------------------------------------------------------------------------------

    def append(self, rows: pa.RecordBatch) -> Bools:
        """Make events durable, together with whoever else waits.

        Args:
            rows: (n,) of EVENT.
        Returns:
            (n,) whether the log had an event of that id already, or `rows` has it further up; these
            were left out.
        Raises:
            SchemaError: `rows` are not of EVENT; nothing was kept.
            StorageError: the storage failed; nothing of this call was acknowledged, and it may be
                tried again as it is.
        """
        return self.begin(rows).result()

    def begin(self, rows: pa.RecordBatch) -> "Future[Bools]":
        """As `append`, without waiting: the result, or what was raised, comes with the future."""
        rows = require(rows, EVENT, at="log record of events").select(EVENT.names)
        ids = hash_ids(rows.column("event_id"), key=self._key)
        return self._commits.begin(_Batch(rows, ids))

    def _commit(self, batches: Sequence[_Batch]) -> Sequence[Bools]:
        is_known, slots = self._ids.claim(np.concatenate([batch.ids for batch in batches]))
        try:
            self._on_step("claimed")
            if len(slots):
                last = self._write([batch.rows for batch in batches], is_known)
        except BaseException as fault:
            # They are not in the log: whoever tries again must not hear "duplicate".
            self._ids.release(slots)
            if isinstance(fault, sqlite3.Error | OSError):
                raise StorageError(
                    f"{self._path}: the events could not be stored ({fault}); "
                    "nothing of this batch was taken, send it again"
                ) from fault
            raise
        if len(slots):
            self._ids.settle(last)
            self._on_step("committed")
        return np.split(is_known, np.cumsum([batch.rows.num_rows for batch in batches])[:-1])

    def _write(self, batches: Sequence[pa.RecordBatch], is_known: Bools) -> int:
        """Commit one record of the rows that are new; its offset."""
        table = pa.Table.from_batches(batches)
        if is_known.any():
            table = table.filter(pa.array(~is_known))
        record = packed(table.combine_chunks().to_batches()[0], schema_id=self._schema_id)
        catalogue = max(self._catalogue_end(), self._marked)
        with self._lock, transaction(self._owned()) as db:
            last = db.execute(INSERT, record).lastrowid
            if catalogue != self._marked:
                db.execute(MARK, (last, catalogue))
            self._on_step("written")
        assert last is not None
        self._marked = catalogue
        return last

    def _owned(self) -> sqlite3.Connection:
        assert self._db is not None, "only the owner of a market writes its log"
        return self._db

    # -- removing ---------------------------------------------------------------------------------

    def rewrite(self, position: int, rows: pa.RecordBatch) -> None:
        """Put fewer rows in the place of a record, or none; its offset is not given again.

        What was there is overwritten in the file.
        """
        record = packed(rows, schema_id=self._schema_id) if rows.num_rows else None
        with self._lock:
            db = self._owned()
            db.execute("pragma secure_delete=on")
            if record is None:
                db.execute("delete from record where position = ?", (position,))
            else:
                db.execute(UPDATE, (*record, position))

    def expire(self, *, before_ms: int) -> int:
        """Remove the records whose last event came in before that time; how many events they had."""
        n_rows = 0
        while True:
            with self._lock:  # a few at a time: commits wait meanwhile
                db = self._owned()
                found = db.execute(OLDEST, (before_ms, _READ_RECORDS)).fetchall()
                db.execute("pragma secure_delete=on")
                with transaction(db):
                    gone = [(at,) for at, _ in found]
                    db.executemany("delete from record where position = ?", gone)
                    if gone:
                        db.execute("insert into expired values (?)", max(gone))
            if not found:
                return n_rows
            n_rows += sum(n for _, n in found)

    def expired_up_to(self) -> int:
        """The last record that was removed because of its age; 0 of none."""
        if not self._path.exists():
            return 0
        with closing(open_shared(self._path)) as db:
            if not _has_table(db, "expired"):
                return 0
            row = db.execute("select max(up_to) from expired").fetchone()
        return int(row[0] or 0)

    def n_before(self, *, before_ms: int) -> int:
        """How many events `expire` would remove."""
        if not self._path.exists():
            return 0
        with closing(open_shared(self._path)) as db:
            found = db.execute("select sum(n_rows) from record where last_ms < ?", (before_ms,))
            return int(found.fetchone()[0] or 0)

    def checkpoint(self) -> None:
        """Leave nothing of what was removed in the file beside the database."""
        with self._lock:
            self._owned().execute("pragma wal_checkpoint(truncate)")

    # -- reading ----------------------------------------------------------------------------------

    def read(
        self, after: int, *, kinds: Collection[RecordKind] = _EVENTS
    ) -> Iterator[tuple[int, Change]]:
        """(offset, record) after that offset; a snapshot of the file's state at each few records."""
        if "events" not in kinds or not self._path.exists():
            return
        with closing(open_shared(self._path)) as db:
            while True:
                found = db.execute(
                    f"{SELECT} where position > ? order by position limit ?",
                    (after, _READ_RECORDS),
                ).fetchall()
                for record in found:
                    yield record[0], Change("events", unpacked(record, at=self._path))
                    after = record[0]
                if len(found) < _READ_RECORDS:
                    return

    def marks(self, first: int, last: int) -> list[tuple[int, int]]:
        """(record, catalogue), ascending: how the catalogue stood when records first to last were written.

        A mark holds for its record and all behind it until the next; the first one may lie before
        `first`.
        """
        if not self._path.exists():
            return []
        with closing(open_shared(self._path)) as db:
            has_marks = _has_table(db, "catalogue_at")
            return db.execute(MARKS, (first, last)).fetchall() if has_marks else []

    def recent(self, *, limit: int) -> pa.RecordBatch:
        """The last `limit` events of the log, newest first."""
        return newest(self._path, limit=limit)

    def end(self) -> int:
        """The offset of the last record; 0 where there is none."""
        if not self._path.exists():
            return 0
        with closing(open_shared(self._path)) as db:
            return last_offset(db)

    def n_rows(self, after: int, *, kinds: Collection[RecordKind] = _EVENTS) -> int:
        """Events after that offset."""
        if "events" not in kinds or not self._path.exists():
            return 0
        with closing(open_shared(self._path)) as db:
            found = db.execute("select sum(n_rows) from record where position > ?", (after,))
            return int(found.fetchone()[0] or 0)

    def faults(self) -> tuple[str, ...]:
        """What does not work as it should while events are taken all the same."""
        return (self._ids.fault,) if self._db is not None and self._ids.fault else ()

    def close(self) -> None:
        """Commit what waits and give the files back; the log can be opened again."""
        if self._db is None:
            return
        self._commits.close()
        self._ids.close()
        with self._lock:
            self._db.close()


def _has_table(db: sqlite3.Connection, name: str) -> bool:
    """False in a file that no owner opened since there is such a table."""
    found = db.execute("select 1 from sqlite_master where name = ?", (name,))
    return found.fetchone() is not None


_conforms: type[Partition] = EventLog
