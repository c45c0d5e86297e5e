"""What two lists of words have in common: the loop that overlap, coverage, BM25 and cosine share.

A list is a run of word numbers (`cut.Cut.ids`, or n-grams). On the left stands the shorter one, most
often the query's: its distinct words, at most MAX_LEFT of them, are loaded once and kept while the
following pairs have the same left side. The right side is then read once, whatever its length.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.text.kernel_types import U4S

U32s = NDArray[np.uint32]
I64s = NDArray[np.int64]

MAX_LEFT: Final = 128
"""Distinct words of the left side that count; the 129th and later ones are not looked at."""

_63, _1, _0 = np.uint64(63), np.uint64(1), np.uint64(0)


@nb.njit(nb.i8(U4S, nb.i8, nb.i8, nb.u4[::1], nb.i8[::1]), cache=True, nogil=True)
def load_left(words: U32s, start: int, stop: int, distinct: U32s, counts: I64s) -> int:
    """The distinct words of words[start:stop] in the order in which they come; returns how many.

    Args:
        distinct, counts: (MAX_LEFT,) the words, and how often each occurs.
    """
    n = 0
    for i in range(start, stop):
        at = 0
        while at < n and distinct[at] != words[i]:
            at += 1
        if at == n:
            if n == MAX_LEFT:
                continue
            distinct[n] = words[i]
            counts[n] = 0
            n += 1
        counts[at] += 1
    return n


@nb.njit(nb.u8(nb.u4[::1], nb.i8), cache=True, nogil=True)
def filter_of(distinct: U32s, n: int) -> int:
    """64 bits, of which each word sets one: a word whose bit is 0 is none of them."""
    bits = _0
    for i in range(n):
        bits |= _1 << (np.uint64(distinct[i]) & _63)
    return bits


@nb.njit(nb.void(U4S, nb.i8, nb.i8, nb.u4[::1], nb.i8, nb.u8, nb.i8[::1]), cache=True, nogil=True)
def tally(
    words: U32s, start: int, stop: int, distinct: U32s, n: int, filter_bits: int, found: I64s
) -> None:
    """found[i] = how often distinct[i] stands in words[start:stop], for i < n."""
    for i in range(n):
        found[i] = 0
    for word in words[start:stop]:
        if (filter_bits >> (np.uint64(word) & _63)) & _1:
            for i in range(n):
                if distinct[i] == word:
                    found[i] += 1
                    break


def left_plain(words: Sequence[int]) -> dict[int, int]:
    """The twin of `load_left`: distinct word -> how often it occurs."""
    kept = list(dict.fromkeys(words))[:MAX_LEFT]
    counts = Counter(words)
    return {word: counts[word] for word in kept}
