"""The kernel that cuts texts into words: `text.analyze.words` at some hundred nanoseconds a title.

64 bytes at a time become lower case and one bit each, set where the byte belongs to a word; words lie
between the places where the bit changes. A row with an apostrophe or a letter outside ASCII is folded
first (`fold_table`).
"""

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.features.text.bits import LANES, bytes_between, load_64, lower_block, trailing_zeros
from mercer.features.text.fold_table import NO_ROOM, UNKNOWN, fold_row
from mercer.features.text.murmur import murmur
from mercer.text.analyze import MAX_WORD_BYTES
from mercer.text.kernel_types import I4S, I8S, U1S, U4S, read_only

U8s = NDArray[np.uint8]
U32s = NDArray[np.uint32]
U64s = NDArray[np.uint64]
I32s = NDArray[np.int32]
I64s = NDArray[np.int64]

U8S = read_only(nb.u8)

NO_SEED = np.uint32(0)
_PRIME_1, _PRIME_2 = np.uint64(0x9E3779B185EBCA87), np.uint64(0xC2B2AE3D27D4EB4F)
_29, _32 = np.uint64(29), np.uint64(32)
DONE, LONGER_ROW, MORE_ROOM, STEMS, CHARACTERS = range(5)
"""Why `cut_rows` stopped: all is cut; a row of `amount` bytes does not fit the scratch; the results
may not fit, `amount` bytes; up to `amount` words may need stems; block `amount` of characters."""

_POINT, _FOLDED = 1, 2  # what a row may have
_0, _1, _63 = np.uint64(0), np.uint64(1), np.uint64(63)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@nb.njit(nb.u8(nb.u1[::1], nb.i8, nb.i8, nb.i8), cache=True, nogil=True, inline="always")
def _between(data: U8s, at: Any, first: int, last: int) -> Any:
    return bytes_between(data, at, np.uint8(first), np.uint8(last))


@nb.njit(nb.i8(U1S, nb.i8, nb.i8, nb.u1[::1], nb.u8[::1], nb.u8[::1]), cache=True, nogil=True)
def _classify(data: U8s, start: int, size: int, lower: U8s, inside: U64s, points: U64s) -> int:
    """Lower case, and one bit for each byte that belongs to a word and for each point.

    Returns:
        _POINT, _FOLDED, both or 0: whether there is "." or "/", and what has to be folded.
    """
    seen = 0
    for block in range((size + 63) >> 6):
        at = block << 6
        if start + at + 64 <= data.size:
            lower_block(data, start + at, lower, at)
        else:
            for i in range(min(size - at, 64)):
                lower[at + i] = data[start + at + i]
            lower_block(lower, at, lower, at)
        row = _ALL if size - at >= 64 else (_1 << np.uint64(size - at)) - _1
        foreign = _between(lower, at, 128, 255)
        letters = _between(lower, at, 97, 122) | _between(lower, at, 48, 57)
        inside[block] = (letters | foreign) & row
        points[block] = _between(lower, at, 46, 47) & row
        dropped = _between(lower, at, 39, 39) | _between(lower, at, 96, 96)
        seen |= _POINT if points[block] != _0 else 0
        seen |= _FOLDED if (foreign | dropped) & row != _0 else 0
    return seen


@nb.njit(nb.b1(nb.u1[::1], nb.i8), cache=True, nogil=True)
def _is_digit(data: U8s, at: Any) -> bool:
    return bool(48 <= data[at] <= 57)


@nb.njit(nb.void(nb.i8, nb.u1[::1], nb.u8[::1], nb.u8[::1]), cache=True, nogil=True)
def _join_numbers(size: int, lower: U8s, inside: U64s, points: U64s) -> None:
    """Take "." and "/" into the word where they stand in a number: "1.75", "1/2", "10.11.12"."""
    for block in range((size + 63) >> 6):
        left = points[block]
        while left != _0:
            i = 64 * block + np.int64(trailing_zeros(left))
            left &= left - _1
            if i == 0 or i + 1 >= size or not _is_digit(lower, i + 1):
                continue
            back = i - 1
            while back >= 0 and _is_digit(lower, back):
                back -= 1
            if back == i - 1:
                continue
            # What stands before the digits: nothing or a separator; or a point taken in just before.
            before = inside[back >> 6] >> np.uint64(back & 63) & _1 if back >= 0 else _0
            if before == _0 or lower[back] == 46 or lower[back] == 47:
                inside[i >> 6] |= _1 << np.uint64(i & 63)


@nb.njit(nb.i8(nb.i8, nb.u8[::1], nb.i8[::1]), cache=True, nogil=True)
def _edges(size: int, inside: U64s, edges: I64s) -> int:
    """Where words begin and end, by turns; returns how many there are, an even number."""
    found, before = 0, _0
    for block in range((size + 63) >> 6):
        mask = inside[block]
        change = mask ^ ((mask << _1) | before)
        before = mask >> _63
        while change != _0:
            edges[found] = 64 * block + np.int64(trailing_zeros(change))
            found += 1
            change &= change - _1
    if found & 1:
        edges[found] = size
        found += 1
    return found


@nb.njit(nb.i8(nb.u1[::1], nb.i8, nb.i8), cache=True, nogil=True)
def _cut(data: U8s, start: int, stop: int) -> int:
    """Where the word data[start:stop] ends: after at most MAX_WORD_BYTES, between two characters."""
    if stop - start <= MAX_WORD_BYTES:
        return stop
    stop = start + MAX_WORD_BYTES
    while data[stop] & 0xC0 == 0x80:  # there is a byte at `stop`, the word was longer
        stop -= 1
    return stop


@nb.njit(nb.u8(nb.u8, nb.u8), cache=True, nogil=True, inline="always")
def _mixed_in(h: Any, more: Any) -> Any:
    h = (h ^ more) * _PRIME_1
    return h ^ (h >> _32)


