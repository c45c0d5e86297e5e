"""The log in a folder: SQLite for small records, one immutable Parquet file for each large one.

    log/log.db                     WAL, synchronous=FULL; the row of a large record names its file
    log/files/<kind>-<sha256>.parquet

A file is written under another name, synced and renamed before its record is committed, so a crash in
between leaves a file that nothing names, never a record without its file.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from mercer.engines.embedded.durable import sync_folder, write_durably
from mercer.events.log import CHANGE_SCHEMAS, Change, ChangeKind, Entry, Log
from mercer.schema.arrow import require
from mercer.schema.errors import CorruptError

INLINE_ROWS = 64  # more go into a file
INLINE_BYTES = 256 * 1024
_READ_RECORDS = 256
_FORMAT = 1

_TABLES = """
create table if not exists record (
    position integer primary key autoincrement,
    kind text not null,
    n_rows integer not null,
    file text,
    payload blob
);
create table if not exists format (version integer not null);
"""


@final
class SqliteLog:
    """The embedded log. One process writes; `append` may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._files = folder / "files"
        self._files.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._path = folder / "log.db"
        try:
            self._db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=full")
            self._db.executescript(_TABLES)
            self._check_format()
        except sqlite3.DatabaseError as fault:
            raise CorruptError(f"{self._path} cannot be opened as a log: {fault}") from fault
        sync_folder(folder)

    def _check_format(self) -> None:
        row = self._db.execute("select version from format").fetchone()
        if row is None:
            self._db.execute("insert into format values (?)", (_FORMAT,))
        elif row[0] != _FORMAT:
            raise CorruptError(
                f"{self._path} has format {row[0]}, this version of Mercer reads {_FORMAT}; "
                "open it with the version that wrote it"
            )

    def append(self, changes: Sequence[Change]) -> int:
        """Make all changes durable in one step; the position of the last one."""
        records = [self._prepared(change) for change in changes]
        with self._lock:
            self._db.execute("begin immediate")
            try:
                for record in records:
                    self._db.execute(
                        "insert into record (kind, n_rows, file, payload) values (?, ?, ?, ?)",
                        record,
                    )
                self._db.execute("commit")
            except BaseException:
                self._db.execute("rollback")
                raise
            return self._end()

    def _prepared(self, change: Change) -> tuple[str, int, str | None, bytes | None]:
        """The row of a record; a large one is written to its file first."""
        rows = require(change.rows, CHANGE_SCHEMAS[change.kind], at=f"log record of {change.kind}")
        if rows.num_rows <= INLINE_ROWS and rows.nbytes <= INLINE_BYTES:
            return change.kind, rows.num_rows, None, msgspec.json.encode(rows.to_pylist())
        sink = pa.BufferOutputStream()
        pq.write_table(
            pa.Table.from_batches([rows]),
            sink,
            compression="zstd",
            compression_level=1,
            use_dictionary=False,  # half the time of writing; zstd finds the repeats
            write_statistics=False,
        )
        data = sink.getvalue()
        name = f"{change.kind}-{hashlib.sha256(data).hexdigest()}.parquet"
        if not (self._files / name).exists():
            write_durably(self._files / name, data)
        return change.kind, rows.num_rows, name, None

    def read(self, *, after: int) -> Iterator[Entry]:
        """The records after that position; a snapshot of the file's state at each few hundred."""
        with closing(sqlite3.connect(self._path, isolation_level=None)) as db:
            while True:
                found = db.execute(
                    "select position, kind, n_rows, file, payload from record "
                    "where position > ? order by position limit ?",
                    (after, _READ_RECORDS),
                ).fetchall()
                for position, kind, n_rows, file, payload in found:
                    yield Entry(position, self._change(position, kind, n_rows, file, payload))
                    after = position
                if len(found) < _READ_RECORDS:
                    return

    def _change(
        self, position: int, kind: ChangeKind, n_rows: int, file: str | None, payload: bytes | None
    ) -> Change:
        schema = CHANGE_SCHEMAS.get(kind)
        if schema is None:
            raise CorruptError(f"{self._path}, position {position}: unknown kind {kind!r}")
        try:
            rows = self._from_file(file, schema) if file else _from_json(payload or b"", schema)
        except (OSError, pa.ArrowException, msgspec.DecodeError) as fault:
            raise CorruptError(
                f"{self._path}, position {position}: {file or 'record'} cannot be read ({fault}); "
                "restore the log folder from a backup"
            ) from fault
        if rows.num_rows != n_rows:
            raise CorruptError(
                f"{self._path}, position {position}: {rows.num_rows} rows, {n_rows} were written"
            )
        return Change(kind, rows)

    def _from_file(self, name: str, schema: pa.Schema) -> pa.RecordBatch:
        data = (self._files / name).read_bytes()
        if hashlib.sha256(data).hexdigest() not in name:
            raise OSError("its content does not match its name")
        table = pq.read_table(pa.BufferReader(data)).cast(schema)
        return (
            table.combine_chunks().to_batches()[0] if table.num_rows else _from_json(b"[]", schema)
        )

    def orphans(self) -> list[Path]:
        """Files that no record names: left by a crash between file and record; safe to remove."""
        with self._lock:
            named = {r[0] for r in self._db.execute("select distinct file from record")}
        return sorted(p for p in self._files.iterdir() if p.name not in named)

    def _end(self) -> int:
        row: Any = self._db.execute("select max(position) from record").fetchone()
        return int(row[0] or 0)

    def end(self) -> int:
        """The position of the last record; 0 where there is none."""
        with self._lock:
            return self._end()

    def close(self) -> None:
        """Give the file back; the log can be opened again."""
        with self._lock:
            self._db.close()


def _from_json(payload: bytes, schema: pa.Schema) -> pa.RecordBatch:
    rows = msgspec.json.decode(payload, type=list[dict[str, Any]])
    for name in (field.name for field in schema if pa.types.is_map(field.type)):
        for row in rows:
            row[name] = [tuple(pair) for pair in row[name]]  # JSON has no pairs, Arrow wants them
    return pa.RecordBatch.from_pylist(rows, schema=schema)


_conforms: type[Log] = SqliteLog
