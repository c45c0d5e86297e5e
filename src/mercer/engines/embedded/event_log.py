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
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.durable import sync_folder
from mercer.engines.embedded.event_hash import Hashes, hash_ids
from mercer.engines.embedded.event_id_store import MEMORY_IDS, EventIds
from mercer.engines.embedded.group_commit import GroupCommit
from mercer.engines.embedded.partition import Partition
from mercer.engines.embedded.sqlite_file import open_owned, open_shared
from mercer.events.log import Change, RecordKind
from mercer.events.upgrade import upgraded
from mercer.schema.arrow import require
from mercer.schema.errors import CorruptError, SchemaError, StorageError
from mercer.schema.event import EVENT

Bools = npt.NDArray[np.bool_]

INTERVAL_S = 0.005  # between the beginnings of two commits; far below the 20 ms that are promised
MAX_COMMIT_ROWS = 8_192
_FORMAT = 1
_EVENTS: Final = frozenset[RecordKind](("events",))
_PAGE_BYTES = 16_384  # records are larger than those of a catalogue
_READ_RECORDS = 32

_TABLES = """
create table if not exists record (
    position integer primary key autoincrement,
    n_rows integer not null,
    first_ms integer not null,
    last_ms integer not null,
    schema_id integer not null,
    n_bytes integer not null,
    payload blob not null
);
create table if not exists arrow_schema (schema_id integer primary key, body blob not null unique);
create table if not exists id_key (body blob not null);
"""
_INSERT = (
    "insert into record (n_rows, first_ms, last_ms, schema_id, n_bytes, payload) "
    "values (?, ?, ?, ?, ?, ?)"
)
_UPDATE = (
    "update record set n_rows = ?, first_ms = ?, last_ms = ?, schema_id = ?, n_bytes = ?, "
    "payload = ? where position = ?"
)

_CODEC = pa.Codec("zstd", compression_level=1)


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
        on_step: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._path, self._on_step = folder / "events.db", on_step
        self._lock = threading.Lock()  # of the owner's connection
        self._db: sqlite3.Connection | None = None
        if not is_owner:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._db = open_owned(self._path, _TABLES, format_version=_FORMAT, page_bytes=_PAGE_BYTES)
        sync_folder(folder)
        self._key = self._id_key(self._db)
        self._schema_id = self._id_of_schema(self._db)
        oldest = self._db.execute("select min(position) from record").fetchone()[0]
        first = int(oldest) if oldest is not None else self._end(self._db) + 1
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

    @staticmethod
    def _id_of_schema(db: sqlite3.Connection) -> int:
        body = EVENT.serialize().to_pybytes()
        db.execute("insert or ignore into arrow_schema (body) values (?)", (body,))
        found = db.execute("select schema_id from arrow_schema where body = ?", (body,)).fetchone()
        return int(found[0])

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
        record = self._record(table.combine_chunks().to_batches()[0])
        with self._lock:
            db = self._owned()
            db.execute("begin immediate")
            try:
                last = db.execute(_INSERT, record).lastrowid
                self._on_step("written")
                db.execute("commit")
            except BaseException:
                if db.in_transaction:
                    db.execute("rollback")
                raise
        assert last is not None
        return last

    def _record(self, rows: pa.RecordBatch) -> tuple[int, int, int, int, int, Any]:
        """The columns of `record`, but for the offset."""
        span = pc.min_max(rows.column("received_ms"))
        body = rows.serialize()
        payload = _CODEC.compress(body)
        return (
            rows.num_rows, span["min"].as_py(), span["max"].as_py(), self._schema_id, body.size,
            memoryview(payload),
        )  # fmt: skip

    def _owned(self) -> sqlite3.Connection:
        assert self._db is not None, "only the owner of a market writes its log"
        return self._db

    # -- removing ---------------------------------------------------------------------------------

    def rewrite(self, position: int, rows: pa.RecordBatch) -> None:
        """Put fewer rows in the place of a record, or none; its offset is not given again.

        What was there is overwritten in the file.
        """
        record = self._record(rows) if rows.num_rows else None
        with self._lock:
            db = self._owned()
            db.execute("pragma secure_delete=on")
            if record is None:
                db.execute("delete from record where position = ?", (position,))
            else:
                db.execute(_UPDATE, (*record, position))

    def expire(self, *, before_ms: int) -> int:
        """Remove the records whose last event came in before that time; how many events they had."""
        n_rows = 0
        while True:
            with self._lock:  # a few at a time: commits wait meanwhile
                db = self._owned()
                found = db.execute(
                    "select position, n_rows from record where last_ms < ? order by position limit ?",
                    (before_ms, _READ_RECORDS),
                ).fetchall()
                db.execute("pragma secure_delete=on")
                db.execute("begin immediate")
                db.executemany("delete from record where position = ?", [(at,) for at, _ in found])
                db.execute("commit")
            if not found:
                return n_rows
            n_rows += sum(n for _, n in found)

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
                    "select position, n_rows, n_bytes, payload, body from record "
                    "join arrow_schema using (schema_id) where position > ? "
                    "order by position limit ?",
                    (after, _READ_RECORDS),
                ).fetchall()
                for position, *record in found:
                    yield position, Change("events", self._rows(position, *record))
                    after = position
                if len(found) < _READ_RECORDS:
                    return

    def recent(self, *, limit: int) -> pa.RecordBatch:
        """The last `limit` events of the log, newest first."""
        parts: list[pa.RecordBatch] = []
        if self._path.exists():
            with closing(open_shared(self._path)) as db:
                for position, *record in db.execute(
                    "select position, n_rows, n_bytes, payload, body from record "
                    "join arrow_schema using (schema_id) order by position desc"
                ):
                    parts.insert(0, self._rows(position, *record))
                    if sum(part.num_rows for part in parts) >= limit:
                        break
        table = pa.Table.from_batches(parts, schema=EVENT)
        newest = np.arange(table.num_rows)[::-1][:limit]
        rows: pa.RecordBatch = pa.RecordBatch.from_struct_array(
            table.take(pa.array(newest)).to_struct_array().combine_chunks()
        )
        return rows

    def _rows(self, position: int, n_rows: int, n_bytes: int, payload: bytes, body: bytes) -> Any:
        try:
            schema = pa.ipc.read_schema(pa.py_buffer(body))
            plain = _CODEC.decompress(payload, decompressed_size=n_bytes)
            rows = pa.ipc.read_record_batch(plain, schema)
            rows = upgraded("events", rows)
        except (OSError, pa.ArrowException, SchemaError) as fault:
            raise CorruptError(
                f"{self._path}, position {position}: the record cannot be read ({fault}); "
                "restore the log folder from a backup"
            ) from fault
        if rows.num_rows != n_rows:
            raise CorruptError(
                f"{self._path}, position {position}: {rows.num_rows} rows, {n_rows} were written"
            )
        return rows

    @staticmethod
    def _end(db: sqlite3.Connection) -> int:
        # Not max(position): what retention removed was there once.
        row: Any = db.execute("select seq from sqlite_sequence where name = 'record'").fetchone()
        return int(row[0]) if row else 0

    def end(self) -> int:
        """The offset of the last record; 0 where there is none."""
        if not self._path.exists():
            return 0
        with closing(open_shared(self._path)) as db:
            return self._end(db)

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


_conforms: type[Partition] = EventLog