@nb.njit(nb.u8(nb.i8), cache=True, nogil=True, inline="always")
def _low_bytes(n: Any) -> Any:
    """The lowest n bytes set, 0 <= n <= 8."""
    return _ALL if n >= 8 else (_1 << np.uint64(8 * n)) - _1


@nb.njit(nb.u8(U1S, nb.i8, nb.i8), cache=True, nogil=True)
def key_of(data: U8s, start: int, stop: int) -> Any:
    """64 bits of the word data[start:stop], never 0; there are 16 bytes or more behind it.

    Only for the table of stems: no file and no model has seen it.
    """
    n = stop - start
    h = np.uint64(n) * _PRIME_2
    at = start
    while n - (at - start) > 16:
        h = _mixed_in(h, load_64(data, at))
        at += 8
    # Most words end here; without a branch for each length, which nobody could foresee.
    left = n - (at - start)
    h = _mixed_in(h, load_64(data, at) & _low_bytes(min(left, 8)))
    h = _mixed_in(h, load_64(data, at + 8) & _low_bytes(max(left - 8, 0)))
    h *= _PRIME_2
    h ^= h >> _29
    return h if h != _0 else _1


@nb.njit(nb.i8(nb.u8, U8S), cache=True, nogil=True)
def find_slot(key: Any, keys: U64s) -> int:
    """The slot of `key` in an open table, or the empty slot where it belongs; 0 is no key."""
    mask = np.uint64(keys.size - 1)
    slot = key & mask
    while keys[slot] != _0 and keys[slot] != key:
        slot = (slot + _1) & mask
    return int(slot)


@nb.njit(
    nb.types.UniTuple(nb.i8, 4)(  # type: ignore[no-untyped-call]
        I8S, I8S, U1S,
        I4S, I8S, U1S,
        nb.u1[::1], nb.u1[::1], nb.u8[::1], nb.u8[::1], nb.i8[::1],
        U8S, U4S, nb.i8[::1], nb.u1[::1], nb.i8,
        nb.i8, nb.i8[::1], nb.u4[::1], nb.i8[::1], nb.u1[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def cut_rows(
    starts: I64s, stops: I64s, data: U8s,
    block_of: I32s, fold_starts: I64s, fold_data: U8s,
    folded: U8s, lower: U8s, inside: U64s, points: U64s, edges: I64s,
    stem_keys: U64s, stem_ids: U32s, unknown: I64s, unknown_bytes: U8s, n_unknown: int,
    row: int, out_offsets: I64s, ids: U32s, text_offsets: I64s, text: U8s,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Cut rows from `row` on; stops before a row for which something is missing.

    Args:
        starts, stops, data: row i is data[starts[i]:stops[i]]; it has no words where stops < starts.
        block_of, fold_starts, fold_data: `FoldArrays`.
        folded, lower: scratch for the longest row, whole blocks of 64 bytes and one more.
        inside, points: scratch, one for each of these blocks.
        edges: scratch, two more than the row has bytes.
        stem_keys, stem_ids: number of the stem of each known word; empty: words are not stemmed.
        unknown: places in `ids` whose stem is to be filled in.
        unknown_bytes: 64 bytes for each of these words, filled up with 0.
        n_unknown: how many there are already.
        out_offsets: (n + 1,) words of each row; ids: their numbers.
        text_offsets: (n + 1,) or (0,); text: the words with one space between, where it is wanted, and
            64 bytes more.
    Returns:
        row, n_unknown, why it stopped, and the amount.
    """
    wants_text, wants_stems = text_offsets.size > 0, stem_keys.size > 0
    n_rows, out = starts.size, out_offsets[row]
    written = text_offsets[row] if wants_text else 0
    while row < n_rows:
        size = max(np.int64(0), stops[row] - starts[row])
        if size > 64 * inside.size:
            return row, n_unknown, LONGER_ROW, size
        seen = _classify(data, starts[row], size, lower, inside, points)
        if seen & _FOLDED:
            size = fold_row(data, starts[row], stops[row], block_of, fold_starts, fold_data, folded)
            if size == NO_ROOM:
                return row, n_unknown, LONGER_ROW, 2 * folded.size
            if size < 0:
                return row, n_unknown, CHARACTERS, UNKNOWN - size
            seen = _classify(folded, 0, size, lower, inside, points)
        if seen & _POINT:
            _join_numbers(size, lower, inside, points)
        n_words = _edges(size, inside, edges) >> 1
        if out + n_words > ids.size or (wants_text and written + size + LANES > text.size):
            return row, n_unknown, MORE_ROOM, size
        if wants_stems and n_unknown + n_words > unknown.size:
            return row, n_unknown, STEMS, n_words
        for word in range(n_words):
            start = edges[2 * word]
            stop = _cut(lower, start, edges[2 * word + 1])
            if not wants_stems:
                ids[out] = murmur(lower, np.uint64(start), np.uint64(stop - start), NO_SEED)
            else:
                slot = find_slot(key_of(lower, start, stop), stem_keys)
                ids[out] = stem_ids[slot]
                if stem_keys[slot] == _0:
                    unknown[n_unknown] = out
                    for i in range(64):
                        taken = lower[start + i] if start + i < stop else np.uint8(0)
                        unknown_bytes[64 * n_unknown + i] = taken
                    n_unknown += 1
            out += 1
            if wants_text:
                if word > 0:
                    text[written] = np.uint8(32)
                    written += 1
                lower_block(lower, start, text, written)  # a word has at most 64 bytes
                written += stop - start
        row += 1
        out_offsets[row] = out
        if wants_text:
            text_offsets[row] = written
    return row, n_unknown, DONE, 0
