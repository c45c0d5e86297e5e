"""How well a listing answers a query by the words they share: BM25, and the cosine of TF-IDF."""

import math
from collections import Counter
from collections.abc import Sequence

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.features.text.overlap import room_for
from mercer.features.text.tally import MAX_LEFT, left_plain, load_left, new_left, tally
from mercer.features.text.weights import WeightTable, weight_of
from mercer.text.kernel_types import F8S, I8S, U4S, read_only

U32s = NDArray[np.uint32]
U64s = NDArray[np.uint64]
I64s = NDArray[np.int64]
F64s = NDArray[np.float64]

U8S = read_only(nb.u8)


@nb.njit(
    nb.void(I8S, I8S, U4S, I8S, I8S, U4S, U8S, nb.f8, nb.f8, nb.f8, nb.f8[::1]),
    cache=True,
    nogil=True,
)
def bm25(
    left_starts: I64s, left_stops: I64s, left: U32s,
    right_starts: I64s, right_stops: I64s, right: U32s,
    table: U64s, mean_length: float, k1: float, b: float, out: F64s,
) -> None:  # fmt: skip
    """out[i] = sum over the distinct words of the left row of idf tf (k1 + 1) / (tf + k1 norm).

    norm = 1 - b + b length / mean length of the right row; tf: how often it has the word.

    Args:
        table: `WeightTable.slots` of `bm25_idf`.
        mean_length: words of a right row on average; 0: nothing is known, norm is 1.
        k1: >= 0, how soon repetition stops to count.
        b: in [0, 1], how much length counts.
    Returns:
        >= 0; NaN where one is missing.
    Source:
        Robertson & Zaragoza 2009, doi:10.1561/1500000019, equation 3.15.
    """
    distinct, counts, slots, found = new_left()
    weight = np.empty(MAX_LEFT, np.float64)
    n, at, at_stop = 0, np.int64(-1), np.int64(-1)
    for row in range(out.size):
        if left_stops[row] < left_starts[row] or right_stops[row] < right_starts[row]:
            out[row] = np.nan
            continue
        if left_starts[row] != at or left_stops[row] != at_stop:
            at, at_stop = left_starts[row], left_stops[row]
            n = load_left(left, at, at_stop, distinct, counts, slots)
            for i in range(n):
                weight[i] = weight_of(distinct[i], table)
        tally(right, right_starts[row], right_stops[row], distinct, n, slots, found)
        norm = 1.0
        if mean_length > 0.0:
            norm = 1.0 - b + b * (np.float64(right_stops[row] - right_starts[row]) / mean_length)
        score = 0.0
        for i in range(n):
            if found[i] > 0:
                tf = np.float64(found[i])
                score += weight[i] * (tf * (k1 + 1.0) / (tf + k1 * norm))
        out[row] = score


@nb.njit(nb.void(I8S, I8S, U4S, U8S, nb.f8[::1]), cache=True, nogil=True)
def tfidf_norm(starts: I64s, stops: I64s, words: U32s, table: U64s, out: F64s) -> None:
    """out[i] = length of the vector (how often row i has a word x the word's weight); NaN: missing."""
    size = room_for(starts, stops)
    slots, counts = np.empty(size, np.uint32), np.zeros(size, np.uint32)
    square = np.empty(size, np.float64)  # of the weight of the word in each slot
    for row in range(out.size):
        if stops[row] < starts[row]:
            out[row] = np.nan
            continue
        used = 8
        while used < 2 * (stops[row] - starts[row]):
            used *= 2
        mask, squares = np.uint32(used - 1), 0.0
        for word in words[starts[row] : stops[row]]:
            slot = word & mask
            while counts[slot] and slots[slot] != word:
                slot = (slot + np.uint32(1)) & mask
            if not counts[slot]:
                slots[slot] = word
                weight = weight_of(word, table)
                square[slot] = weight * weight
            # From n to n + 1 times, the square of n x weight grows by (2 n + 1) weight^2.
            squares += np.float64(2 * counts[slot] + 1) * square[slot]
            counts[slot] += np.uint32(1)
        counts[:used] = np.uint32(0)
        out[row] = np.sqrt(squares)


@nb.njit(nb.void(I8S, I8S, U4S, I8S, I8S, U4S, F8S, U8S, nb.f8[::1]), cache=True, nogil=True)
def tfidf_cosine(
    left_starts: I64s, left_stops: I64s, left: U32s,
    right_starts: I64s, right_stops: I64s, right: U32s,
    right_norm: F64s, table: U64s, out: F64s,
) -> None:  # fmt: skip
    """out[i] = cosine of the TF-IDF vectors of both rows.

    Args:
        right_norm: (n,) `tfidf_norm` of the right rows.
        table: `WeightTable.slots` of `smooth_idf`, unknown words weigh 0.
    Returns:
        In [0, 1]; NaN where one is missing, 0 where one has no word that weighs anything.
    Source:
        Salton & Buckley 1988, doi:10.1016/0306-4573(88)90021-0; scikit-learn's TfidfVectorizer gives
        the same numbers.
    """
    distinct, counts, slots, found = new_left()
    weight = np.empty(MAX_LEFT, np.float64)
    n, at, at_stop, left_norm = 0, np.int64(-1), np.int64(-1), 0.0
    for row in range(out.size):
        if left_stops[row] < left_starts[row] or right_stops[row] < right_starts[row]:
            out[row] = np.nan
            continue
        if left_starts[row] != at or left_stops[row] != at_stop:
            at, at_stop = left_starts[row], left_stops[row]
            n = load_left(left, at, at_stop, distinct, counts, slots)
            squares = 0.0
            for i in range(n):
                one = weight_of(distinct[i], table)
                value = np.float64(counts[i]) * one
                squares += value * value
                weight[i] = value * one
            left_norm = np.sqrt(squares)
        length = left_norm * right_norm[row]
        if not length > 0.0:
            out[row] = 0.0
            continue
        tally(right, right_starts[row], right_stops[row], distinct, n, slots, found)
        product = 0.0
        for i in range(n):
            product += weight[i] * np.float64(found[i])
        out[row] = min(1.0, product / length)


def bm25_plain(
    left: Sequence[int] | None, right: Sequence[int] | None, table: WeightTable,
    *, mean_length: float, k1: float, b: float,
) -> float:  # fmt: skip
    """The twin of `bm25`."""
    if left is None or right is None:
        return float("nan")
    norm = 1.0 - b + b * (len(right) / mean_length) if mean_length > 0.0 else 1.0
    score, found = 0.0, Counter(right)
    for word in left_plain(left):
        if found[word]:
            tf = float(found[word])
            score += table.weight(word) * (tf * (k1 + 1.0) / (tf + k1 * norm))
    return score


def tfidf_norm_plain(words: Sequence[int] | None, table: WeightTable) -> float:
    """The twin of `tfidf_norm`."""
    if words is None:
        return float("nan")
    squares, counts = 0.0, Counter[int]()
    for word in words:
        weight = table.weight(word)
        squares += (2 * counts[word] + 1) * (weight * weight)
        counts[word] += 1
    return math.sqrt(squares)


def tfidf_cosine_plain(
    left: Sequence[int] | None, right: Sequence[int] | None, right_norm: float, table: WeightTable
) -> float:
    """The twin of `tfidf_cosine`."""
    if left is None or right is None:
        return float("nan")
    squares, product, found = 0.0, 0.0, Counter(right)
    for word, count in left_plain(left).items():
        one = table.weight(word)
        value = count * one
        squares += value * value
        product += value * one * found[word]
    length = math.sqrt(squares) * right_norm
    return min(1.0, product / length) if length > 0.0 else 0.0
