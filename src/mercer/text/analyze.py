r"""From text to words: one rule, as a plain function and as a kernel over columns.

A word is a maximal run of letters and digits after lower-casing and folding (NFKD, marks dropped),
with apostrophes dropped inside it ("women's" -> "womens") and `.` or `/` kept between two digits
("1.75", "1/2"). Words are cut at MAX_WORD_BYTES bytes of UTF-8.

>>> words("Women's 1.75in café-racer T-shirt, 1/2 price")
['womens', '1.75in', 'cafe', 'racer', 't', 'shirt', '1/2', 'price']

Does not handle: segmentation of scripts without spaces (a run of Han letters is one word).
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import Stemmer

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

MAX_WORD_BYTES = 64
_READ_ONLY = nb.types.Array(nb.u1, 1, "C", readonly=True)  # an Arrow buffer
_APOSTROPHES = "'\u2019\u2018\u02bc\uff07`"
_LETTERS = r"0-9a-z\x80-\U0010ffff"  # of folded text
_WORD = re.compile(f"[0-9]+(?:[./][0-9]+)+[{_LETTERS}]*|[{_LETTERS}]+")
_SEPARATOR = r"[^\p{L}\p{N}\x00-\x7f]+"  # of what is left after folding; ASCII is for the kernel
_DROPPED = f"[\\p{{M}}{_APOSTROPHES}]+"


def fold(text: str) -> str:
    """Lower case, compatibility forms decomposed, marks and apostrophes dropped.

    European letters are folded here. All else goes through the same Arrow kernels as a column does,
    because the Unicode tables of two libraries are never of one age; that takes some milliseconds.
    What separates words there comes back as spaces.
    """
    if text.isascii():
        return text.lower().replace("'", "").replace("`", "")
    if _EUROPEAN.fullmatch(text):
        return _fold_european(text)
    valid = text.encode("utf-8", "replace").decode()  # a lone surrogate is no character
    return str(folded_column(pa.array([valid], pa.large_string()))[0])


# Letters up to Cyrillic, with the marks and punctuation of print: their properties are long settled.
_EUROPEAN = re.compile("[\x00-\u052f\u2000-\u206f\u20ac\u2122]*")


def _fold_european(text: str) -> str:
    # Letter by letter, as the kernel does: the lower case of a whole text would know a final sigma.
    lower = "".join([c.lower() for c in unicodedata.normalize("NFKD", text)])
    kept: list[str] = []
    for c in unicodedata.normalize("NFKD", lower):
        kind = "" if c.isascii() else unicodedata.category(c)[0]
        if kind != "M" and c not in _APOSTROPHES:
            kept.append(c if kind in ("", "L", "N") else " ")
    return "".join(kept)


def words(text: str) -> list[str]:
    """The words of `text` in order, unstemmed; the twin of `Tokeniser`."""
    return words_of_folded(fold(text))


def words_of_folded(folded: str) -> list[str]:
    """The words of a text that `fold` gave; so many short texts can be folded in one call."""
    return [_cut(w) for w in _WORD.findall(folded)]


def _cut(word: str) -> str:
    if len(word) * 4 <= MAX_WORD_BYTES:
        return word
    return word.encode()[:MAX_WORD_BYTES].decode(errors="ignore")


_stemmer = Stemmer.Stemmer("english", 0)  # its own cache costs more than it saves


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The word's stem (Snowball English); a word with a digit is its own stem."""
    return word if _has_digit(word) else str(_stemmer.stemWord(word))


def stem_many(vocabulary: Iterable[str]) -> list[str]:
    """`stem` of each word, at half a microsecond each."""
    words_ = list(vocabulary)
    stems = _stemmer.stemWords(words_)
    return [w if _has_digit(w) else s for w, s in zip(words_, stems, strict=True)]


def _has_digit(word: str) -> bool:
    return not word.isalpha() and any(map(str.isdigit, word))


@dataclass(frozen=True, slots=True)
class Tokens:
    """Words of n texts: row i has codes[offsets[i]:offsets[i + 1]], in order, of one vocabulary."""

    offsets: Ints  # (n + 1,)
    codes: Codes  # (n_words,)


