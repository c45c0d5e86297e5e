"""One kind of record of the log as a file that others read: Parquet or Avro."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mercer.engines.embedded.durable import sync_folder
from mercer.engines.embedded.log.avro_files import write_avro
from mercer.events.log import RECORD_SCHEMAS, START, Log, RecordKind
from mercer.schema.errors import InputError

_GROUP_ROWS = 16_384  # of a row group; a page is tens of kilobytes
_GROUP_BYTES = 64 << 20

Writer = Callable[[Path, RecordKind, Iterable[pa.RecordBatch]], int]


def export(
    log: Log,
    kind: RecordKind,
    out: Path,
    *,
    format_name: str,
    progress: Callable[[int], None] = lambda n: None,
) -> int:
    """Write all rows of a kind to a new file; how many.

    Args:
        log: of any market; what is appended while this runs may be left out.
        kind: which records.
        out: a file that is not there; it appears when it is whole.
        format_name: a name of FORMATS.
        progress: told the number of rows so far.
    Raises:
        InputError: the file is there already, or its folder is not.
        CorruptError: a record cannot be read.
    """
    if out.exists():
        raise InputError(f"{out} is there already; name another file, or remove it")
    if not out.parent.is_dir():
        raise InputError(f"{out.parent} is no folder; make it, or name a file elsewhere")

    def batches() -> Iterator[pa.RecordBatch]:
        n = 0
        for entry in log.read(after=START, kinds=(kind,)):
            n += entry.change.rows.num_rows
            progress(n)
            yield entry.change.rows

    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        n = FORMATS[format_name](part, kind, batches())
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, out)
        sync_folder(out.parent)
    finally:
        part.unlink(missing_ok=True)
    return n


def _write_parquet(path: Path, kind: RecordKind, batches: Iterable[pa.RecordBatch]) -> int:
    n, schema = 0, RECORD_SCHEMAS[kind]
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(batches):
            table = pa.Table.from_batches(group, schema)
            writer.write_table(table)
            n += table.num_rows
    return n


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Batches together that make a row group of a good size."""
    group: list[pa.RecordBatch] = []
    n_rows = n_bytes = 0
    for batch in batches:
        group.append(batch)
        n_rows, n_bytes = n_rows + batch.num_rows, n_bytes + batch.nbytes
        if n_rows >= _GROUP_ROWS or n_bytes >= _GROUP_BYTES:
            yield group
            group, n_rows, n_bytes = [], 0, 0
    if group:
        yield group


FORMATS: dict[str, Writer] = {"parquet": _write_parquet, "avro": write_avro}
