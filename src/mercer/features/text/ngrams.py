"""N-grams of words and of characters, as numbers: MurmurHash3 of their bytes, as in scikit-learn.

Both read a text whose words have one space between them, such as `cut(...).text`.
"""

from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.features.text.murmur import PAD, murmur, murmur_plain, of_three
from mercer.text.kernel_types import I8S, U1S

U8s = NDArray[np.uint8]
U32s = NDArray[np.uint32]
I64s = NDArray[np.int64]

_SPACE = np.uint8(32)
_8, _16 = np.uint32(8), np.uint32(16)
_NO_SEED = np.uint32(0)


@nb.njit(nb.u4(U1S, nb.i8, nb.i8), cache=True, nogil=True)
def _number(data: U8s, start: int, stop: int) -> Any:
    return murmur(data, np.uint64(start), np.uint64(stop - start), _NO_SEED)


@nb.njit(
    nb.void(I8S, I8S, U1S, nb.i8, nb.i8, nb.i8[:, ::1], nb.i8[::1], nb.u4[::1]),
    cache=True,
    nogil=True,
)
def _word_ngrams(
    starts: I64s, stops: I64s, data: U8s, shortest: int, longest: int,
    edges: I64s, offsets: I64s, out: U32s,
) -> None:  # fmt: skip
    found = np.int64(0)
    begin, end = edges[0], edges[1]
    for row in range(starts.size):
        n, at = 0, starts[row]
        for i in range(starts[row], stops[row] + 1):
            if i == stops[row] or data[i] == _SPACE:
                if i > at:
                    begin[n], end[n] = at, i
                    n += 1
                at = i + 1
        for size in range(shortest, longest + 1):
            for i in range(n - size + 1):
                out[found] = _number(data, begin[i], end[i + size - 1])
                found += 1
        offsets[row + 1] = found


@nb.njit(nb.i8(nb.u1[::1], nb.i8, nb.u4[::1], nb.u4[::1], nb.i8), cache=True, nogil=True)
def _trigrams(row: U8s, size: int, numbers: U32s, out: U32s, found: int) -> int:
    """Grams of three of an ASCII row between two spaces, in words; returns how many there are now.

    All of them are hashed, without a branch, so that the processor does many at a time; what has a
    space in its middle spans two words and is left out.
    """
    for i in range(size - 2):
        k = np.uint32(row[i]) | (np.uint32(row[i + 1]) << _8) | (np.uint32(row[i + 2]) << _16)
        numbers[i] = of_three(k)
    for i in range(size - 2):
        out[found] = numbers[i]
        found += row[i + 1] != _SPACE
    return found


@nb.njit(nb.i8(U1S, nb.i8[::1], nb.i8, nb.i8, nb.b1, nb.u4[::1], nb.i8), cache=True, nogil=True)
def _grams_in_words(
    row: U8s, points: I64s, n: int, size: int, is_first: bool, out: U32s, found: int
) -> int:
    """Grams of `size` characters in each word with a space before and behind; how many now."""
    first = 0  # the space before a word
    for i in range(1, n):
        if row[points[i]] != _SPACE:
            continue
        if i > first + 1:
            if i + 1 - first >= size:
                for at in range(first, i + 2 - size):
                    out[found] = _number(row, points[at], points[at + size])
                    found += 1
            elif is_first:  # a word that is too short counts once
                out[found] = _number(row, points[first], points[i + 1])
                found += 1
        first = i
    return found


@nb.njit(nb.b1(nb.u1[::1], nb.i8), cache=True, nogil=True)
def _is_ascii(row: U8s, size: int) -> bool:
    all_bits = np.uint8(0)
    for byte in row[:size]:
        all_bits |= byte
    return bool(all_bits < 128)


