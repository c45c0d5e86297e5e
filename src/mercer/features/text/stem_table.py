"""Stems of the words that were seen so far, by the words' numbers, for a kernel to look up.

A cache: the stem of a word is the same whenever it is asked for. Words are told apart by 64 bits of
hash, so among a million words two are taken for one with a probability of about 3e-8.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.features.text.cut_kernel import NO_SEED, U8S, find_slot, key_of
from mercer.features.text.murmur import murmur_all
from mercer.text.analyze import stem_many
from mercer.text.kernel_types import I8S, U1S, U4S

U32s = NDArray[np.uint32]
U64s = NDArray[np.uint64]
U8s = NDArray[np.uint8]
I64s = NDArray[np.int64]

MAX_WORDS: Final = 1 << 19
"""Words that the table keeps; what comes after is stemmed each time."""


@dataclass(frozen=True, slots=True)
class StemArrays:
    """An open table: the number of the stem of the word with key `keys[slot]`; key 0 is an empty slot."""

    keys: U64s  # (a power of two, at most a quarter full)
    ids: U32s


NO_STEMS: Final = StemArrays(np.zeros(0, np.uint64), np.zeros(0, np.uint32))


@final
class StemTable:
    """Grows by whole copies, so that a kernel may read what it was given meanwhile. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_words = 0
        self.arrays = StemArrays(np.zeros(1 << 14, np.uint64), np.zeros(1 << 14, np.uint32))

    def stem_ids(self, words: Sequence[bytes]) -> U32s:
        """(n,) number of the stem of each word; the table knows them from now on, if it has room."""
        at_word: dict[bytes, int] = {}
        place = np.fromiter(
            (at_word.setdefault(w, len(at_word)) for w in words), np.int64, len(words)
        )
        stems = [s.encode() for s in stem_many([w.decode() for w in at_word])]
        ids = numbers(stems, int(NO_SEED))
        self._add(_keys(list(at_word)), ids)
        of_words: U32s = ids[place]
        return of_words

    def _add(self, keys: U64s, ids: U32s) -> None:
        with self._lock:
            if self._n_words + keys.size > MAX_WORDS:
                return
            old, size = self.arrays, self.arrays.keys.size
            while size < 4 * (self._n_words + keys.size):
                size *= 2
            if size == old.keys.size:
                new = StemArrays(old.keys.copy(), old.ids.copy())
            else:
                new = StemArrays(np.zeros(size, np.uint64), np.zeros(size, np.uint32))
                _insert(old.keys, old.ids, new.keys, new.ids)
            self._n_words += _insert(keys, ids, new.keys, new.ids)
            self.arrays = new


TABLE: Final = StemTable()
"""One for the process."""


def numbers(words: Sequence[bytes], seed: int = 0) -> U32s:
    """(n,) MurmurHash3 of each word."""
    data, offsets = _joined(words)
    out = np.empty(len(words), np.uint32)
    murmur_all(data, offsets, seed, out)
    return out


def _keys(words: Sequence[bytes]) -> U64s:
    data, offsets = _joined(words)
    out = np.empty(len(words), np.uint64)
    _all_keys(data, offsets, out)
    return out


def _joined(words: Sequence[bytes]) -> tuple[U8s, I64s]:
    """The bytes of all words with some behind them, and where each begins and the last one ends."""
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, words), np.int64, len(words)), out=offsets[1:])
    return np.frombuffer(b"".join(words) + bytes(16), np.uint8), offsets


@nb.njit(nb.void(U1S, I8S, nb.u8[::1]), cache=True, nogil=True)
def _all_keys(data: U8s, offsets: I64s, out: U64s) -> None:
    for i in range(out.size):
        out[i] = key_of(data, offsets[i], offsets[i + 1])


@nb.njit(nb.i8(U8S, U4S, nb.u8[::1], nb.u4[::1]), cache=True, nogil=True)
def _insert(keys: U64s, ids: U32s, into_keys: U64s, into_ids: U32s) -> int:
    """Put all keys but 0 into a table with room for them; returns how many it had not."""
    added = 0
    for i in range(keys.size):
        if keys[i] != np.uint64(0):
            slot = find_slot(keys[i], into_keys)
            if into_keys[slot] == np.uint64(0):
                into_keys[slot] = keys[i]
                into_ids[slot] = ids[i]
                added += 1
    return added
