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
U8s = NDArray[np.uint8]

MAX_LEFT: Final = 128
"""Distinct words of the left side that count; the 129th and later ones are not looked at."""

_SLOTS: Final = 512  # where the distinct words are looked up; a quarter full at most
_SLOT_BITS = np.uint32(_SLOTS - 1)


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


@nb.njit(
    nb.void(U4S, nb.i8, nb.i8, nb.u4[::1], nb.i8, nb.u1[::1], nb.i8[::1]), cache=True, nogil=True
)
def tally(
    words: U32s, start: int, stop: int, distinct: U32s, n: int, slots: U8s, found: I64s
) -> None:
    """found[i] = how often distinct[i] stands in words[start:stop], for i < n."""
    if n == 0:
        return
    for i in range(n):
        found[i] = 0
    for word in words[start:stop]:
        slot = word & _SLOT_BITS
        while slots[slot]:
            place = slots[slot] - 1
            if distinct[place] == word:
                found[place] += 1
                break
            slot = (slot + np.uint32(1)) & _SLOT_BITS


@nb.njit(
    nb.types.Tuple((nb.u4[::1], nb.i8[::1], nb.u1[::1], nb.i8[::1]))(),  # type: ignore[no-untyped-call]
    cache=True,
    nogil=True,
)
def new_left() -> tuple[U32s, I64s, U8s, I64s]:
    """Rooms for `load_left` and `tally`: distinct, counts, slots, found."""
    return (
        np.empty(MAX_LEFT, np.uint32),
        np.empty(MAX_LEFT, np.int64),
        np.zeros(_SLOTS, np.uint8),
        np.empty(MAX_LEFT, np.int64),
    )


def left_plain(words: Sequence[int]) -> dict[int, int]:
    """The twin of `load_left`: distinct word -> how often it occurs."""
    kept = list(dict.fromkeys(words))[:MAX_LEFT]
    counts = Counter(words)
    return {word: counts[word] for word in kept}
