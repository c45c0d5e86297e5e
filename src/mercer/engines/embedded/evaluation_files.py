"""Judgments, runs and tables per query as files: Parquet, CSV or JSON lines by their ending."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from mercer.evaluate.gains import label_of
from mercer.evaluate.judgments import OWN_COLUMNS, OWN_QUERY_ID, Judgments
from mercer.evaluate.runs import Run
from mercer.schema.errors import InputError, MappingError, NotFoundError
from mercer.schema.mapping import JudgmentColumns, parse_map

KINDS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


def file_kind(path: Path) -> str:
    """parquet, csv, tsv or jsonl, by the ending; `.gz` before it is looked through.

    Raises:
        InputError: any other ending.
    """
    name = path.name.removesuffix(".gz")
    kind = KINDS.get(Path(name).suffix.lower())
    if kind is None:
        raise InputError(f"{path}: cannot tell what it is; allowed endings: {', '.join(KINDS)}")
    return kind


def read_judgment_columns(path: Path) -> JudgmentColumns | None:
    """The [judgments] section of a --map file; None where it has none.

    Raises:
        MappingError: the file cannot be read, or has faults.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise MappingError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise MappingError(f"{path}: not UTF-8: {error}") from None
    return parse_map(text, at=str(path)).judgments


def read_judgments(path: Path, columns: JudgmentColumns | None = None) -> Judgments:
    """The judgments of a file; text stays text, so that an id of 00123 keeps its zeros.

    Args:
        path: Parquet, CSV, TSV or JSON lines.
        columns: the names of the columns; by default Mercer's own.

    Raises:
        NotFoundError, InputError: no such file, not what its ending says, or faults of the columns.
    """
    named = columns or replace(OWN_COLUMNS, query_id=OWN_QUERY_ID)
    wanted = [named.query, named.listing_id, named.grade]
    if named.query_id:
        wanted.append(named.query_id)
    return Judgments.from_table(_read(path, wanted), columns, at=str(path))


def read_run(path: Path) -> Run:
    """A saved run. Raises as `read_judgments`."""
    return Run.from_table(_read(path, ["query", "rank", "listing_id", "score"]), at=str(path))


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as its ending says, whole or not at all; NaN becomes null.

    Raises:
        InputError: an ending that is not allowed, or a folder that cannot be written.
    """
    kind, rows = file_kind(path), _nan_as_null(table)
    write: dict[str, Callable[[BinaryIO], None]] = {
        "parquet": lambda sink: pq.write_table(rows, sink, compression="zstd"),
        "csv": lambda sink: pacsv.write_csv(rows, sink),
        "tsv": lambda sink: pacsv.write_csv(rows, sink, pacsv.WriteOptions(delimiter="\t")),
        "jsonl": lambda sink: sink.writelines(
            msgspec.json.encode(row) + b"\n" for row in rows.to_pylist()
        ),
    }
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as sink:
            write[kind](sink)
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path, wanted: Sequence[str]) -> pa.Table:
    if not path.is_file():
        raise NotFoundError(f"{path}: there is no such file")
    kind = file_kind(path)
    try:
        if kind == "parquet":
            return pq.read_table(path, use_threads=False, partitioning=None)
        if kind == "jsonl":
            return _read_jsonl(path, wanted)
        return pacsv.read_csv(
            pa.input_stream(str(path)),
            parse_options=pacsv.ParseOptions(
                delimiter="\t" if kind == "tsv" else ",", newlines_in_values=True
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except (pa.ArrowException, OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as {kind}: {error}") from None


def _read_jsonl(path: Path, wanted: Sequence[str]) -> pa.Table:
    """One JSON object per line; blank lines are passed over, a missing key is a null."""
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    seen: set[str] = set()
    decode = msgspec.json.Decoder().decode
    with pa.input_stream(str(path)) as stream:
        lines = stream.read().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}, line {number}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number}: must be an object, got {line[:40]!r}")
        seen.update(row)
        for name, values in columns.items():
            value = row.get(name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, (str, int, float))
            ):
                raise InputError(
                    f"{path}, line {number}: {name!r} must be text or a number, got {value!r}"
                )
            values.append(value)
    arrays = {name: _column(values) for name, values in columns.items() if name in seen}
    others = {
        name: pa.nulls(len(next(iter(columns.values())))) for name in sorted(seen - set(wanted))
    }
    return pa.table({**arrays, **others})


def _column(values: list[Any]) -> pa.Array:
    """Numbers where all are numbers, else text."""
    if any(isinstance(value, str) for value in values):
        return pa.array(
            [None if value is None else label_of(value) for value in values], pa.string()
        )
    is_whole = all(value is None or isinstance(value, int) for value in values)
    return pa.array(values, pa.int64() if is_whole else pa.float64())


def _nan_as_null(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            column = table.column(i)
            table = table.set_column(
                i, field, pc.if_else(pc.is_nan(column), pa.scalar(None, field.type), column)
            )
    return table
