"""Sealed pages: one immutable zstd Arrow file for a run of ordinals, many pages to a record batch.

The schema is PAGE and the ordinal. The schema's metadata says how many of the ordinals are not there:
`erased` ones were removed on purpose, `lost` ones could not be read when the journal was sealed.
A file of an older version lacks columns; they are read as their defaults.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.durable import write_durably
from mercer.engines.embedded.log.page_folder import SegmentName
from mercer.engines.embedded.log.page_rows import ORDINAL, STORED_PAGE
from mercer.events.upgrade import upgraded
from mercer.schema.errors import CorruptError, SchemaError

FORMAT = 1
PAGES_PER_BATCH = 128  # what finding one page has to unpack
_UUID_VERSION_AT, _MS_HEX = 14, 13  # of the text form


@dataclass(frozen=True, slots=True)
class Segment:
    """What a sealed file holds."""

    batches: Sequence[pa.RecordBatch]  # of STORED_PAGE, ordinals ascending
    n_erased: int
    n_lost: int


def id_ms(page_id: str) -> int | None:
    """The time in a UUIDv7; None where the id is none."""
    if len(page_id) != 36 or page_id[_UUID_VERSION_AT] != "7":
        return None
    try:
        return int(page_id[:_MS_HEX].replace("-", ""), 16)
    except ValueError:
        return None


def write_segment(
    folder: Path, rows: pa.Table, *, first: int, n: int, revision: int, n_erased: int
) -> SegmentName:
    """Write rows as the segment of the ordinals first..first+n-1; durable when this returns.

    Args:
        folder: the partition's.
        rows: (<= n,) of STORED_PAGE, ordinals ascending.
        first: the first ordinal.
        n: how many ordinals the file stands for.
        revision: above that of the segment which it replaces; 0 for new ones.
        n_erased: how many of the missing rows were removed on purpose; the others are lost.
    """
    n_lost = n - rows.num_rows - n_erased
    told = {"format": str(FORMAT), "erased": str(n_erased), "lost": str(n_lost)}
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=3))
    with pa.ipc.new_file(sink, STORED_PAGE.with_metadata(told), options=options) as file:
        for start in range(0, rows.num_rows, PAGES_PER_BATCH):
            part = rows.slice(start, PAGES_PER_BATCH).combine_chunks()
            file.write_batch(part.to_batches()[0])
    data = sink.getvalue()
    min_ms, max_ms = _times(rows)
    sha16 = hashlib.sha256(data).hexdigest()[:16]
    name = SegmentName(first, n, revision, min_ms, max_ms, sha16)
    write_durably(folder / str(name), data)
    return name


def _times(rows: pa.Table) -> tuple[int, int]:
    """The least and the greatest time, so that neither an id nor a served time lies outside."""
    if not rows.num_rows:
        return 0, 0
    served = pc.min_max(rows["served_ms"]).as_py()
    times = [t for one in rows["page_id"].to_pylist() if (t := id_ms(one)) is not None]
    return min([served["min"], *times]), max([served["max"], *times])


def _opened(path: Path) -> pa.RecordBatchFileReader:
    try:
        return pa.ipc.open_file(pa.memory_map(str(path)))
    except (pa.ArrowInvalid, pa.ArrowIOError) as fault:
        if not path.exists():
            raise FileNotFoundError(path) from None
        raise damaged(path, str(fault)) from fault


def damaged(path: Path, fault: str) -> CorruptError:
    """The error for a segment that cannot be read."""
    return CorruptError(f"{path} cannot be read: {fault}; restore it from a backup")


def read_segment(path: Path) -> Segment:
    """All of it.

    Raises:
        FileNotFoundError: another file took its place meanwhile.
        CorruptError: the file is damaged.
    """
    batches = list(segment_batches(path))
    told = _metadata(_opened(path).schema)
    return Segment(batches, told.get("erased", 0), told.get("lost", 0))


def n_removed(path: Path) -> int:
    """How many of its ordinals have no row: erased, expired or lost."""
    told = _metadata(_opened(path).schema)
    return told.get("erased", 0) + told.get("lost", 0)


def _metadata(schema: pa.Schema) -> dict[str, int]:
    return {key.decode(): int(value) for key, value in (schema.metadata or {}).items()}


def segment_batches(
    path: Path, *, after: int = 0, names: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """The batches that have an ordinal above `after`, cut there.

    Args:
        names: columns that every version has, the ordinal among them; the others are not unpacked.
            None: rows of STORED_PAGE.
    Raises:
        FileNotFoundError, CorruptError: see `read_segment`.
    """
    reader = _opened(path) if names is None else _opened_for(path, names)
    _check_format(path, reader.schema)
    for i in range(reader.num_record_batches):
        try:
            batch = reader.get_batch(i)
            batch = _as_stored(batch) if names is None else batch.select(names)
        except (pa.ArrowInvalid, OSError, SchemaError) as fault:
            raise damaged(path, str(fault)) from fault
        if not batch.num_rows or batch.column(ORDINAL)[-1].as_py() <= after:
            continue
        yield batch.filter(pc.greater(batch.column(ORDINAL), after))


def _check_format(path: Path, schema: pa.Schema) -> None:
    version = _metadata(schema).get("format", 0)
    if version != FORMAT:
        raise CorruptError(
            f"{path} has format {version}, this version of Mercer reads {FORMAT}; "
            "read it with the version that wrote it"
        )


def find_row(path: Path, page_id: str) -> pa.RecordBatch | None:
    """The one row of that page; only its batch is unpacked beyond the ids.

    Raises:
        FileNotFoundError, CorruptError: see `read_segment`.
    """
    for i, ids in enumerate(read_columns(path, ("page_id",)).column("page_id").chunks):
        at = pc.index(ids, page_id).as_py()
        if at >= 0:
            return _as_stored(_opened(path).get_batch(i).slice(at, 1))
    return None


def read_columns(path: Path, names: Sequence[str]) -> pa.Table:
    """Some columns of all rows; the others are not unpacked.

    Raises:
        FileNotFoundError, CorruptError: see `read_segment`.
    """
    try:
        return _opened_for(path, names).read_all()
    except (pa.ArrowInvalid, OSError) as fault:
        raise damaged(path, str(fault)) from fault


def _opened_for(path: Path, names: Sequence[str]) -> pa.RecordBatchFileReader:
    """The file, of which only those columns are unpacked."""
    wanted = [_opened(path).schema.get_field_index(name) for name in names]
    options = pa.ipc.IpcReadOptions(included_fields=wanted)
    return pa.ipc.open_file(pa.memory_map(str(path)), options=options)


def _as_stored(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows that an older version wrote, as rows of STORED_PAGE."""
    columns = upgraded("pages", rows).columns
    return pa.RecordBatch.from_arrays([*columns, rows.column(ORDINAL)], schema=STORED_PAGE)


def content_fits(path: Path, name: SegmentName) -> bool:
    """Whether the bytes are those that the name was made of."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().startswith(name.sha16)
