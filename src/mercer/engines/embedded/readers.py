"""Source files as streams of column blocks in bounded memory: JSON lines, CSV, TSV, Parquet."""

import codecs
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from mercer.schema.errors import InputError, NotFoundError
from mercer.schema.judge import short
from mercer.schema.limits import MAX_ROW_BYTES
from mercer.schema.objects import Column, columns_of

Ints = npt.NDArray[np.int64]

BLOCK_ROWS = 65_536
BLOCK_BYTES = 8 * 2**20  # of JSON lines; as Python objects they take several times as much
_CSV_BLOCK_BYTES = 2 * MAX_ROW_BYTES  # a row must fit into one block
_PARQUET_BYTES = 64 * 2**20
BOM = b"\xef\xbb\xbf"
_MARK = "\ufdd0"  # a noncharacter: reserved for uses like this
FORMATS = ".jsonl, .ndjson, .json (one object per line), .csv, .tsv (each also .gz, .zst), .parquet"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not even be read."""

    row: int
    words: str  # the rule that it breaks
    got: str
    raw: str  # cut


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a source."""

    columns: dict[str, Column]  # each (n,)
    row: Ints  # (n,) number of each row in its file, from 1
    items: Sequence[Any] | None = None  # (n,) JSON values; then `columns` is empty
    bad: tuple[BadRow, ...] = ()
    n_read: int | None = None  # rows of the file, where they are not those of the block

    def raw(self, index: int) -> Any:
        """The row as it came, values cut."""
        if self.items is not None:
            return cut(self.items[index])
        shown = {name: column.show(index) for name, column in self.columns.items()}
        return {name: cut(value) for name, value in shown.items() if value is not None}


@dataclass(slots=True)
class Progress:
    """How far a source was read."""

    total_bytes: int
    done_bytes: int = 0


class Source(Protocol):
    """One file that is read once, from the start."""

    path: Path
    progress: Progress
    columns: tuple[str, ...] | None  # None where every row names its own (JSON)

    def blocks(self, wanted: Sequence[str] | None) -> Iterator[Block]:
        """The rows; only `wanted` columns where the format can leave others unread.

        Raises:
            InputError: the file breaks off or is not what its name says.
        """
        ...


def cut(value: Any) -> Any:
    """A value for the rejects file: texts and lists cut, nothing that JSON cannot hold."""
    if isinstance(value, str):
        return value if len(value) <= 500 else value[:500] + f"... ({len(value):,} characters)"
    if isinstance(value, bytes):
        return cut(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, dict):
        return {str(cut(k)): cut(v) for k, v in list(value.items())[:50]}
    if isinstance(value, list | tuple):
        return [cut(v) for v in value[:50]]
    return value if isinstance(value, int | float | bool | None) else str(value)


def open_source(path: Path, *, delimiter: str | None = None) -> Source:
    """The reader for a file, by its name.

    Raises:
        NotFoundError: no such file.
        InputError: a name of no known format, an empty file, or a broken header.
    """
    if not path.is_file():
        raise NotFoundError(f"{path} is no file")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty")
    suffixes = [s.lower() for s in path.suffixes]
    packed = suffixes and suffixes[-1] in (".gz", ".zst")
    kind = suffixes[-2:-1] if packed else suffixes[-1:]
    match kind:
        case [".jsonl" | ".ndjson" | ".json"]:
            return JsonLines(path)
        case [".csv" | ".tsv" | ".tab"]:
            return Csv(path, delimiter=delimiter or ("," if kind == [".csv"] else "\t"))
        case [".parquet" | ".pq"] if not packed:
            return Parquet(path)
    raise InputError(f"{path} has a name of no known format; read are {FORMATS}")


def _unpacked(path: Path, raw: Any) -> Any:
    """The stream behind .gz and .zst, or the file itself."""
    packing = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
    return pa.CompressedInputStream(raw, packing) if packing else raw


def broken(path: Path, fault: Exception, done: str) -> InputError:
    """A file that breaks off."""
    return InputError(f"{path} cannot be read {done}: {fault}; what came before is in")


