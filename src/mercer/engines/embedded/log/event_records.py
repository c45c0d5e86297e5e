"""Records of the partition `events` as they lie in SQLite: tables, statements, the bytes of a record."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.sqlite_file import open_shared
from mercer.events.upgrade import upgraded
from mercer.schema.errors import CorruptError, SchemaError
from mercer.schema.event import EVENT

FORMAT = 1
PAGE_BYTES = 16_384  # records are larger than those of a catalogue

TABLES = """
create table if not exists record (
    position integer primary key autoincrement,
    n_rows integer not null,
    first_ms integer not null,
    last_ms integer not null,
    schema_id integer not null,
    n_bytes integer not null,
    payload blob not null
);
create index if not exists record_last on record (last_ms);
create table if not exists arrow_schema (schema_id integer primary key, body blob not null unique);
create table if not exists id_key (body blob not null);
create table if not exists expired (up_to integer not null);
create table if not exists catalogue_at (position integer primary key, catalogue integer not null);
"""
INSERT = (
    "insert into record (n_rows, first_ms, last_ms, schema_id, n_bytes, payload) "
    "values (?, ?, ?, ?, ?, ?)"
)
UPDATE = (
    "update record set n_rows = ?, first_ms = ?, last_ms = ?, schema_id = ?, n_bytes = ?, "
    "payload = ? where position = ?"
)

SELECT = (
    "select position, n_rows, n_bytes, payload, body from record "
    "join arrow_schema using (schema_id)"
)
# By the index alone: it is asked every hour while commits wait, and mostly finds nothing.
OLDEST = "select position, n_rows from record where last_ms < ? order by last_ms limit ?"

# From that record on, until the next mark, the catalogue stood there when the record was written.
MARK = "insert or replace into catalogue_at values (?, ?)"
MARKS = (
    "select position, catalogue from catalogue_at where position <= ?2 and position >= "
    "coalesce((select max(position) from catalogue_at where position <= ?1), 0) order by position"
)

_CODEC = pa.Codec("zstd", compression_level=1)


def schema_id_of(db: sqlite3.Connection) -> int:
    """The number of today's schema in this file; a new one is added."""
    body = EVENT.serialize().to_pybytes()
    db.execute("insert or ignore into arrow_schema (body) values (?)", (body,))
    found = db.execute("select schema_id from arrow_schema where body = ?", (body,)).fetchone()
    return int(found[0])


def packed(rows: pa.RecordBatch, *, schema_id: int) -> tuple[int, int, int, int, int, Any]:
    """The values of `INSERT`: rows of EVENT, at least one."""
    span = pc.min_max(rows.column("received_ms"))
    body = rows.serialize()
    payload = memoryview(_CODEC.compress(body))
    return (
        rows.num_rows, span["min"].as_py(), span["max"].as_py(), schema_id, body.size, payload
    )  # fmt: skip


def unpacked(record: tuple[int, int, int, bytes, bytes], *, at: Path) -> pa.RecordBatch:
    """The rows of a row of `SELECT`, as rows of today's EVENT.

    Raises:
        CorruptError: it cannot be read; names the file and the position.
    """
    position, n_rows, n_bytes, payload, body = record
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(body))
        plain = _CODEC.decompress(payload, decompressed_size=n_bytes)
        rows = upgraded("events", pa.ipc.read_record_batch(plain, schema))
    except (OSError, pa.ArrowException, SchemaError) as fault:
        raise CorruptError(
            f"{at}, position {position}: the record cannot be read ({fault}); "
            "restore the log folder from a backup"
        ) from fault
    if rows.num_rows != n_rows:
        raise CorruptError(
            f"{at}, position {position}: {rows.num_rows} rows, {n_rows} were written"
        )
    return rows


def newest(path: Path, *, limit: int) -> pa.RecordBatch:
    """The last `limit` events of a file, newest first; none where there is no file."""
    parts: list[pa.RecordBatch] = []
    if path.exists():
        with closing(open_shared(path)) as db:
            for record in db.execute(f"{SELECT} order by position desc"):
                parts.insert(0, unpacked(record, at=path))
                if sum(part.num_rows for part in parts) >= limit:
                    break
    table = pa.Table.from_batches(parts, schema=EVENT)
    last = np.arange(table.num_rows)[::-1][:limit]
    rows: pa.RecordBatch = pa.RecordBatch.from_struct_array(
        table.take(pa.array(last)).to_struct_array().combine_chunks()
    )
    return rows
