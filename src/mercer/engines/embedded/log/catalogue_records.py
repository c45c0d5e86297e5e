"""Records of the partition `catalogue` as they lie in SQLite, and the bytes of one.

A small record is JSON, a large one a Parquet file.
"""

import hashlib
import sqlite3
from collections.abc import Collection
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from mercer.events.log import RECORD_SCHEMAS, RecordKind

FORMAT = 1

# A reader of rare kinds asks again and again: the index spares it the records of all others.
TABLES = """
create table if not exists record (
    position integer primary key autoincrement,
    kind text not null,
    n_rows integer not null,
    file text,
    payload blob
);
create index if not exists record_kind on record (kind, position, n_rows);
create table if not exists compaction (n_dropped integer not null);
"""
_OF_KIND = (
    "select * from (select position from record where kind = ? and position > ? "
    "order by position limit ?)"
)


def records_after(
    db: sqlite3.Connection, after: int, *, kinds: Collection[RecordKind], limit: int
) -> list[tuple[int, RecordKind, int, str | None, bytes | None]]:
    """(position, kind, n_rows, file, payload) of the first records of those kinds after a position."""
    places = " union all ".join([_OF_KIND] * len(kinds)) or "null"
    bound = [value for kind in sorted(kinds) for value in (kind, after, limit)]
    return db.execute(
        "select position, kind, n_rows, file, payload from record "
        f"where position in ({places}) order by position limit ?",
        (*bound, limit),
    ).fetchall()


def rows_after(db: sqlite3.Connection, after: int, *, kinds: Collection[RecordKind]) -> int:
    """How many rows of those kinds lie after a position."""
    found = db.execute(
        f"select sum(n_rows) from record where kind in ({', '.join('?' * len(kinds))}) "
        "and position > ?",
        (*sorted(kinds), after),
    )
    return int(found.fetchone()[0] or 0)


def to_json(rows: pa.RecordBatch) -> bytes:
    """Rows as a JSON list of objects."""
    return msgspec.json.encode(rows.to_pylist())


def from_json(payload: bytes, kind: RecordKind) -> pa.RecordBatch:
    """The rows with the columns they were written with, of those that are known today."""
    rows = msgspec.json.decode(payload, type=list[dict[str, Any]])
    known = RECORD_SCHEMAS[kind]
    schema = pa.schema([field for field in known if field.name in rows[0]]) if rows else known
    for name in (field.name for field in schema if pa.types.is_map(field.type)):
        for row in rows:
            row[name] = [tuple(pair) for pair in row[name]]  # JSON has no pairs, Arrow wants them
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def to_parquet(kind: RecordKind, rows: pa.RecordBatch) -> tuple[str, Any]:
    """The name of a file, which has the hash of its content, and the content."""
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
    return f"{kind}-{hashlib.sha256(data).hexdigest()}.parquet", data


def from_parquet(data: bytes, *, name: str) -> pa.RecordBatch:
    """The rows of such a file. Raises OSError where its content does not match its name."""
    if hashlib.sha256(data).hexdigest() not in name:
        raise OSError("its content does not match its name")
    # Arrow's threads would abort a process that ends soon after, and take its exit status.
    file = pq.ParquetFile(pa.BufferReader(data))
    table = file.read(use_threads=False).combine_chunks()
    if not table.num_rows:
        return pa.RecordBatch.from_pylist([], schema=table.schema)
    return table.to_batches()[0]
