"""Counting the labels of very many matches: by how they differ from what was counted before.

A query that matches a third of the catalogue matches what one very frequent word does, but for the
rows that a filter, a dead listing or a semantic hit makes different. The labels of all rows, and of
the rows of each such word, are counted when a segment is opened; then only the difference is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.retrieve import bitmap
from mercer.retrieve.bitmap import Bits, Rows
from mercer.retrieve.segment import I32s, I64s, Labels, Segment
from mercer.text.kernel_types import I4S, I8S, U2S, U4S, U8S
from mercer.text.prefetch import AHEAD, prefetch

_FROM_ROWS = 20_000  # smaller segments are counted whole in no time
_HEAD_SHARE, _HEAD_WORDS = 0.1, 64  # a word of so many listings is a reference, at most so many are
_MOST_LABELS = 1 << 16  # that 16 bits can name
_MOST_STEPS = 2_000  # by price, until one matches
_SAMPLED = 512  # words of a bitmap by which sets are compared


@dataclass(frozen=True, slots=True)
class Reference:
    """A set of rows whose labels have been counted."""

    rows: Bits
    counts: I64s  # (last,) of the labels from 0
    n_priced: int  # rows whose price is known,
    price_sum_micros: int  # and what all of them cost


@dataclass(frozen=True, slots=True)
class References:
    """Counted sets of a segment, and a compact copy of the labels that are counted.

    The copy has 16 bits per label and leaves out tags and sellers: counting is bound by memory, and
    so reads a quarter as much of it.
    """

    last: int = 0  # labels from here on are not in it
    all: tuple[Reference, ...] = ()
    samples: Bits = field(default_factory=lambda: np.zeros((0, 0), np.uint64))  # words of each
    of_stem: Mapping[int, Bits] = field(default_factory=dict)  # rows of each head word by its code
    offsets: npt.NDArray[np.uint32] = field(default_factory=lambda: np.zeros(1, np.uint32))
    codes: npt.NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))
    by_price: Rows = field(default_factory=lambda: np.zeros(0, np.uint32))  # cheapest first

    def prices(self, price: I64s, matches: Bits) -> tuple[int, int, int, int] | None:
        """(n, least, most, sum) of the matches whose price is known; None where adding them up is less.

        Args:
            price: of the segment.
        """
        n_matches = bitmap.count(matches)
        near = self._nearest(matches, n_matches) if n_matches >= _FROM_ROWS else None
        if near is None:
            return None
        # The cheapest and the dearest of so many are soon met, unless a limit of the price parts them.
        ends = [_first_in(self.by_price[::step][:_MOST_STEPS], matches) for step in (1, -1)]
        if max(ends) >= min(_MOST_STEPS, len(self.by_price)):
            return None
        cheapest, dearest = self.by_price[ends[0]], self.by_price[-1 - ends[1]]
        sums = np.array([near.n_priced, near.price_sum_micros], np.int64)
        _add_prices(price, bitmap.rows_of(matches & ~near.rows), 1, sums)
        _add_prices(price, bitmap.rows_of(near.rows & ~matches), -1, sums)
        n, total = sums.tolist()
        return n, int(price[cheapest]), int(price[dearest]), total

    def count(self, matches: Bits, *, last: int) -> I64s:
        """(last,) how many of the matches have each of the labels 0..last - 1; last <= self.last."""
        counts = np.zeros(last, np.int64)
        n_matches = bitmap.count(matches)
        near = self._nearest(matches, n_matches) if n_matches >= _FROM_ROWS else None
        if near is None:
            self._add(matches, 1, counts)
        else:
            counts[:] = near.counts[:last]
            self._add(matches & ~near.rows, 1, counts)
            self._add(near.rows & ~matches, -1, counts)
        return counts

    def _add(self, rows: Bits, step: int, counts: I64s) -> None:
        _add(self.offsets, self.codes, bitmap.rows_of(rows), step, counts)

    def _nearest(self, matches: Bits, n_matches: int) -> Reference | None:
        """The reference that differs in the fewest rows, as a sample tells; None where counting
        afresh is less. Whichever it is, the counts are exact."""
        if not self.all:
            return None
        sample = _sample(matches)
        apart = np.bitwise_count(self.samples ^ sample).sum(axis=1, dtype=np.int64)
        best = int(np.argmin(apart))
        return self.all[best] if apart[best] * len(matches) < n_matches * len(sample) else None


def _sample(rows: Bits) -> Bits:
    """Words of a bitmap, evenly spread; all of a small one."""
    return rows[:: max(len(rows) // _SAMPLED, 1)]


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
    price = segment.numbers["price"]
    for bits in sets:
        rows, counts, sums = bitmap.rows_of(bits), np.zeros(last, np.int64), np.zeros(2, np.int64)
        _add(offsets, codes, rows, 1, counts)
        _add_prices(price, rows, 1, sums)
        counted.append(Reference(bits, counts, *sums.tolist()))
    samples = np.stack([_sample(rows) for rows in sets])
    of_stem = dict(zip(head.tolist(), sets[1:], strict=True))
    by_price = np.argsort(price, kind="stable").astype(np.uint32)[int((price < 0).sum()) :]
    return References(last, tuple(counted), samples, of_stem, offsets, codes, by_price)


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


@nb.njit(nb.void(U4S, U2S, U4S, nb.i8, nb.i8[::1]), cache=True, nogil=True)
def _add(
    offsets: npt.NDArray[np.uint32], codes: npt.NDArray[np.uint16], rows: Rows, step: int,
    counts: I64s,
) -> None:  # fmt: skip
    """Add `step` to the count of every label of each row that there is a count for."""
    last = counts.size
    for i in range(rows.size):
        if i + 2 * AHEAD < rows.size:
            prefetch(offsets, rows[i + 2 * AHEAD])
        if i + AHEAD < rows.size:
            prefetch(codes, offsets[rows[i + AHEAD]])
        for at in range(offsets[rows[i]], offsets[rows[i] + 1]):
            if codes[at] >= last:
                break
            counts[codes[at]] += step


@nb.njit(nb.void(I8S, U4S, nb.i8, nb.i8[::1]), cache=True, nogil=True)
def _add_prices(price: I64s, rows: Rows, step: int, out: I64s) -> None:
    """Add `step` times how many of the rows have a price, and what they cost, to out[0] and out[1]."""
    n, total = 0, 0
    for i in range(rows.size):
        if i + AHEAD < rows.size:
            prefetch(price, rows[i + AHEAD])
        if price[rows[i]] >= 0:
            n += 1
            total += price[rows[i]]
    out[0] += step * n
    out[1] += step * total


@nb.njit(nb.i8(nb.types.Array(nb.u4, 1, "A", readonly=True), U8S), cache=True, nogil=True)
def _first_in(rows: Rows, matches: Bits) -> int:
    """The place of the first row that matches; how many there are where none does."""
    for place in range(rows.size):
        row = rows[place]
        if (matches[row >> 6] >> np.uint64(row & 63)) & np.uint64(1):
            return place
    return rows.size
