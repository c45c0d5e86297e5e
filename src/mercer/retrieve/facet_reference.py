"""Counting the labels of very many matches: by how they differ from what was counted before.

A query that matches a third of the catalogue matches what one very frequent word does, but for the
rows that a filter, a dead listing or a semantic hit makes different. The labels of all rows, and of
the rows of each such word, are counted when a segment is opened; then only the difference is.
"""

from dataclasses import dataclass, field

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.retrieve import bitmap
from mercer.retrieve.bitmap import Bits, lowest_bit
from mercer.retrieve.segment import I32s, I64s, Labels, Segment
from mercer.text.kernel_types import I4S, I8S, U2S, U4S, read_only

_U8S = read_only(nb.u8)
_FROM_ROWS = 20_000  # smaller segments are counted whole in no time
_HEAD_SHARE, _HEAD_WORDS = 0.1, 64  # a word of so many listings is a reference, at most so many are
_MOST_LABELS = 1 << 16  # that 16 bits can name


@dataclass(frozen=True, slots=True)
class Reference:
    """A set of rows whose labels have been counted."""

    rows: Bits
    counts: I64s  # (last,) of the labels from 0


@dataclass(frozen=True, slots=True)
class References:
    """Counted sets of a segment, and a compact copy of the labels that are counted.

    The copy has 16 bits per label and leaves out tags and sellers: counting is bound by memory, and
    so reads a quarter as much of it.
    """

    last: int = 0  # labels from here on are not in it
    all: tuple[Reference, ...] = ()
    offsets: npt.NDArray[np.uint32] = field(default_factory=lambda: np.zeros(1, np.uint32))
    codes: npt.NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))

    def count(self, matches: Bits, *, last: int) -> I64s:
        """(last,) how many of the matches have each of the labels 0..last - 1; last <= self.last."""
        counts = np.zeros(last, np.int64)
        n_matches = bitmap.count(matches)
        near = self._nearest(matches, n_matches) if n_matches >= _FROM_ROWS else None
        if near is None:
            _add(self.offsets, self.codes, matches, last, 1, counts)
        else:
            counts[:] = near.counts[:last]
            _add(self.offsets, self.codes, matches & ~near.rows, last, 1, counts)
            _add(self.offsets, self.codes, near.rows & ~matches, last, -1, counts)
        return counts

    def _nearest(self, matches: Bits, n_matches: int) -> Reference | None:
        """The reference that differs in the fewest rows; None where counting afresh is less."""
        apart = [bitmap.count(reference.rows ^ matches) for reference in self.all]
        best = int(np.argmin(apart)) if apart else -1
        return self.all[best] if best >= 0 and apart[best] < n_matches else None


NO_REFERENCES = References()


def count_references(segment: Segment) -> References:
    """The references of a segment: all rows, and the rows of each head word."""
    labels = segment.labels
    last = min(
        [labels.span(f).start for f in ("tags", "seller") if labels.span(f)] or [len(labels.values)]
    )
    if segment.n < _FROM_ROWS or not 0 < last <= _MOST_LABELS:
        return NO_REFERENCES
    offsets, codes = _compact_labels(labels, segment.n, last)
    frequency = np.diff(segment.postings.offsets)
    head = np.flatnonzero(frequency >= _HEAD_SHARE * segment.n)
    head = head[np.argsort(-frequency[head], kind="stable")][:_HEAD_WORDS]
    sets = [bitmap.full(segment.n)]
    sets += [bitmap.of_rows(segment.postings.rows_of(int(code)), segment.n) for code in head]
    counted = []
    for rows in sets:
        counts = np.zeros(last, np.int64)
        _add(offsets, codes, rows, last, 1, counts)
        counted.append(Reference(rows, counts))
    return References(last, tuple(counted), offsets, codes)


def _compact_labels(
    labels: Labels, n: int, last: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint16]]:
    offsets = np.zeros(n + 1, np.uint32)
    _measure(labels.offsets, labels.codes, last, offsets)
    codes = np.empty(int(offsets[-1]), np.uint16)
    _copy(labels.offsets, labels.codes, offsets, codes)
    return offsets, codes


@nb.njit(nb.void(I8S, I4S, nb.i8, nb.u4[::1]), cache=True, nogil=True)
def _measure(offsets: I64s, codes: I32s, last: int, out: npt.NDArray[np.uint32]) -> None:
    for row in range(offsets.size - 1):
        at = offsets[row]
        while at < offsets[row + 1] and codes[at] < last:
            at += 1
        out[row + 1] = out[row] + (at - offsets[row])


@nb.njit(nb.void(I8S, I4S, U4S, nb.u2[::1]), cache=True, nogil=True)
def _copy(
    offsets: I64s, codes: I32s, to: npt.NDArray[np.uint32], out: npt.NDArray[np.uint16]
) -> None:
    for row in range(offsets.size - 1):
        start = offsets[row]
        for at in range(to[row], to[row + 1]):
            out[at] = codes[start + at - to[row]]


@nb.njit(nb.void(U4S, U2S, _U8S, nb.i8, nb.i8, nb.i8[::1]), cache=True, nogil=True)
def _add(
    offsets: npt.NDArray[np.uint32], codes: npt.NDArray[np.uint16], rows: Bits, last: int, step: int,
    counts: I64s,
) -> None:  # fmt: skip
    """Add `step` to the count of every label below `last` of each row."""
    for word in range(rows.size):
        left = rows[word]
        while left != 0:
            row = word * 64 + lowest_bit(left)
            left &= left - np.uint64(1)
            for at in range(offsets[row], offsets[row + 1]):
                if codes[at] >= last:
                    break
                counts[codes[at]] += step
