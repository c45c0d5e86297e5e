"""A table from "word with up to two letters deleted" to the words that give it.

Two words at most d edits apart become equal when at most d letters are deleted from each, so the
candidates for a typed word are found by hashing its own deletions. Only the first `PREFIX` letters
are used, which bounds the deletions per word to 29: letters beyond it can only drop candidates
that the exact distance drops anyway.

The table is two plain columns (buckets and postings) that can be memory-mapped. A posting is a
word number with the spare bits of its hash above it, so most strangers in a bucket are told apart
without touching the words. Nothing here trusts a hash: callers check the distance.

Source: Garbe's symmetric deletes, as in SymSpell (MIT); Bocek et al. 2007 (FastSS).
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.text.kernel_types import I4S, I8S, U1S, U2S

Codes = NDArray[np.uint16]
U32s = NDArray[np.uint32]
U64s = NDArray[np.uint64]
I64s = NDArray[np.int64]
U8s = NDArray[np.uint8]

PREFIX = 7
MAX_VARIANTS = 1 + PREFIX + PREFIX * (PREFIX - 1) // 2

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no letter's share is lost modulo 2**64
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
_ONE = np.uint64(1)
_33 = np.uint64(33)


@nb.njit("u8(u8)", cache=True, nogil=True)
def _mix(h: np.uint64) -> np.uint64:
    """Spread the bits (the finaliser of MurmurHash3)."""
    h = (h ^ (h >> _33)) * _MIX_1
    h = (h ^ (h >> _33)) * _MIX_2
    return h ^ (h >> _33)


@nb.njit([nb.u8(U2S)], cache=True, nogil=True)
def hash_word(word: Codes) -> np.uint64:
    """64-bit hash of a row of codes."""
    h = np.uint64(0)
    for i in range(word.size):
        h = h * _BASE + np.uint64(word[i]) + _ONE
    return _mix(h)


@nb.njit(nb.i8(U2S, nb.i8, nb.u8[::1], nb.u8[::1]), cache=True, nogil=True)
def deletions(word: Codes, most: int, out: U64s, work: U64s) -> int:
    """Write the hashes of `word`'s prefix with 0, then 1, then 2 letters deleted; return how many.

    Deleting either of two equal neighbours gives the same row and is written once.

    Args:
        word: (n,) codes.
        most: letters to delete at most, 0..2.
        out: (>= 29,) hashes.
        work: (>= 24,) scratch: hashes of beginnings, of ends, and powers of the base.
    """
    n = min(word.size, PREFIX)
    head, tail, power = work[:8], work[8:16], work[16:24]  # hash of [:i], of [i:], base ** i
    head[0], tail[n], power[0] = np.uint64(0), np.uint64(0), _ONE
    for i in range(n):
        head[i + 1] = head[i] * _BASE + np.uint64(word[i]) + _ONE
        power[i + 1] = power[i] * _BASE
    for i in range(n - 1, -1, -1):
        tail[i] = (np.uint64(word[i]) + _ONE) * power[n - 1 - i] + tail[i + 1]
    out[0] = _mix(head[n])
    found = 1
    if most >= 1:
        for i in range(n):
            if i == 0 or word[i] != word[i - 1]:
                out[found] = _mix(head[i] * power[n - 1 - i] + tail[i + 1])
                found += 1
    if most >= 2:
        for i in range(n - 1):
            if i > 0 and word[i] == word[i - 1]:
                continue
            for j in range(i + 1, n):
                if j > i + 1 and word[j] == word[j - 1]:
                    continue
                between = head[j] - head[i + 1] * power[j - i - 1]
                kept = head[i] * power[j - i - 1] + between
                out[found] = _mix(kept * power[n - 1 - j] + tail[j + 1])
                found += 1
    return found


@nb.njit(nb.void(U2S, I8S, U1S, nb.i8, nb.u4[::1]), cache=True, nogil=True)
def count_postings(codes: Codes, starts: I64s, most: U8s, shift: int, bucket: U32s) -> None:
    """Add to `bucket[b + 1]` the number of deletions that fall in bucket b.

    Args:
        codes: letters of all words, one after the other.
        starts: (n_words + 1,) where each word begins.
        most: (n_words,) letters to delete from each; 255 leaves the word out.
        shift: 64 minus the bits of a bucket number.
        bucket: (n_buckets + 1,) zeros.
    """
    out, work = np.empty(MAX_VARIANTS, np.uint64), np.empty(24, np.uint64)
    for w in range(most.size):
        if most[w] == 255:
            continue
        found = deletions(codes[starts[w] : starts[w + 1]], most[w], out, work)
        for i in range(found):
            bucket[np.int64(out[i] >> np.uint64(shift)) + 1] += np.uint32(1)


@nb.njit(nb.void(U2S, I8S, U1S, nb.i8, nb.i8, nb.u4[::1], nb.u4[::1]), cache=True, nogil=True)
def fill_postings(
    codes: Codes, starts: I64s, most: U8s, shift: int, id_bits: int, fill: U32s, postings: U32s
) -> None:
    """Write every word's postings; `fill` holds where each bucket goes on, and is used up."""
    out, work = np.empty(MAX_VARIANTS, np.uint64), np.empty(24, np.uint64)
    tag_mask = (_ONE << np.uint64(32 - id_bits)) - _ONE
    for w in range(most.size):
        if most[w] == 255:
            continue
        found = deletions(codes[starts[w] : starts[w + 1]], most[w], out, work)
        for i in range(found):
            b = np.int64(out[i] >> np.uint64(shift))
            tag = (out[i] & tag_mask) << np.uint64(id_bits)
            postings[fill[b]] = np.uint32(tag | np.uint64(w))
            fill[b] += np.uint32(1)


