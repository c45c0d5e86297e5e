"""Every phrase of the catalogue once, so that a million texts are integers until the last step."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Pieces = NDArray[np.int32]  # phrase numbers; -1 is "nothing here"

# Spellings of the same phrase: its number plus VARIANT * len(pool).
PLAIN, TITLE, CAPITAL, TYPO = range(4)

_SMALL_WORDS: Final = frozenset(
    (
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "cm",
        "for",
        "from",
        "in",
        "of",
        "on",
        "or",
        "our",
        "oz",
        "the",
        "to",
        "with",
    )
)


def title_case(phrase: str) -> str:
    """Every word with a capital, but small words inside and words that have capitals or digits."""
    return " ".join(
        w if (i and w in _SMALL_WORDS) or w != w.lower() or w[:1].isdigit() else _capital(w)
        for i, w in enumerate(phrase.split(" "))
    )


def capital(phrase: str) -> str:
    """The first letter as a capital, the rest as it is."""
    return phrase if phrase[:1].isdigit() else _capital(phrase)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def mistyped(phrase: str) -> str:
    """The phrase with two letters of its longest word swapped; always the same for a phrase."""
    words = phrase.split(" ")
    at = max(range(len(words)), key=lambda i: (len(words[i]), -i))
    word = words[at]
    if len(word) < 5 or not word.isalpha():
        return phrase
    cut = 1 + sum(map(ord, word)) % (len(word) - 2)
    words[at] = word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :]
    return " ".join(words)


class PhrasePool:
    """Phrases by number. Built once, then frozen by `strings()`; numbers never change."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._strings: pa.StringArray | None = None

    def __len__(self) -> int:
        return len(self._number)

    def add(self, phrase: str) -> int:
        """The phrase's number, new or known."""
        if self._strings is not None and phrase not in self._number:
            raise AssertionError("the pool is frozen")
        return self._number.setdefault(phrase, len(self._number))

    def add_all(self, phrases: Iterable[str]) -> Pieces:
        """(k,) the phrases' numbers."""
        return np.array([self.add(p) for p in phrases], np.int32)

    def add_table(self, rows: Sequence[Sequence[str]]) -> Pieces:
        """(n_rows, k) numbers; a short row is repeated cyclically, so that every cell is good."""
        k = max(map(len, rows))
        return np.stack([self.add_all(row[i % len(row)] for i in range(k)) for row in rows])

    def strings(self) -> pa.StringArray:
        """All phrases in all their spellings; freezes the pool."""
        if self._strings is None:
            plain = list(self._number)
            spelled = [f(p) for f in (str, title_case, capital, mistyped) for p in plain]
            self._strings = pa.array(spelled, pa.string())
        return self._strings

    def take(self, pieces: Pieces) -> pa.StringArray:
        """(n,) the phrases; null where the number is -1."""
        return self.strings().take(pa.array(pieces, pa.int32(), mask=pieces < 0))

    def join(self, pieces: Pieces) -> pa.StringArray:
        """(n,) each row's phrases one after the other, nothing between; (n, k) numbers in."""
        # pyarrow 26 drops a row whose strings are all null, so the first is never null.
        start = pa.array([""]).take(pa.array(np.zeros(len(pieces), np.int8)))
        columns = [self.take(np.ascontiguousarray(pieces[:, j])) for j in range(pieces.shape[1])]
        return pc.binary_join_element_wise(start, *columns, "", null_handling="skip")
