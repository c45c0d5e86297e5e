"""Files of labelled rows: SVM-rank and LETOR text, or Parquet with the same columns."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mercer.rank.training_letor import GainOf, LetorRows, letor_set, letor_table, parse_letor
from mercer.rank.training_set import TrainingSet, joined, widened
from mercer.schema.errors import InputError, NotFoundError

BLOCK_BYTES = 16 * 2**20
ENDINGS = ".txt, .dat, .svm, .train, .test, .letor (each also .gz, .zst), .parquet"
_TEXT = re.compile(r"\.(txt|dat|svm|train|test|letor)(\.gz|\.zst)?$")
_FEATURE = re.compile(r"f([0-9]+)")


def read_letor(path: Path, *, gain_of: GainOf) -> TrainingSet:
    """The rows of one file.

    Args:
        path: lines of `LABEL qid:ID FEATURE:VALUE ...`, or Parquet with the columns qid, label, f1, f2...
        gain_of: what a grade is worth.
    Raises:
        NotFoundError, InputError: no such file, not what its ending says, or a line that cannot be read.
    """
    if not path.is_file():
        raise NotFoundError(f"{path}: there is no such file")
    try:
        if path.suffix.lower() == ".parquet":
            return _read_parquet(path, gain_of)
        if not _TEXT.search(path.name.lower()):
            raise InputError(f"{path}: cannot tell what it is; allowed endings: {ENDINGS}")
        return letor_set(_text_blocks(path), gain_of=gain_of, at=str(path))
    except (pa.ArrowException, OSError, EOFError) as fault:
        raise InputError(f"{path}: cannot be read: {fault}") from None


def read_letor_files(paths: Sequence[Path], *, gain_of: GainOf) -> TrainingSet:
    """The rows of several files as one set; narrower files get columns of zeros.

    Raises:
        NotFoundError, InputError: as `read_letor`.
    """
    parts = [read_letor(path, gain_of=gain_of) for path in paths]
    widest = max((part.columns for part in parts), key=lambda columns: len(columns.names))
    return joined([widened(part, widest) for part in parts])


def _text_blocks(path: Path) -> Iterator[LetorRows]:
    """Whole lines, a block at a time."""
    rest, line = b"", 1
    with pa.input_stream(str(path)) as stream:
        while block := stream.read(BLOCK_BYTES):
            whole, _, rest = (rest + block).rpartition(b"\n")
            if whole:
                yield parse_letor(whole, at=str(path), first_line=line)
                line += whole.count(b"\n") + 1
    if rest:
        yield parse_letor(rest, at=str(path), first_line=line)


def _read_parquet(path: Path, gain_of: GainOf) -> TrainingSet:
    table = pq.read_table(path, use_threads=False, partitioning=None)
    numbered = {int(m[1]): name for name in table.column_names if (m := _FEATURE.fullmatch(name))}
    missing = [name for name in ("qid", "label") if name not in table.column_names]
    if missing or not numbered:
        raise InputError(
            f"{path}: needs the columns qid, label and f1, f2, ...; it has "
            f"{', '.join(table.column_names[:10])}"
        )
    names = [numbered[i] for i in sorted(numbered)]
    nulls = [name for name in ("qid", "label") if table.column(name).null_count]
    if nulls or table.num_rows == 0:
        raise InputError(
            f"{path}: {'has nulls in ' + nulls[0] if nulls else 'there are no rows in it'}"
        )
    features = np.column_stack([_float32(table.column(name), name, at=path) for name in names])
    grade = pc.cast(table.column("label"), pa.float64()).to_numpy()
    query_id = table.column("qid").combine_chunks()
    return letor_table(features, grade, query_id, names=names, gain_of=gain_of)


def _float32(column: pa.ChunkedArray, name: str, *, at: Path) -> np.ndarray:
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise InputError(f"{at}: column {name!r} is {kind}; a feature is a number")
    out: np.ndarray = column.to_numpy().astype(np.float32)  # a null becomes NaN: missing
    return out
