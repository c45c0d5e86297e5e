"""Avro files of records: object container files, deflated, with the schema of their kind."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import fastavro
import pyarrow as pa

from mercer.events.avro import avro_schema, records_of, rows_of
from mercer.events.log import RecordKind
from mercer.schema.errors import CorruptError

_ROWS_PER_BATCH = 1024


def write_avro(path: Path, kind: RecordKind, batches: Iterable[pa.RecordBatch]) -> int:
    """Write rows of a kind to a new file; how many."""
    n = 0

    def records() -> Iterator[dict[str, object]]:
        nonlocal n
        for batch in batches:
            n += batch.num_rows
            yield from records_of(kind, batch)

    with open(path, "wb") as file:
        fastavro.writer(file, fastavro.parse_schema(avro_schema(kind)), records(), codec="deflate")
    return n


def read_avro(path: Path, kind: RecordKind) -> Iterator[pa.RecordBatch]:
    """The rows of a file that this or an older version wrote.

    Raises:
        CorruptError: the file is damaged or of another kind.
    """
    with open(path, "rb") as file:
        try:
            reader = fastavro.reader(file)
            written = reader.writer_schema
            assert isinstance(written, dict)
            wanted = avro_schema(kind)
            if written["name"].rpartition(".")[2] != wanted["name"]:
                raise CorruptError(f"{path} has {written['name']}, not {wanted['name']}")
            fields = [field["name"] for field in written["fields"]]
            part: list[dict[str, object]] = []
            for record in reader:
                assert isinstance(record, dict)
                part.append(record)
                if len(part) == _ROWS_PER_BATCH:
                    yield rows_of(kind, part, fields=fields)
                    part = []
            if part:
                yield rows_of(kind, part, fields=fields)
        except (ValueError, EOFError, KeyError) as fault:
            raise CorruptError(f"{path} cannot be read as Avro: {fault}") from fault