def line_chunks(path: Path, progress: Progress) -> Iterator[tuple[bytes, bool]]:
    """Whole lines, about BLOCK_BYTES at a time; True for a line too long to be kept."""
    with pa.OSFile(str(path)) as raw, _unpacked(path, raw) as stream:
        left, skipping = b"", False
        while data := stream.read(BLOCK_BYTES):
            progress.done_bytes = raw.tell()
            head, newline, tail = data.rpartition(b"\n")
            if skipping:
                if not newline:
                    continue
                data = data[data.index(b"\n") + 1 :]
                head, newline, tail = data.rpartition(b"\n")
                skipping = False
            if newline:
                yield left + head, False
                left = tail
            else:
                left += tail
            if len(left) > MAX_ROW_BYTES:
                yield left[:200], True
                left, skipping = b"", True
        if left:
            yield left, False


@dataclass(slots=True)
class JsonLines:
    """One JSON object per line, UTF-8."""

    path: Path
    progress: Progress = field(init=False)
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self.progress = Progress(self.path.stat().st_size)

    def blocks(self, wanted: Sequence[str] | None) -> Iterator[Block]:
        """The rows; all names of an object are kept."""
        decode = msgspec.json.Decoder().decode
        n_lines = 0
        try:
            for data, is_long in line_chunks(self.path, self.progress):
                if n_lines == 0:
                    data = data.removeprefix(BOM)
                lines = [data] if is_long else data.split(b"\n")
                items: list[Any] = []
                rows: list[int] = []
                bad: list[BadRow] = []
                for number, line in enumerate(lines, n_lines + 1):
                    if is_long:
                        words = f"a line must be at most {MAX_ROW_BYTES:,} bytes"
                        bad.append(BadRow(number, words, "", cut(line)))
                        continue
                    try:
                        items.append(decode(line))
                        rows.append(number)
                    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
                        if line.strip():
                            words, got = (
                                "a line must be one JSON object",
                                f"{short(line)} ({fault})",
                            )
                            bad.append(BadRow(number, words, got, cut(line)))
                if n_lines == 0 and not items and data.lstrip().startswith(b"[") and len(lines) > 1:
                    raise InputError(
                        f"{self.path} is one JSON array; one object per line is needed "
                        "(jq -c '.[]' makes it so)"
                    )
                n_lines += len(lines)
                yield Block({}, np.array(rows, np.int64), items, tuple(bad))
        except (OSError, pa.ArrowException, EOFError) as fault:
            raise broken(self.path, fault, f"after line {n_lines}") from fault

    def peek(self) -> tuple[str, ...]:
        """The names in the first block."""
        for block in self.blocks(None):
            objects = [item for item in block.items or () if isinstance(item, dict)]
            return tuple(columns_of(objects))
        return ()


