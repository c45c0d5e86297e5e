"""Which listings mean something like this: the protocol of the vector index and its laws."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mercer.retrieve.falling import falling_order
from mercer.schema.errors import InputError

F32s = NDArray[np.float32]
I64s = NDArray[np.int64]
Bitmap = NDArray[np.uint64]  # row r: bit r % 64 of word r // 64


class VectorHits(NamedTuple):
    """Rows with their inner product with the query, best first; of equals the lower row first."""

    rows: I64s
    scores: F32s


class VectorIndex(Protocol):
    """Nearest rows by inner product, of n vectors that never change.

    Each law is a test in tests/contract.

    1. Hits are different rows of 0..n-1, best first, equals by row, at most k of them.
    2. A row that is not alive is never a hit, and it takes no other row's place: without a
       threshold there are k hits where k rows are alive. An approximate index may put a worse row
       in the place of a better one; how often is its recall, which a test bounds.
    3. No hit scores below the threshold.
    4. The score of a hit is the inner product of the query and `row_vectors` of it, to 1e-4.
    5. A query of zeros (nothing of it is known) has no hits.
    6. Searching changes nothing: any number of threads may search, and the same query gives the
       same hits. The caller's arrays are neither kept nor written.
    7. What cannot be searched (k < 1, another dimension, a NaN, a bitmap that is too short) is an
       InputError that says what is allowed.
    8. An index of no rows is an index: it finds nothing.
    """

    n: int
    dim: int

    def search(
        self, query: F32s, *, k: int, alive: Bitmap | None = None, threshold: float = -np.inf
    ) -> VectorHits:
        """The best rows.

        Args:
            query: (dim,).
            k: at most so many, >= 1.
            alive: (>= n / 64,) the rows that may be found; None: all.
            threshold: least score.
        """
        ...

    def scores(self, query: F32s, rows: I64s) -> F32s:
        """(n_rows,) inner product of the query with each of some rows.

        Args:
            query: (dim,).
            rows: (n_rows,) each in 0..n-1.
        """
        ...

    def row_vectors(self, rows: I64s) -> F32s:
        """(n_rows, dim) the vectors as stored; for an index that rounds, the rounded ones."""
        ...


NO_HITS = VectorHits(np.zeros(0, np.int64), np.zeros(0, np.float32))


def check_search(query: F32s, *, k: int, alive: Bitmap | None, n: int, dim: int) -> None:
    """Raise InputError that lists all that makes a search impossible."""
    faults = []
    if query.shape != (dim,):
        faults.append(f"the query has the shape {query.shape}, must be ({dim},)")
    elif not np.isfinite(query).all():
        faults.append("the query has numbers that are not finite")
    if k < 1:
        faults.append(f"k must be >= 1, got {k}")
    if alive is not None and (alive.dtype != np.uint64 or alive.ndim != 1 or alive.size * 64 < n):
        faults.append(
            f"the bitmap of live rows is {alive.dtype} of shape {alive.shape}, must be uint64 with "
            f"at least {-(-n // 64)} words for {n} rows"
        )
    if faults:
        raise InputError(f"vector search: {'; '.join(faults)}")


def check_rows(rows: I64s, *, n: int) -> None:
    """Raise InputError where a row is none of the index."""
    if rows.size and not (rows.min() >= 0 and rows.max() < n):
        raise InputError(
            f"vector index: rows must lie in 0..{n - 1}, got {rows.min()}..{rows.max()}"
        )


def best_first(rows: I64s, scores: F32s, *, k: int) -> VectorHits:
    """The k best of some ascending rows, ordered as `VectorHits` are."""
    if rows.size > 4 * k:  # most of them need no order
        cut = np.partition(scores, scores.size - k)[scores.size - k]
        near = np.flatnonzero(scores >= cut)
        rows, scores = rows[near], scores[near]
    order = falling_order(scores)[:k]
    return VectorHits(rows[order].astype(np.int64), scores[order].astype(np.float32))
