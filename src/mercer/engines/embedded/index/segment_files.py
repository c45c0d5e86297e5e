"""A segment's columns on disk: one .npy or Arrow file each, memory-mapped when opened."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.engines.embedded.index.large_pages import LARGE_BYTES, wish_large_pages
from mercer.retrieve.documents import Documents
from mercer.retrieve.segment import NUMBER_COLUMNS, Labels, Postings, Segment
from mercer.retrieve.segment_build import SegmentColumns
from mercer.retrieve.sorted_strings import SortedStrings
from mercer.retrieve.text_index import TextIndex
from mercer.retrieve.vector_index import VectorIndex
from mercer.schema.errors import CorruptError

Array = npt.NDArray[Any]
DOCUMENT_BATCH = 1_000_000  # rows; their text stays far below the 2 GiB of one string column


def save_arrays(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Each array as `name.npy`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array))


def load_arrays(folder: Path) -> dict[str, Array]:
    """All arrays of a folder, memory-mapped for reading.

    Raises:
        CorruptError: a file is cut off or is no array.
    """
    return {path.stem: _load(path) for path in sorted(folder.glob("*.npy"))}


def _load(path: Path) -> Array:
    try:
        mapped = np.load(path, mmap_mode="r")
    except (ValueError, OSError, EOFError) as fault:
        raise CorruptError(f"{path}: {fault}; run `mercer index` to build the index anew") from None
    if mapped.nbytes >= LARGE_BYTES:
        wish_large_pages(mapped.base)
    # A plain array over the same pages: kernels dispatch on the exact type.
    return np.asarray(mapped)


def save_table(path: Path, table: pa.Table) -> None:
    """An Arrow IPC file without compression, so that it can be memory-mapped."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def load_table(path: Path) -> pa.Table:
    """A memory-mapped table.

    Raises:
        CorruptError: the file is cut off or is no Arrow file.
    """
    try:
        return pa.ipc.open_file(pa.memory_map(str(path), "r")).read_all()
    except (pa.ArrowInvalid, OSError) as fault:
        raise CorruptError(f"{path}: {fault}; run `mercer index` to build the index anew") from None


def save_documents(folder: Path, documents: pa.Table) -> None:
    """In few large batches: a page's rows then lie in one, which is taken in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "documents.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, documents.schema) as writer:
        for first in range(0, len(documents), DOCUMENT_BATCH):
            whole = documents.slice(first, DOCUMENT_BATCH).combine_chunks()
            for batch in whole.to_batches():
                writer.write_batch(batch)


def save_strings(path: Path, strings: pa.Array) -> None:
    """One column of strings."""
    save_table(path, pa.table({"value": strings}))


def load_strings(path: Path) -> pa.Array:
    """One column of strings, as one array."""
    column = load_table(path).column("value")
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def save_segment(folder: Path, columns: SegmentColumns) -> None:
    """Everything of a segment but its documents, its vectors and its text index."""
    postings, labels = columns.postings, columns.labels
    save_arrays(
        folder,
        {
            "row_id": columns.row_id,
            "prior": columns.prior,
            "lengths": columns.lengths,
            "title_offsets": columns.title_offsets,
            "title_stems": columns.title_stems,
            "document_row": columns.document_row,
            "posting_offsets": postings.offsets,
            "posting_rows": postings.rows,
            "posting_counts": postings.counts,
            "label_starts": labels.starts,
            "label_folded_code": labels.folded_code,
            "label_offsets": labels.offsets,
            "label_codes": labels.codes,
            "label_row_offsets": labels.row_offsets,
            "label_rows": labels.rows,
            **{f"number_{name}": column for name, column in columns.numbers.items()},
        },
    )
    save_strings(folder / "stems.arrow", postings.stems.column)
    save_strings(folder / "label_fields.arrow", pa.array(labels.fields, pa.string()))
    save_strings(folder / "label_values.arrow", labels.values.column)
    save_strings(folder / "label_folded.arrow", labels.folded.column)


def load_segment(folder: Path, *, vectors: VectorIndex, text: TextIndex | None) -> Segment:
    """A segment over memory-mapped columns.

    Raises:
        CorruptError: a file is missing, cut off or of another length than its neighbours.
    """
    arrays = load_arrays(folder)
    try:
        segment = Segment(
            n=len(arrays["row_id"]),
            row_id=arrays["row_id"],
            prior=arrays["prior"],
            numbers={name: arrays[f"number_{name}"] for name in NUMBER_COLUMNS},
            postings=Postings(
                SortedStrings(load_strings(folder / "stems.arrow")),
                arrays["posting_offsets"],
                arrays["posting_rows"],
                arrays["posting_counts"],
            ),
            lengths=arrays["lengths"],
            title_offsets=arrays["title_offsets"],
            title_stems=arrays["title_stems"],
            labels=Labels(
                tuple(load_strings(folder / "label_fields.arrow").to_pylist()),
                arrays["label_starts"],
                SortedStrings(load_strings(folder / "label_values.arrow")),
                SortedStrings(load_strings(folder / "label_folded.arrow")),
                arrays["label_folded_code"],
                arrays["label_offsets"],
                arrays["label_codes"],
                arrays["label_row_offsets"],
                arrays["label_rows"],
            ),
            documents=Documents(load_table(folder / "documents.arrow")),
            document_row=arrays["document_row"],
            vectors=vectors,
            text=text,
        )
    except KeyError as missing:
        raise CorruptError(
            f"{folder}: the file {missing.args[0]}.npy is missing; run `mercer index`"
        ) from None
    _check_lengths(folder, segment)
    return segment


def _check_lengths(folder: Path, segment: Segment) -> None:
    n = segment.n
    lengths = {
        "prior": len(segment.prior),
        "lengths": len(segment.lengths),
        "title_offsets": len(segment.title_offsets) - 1,
        "label_offsets": len(segment.labels.offsets) - 1,
        "documents": len(segment.documents),
        "vectors": segment.vectors.n,
        **{f"number_{name}": len(column) for name, column in segment.numbers.items()},
    }
    wrong = [f"{name} has {length:,} rows" for name, length in lengths.items() if length != n]
    if wrong:
        raise CorruptError(f"{folder}: {n:,} listings, but {', '.join(wrong)}; run `mercer index`")