@nb.njit(nb.i8(U2S, U2S, I8S, I4S), cache=True, nogil=True)
def find_slot(word: Codes, codes: Codes, starts: I64s, slots: NDArray[np.int32]) -> int:
    """Slot of the word that equals `word`, or the free slot where it would go."""
    mask = slots.size - 1
    at = np.int64(hash_word(word) & np.uint64(mask))
    while slots[at] >= 0:
        base = starts[slots[at]]
        if starts[slots[at] + 1] - base == word.size:
            i = 0
            while i < word.size and codes[base + i] == word[i]:
                i += 1
            if i == word.size:
                break
        at = (at + 1) & mask
    return int(at)


@nb.njit(nb.i8(U2S, I8S, nb.i4[::1]), cache=True, nogil=True)
def fill_known(codes: Codes, starts: I64s, slots: NDArray[np.int32]) -> int:
    """Put every word in an open hash table; return the first word that is there twice, or -1.

    Args:
        codes: letters of all words.
        starts: (n_words + 1,).
        slots: (2**k,) of -1, at least twice as many as words.
    """
    for w in range(starts.size - 1):
        at = find_slot(codes[starts[w] : starts[w + 1]], codes, starts, slots)
        if slots[at] >= 0:
            return w
        slots[at] = w
    return -1


def build(codes: Codes, starts: I64s, most: U8s, *, id_bits: int) -> tuple[U32s, U32s]:
    """Buckets (n_buckets + 1,) and postings of all words; about two postings a bucket.

    Args:
        codes: letters of all words.
        starts: (n_words + 1,).
        most: (n_words,) letters to delete from each; 255 leaves the word out.
        id_bits: bits of a word number in a posting, 2**id_bits >= n_words.
    """
    n = np.minimum(np.diff(starts), PREFIX)
    per_word = 1 + n * (most >= 1) + (n * (n - 1) // 2) * (most >= 2)
    entries = int(per_word[most != 255].sum())  # an upper bound: doubled letters give fewer
    bits = max(1, (max(entries, 4) // 2).bit_length())
    bucket = np.zeros((1 << bits) + 1, dtype=np.uint32)
    count_postings(codes, starts, most, 64 - bits, bucket)
    np.cumsum(bucket, dtype=np.uint32, out=bucket)
    postings = np.empty(int(bucket[-1]), dtype=np.uint32)
    fill_postings(codes, starts, most, 64 - bits, id_bits, bucket[:-1].copy(), postings)
    return bucket, postings