class Tokeniser:
    """Gives every distinct word a code, over any number of columns.

    The words are what `words()` gives; only the speed differs (a kernel over Arrow buffers).
    """

    def __init__(self) -> None:
        self._table = np.zeros(1 << 16, np.int32)  # code + 1; 0 is empty
        self._hash = np.zeros(1 << 15, np.uint64)  # by code
        self._ends = np.zeros((1 << 15) + 1, np.int64)  # of each word in the bytes below
        self._bytes = np.zeros(1 << 18, np.uint8)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def vocabulary(self, *, start: int = 0) -> list[str]:
        """All words from code `start` on, in the order of their codes."""
        ends = self._ends[start : self._n + 1]
        data, first = self._bytes[ends[0] : ends[-1]].tobytes(), int(ends[0])
        places = (ends - first).tolist()
        return [data[a:b].decode() for a, b in pairwise(places)]

    def run(self, texts: pa.Array | Sequence[str]) -> Tokens:
        """Words of each text; a null has none.

        Args:
            texts: (n,) strings.
        """
        column = folded_column(pa.array(texts, pa.large_string()))
        n = len(column)
        _, offset_buffer, data_buffer = column.buffers()
        offsets = np.frombuffer(offset_buffer, np.int64)[column.offset : column.offset + n + 1]
        data = np.frombuffer(data_buffer, np.uint8) if data_buffer else np.zeros(0, np.uint8)
        out_offsets = np.zeros(n + 1, np.int64)
        span = int(offsets[-1] - offsets[0]) if n else 0
        codes = np.empty(span // 2 + n + 1, np.int32)
        row = 0
        while row < n:
            self._reserve()
            row, self._n = _tokenise(
                data, offsets, row, out_offsets, codes,
                self._table, self._hash, self._ends, self._bytes, self._n,
            )  # fmt: skip
        return Tokens(out_offsets, codes[: out_offsets[-1]].copy())

    def _reserve(self) -> None:
        """Room for more words: the kernel stops before a row that might not fit."""
        if self._n * 2 > len(self._hash):
            self._hash = np.concatenate([self._hash, np.zeros_like(self._hash)])
            self._ends = np.concatenate([self._ends, np.zeros(len(self._ends) - 1, np.int64)])
            self._table = np.zeros(len(self._table) * 2, np.int32)
            _refill(self._table, self._hash, self._n)
        if self._ends[self._n] * 2 > len(self._bytes):
            self._bytes = np.concatenate([self._bytes, np.zeros_like(self._bytes)])


def folded_column(column: pa.Array) -> pa.Array:
    """The texts with all that is not ASCII folded, so that the kernel sees words as bytes >= 0x80."""
    column = column.fill_null("") if column.null_count else column
    foreign = pc.invert(pc.string_is_ascii(column))
    if not pc.any(foreign).as_py():
        return column
    folded = pc.utf8_normalize(
        pc.utf8_lower(pc.utf8_normalize(column.filter(foreign), "NFKD")), "NFKD"
    )
    folded = pc.replace_substring_regex(folded, _DROPPED, "")
    return pc.replace_with_mask(
        column, foreign, pc.replace_substring_regex(folded, _SEPARATOR, " ")
    )


@nb.njit("void(i4[::1], u8[::1], i8)", cache=True, nogil=True)
def _refill(table: Codes, hashes: npt.NDArray[np.uint64], n: int) -> None:
    mask = np.uint64(table.size - 1)
    for code in range(n):
        slot = hashes[code] & mask
        while table[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = code + 1


@nb.njit(nb.b1(_READ_ONLY, nb.i8, nb.i8), cache=True, nogil=True)
def _next_is_digit(data: Bytes, at: int, end: int) -> bool:
    """Whether a digit follows, apostrophes (which are dropped) left out."""
    while at < end and (data[at] == 39 or data[at] == 96):
        at += 1
    return at < end and 48 <= data[at] <= 57


@nb.njit(
    nb.types.UniTuple(nb.i8, 2)(  # type: ignore[no-untyped-call]
        _READ_ONLY,
        nb.types.Array(nb.i8, 1, "C", readonly=True),
        nb.i8,
        nb.i8[::1],
        nb.i4[::1],
        nb.i4[::1],
        nb.u8[::1],
        nb.i8[::1],
        nb.u1[::1],
        nb.i8,
    ),
    cache=True,
    nogil=True,
)
def _tokenise(
    data: Bytes,
    offsets: Ints,
    row: int,
    out_offsets: Ints,
    codes: Codes,
    table: Codes,
    hashes: npt.NDArray[np.uint64],
    ends: Ints,
    vocabulary: Bytes,
    n_words: int,
) -> tuple[int, int]:
    """Tokenise rows from `row` on; stops where the vocabulary may be full. Returns (row, n_words)."""
    mask = np.uint64(table.size - 1)
    word = np.empty(64, np.uint8)
    n_rows = offsets.size - 1
    out = out_offsets[row]
    while row < n_rows:
        at, end = offsets[row], offsets[row + 1]
        while at <= end:
            # One word: skip what separates, then collect; `length` may pass 64, the rest is cut off.
            length = 0
            is_number = True  # all digits, '.', '/' so far
            while at < end:
                c = data[at]
                if 65 <= c <= 90:
                    c += np.uint8(32)
                is_digit = 48 <= c <= 57
                if is_digit or 97 <= c <= 122 or c >= 128:
                    if not is_digit:
                        is_number = False
                elif c == 39 or c == 96:
                    at += 1
                    continue
                elif (
                    (c == 46 or c == 47)
                    and length > 0
                    and is_number
                    and _next_is_digit(data, at + 1, end)
                ):
                    pass
                else:
                    break
                if length < 64:
                    word[length] = c
                length += 1
                at += 1
            at += 1
            if length == 0:
                continue
            if length > 64:
                length = 64
                # Cut at a whole character: step back over continuation bytes of a cut character.
                back = 64
                while back > 0 and (word[back - 1] & 0xC0) == 0x80:
                    back -= 1
                if back > 0 and word[back - 1] >= 0xC0:
                    lead = word[back - 1]
                    need = 2 if lead < 0xE0 else (3 if lead < 0xF0 else 4)
                    if 64 - (back - 1) < need:
                        length = back - 1
            h = np.uint64(14695981039346656037)
            for i in range(length):
                h = (h ^ np.uint64(word[i])) * np.uint64(1099511628211)
            h ^= h >> np.uint64(29)
            slot = h & mask
            code = -1
            while table[slot] != 0:
                seen = table[slot] - 1
                if hashes[seen] == h and ends[seen + 1] - ends[seen] == length:
                    start, same = ends[seen], True
                    for i in range(length):
                        if vocabulary[start + i] != word[i]:
                            same = False
                            break
                    if same:
                        code = seen
                        break
                slot = (slot + np.uint64(1)) & mask
            if code < 0:
                start = ends[n_words]
                if n_words + 1 >= hashes.size or start + 64 >= vocabulary.size:
                    return row, n_words  # this row again, after growing
                for i in range(length):
                    vocabulary[start + i] = word[i]
                ends[n_words + 1] = start + length
                hashes[n_words] = h
                table[slot] = n_words + 1
                code = n_words
                n_words += 1
            codes[out] = code
            out += 1
        row += 1
        out_offsets[row] = out
    return row, n_words
