"""The partition `catalogue`: SQLite for small records, one immutable Parquet file for each large one.

    log/log.db                     WAL, synchronous=FULL; the row of a large record names its file
    log/files/<kind>-<sha256>.parquet

A file is written under another name, synced and renamed before its record is committed, so a crash in
between leaves a file that nothing names, never a record without its file.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from mercer.engines.embedded.durable import sync_folder, write_durably
from mercer.engines.embedded.partition import Partition
from mercer.engines.embedded.sqlite_file import open_owned, open_shared
from mercer.events.log import RECORD_KINDS, RECORD_SCHEMAS, Change, RecordKind
from mercer.events.upgrade import upgraded
from mercer.schema.arrow import require
from mercer.schema.errors import CorruptError, SchemaError

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
"""


@final
class CatalogueLog:
    """Changes of the catalogue in a folder. One process owns it; its methods are thread-safe.

    Args:
        folder: of the log; made where it is not there.
        is_owner: this process writes; else the log is only read, and may not be there yet.
    """

    # Events too: before they had a partition of their own they lay here.
    kinds: Final = frozenset[RecordKind](RECORD_KINDS) - {"pages"}

    def __init__(self, folder: Path, *, is_owner: bool = True) -> None:
        self._files = folder / "files"
        self._lock = threading.Lock()
        self._path = folder / "log.db"
        self._db: sqlite3.Connection | None = None
        if not is_owner:
            return
        self._files.mkdir(parents=True, exist_ok=True)
        self._db = open_owned(self._path, _TABLES, format_version=_FORMAT)
        sync_folder(folder)

    def append(self, changes: Sequence[Change]) -> int:
        """Make all changes durable in one step; the offset of the last one.

        Raises:
            SchemaError: rows that are not of their kind's schema; nothing was appended.
        """
        records = [self._prepared(change) for change in changes]
        with self._lock:
            db = self._owned()
            db.execute("begin immediate")
            try:
                for record in records:
                    db.execute(
                        "insert into record (kind, n_rows, file, payload) values (?, ?, ?, ?)",
                        record,
                    )
                db.execute("commit")
            except BaseException:
                db.execute("rollback")
                raise
            return _last(db)

    def _owned(self) -> sqlite3.Connection:
        assert self._db is not None, "only the owner of a market writes its log"
        return self._db

    def _prepared(self, change: Change) -> tuple[str, int, str | None, bytes | None]:
        """The row of a record; a large one is written to its file first."""
        schema = RECORD_SCHEMAS[change.kind]
        rows = require(change.rows, schema, at=f"log record of {change.kind}").select(schema.names)
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

    def read(
        self, after: int, *, kinds: Collection[RecordKind] = RECORD_KINDS
    ) -> Iterator[tuple[int, Change]]:
        """(offset, record) after that offset; a snapshot of the file's state at each few hundred."""
        if not self._path.exists():
            return
        wanted = msgspec.json.encode(sorted(kinds)).decode()
        with closing(open_shared(self._path)) as db:
            while True:
                found = db.execute(
                    "select position, kind, n_rows, file, payload from record where position > ? "
                    "and kind in (select value from json_each(?)) order by position limit ?",
                    (after, wanted, _READ_RECORDS),
                ).fetchall()
                for position, kind, n_rows, file, payload in found:
                    yield position, self._change(position, kind, n_rows, file, payload)
                    after = position
                if len(found) < _READ_RECORDS:
                    return

    def _change(
        self, position: int, kind: RecordKind, n_rows: int, file: str | None, payload: bytes | None
    ) -> Change:
        if kind not in RECORD_SCHEMAS:
            raise CorruptError(f"{self._path}, position {position}: unknown kind {kind!r}")
        try:
            rows = self._from_file(file) if file else _from_json(payload or b"", kind)
            rows = upgraded(kind, rows)
        except (OSError, pa.ArrowException, msgspec.DecodeError, SchemaError) as fault:
            raise CorruptError(
                f"{self._path}, position {position}: {file or 'record'} cannot be read ({fault}); "
                "restore the log folder from a backup"
            ) from fault
        if rows.num_rows != n_rows:
            raise CorruptError(
                f"{self._path}, position {position}: {rows.num_rows} rows, {n_rows} were written"
            )
        return Change(kind, rows)

    def _from_file(self, name: str) -> pa.RecordBatch:
        data = (self._files / name).read_bytes()
        if hashlib.sha256(data).hexdigest() not in name:
            raise OSError("its content does not match its name")
        table = pq.read_table(pa.BufferReader(data)).combine_chunks()
        return (
            table.to_batches()[0]
            if table.num_rows
            else pa.RecordBatch.from_pylist([], schema=table.schema)
        )

    def remove(self, offsets: Sequence[int]) -> None:
        """Remove whole records that are kept elsewhere, and the files that only they named."""
        with self._lock:
            db = self._owned()
            db.execute("begin immediate")
            try:
                db.executemany("delete from record where position = ?", [(at,) for at in offsets])
                db.execute("commit")
            except BaseException:
                db.execute("rollback")
                raise
        for path in self.orphans():
            path.unlink()

    def orphans(self) -> list[Path]:
        """Files that no record names: left by a crash between file and record; safe to remove."""
        with self._lock:
            named = {r[0] for r in self._owned().execute("select distinct file from record")}
        return sorted(p for p in self._files.iterdir() if p.name not in named)

    def end(self) -> int:
        """The offset of the last record; 0 where there is none."""
        with self._lock:
            if self._db is not None:
                return _last(self._db)
        if not self._path.exists():
            return 0
        with closing(open_shared(self._path)) as db:
            return _last(db)

    def n_rows(self, after: int, *, kinds: Collection[RecordKind] = RECORD_KINDS) -> int:
        """Rows of those kinds after that offset."""
        if not self._path.exists():
            return 0
        wanted = msgspec.json.encode(sorted(kinds)).decode()
        with closing(open_shared(self._path)) as db:
            row = db.execute(
                "select sum(n_rows) from record where position > ? "
                "and kind in (select value from json_each(?))",
                (after, wanted),
            ).fetchone()
        return int(row[0] or 0)

    def close(self) -> None:
        """Give the file back; the log can be opened again."""
        with self._lock:
            if self._db is not None:
                self._db.close()


def _last(db: sqlite3.Connection) -> int:
    # Not max(position): what was removed was there once.
    row: Any = db.execute("select seq from sqlite_sequence where name = 'record'").fetchone()
    return int(row[0]) if row else 0


def _from_json(payload: bytes, kind: RecordKind) -> pa.RecordBatch:
    """The rows with the columns they were written with, of those that are known today."""
    rows = msgspec.json.decode(payload, type=list[dict[str, Any]])
    known = RECORD_SCHEMAS[kind]
    schema = pa.schema([field for field in known if field.name in rows[0]]) if rows else known
    for name in (field.name for field in schema if pa.types.is_map(field.type)):
        for row in rows:
            row[name] = [tuple(pair) for pair in row[name]]  # JSON has no pairs, Arrow wants them
    return pa.RecordBatch.from_pylist(rows, schema=schema)


_conforms: type[Partition] = CatalogueLog