@nb.njit(
    nb.void(
        I8S, I8S, U1S, nb.i8, nb.i8, nb.b1,
        nb.u1[::1], nb.i8[::1], nb.u4[::1], nb.i8[::1], nb.u4[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def _char_ngrams(
    starts: I64s, stops: I64s, data: U8s, shortest: int, longest: int, is_across: bool,
    row_bytes: U8s, points: I64s, numbers: U32s, offsets: I64s, out: U32s,
) -> None:  # fmt: skip
    found: Any = np.int64(0)
    row_bytes[0] = _SPACE
    for row in range(starts.size):
        size = stops[row] - starts[row]
        if size <= 0:
            offsets[row + 1] = found
            continue
        row_bytes[1 : size + 1] = data[starts[row] : stops[row]]
        row_bytes[size + 1] = _SPACE
        if shortest == longest == 3 and not is_across and _is_ascii(row_bytes, size + 2):
            found = _trigrams(row_bytes, size + 2, numbers, out, found)
            offsets[row + 1] = found
            continue
        n = 0  # characters, one space before and one behind
        for i in range(size + 2):
            if row_bytes[i] & 0xC0 != 0x80:
                points[n] = i
                n += 1
        points[n] = size + 2
        for gram in range(shortest, longest + 1):
            if is_across:
                for i in range(1, n - gram):
                    out[found] = _number(row_bytes, points[i], points[i + gram])
                    found += 1
            else:
                is_first = gram == shortest
                found = _grams_in_words(row_bytes, points, n, gram, is_first, out, found)
        offsets[row + 1] = found


def word_ngrams(
    starts: I64s, stops: I64s, data: U8s, *, shortest: int = 1, longest: int = 2
) -> tuple[I64s, U32s]:
    """(n + 1,) offsets and the numbers of all runs of `shortest` to `longest` words.

    Args:
        starts, stops, data: texts with one space between words.
    """
    data = padded(data, stops)
    lengths = np.maximum(stops - starts, 0)
    most = (lengths + 1) // 2  # words of each row
    offsets = np.zeros(len(starts) + 1, np.int64)
    out = np.empty(int(most.sum()) * (longest - shortest + 1), np.uint32)
    edges = np.empty((2, int(most.max(initial=0)) + 1), np.int64)
    _word_ngrams(starts, stops, data, shortest, longest, edges, offsets, out)
    return offsets, out[: offsets[-1]]


def char_ngrams(
    starts: I64s, stops: I64s, data: U8s, *,
    shortest: int = 3, longest: int = 3, is_across: bool = False,
) -> tuple[I64s, U32s]:  # fmt: skip
    """(n + 1,) offsets and the numbers of all runs of `shortest` to `longest` characters.

    Args:
        starts, stops, data: texts with one space between words.
        shortest: >= 2.
        is_across: also over the spaces, and as they stand (scikit-learn's analyzer "char"); else
            within each word, a space before and behind it ("char_wb").
    """
    lengths = np.maximum(stops - starts, 0)
    offsets = np.zeros(len(starts) + 1, np.int64)
    out = np.empty((longest - shortest + 1) * int((lengths + 2).sum()), np.uint32)
    size = int(lengths.max(initial=0)) + 3 + PAD
    row_bytes, points = np.zeros(size, np.uint8), np.empty(size, np.int64)
    numbers = np.empty(size, np.uint32)
    _char_ngrams(
        starts, stops, data, shortest, longest, is_across,
        row_bytes, points, numbers, offsets, out,
    )  # fmt: skip
    return offsets, out[: offsets[-1]]


def padded(data: U8s, stops: I64s) -> U8s:
    """The same bytes, with as many behind the last row as the hash may read."""
    if int(stops.max(initial=0)) + PAD <= data.size:
        return data
    return np.concatenate([data, np.zeros(PAD, np.uint8)])


def word_ngrams_plain(text: str | None, *, shortest: int = 1, longest: int = 2) -> list[int]:
    """The twin of `word_ngrams`, for one text."""
    words = [word for word in (text or "").split(" ") if word]
    return [
        murmur_plain(" ".join(words[i : i + size]).encode())
        for size in range(shortest, longest + 1)
        for i in range(len(words) - size + 1)
    ]


def char_ngrams_plain(
    text: str | None, *, shortest: int = 3, longest: int = 3, is_across: bool = False
) -> list[int]:
    """The twin of `char_ngrams`, for one text."""
    if is_across:
        return [gram for n in range(shortest, longest + 1) for gram in _grams(text or "", n)]
    found: list[int] = []
    for n in range(shortest, longest + 1):
        for word in (text or "").split(" "):
            if word and len(word) + 2 >= n:
                found += _grams(f" {word} ", n)
            elif word and n == shortest:  # too short for any: once as a whole
                found += _grams(f" {word} ", len(word) + 2)
    return found


def _grams(text: Sequence[str] | str, n: int) -> list[int]:
    return [murmur_plain("".join(text[i : i + n]).encode()) for i in range(len(text) - n + 1)]
