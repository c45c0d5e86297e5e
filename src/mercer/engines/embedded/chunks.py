"""Contents of listings as blobs of many rows each, so that a bulk load makes no object per row.

A chunk is an Arrow IPC stream (zstd inside) of rows of LISTING: it says its own schema, so a later
version of Mercer reads the chunks of an earlier one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.schema.catalogue import BLANK
from mercer.schema.listing import LISTING

Ints = npt.NDArray[np.int64]

# More rows compress and write better, fewer make reading one listing cheaper (512: 0.5 ms).
CHUNK_ROWS = 512
_OPTIONS = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))
_PLAIN = pa.ipc.IpcWriteOptions()
_FEW_CHUNKS = 64
_COMPRESS_FROM = 16  # rows; a few rows alone only grow by it


def encode(rows: pa.RecordBatch) -> bytes:
    """Rows of LISTING as the bytes of one chunk."""
    sink = pa.BufferOutputStream()
    options = _OPTIONS if rows.num_rows >= _COMPRESS_FROM else _PLAIN
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        writer.write_batch(rows)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def decode(data: bytes) -> pa.Table:
    """The rows of one chunk."""
    return pa.ipc.open_stream(pa.py_buffer(data)).read_all()


def assemble(
    chunk_ids: Ints, chunk_rows: Ints, fetch: Callable[[Sequence[int]], Mapping[int, Any]]
) -> pa.RecordBatch:
    """The content of each (chunk, row), in that order.

    Args:
        chunk_ids: (n,) the chunk of each row; -1 where the listing is deleted and has none.
        chunk_rows: (n,) the row inside its chunk.
        fetch: decoded chunks by id.
    Returns:
        (n,) rows of LISTING; a deleted one is BLANK.
    """
    wanted, which = np.unique(chunk_ids, return_inverse=True)
    tables = fetch([c for c in wanted.tolist() if c >= 0])
    place = np.where(chunk_ids < 0, 0, chunk_rows)
    parts = []
    for i, chunk_id in enumerate(wanted.tolist()):
        part = pa.Table.from_batches([BLANK]) if chunk_id < 0 else tables[chunk_id]
        mine = np.flatnonzero(which == i) if len(wanted) < _FEW_CHUNKS else None
        if mine is not None and len(mine) * 4 < part.num_rows:  # few rows: take them, then combine
            part = part.take(pa.array(place[mine]))
            place[mine] = np.arange(len(mine))
        parts.append(part)
    starts = np.cumsum([0, *(part.num_rows for part in parts)])
    at = starts[which] + place
    # Combined first: Arrow's take over many chunks costs ten times the copy.
    whole = pa.concat_tables(parts).combine_chunks() if parts else LISTING.empty_table()
    if len(at) != whole.num_rows or (at != np.arange(len(at))).any():
        whole = whole.take(pa.array(at))
    batches = whole.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=LISTING)
