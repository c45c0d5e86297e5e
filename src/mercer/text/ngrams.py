"""How often words follow each other in texts: pairs for the speller, phrases for suggestions.

Texts are columns (`analyze.Tokens`): row i has the words codes[offsets[i]:offsets[i + 1]]. A code
below 0 is a gap that no phrase crosses. What is counted is texts, not occurrences: a title that
repeats itself counts once.
"""

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.schema.errors import InputError
from mercer.text.kernel_types import I4S, I8S

Codes = NDArray[np.int32]
I64s = NDArray[np.int64]

_LOOK_BACK = 64  # words within which a repeated pair of one text is noticed


@nb.njit(nb.i8(I8S, I4S, I4S, nb.i8, nb.i8, nb.i8[::1]), cache=True, nogil=True)
def _collect(offsets: I64s, left: Codes, right: Codes, gap: int, n_right: int, out: I64s) -> int:
    """Write left[i] * n_right + right[i + gap] for all i of one text, each once; return how many."""
    found = 0
    for row in range(offsets.size - 1):
        first = found
        for i in range(offsets[row], offsets[row + 1] - gap):
            if left[i] < 0 or right[i + gap] < 0:
                continue
            key = np.int64(left[i]) * n_right + right[i + gap]
            back = found - 1
            stop = max(first, found - _LOOK_BACK)
            while back >= stop and out[back] != key:
                back -= 1
            if back < stop:
                out[found] = key
                found += 1
    return found


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of neighbours and the number of texts that have them."""

    key: I64s  # (n_pairs,) left * n_words + right, rising
    counts: I64s  # (n_pairs,)
    n_words: int

    def count(self, left: int, right: int) -> int:
        """Texts in which word `right` follows word `left`; 0 for what is rare or unknown."""
        if left < 0 or right < 0 or not self.key.size:
            return 0
        key = left * self.n_words + right
        at = int(np.searchsorted(self.key, key))
        return int(self.counts[at]) if at < self.key.size and self.key[at] == key else 0


@dataclass(frozen=True, slots=True)
class Phrases:
    """Popular phrases of one to three words, most frequent first."""

    words: Codes  # (n, 3) codes, -1 after the last word
    counts: I64s  # (n,) texts that have the phrase


def count_pairs(offsets: I64s, codes: Codes, *, n_words: int, min_count: int = 2) -> Pairs:
    """Neighbouring words that occur in at least `min_count` texts.

    Args:
        offsets: (n_texts + 1,).
        codes: (n_tokens,) below n_words; below 0: a gap.
        n_words: size of the vocabulary.
        min_count: texts, >= 1.
    """
    _check(offsets, codes, n_words)
    key, counts = _frequent(offsets, codes, codes, 1, n_words, min_count)
    return Pairs(key, counts, n_words)


def frequent_phrases(
    offsets: I64s,
    codes: Codes,
    *,
    is_stop: NDArray[np.bool_],
    min_count: int = 5,
    keep: int = 50_000,
) -> Phrases:
    """The phrases of one to three words that most texts have.

    A phrase neither begins nor ends with a stop word ("cup of tea" stays, "cup of" goes).
    A longer phrase is looked for only where its parts are frequent, so memory follows the number
    of frequent pairs.

    Args:
        offsets: (n_texts + 1,).
        codes: (n_tokens,) below n_words; below 0: a gap.
        is_stop: (n_words,) words that may not stand at either end.
        min_count: texts, >= 1.
        keep: at most so many phrases; of equal counts the shorter, then the lower codes stay.
    """
    n_words = is_stop.size
    _check(offsets, codes, n_words)
    single, single_counts = _frequent(offsets, codes, np.zeros_like(codes), 0, 1, min_count)
    common = np.zeros(n_words + 1, dtype=bool)  # the last place answers for gaps
    common[single] = True
    pruned = np.where(common[codes], codes, np.int32(-1)).astype(np.int32)
    pair, pair_counts = _frequent(offsets, pruned, pruned, 1, n_words, min_count)
    at = _pair_numbers(pruned, pair, n_words)
    continued = at.copy()  # a triple needs both of its pairs
    continued[:-1][at[1:] < 0] = -1
    triple, triple_counts = _frequent(offsets, continued, pruned, 2, n_words, min_count)

    words = np.full((single.size + pair.size + triple.size, 3), -1, dtype=np.int32)
    two, three = single.size, single.size + pair.size
    words[:two, 0] = single
    words[two:three, 0], words[two:three, 1] = np.divmod(pair, n_words)
    beginning, words[three:, 2] = np.divmod(triple, n_words)
    words[three:, :2] = words[two:three, :2][beginning]
    counts = np.concatenate([single_counts, pair_counts, triple_counts])
    length = (words >= 0).sum(axis=1)
    last = words[np.arange(len(words)), length - 1]
    good = ~(is_stop[words[:, 0]] | is_stop[last]) if n_words else np.zeros(0, bool)
    words, counts, length = words[good], counts[good], length[good]
    order = np.lexsort((words[:, 2], words[:, 1], words[:, 0], length, -counts))[:keep]
    return Phrases(words[order], counts[order])


def _frequent(
    offsets: I64s, left: Codes, right: Codes, gap: int, n_right: int, min_count: int
) -> tuple[I64s, I64s]:
    """Keys left * n_right + right with at least `min_count` texts, rising, and their counts."""
    out = np.empty(left.size, dtype=np.int64)
    found = _collect(offsets, left, right, gap, max(n_right, 1), out)
    key, counts = np.unique(out[:found], return_counts=True)
    enough = counts >= min_count
    return key[enough], counts[enough].astype(np.int64)


def _pair_numbers(codes: Codes, pair: I64s, n_words: int) -> Codes:
    """(n_tokens,) which of the pairs begins at each token, or -1."""
    out = np.full(codes.size, -1, dtype=np.int32)
    if pair.size and codes.size > 1:
        key = codes[:-1].astype(np.int64) * n_words + codes[1:]
        key[(codes[:-1] < 0) | (codes[1:] < 0)] = -1
        at = np.minimum(np.searchsorted(pair, key), pair.size - 1)
        out[:-1] = np.where(pair[at] == key, at, -1)
    return out


def _check(offsets: I64s, codes: Codes, n_words: int) -> None:
    """Raise InputError where the columns would lead a kernel astray."""
    faults = []
    if offsets.size == 0 or offsets[0] < 0 or (np.diff(offsets) < 0).any():
        faults.append("offsets must begin at >= 0 and never fall")
    elif offsets[-1] > codes.size:
        faults.append(f"offsets end at {offsets[-1]}, past the {codes.size} words")
    if codes.size and codes.max() >= n_words:
        faults.append(f"code {codes.max()} is beyond the vocabulary of {n_words} words")
    if faults:
        raise InputError(f"texts as columns: {'; '.join(faults)}")
