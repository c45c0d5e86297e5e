"""How well a listing answers a query by the words they share: BM25, and the cosine of TF-IDF."""

import math
from collections import Counter
from collections.abc import Sequence

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.features.text.overlap import room_for
from mercer.features.text.tally import left_plain
from mercer.features.text.weights import WeightTable, weight_of
from mercer.text.kernel_types import F8S, I8S, U4S, read_only

U32s = NDArray[np.uint32]
U64s = NDArray[np.uint64]
I64s = NDArray[np.int64]
F64s = NDArray[np.float64]

U8S = read_only(nb.u8)


@nb.njit(
    nb.void(I8S, I8S, nb.i8, F8S, I8S, I8S, F8S, nb.i8, nb.i8, nb.f8[::1]), cache=True, nogil=True,
    error_model="numpy",
)  # fmt: skip
def write_bm25(
    found: I64s, common: I64s, n: int, weight: F64s, right_starts: I64s, right_stops: I64s,
    settings: F64s, first: int, last: int, out: F64s,
) -> None:  # fmt: skip
    """out[row] = sum over the distinct words of the left list of idf tf (k1 + 1) / (tf + k1 norm).

    norm = 1 - b + b length / mean length of the right list; tf: how often it has the word.

    Args:
        found, common: as `tally` gives them, of the rows first to last - 1.
        weight: (n,) `bm25_idf` of the distinct words.
        settings: words of a right list on average (0: nothing is known, norm is 1); k1 >= 0, how soon
            repetition stops to count; b in [0, 1], how much length counts.
    Returns:
        >= 0; NaN where one is missing.
    Source:
        Robertson & Zaragoza 2009, doi:10.1561/1500000019, equation 3.15.
    """
    mean_length, k1, b = settings[0], settings[1], settings[2]
    for row in range(first, last):
        if common[row - first] < 0:
            out[row] = np.nan
            continue
        score = 0.0
        if common[row - first]:
            norm, at = 1.0, (row - first) * n
            if mean_length > 0.0:
                length = np.float64(right_stops[row] - right_starts[row])
                norm = 1.0 - b + b * (length / mean_length)
            for i in range(n):
                tf = np.float64(found[at + i])
                of_word = weight[i] * (tf * (k1 + 1.0) / (tf + k1 * norm))
                score += of_word if tf > 0.0 else 0.0
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


@nb.njit(nb.f8(I8S, nb.i8, nb.f8[::1]), cache=True, nogil=True)
def weigh_cosine(counts: I64s, n: int, weight: F64s) -> float:
    """The length of the left vector; `weight` (n,) becomes what each occurrence on the right adds.

    Args:
        counts: (n,) how often the left list has each of its distinct words.
        weight: `smooth_idf` of each, unknown words weigh 0.
    """
    squares = 0.0
    for i in range(n):
        value = np.float64(counts[i]) * weight[i]
        squares += value * value
        weight[i] = value * weight[i]
    length: float = np.sqrt(squares)
    return length


@nb.njit(
    nb.void(I8S, I8S, nb.i8, F8S, nb.f8, F8S, nb.i8, nb.i8, nb.f8[::1]), cache=True, nogil=True
)  # fmt: skip
def write_cosine(
    found: I64s, common: I64s, n: int, weight: F64s, left_norm: float, right_norm: F64s,
    first: int, last: int, out: F64s,
) -> None:  # fmt: skip
    """out[row] = cosine of the TF-IDF vectors of both lists.

    Args:
        found, common: as `tally` gives them, of the rows first to last - 1.
        weight, left_norm: of `weigh_cosine`.
        right_norm: `tfidf_norm` of all right rows.
    Returns:
        In [0, 1]; NaN where one is missing, 0 where one has no word that weighs anything.
    Source:
        Salton & Buckley 1988, doi:10.1016/0306-4573(88)90021-0; scikit-learn's TfidfVectorizer gives
        the same numbers.
    """
    for row in range(first, last):
        if common[row - first] < 0:
            out[row] = np.nan
            continue
        length, product, at = left_norm * right_norm[row], 0.0, (row - first) * n
        if common[row - first] and length > 0.0:
            for i in range(n):
                product += weight[i] * np.float64(found[at + i])
            product = min(1.0, product / length)
        out[row] = product


def bm25_plain(
    left: Sequence[int] | None, right: Sequence[int] | None, table: WeightTable,
    *, mean_length: float, k1: float, b: float,
) -> float:  # fmt: skip
    """The twin of `write_bm25`."""
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
    """The twin of `weigh_cosine` and `write_cosine`."""
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
