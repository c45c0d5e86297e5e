"""The vector index of the delta: exact, and most rows are never looked at as they are.

A search that a delta adds to reads vectors which no cache has any more, so it costs what they weigh in
memory. Beside each vector lie its numbers in 8 bits; they say how high its score can be at most, and only
rows that may reach the threshold are scored. What is found has the same bits as without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.engines.embedded.index.vector_exact import ExactIndex
from mercer.retrieve.vector_index import (
    NO_HITS,
    Bitmap,
    F32s,
    I64s,
    VectorHits,
    VectorIndex,
    best_first,
    check_search,
)
from mercer.text.kernel_types import F4S, read_only

_TOP = 127  # of the codes -127..127
_SLACK = 1e-5  # for what float32 sums are off by

_CODES = read_only(nb.i1, ndim=2)
_BITS = read_only(nb.u8)


@dataclass(frozen=True, slots=True)
class Codes:
    """n vectors rounded: codes times step, each number off by half a step at most."""

    codes: npt.NDArray[np.int8]  # (n, dim)
    step: F32s  # (n,)

    @classmethod
    def of(cls, vectors: F32s) -> "Codes":
        """Of (n, dim) vectors."""
        step = np.abs(vectors).max(axis=1, initial=0.0) / np.float32(_TOP)
        by = np.where(step > 0, step, np.float32(1))
        return cls(np.rint(vectors / by[:, None]).astype(np.int8), step.astype(np.float32))

    @classmethod
    def joined(cls, parts: Sequence["Codes"]) -> "Codes":
        """The rows of all parts."""
        return cls(
            np.concatenate([part.codes for part in parts]),
            np.concatenate([part.step for part in parts]),
        )

    def taken(self, rows: I64s) -> "Codes":
        """Some rows, in that order."""
        return Codes(self.codes[rows], self.step[rows])


@final
class ScreenedIndex:
    """Brute force over (n, dim) float32 vectors, those alone that their codes let through.

    The arrays are kept, not copied: they must not change any more.

    Args:
        codes: of the vectors, where they are known.
    """

    def __init__(self, vectors: F32s, codes: Codes | None = None) -> None:
        self._exact = ExactIndex(vectors)
        self._codes = Codes.of(vectors) if codes is None else codes
        self.n, self.dim = self._exact.n, self._exact.dim

    def search(
        self, query: F32s, *, k: int, alive: Bitmap | None = None, threshold: float = -np.inf
    ) -> VectorHits:
        """See `VectorIndex`."""
        check_search(query, k=k, alive=alive, n=self.n, dim=self.dim)
        if not query.any():
            return NO_HITS
        rows = self._reaching(query, alive, threshold)
        scores = self._exact.scores(query, rows)
        keep = scores >= threshold
        return best_first(rows[keep], scores[keep], k=k)

    def _reaching(self, query: F32s, alive: Bitmap | None, threshold: float) -> I64s:
        """The live rows that may score so much, ascending.

        With a weight w for each number q of the query, q = scale * w + f, and a number v = step * c + e of
        a row: the score is scale * step * sum(w * c), off by sum(f * step * c) + sum(q * e) at most.
        """
        most = float(np.abs(query).max())
        limit = min(32_767, (2**31 - 1) // (_TOP * self.dim))  # no sum passes 32 bits
        scale = most / limit
        off = (float(np.abs(query, dtype=np.float64).sum()) + scale * _TOP * self.dim) / 2
        rows = np.empty(self.n, np.int64)
        everything = np.zeros(0, np.uint64)
        found = _screen(
            self._codes.codes,
            self._codes.step,
            np.rint(query.astype(np.float64) / scale).astype(np.int16),
            scale,
            off,
            everything if alive is None else np.ascontiguousarray(alive),
            alive is not None,
            threshold - _SLACK * (1 + most),
            rows,
        )
        return rows[:found]

    def scores(self, query: F32s, rows: I64s) -> F32s:
        """See `VectorIndex`."""
        return self._exact.scores(query, rows)

    def row_vectors(self, rows: I64s) -> F32s:
        """See `VectorIndex`."""
        return self._exact.row_vectors(rows)


@nb.njit(
    nb.i8(_CODES, F4S, nb.i2[::1], nb.f8, nb.f8, _BITS, nb.b1, nb.f8, nb.i8[::1]),
    cache=True,
    nogil=True,
)
def _screen(
    codes: npt.NDArray[np.int8], step: F32s, weight: npt.NDArray[np.int16], scale: float, off: float,
    alive: Bitmap, is_filtered: bool, threshold: float, out: I64s,
) -> int:  # fmt: skip
    """Write the live rows with step * (scale * sum(weight * code) + off) >= threshold; how many."""
    n, dim = codes.shape
    found = 0
    for row in range(n):
        if is_filtered and not (alive[row >> 6] >> np.uint64(row & 63)) & np.uint64(1):
            continue
        code, total = codes[row], np.int32(0)
        for j in range(dim):
            total = np.int32(total + np.int32(np.int32(weight[j]) * np.int32(code[j])))
        if step[row] * (scale * total + off) >= threshold:
            out[found] = row
            found += 1
    return found


_conforms: type[VectorIndex] = ScreenedIndex
