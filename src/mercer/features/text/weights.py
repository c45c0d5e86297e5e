"""How much a word weighs, by the share of the listings that have it: what was counted, and a table.

Counting merges: counts of two halves, added, are the counts of the whole. The weights come from the
counts when a plan is made.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.text.kernel_types import I8S, U4S, read_only

U32s = NDArray[np.uint32]
U64s = NDArray[np.uint64]
I64s = NDArray[np.int64]
F32s = NDArray[np.float32]

U8S = read_only(nb.u8)

_EMPTY: Final = 0xFFFFFFFFFFFFFFFF  # no weight has these bits
_U_EMPTY, _0, _1, _32 = np.uint64(_EMPTY), np.uint64(0), np.uint64(1), np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)
_SPREAD: Final = np.uint32(0x9E3779B1)  # odd, from the golden ratio


@dataclass(frozen=True, slots=True)
class WordCounts:
    """How many of some texts have each word."""

    words: U32s  # (n_words,) rising
    counts: I64s  # (n_words,) texts that have it, >= 1
    n_texts: int
    n_words: int  # of all texts, repetitions counted

    @property
    def mean_length(self) -> float:
        """Words of a text on average; 0 of none."""
        return self.n_words / self.n_texts if self.n_texts else 0.0

    def merge(self, other: "WordCounts") -> "WordCounts":
        """The counts of the texts of both."""
        words = np.empty(self.words.size + other.words.size, np.uint32)
        counts = np.empty(words.size, np.int64)
        n = _merge(self.words, self.counts, other.words, other.counts, words, counts)
        return WordCounts(
            words[:n].copy(), counts[:n].copy(),
            self.n_texts + other.n_texts, self.n_words + other.n_words,
        )  # fmt: skip

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """To save, one array per name."""
        totals = np.array([self.n_texts, self.n_words], np.int64)
        return {"words": self.words, "counts": self.counts, "totals": totals}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "WordCounts":
        """What `to_arrays` gave; nothing counted where there are none."""
        if not arrays:
            return NOTHING_COUNTED
        n_texts, n_words = arrays["totals"].tolist()
        return cls(arrays["words"], arrays["counts"], n_texts, n_words)


NOTHING_COUNTED: Final = WordCounts(np.zeros(0, np.uint32), np.zeros(0, np.int64), 0, 0)


def count_texts(starts: I64s, stops: I64s, words: U32s) -> WordCounts:
    """Of n rows of words; a missing one is no text."""
    there = stops >= starts
    lengths = np.where(there, stops - starts, 0)
    out = np.empty(int(lengths.sum()), np.uint64)
    _row_words(starts, stops, words, out)
    # A word counts once per text: equal pairs of row and word are one.
    once = np.unique(out)
    distinct, counts = np.unique((once & _LOW).astype(np.uint32), return_counts=True)
    return WordCounts(
        distinct, counts.astype(np.int64), int(np.count_nonzero(there)), int(lengths.sum())
    )


@nb.njit(nb.void(I8S, I8S, U4S, nb.u8[::1]), cache=True, nogil=True)
def _row_words(starts: I64s, stops: I64s, words: U32s, out: U64s) -> None:
    """out = row << 32 | word, for each word."""
    n = 0
    for row in range(starts.size):
        for word in words[starts[row] : max(starts[row], stops[row])]:
            out[n] = (np.uint64(row) << _32) | np.uint64(word)
            n += 1


@nb.njit(nb.i8(U4S, I8S, U4S, I8S, nb.u4[::1], nb.i8[::1]), cache=True, nogil=True)
def _merge(
    words: U32s, counts: I64s, others: U32s, other_counts: I64s, out: U32s, out_counts: I64s
) -> int:
    """Two rising lists as one, counts of the same word added; returns how many words it has."""
    i, j, n = 0, 0, 0
    while i < words.size or j < others.size:
        takes_mine = j == others.size or (i < words.size and words[i] <= others[j])
        takes_other = i == words.size or (j < others.size and others[j] <= words[i])
        out[n] = words[i] if takes_mine else others[j]
        out_counts[n] = 0
        if takes_mine:
            out_counts[n] += counts[i]
            i += 1
        if takes_other:
            out_counts[n] += other_counts[j]
            j += 1
        n += 1
    return n


@dataclass(frozen=True, slots=True)
class WeightTable:
    """Weight of each word for kernels; a word that was never counted has `unknown`."""

    slots: (
        U64s  # open table of word << 32 | bits of the weight; the last place is that of `unknown`
    )
    words: U32s
    weights: F32s  # (n_words,)
    unknown: float

    def weight(self, word: int) -> float:
        """The twin of `weight_of`."""
        at = int(np.searchsorted(self.words, np.uint32(word)))
        known = at < self.words.size and int(self.words[at]) == word
        return float(self.weights[at]) if known else self.unknown


def weight_table(
    counted: WordCounts, weight: Callable[[int, int], float], *, unknown: float
) -> WeightTable:
    """A table of weight(texts that have the word, texts), rounded to float32.

    Args:
        unknown: weight of a word that no text has.
    """
    # By distinct count, of which there are few; math.log rounds alike on more machines than SIMD.
    distinct, place = np.unique(counted.counts, return_inverse=True)
    of_count = np.array([weight(c, counted.n_texts) for c in distinct.tolist()], np.float32)
    weights = of_count[place] if distinct.size else np.zeros(0, np.float32)
    size = 8
    while size < 2 * counted.words.size:
        size *= 2
    slots = np.full(size + 1, _U_EMPTY, np.uint64)
    slots[-1] = int(np.float32(unknown).view(np.uint32))
    _fill(counted.words, weights.view(np.uint32), slots)
    return WeightTable(slots, counted.words, weights, float(np.float32(unknown)))


def smooth_idf(count: int, n_texts: int) -> float:
    """ln((1 + n) / (1 + df)) + 1.

    Source:
        scikit-learn's TfidfTransformer with smooth_idf.
    """
    return math.log((1 + n_texts) / (1 + count)) + 1.0


def bm25_idf(count: int, n_texts: int) -> float:
    """ln(1 + (n - df + 0.5) / (df + 0.5)); never negative.

    Source:
        Robertson & Zaragoza 2009, doi:10.1561/1500000019; the 1 + is Lucene's.
    """
    return math.log(1.0 + (n_texts - count + 0.5) / (count + 0.5))


@nb.njit(nb.void(U4S, U4S, nb.u8[::1]), cache=True, nogil=True)
def _fill(words: U32s, bits: U32s, slots: U64s) -> None:
    mask = np.uint32(slots.size - 2)
    for i in range(words.size):
        slot = np.uint32(words[i] * _SPREAD) & mask
        while slots[slot] != _U_EMPTY:
            slot = (slot + np.uint32(1)) & mask
        slots[slot] = (np.uint64(words[i]) << _32) | np.uint64(bits[i])


@nb.njit(nb.f8(nb.u4, U8S), cache=True, nogil=True)
def weight_of(word: int, slots: U64s) -> float:
    """Weight of a word by `WeightTable.slots`."""
    mask = np.uint32(slots.size - 2)
    slot = np.uint32(np.uint32(word) * _SPREAD) & mask
    while slots[slot] != _U_EMPTY:
        if slots[slot] >> _32 == np.uint64(word):
            return np.float64(np.uint32(slots[slot] & _LOW).view(np.float32))
        slot = (slot + np.uint32(1)) & mask
    return np.float64(np.uint32(slots[slots.size - 1] & _LOW).view(np.float32))
