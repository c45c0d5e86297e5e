"""Sealed pages: one immutable zstd Arrow file for a run of ordinals, many pages to a record batch.

The schema is PAGE and the ordinal. The schema's metadata says how many of the ordinals are not there:
`erased` ones were removed on purpose, `lost` ones could not be read when the journal was sealed.
A file of an older version lacks columns; they are read as their defaults.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.durable import open_part, part_of, put_durably
from mercer.engines.embedded.log.page_folder import SegmentName
from mercer.engines.embedded.log.page_rows import ORDINAL, STORED_PAGE
from mercer.events.upgrade import upgraded
from mercer.schema.errors import CorruptError, SchemaError

FORMAT = 1
PAGES_PER_BATCH = 128  # what finding one page has to unpack
_UUID_VERSION_AT, _MS_HEX = 14, 13  # of the text form
_OPTIONS = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=3))


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
    folder: Path,
    batches: Iterable[pa.RecordBatch],
    *,
    first: int,
    n: int,
    n_rows: int,
    revision: int,
    n_erased: int,
) -> SegmentName:
    """Write rows as the segment of the ordinals first..first+n-1; durable when this returns.

    Rows go to the file as they come; a few of them are in memory at a time.

    Args:
        folder: the partition's.
        batches: of STORED_PAGE, ordinals ascending.
        first: the first ordinal.
        n: how many ordinals the file stands for.
        n_rows: how many rows all batches have together, <= n.
        revision: above that of the segment which it replaces; 0 for new ones.
        n_erased: how many of the missing rows were removed on purpose; the others are lost.
    """
    told = {"format": str(FORMAT), "erased": str(n_erased), "lost": str(n - n_rows - n_erased)}
    part, span = part_of(folder / f"{first:020d}-{n}-{revision}.arrow"), _Span()
    with open_part(part) as file:
        with pa.ipc.new_file(file, STORED_PAGE.with_metadata(told), options=_OPTIONS) as segment:
            for batch in _packed(batches):
                segment.write_batch(batch)
                span.add(batch)
        assert span.n_rows == n_rows, "what was counted is what is written"
        file.seek(0)
        sha16 = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        name = SegmentName(first, n, revision, span.min_ms, span.max_ms, sha16)
        put_durably(file, part, folder / str(name))
    return name


def _packed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows, PAGES_PER_BATCH at a time."""
    waiting = STORED_PAGE.empty_table()
    for batch in batches:
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch], STORED_PAGE)])
        while waiting.num_rows >= PAGES_PER_BATCH:
            yield _joined(waiting.slice(0, PAGES_PER_BATCH))
            waiting = waiting.slice(PAGES_PER_BATCH)
    if waiting.num_rows:
        yield _joined(waiting)


def _joined(rows: pa.Table) -> pa.RecordBatch:
    return rows.combine_chunks().to_batches()[0]


@dataclass(slots=True)
class _Span:
    """The least and the greatest time, so that neither an id nor a served time lies outside."""

    n_rows: int = 0
    min_ms: int = 0
    max_ms: int = 0

    def add(self, rows: pa.RecordBatch) -> None:
        served = pc.min_max(rows["served_ms"]).as_py()
        times = [t for one in rows["page_id"].to_pylist() if (t := id_ms(one)) is not None]
        least, most = min([served["min"], *times]), max([served["max"], *times])
        self.min_ms = min(self.min_ms, least) if self.n_rows else least
        self.max_ms = max(self.max_ms, most) if self.n_rows else most
        self.n_rows += rows.num_rows


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
    return Segment(list(segment_batches(path)), *n_removed(path))


def n_removed(path: Path) -> tuple[int, int]:
    """How many of its ordinals have no row: (erased or expired, lost)."""
    told = _metadata(_opened(path).schema)
    return told.get("erased", 0), told.get("lost", 0)


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