class _Utf8(io.RawIOBase):
    """A stream in which broken UTF-8 is made a mark that no text holds.

    Arrow's reader cannot tell of a row that has too few cells and broken UTF-8, and would lose it.
    """

    def __init__(self, stream: Any) -> None:
        self._stream, self._left = stream, b""
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="mercer-mark").decode
        self.is_at_end = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Full blocks: after a short one Arrow would take a long row for an endless one."""
        while (size < 0 or len(self._left) < size) and not self.is_at_end:
            data = self._stream.read(_CSV_BLOCK_BYTES if size < 0 else size)
            self.is_at_end = not data
            self._left += self._decode(data, final=self.is_at_end).encode()
        given = self._left if size < 0 else self._left[:size]
        self._left = self._left[len(given) :]
        return given


codecs.register_error("mercer-mark", lambda fault: (_MARK, _end_of(fault)))


def _end_of(fault: UnicodeError) -> int:
    return fault.end if isinstance(fault, UnicodeDecodeError) else 0


def _unmarked(array: Any) -> Any:
    """Marked cells as broken bytes again, so that they are judged like those of any other source."""
    marked = pc.match_substring(array, _MARK)
    if not pc.any(marked).as_py():
        return array
    cells = (cell.as_py() or "" for cell in array)
    return pa.array([c.encode().replace(_MARK.encode(), b"\xff") for c in cells], pa.binary())


@dataclass(slots=True)
class Csv:
    """Comma or tab separated text with a header, UTF-8; all values are read as text."""

    path: Path
    delimiter: str
    progress: Progress = field(init=False)
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self.progress = Progress(self.path.stat().st_size)
        try:
            with pa.OSFile(str(self.path)) as raw, _unpacked(self.path, raw) as stream:
                names = self._open(_Utf8(stream), [], {}).schema.names
        except (OSError, pa.ArrowException) as fault:
            raise InputError(f"{self.path} cannot be read as CSV: {_csv_words(fault)}") from fault
        if any(_MARK in name for name in names):
            raise InputError(
                f"{self.path}: the header is not UTF-8; convert the file, e.g. with iconv"
            )
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"{self.path}: the header names {', '.join(twice)} more than once")
        self.columns = tuple(names)

    def _open(self, stream: Any, bad: list[Any], types: dict[str, Any]) -> Any:
        def skip(row: Any) -> str:
            bad.append(row)
            return "skip"

        return pa_csv.open_csv(
            stream,
            # One thread: only then does a bad row know its number.
            read_options=pa_csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, use_threads=False),
            parse_options=pa_csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=pa_csv.ConvertOptions(column_types=types),
        )

    def blocks(self, wanted: Sequence[str] | None) -> Iterator[Block]:
        """The rows; a row with too few or too many cells is bad."""
        bad: list[Any] = []
        n_rows = 0
        types = {name: pa.string() for name in self.columns or ()}
        try:
            with pa.OSFile(str(self.path)) as raw, _unpacked(self.path, raw) as stream:
                for batch in self._open(_Utf8(stream), bad, types):
                    self.progress.done_bytes = raw.tell()
                    # Numbers count the header as line 1.
                    strange = [
                        BadRow(
                            r.number - 1,
                            f"a row must have {r.expected_columns} cells",
                            f"{r.actual_columns}",
                            cut(r.text),
                        )
                        for r in bad
                    ]
                    bad.clear()
                    lost = {one.row for one in strange}
                    row: list[int] = []
                    while len(row) < batch.num_rows:
                        n_rows += 1
                        if n_rows not in lost:
                            row.append(n_rows)
                    n_rows = max(n_rows, *lost) if lost else n_rows
                    named = zip(batch.schema.names, batch.columns, strict=True)
                    columns = {name: Column(arrow=_unmarked(array)) for name, array in named}
                    yield Block(columns, np.array(row, np.int64), None, tuple(strange))
        except (OSError, pa.ArrowException) as fault:
            raise broken(self.path, Exception(_csv_words(fault)), f"after row {n_rows}") from fault


def _csv_words(fault: Exception) -> str:
    if "straddl" in str(fault):
        return f"a row is longer than {_CSV_BLOCK_BYTES:,} bytes; probably a quote is not closed"
    return str(fault)


@dataclass(slots=True)
class Parquet:
    """A Parquet file, read a part of a row group at a time."""

    path: Path
    progress: Progress = field(init=False)
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self.progress = Progress(self.path.stat().st_size)
        try:
            with pq.ParquetFile(self.path) as file:
                self.columns = tuple(file.schema_arrow.names)
        except (OSError, pa.ArrowException) as fault:
            raise InputError(
                f"{self.path} is not a Parquet file, or is cut off: {fault}"
            ) from fault

    def blocks(self, wanted: Sequence[str] | None) -> Iterator[Block]:
        """The rows; columns that nobody wants are not read."""
        n_rows = 0
        keep = [n for n in self.columns or () if wanted is None or n in wanted]
        try:
            with pq.ParquetFile(self.path) as file:
                meta = file.metadata
                size = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
                per_row = max(1, size // max(1, meta.num_rows))
                at_once = max(256, min(BLOCK_ROWS, _PARQUET_BYTES // per_row))
                for batch in file.iter_batches(batch_size=at_once, columns=keep):
                    named = zip(batch.schema.names, batch.columns, strict=True)
                    columns = {name: Column(arrow=array) for name, array in named}
                    row = np.arange(n_rows + 1, n_rows + batch.num_rows + 1)
                    n_rows += batch.num_rows
                    self.progress.done_bytes = self.progress.total_bytes * n_rows // meta.num_rows
                    yield Block(columns, row)
        except (OSError, pa.ArrowException) as fault:
            raise broken(self.path, fault, f"after row {n_rows}") from fault
