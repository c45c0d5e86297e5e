"""What two lists of words have in common: the loop that overlap, coverage, BM25 and cosine share.

A list is a run of word numbers (`cut.Cut.ids`, or n-grams). On the left stands the shorter one, most
often the query's: its distinct words, at most MAX_LEFT of them, are loaded once and kept while the
following pairs have the same left side. The right side is then read once, whatever its length.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.features.lanes import LANES, count_lanes
from mercer.text.kernel_types import I8S, U4S

U32s = NDArray[np.uint32]
I64s = NDArray[np.int64]
U8s = NDArray[np.uint8]

MAX_LEFT: Final = 128
"""Distinct words of the left side that count; the 129th and later ones are not looked at."""

_SLOTS: Final = 512  # where the distinct words are looked up; a quarter full at most
_SLOT_BITS = np.uint32(_SLOTS - 1)
_BY_LANES: Final = 8  # so few words are cheaper to look for one by one, many places at a time
_63, _1 = np.uint64(63), np.uint64(1)


@nb.njit(nb.i8(U4S, nb.i8, nb.i8, nb.u4[::1], nb.i8[::1], nb.u1[::1]), cache=True, nogil=True)
def load_left(words: U32s, start: int, stop: int, distinct: U32s, counts: I64s, slots: U8s) -> int:
    """The distinct words of words[start:stop] in the order in which they come; returns how many.

    Args:
        distinct, counts: (MAX_LEFT,) the words, and how often each occurs.
        slots: (_SLOTS,) a table from a word to its place in `distinct` and one; 0 is empty.
    """
    n = 0
    slots[:] = np.uint8(0)
    for word in words[start:stop]:
        slot = word & _SLOT_BITS
        while slots[slot] and distinct[slots[slot] - 1] != word:
            slot = (slot + np.uint32(1)) & _SLOT_BITS
        if not slots[slot]:
            if n == MAX_LEFT:
                continue
            distinct[n] = word
            counts[n] = 0
            n += 1
            slots[slot] = np.uint8(n)
        counts[slots[slot] - 1] += 1
    return n


@nb.njit(nb.u8(nb.u4[::1], nb.i8), cache=True, nogil=True)
def filter_of(distinct: U32s, n: int) -> Any:
    """64 bits, of which each word sets one: a word whose bit is 0 is none of them."""
    bits = np.uint64(0)
    for i in range(n):
        bits |= _1 << (np.uint64(distinct[i]) & _63)
    return bits


@nb.njit(
    nb.void(U4S, nb.i8, nb.i8, nb.u4[::1], nb.i8, nb.u1[::1], nb.u8, nb.i8[::1], nb.i8),
    cache=True, nogil=True,
)  # fmt: skip
def _count_each(
    words: U32s, at: int, stop: int, distinct: U32s, n: int, slots: U8s, bits: Any, found: I64s,
    out: int,
) -> None:  # fmt: skip
    """found[out + i] += how often words[at:stop] has distinct[i]: word by word."""
    for k in range(at, stop):
        word = words[k]
        if not (bits >> (np.uint64(word) & _63)) & _1:
            continue
        slot = word & _SLOT_BITS
        while slots[slot]:
            i = np.int64(slots[slot]) - 1
            if distinct[i] == word:
                found[out + i] += 1
                break
            slot = (slot + np.uint32(1)) & _SLOT_BITS


@nb.njit(
    nb.void(
        I8S, I8S, U4S, nb.i8, nb.i8, nb.u4[::1], nb.i8, nb.u1[::1], nb.u8, nb.i8[::1], nb.i8[::1]
    ),
    cache=True, nogil=True,
)  # fmt: skip
def tally(
    starts: I64s, stops: I64s, words: U32s, first: int, last: int,
    distinct: U32s, n: int, slots: U8s, bits: Any, found: I64s, common: I64s,
) -> None:  # fmt: skip
    """What the rows first to last - 1 have of the n distinct words of the left side.

    Args:
        distinct, slots: as `load_left` filled them.
        bits: `filter_of` the distinct words.
        found: found[r * n + i] = how often row first + r has distinct[i].
        common: common[r] = how many of the distinct words it has; -1 where it is missing.
    """
    n_words, by_lanes = words.size, n <= _BY_LANES
    for r in range(last - first):
        at, stop, out = starts[first + r], stops[first + r], r * n
        for i in range(out, out + n):
            found[i] = 0
        if n and by_lanes and stop + LANES <= n_words:
            for k in range(at, stop, LANES):
                for i in range(n):
                    found[out + i] += count_lanes(words, k, distinct[i], min(stop - k, LANES))
        elif n:
            _count_each(words, at, stop, distinct, n, slots, bits, found, out)
        n_common = 0
        for i in range(out, out + n):
            n_common += found[i] > 0
        common[r] = n_common if stop >= at else -1


@nb.njit(
    nb.types.Tuple((nb.u4[::1], nb.i8[::1], nb.u1[::1]))(),  # type: ignore[no-untyped-call]
    cache=True,
    nogil=True,
)
def new_left() -> tuple[U32s, I64s, U8s]:
    """Rooms for `load_left`: distinct, counts, slots."""
    return (
        np.empty(MAX_LEFT, np.uint32),
        np.empty(MAX_LEFT, np.int64),
        np.zeros(_SLOTS, np.uint8),
    )


def left_plain(words: Sequence[int]) -> dict[int, int]:
    """The twin of `load_left`: distinct word -> how often it occurs."""
    kept = list(dict.fromkeys(words))[:MAX_LEFT]
    counts = Counter(words)
    return {word: counts[word] for word in kept}
