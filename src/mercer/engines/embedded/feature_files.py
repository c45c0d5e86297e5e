"""Feature sets over Parquet files of any size: batch by batch, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mercer.engines.embedded.seen_ids import SeenIds
from mercer.features.columns import OWNERS, owner_of
from mercer.features.counter_keys import hash_texts
from mercer.features.counter_reader import CounterReader
from mercer.features.flat import GROUP
from mercer.features.plan import Plan
from mercer.schema.errors import FeatureError, InputError

BATCH_ROWS = 65_536
NOW_COLUMN = "now_ms"
_NO_GROUP = "\0"  # null is a group, and another one than the empty text
OnRows = Callable[[int], None]
"""How many rows are done so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """What to run over."""

    files: Sequence[Path]
    out: Path
    now_ms: int | None = None  # of all rows; None: the files have the column now_ms
    n_threads: int = 2


def batches_of(files: Sequence[Path], *, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The rows of Parquet files.

    Raises:
        InputError: a file that is not there or not Parquet.
    """
    for file in files:
        try:
            with pq.ParquetFile(file) as parquet:
                yield from parquet.iter_batches(batch_size=rows)
        except FileNotFoundError:
            raise InputError(f"{file}: no such file") from None
        except pa.ArrowInvalid as fault:
            raise InputError(f"{file}: is no Parquet file: {fault}") from None


def count_rows(files: Sequence[Path]) -> int:
    """How many rows the files have, from their footers.

    Raises:
        InputError: a file that is not there or not Parquet.
    """
    total = 0
    for file in files:
        try:
            total += pq.read_metadata(file).num_rows
        except FileNotFoundError:
            raise InputError(f"{file}: no such file") from None
        except pa.ArrowInvalid as fault:
            raise InputError(f"{file}: is no Parquet file: {fault}") from None
    return total


def run_files(
    plan: Plan, job: RunJob, *, counters: CounterReader | None = None, on_rows: OnRows = print
) -> int:
    """Write one row of features for each row of the files; the number of rows.

    Columns of the files that are no input of features (an id, a label, the group) are kept beside
    the features. Where the set has list features the rows of a group must stand together.
    The file that is written is whole or absent.

    Raises:
        FeatureError: a column is missing or does not fit, a group comes twice.
        InputError: a file cannot be read.
    """
    part = job.out.with_name(f".{job.out.name}.part")
    batches = batches_of(job.files)
    if plan.layout.has_lists:
        batches = whole_groups(batches)
    writer: pq.ParquetWriter | None = None
    done = 0
    try:
        with ThreadPoolExecutor(job.n_threads) as pool:
            for batch in batches:
                features = plan.run_batch(
                    batch, now_ms=_now(batch, job), counters=counters, pool=pool
                )
                rows = _beside(batch, features)
                if writer is None:
                    writer = pq.ParquetWriter(part, rows.schema, compression="zstd")
                writer.write_batch(rows)
                done += batch.num_rows
                on_rows(done)
        if writer is None:
            raise InputError(f"{', '.join(map(str, job.files))}: no rows; nothing was written")
        writer.close()
        part.replace(job.out)
    finally:
        if writer is not None:
            writer.close()
        part.unlink(missing_ok=True)
    return done


def _now(batch: pa.RecordBatch, job: RunJob) -> "int | pa.Array":
    if job.now_ms is not None:
        return job.now_ms
    if NOW_COLUMN in batch.schema.names:
        try:
            times = batch.column(NOW_COLUMN).cast(pa.int64())
        except pa.ArrowInvalid as fault:
            raise InputError(
                f"{NOW_COLUMN!r} is a {batch.column(NOW_COLUMN).type} that is no time: {fault}; allowed are "
                "whole milliseconds since 1970"
            ) from None
        if times.null_count:
            raise InputError(
                f"{NOW_COLUMN!r} is missing in {times.null_count} rows; give each row its time"
            )
        return times.to_numpy(zero_copy_only=False)
    raise InputError(
        f"when was it? the files have no column {NOW_COLUMN!r}; give the time of all rows"
    )


def _beside(batch: pa.RecordBatch, features: pa.RecordBatch) -> pa.RecordBatch:
    """The features, and in front of them the columns that are not theirs."""
    kept = [
        name
        for name in batch.schema.names
        if (owner_of(name) not in OWNERS or name.startswith("label."))
        and name not in features.schema.names
    ]
    names = [*kept, *features.schema.names]
    return pa.record_batch([*(batch.column(name) for name in kept), *features.columns], names=names)


def whole_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows cut so that no group is in two batches.

    Holds the rows of one group, and 8 bytes for each group that was there.

    Raises:
        FeatureError: there is no column of groups, or a group comes again after another one.
    """
    held: list[pa.RecordBatch] = []  # rows of the last group so far
    seen = SeenIds()
    for batch in batches:
        if GROUP not in batch.schema.names:
            raise FeatureError(
                f"list features need the column {GROUP!r}: the request that a row belongs to"
            )
        if not batch.num_rows:
            continue
        groups = batch.column(GROUP)
        last = _is_same(groups, groups[-1])
        cut = batch.num_rows - int(pc.sum(last).as_py())
        goes_on = held and cut == 0 and _is_same(groups[:1], held[0].column(GROUP)[0])[0].as_py()
        if not goes_on:
            yield from _new_groups([*held, batch.slice(0, cut)], seen)
            held = []
        held.append(batch.slice(cut))
    yield from _new_groups(held, seen)


def _is_same(groups: pa.Array, value: pa.Scalar) -> pa.Array:
    """Where the value stands; null is a group as well."""
    if not value.is_valid:
        return pc.is_null(groups)
    return pc.fill_null(pc.equal(groups, value), False)


def _new_groups(parts: Sequence[pa.RecordBatch], seen: SeenIds) -> Iterator[pa.RecordBatch]:
    """The rows together, all of whose groups must be new."""
    if not sum(part.num_rows for part in parts):
        return
    batch = pa.concat_batches(list(parts))
    groups = pc.unique(batch.column(GROUP)).cast(pa.string())
    if not seen.add(hash_texts(pc.fill_null(groups, _NO_GROUP))):
        raise FeatureError(
            f"a value of {GROUP!r} comes again after another one; sort the rows by {GROUP!r}"
        )
    yield batch
