"""Words as rows of letter codes: every letter of a vocabulary gets a small number.

Codes make all scripts equal for the kernels: a letter is one uint16 whether it is Latin, Greek or
Chinese. Code 0 is every letter that the alphabet does not have. Digits are marked on the way,
because numbers are never corrected.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercer.schema.errors import InputError
from mercer.text.error_model import letter_class

MAX_ALPHABET = 65_535  # codes are uint16, and 0 is taken
# Letters with a class in the error model get a code even where no word has them, because which
# key was hit, or which accent was typed, says something.
_LATIN = np.r_[ord("a") : ord("z") + 1, 0xDF:0x180, 0x1EA0:0x1F00].astype(np.uint32)


@dataclass(frozen=True, slots=True)
class Coded:
    """Words in columns."""

    codes: NDArray[np.uint16]  # letters of all words, one after the other
    starts: NDArray[np.int64]  # (n_words + 1,)
    has_digit: NDArray[np.bool_]  # (n_words,)

    def __len__(self) -> int:
        return self.starts.size - 1


class Alphabet:
    """Letters, in the order of their code points; code = place + 1.

    Args:
        points: (n_letters,) uint32 code points, rising, at most 65,535.
    """

    def __init__(self, points: NDArray[np.uint32]) -> None:
        if points.size > MAX_ALPHABET:
            raise InputError(
                f"vocabulary: {points.size:,} different letters, at most {MAX_ALPHABET:,} are "
                "possible; normalise the words (lower case, no marks, no binary data)"
            )
        self.points = points
        size = int(points[-1]) + 2 if points.size else 1
        self._code = np.zeros(size, dtype=np.uint16)  # the last place stays 0: all letters beyond
        self._code[points] = np.arange(1, points.size + 1, dtype=np.uint16)
        classes = [0, *(letter_class(chr(p)) for p in points.tolist())]
        classes[0] = letter_class("-")
        self.letter = np.array(classes, dtype=np.uint8)  # (n_letters + 1,) class by code

    @classmethod
    def of(cls, words: Sequence[str]) -> "Alphabet":
        """The letters that occur in `words`, and those of the Latin script."""
        return cls(np.union1d(_points("".join(words)), _LATIN))

    def encode(self, words: Sequence[str]) -> Coded:
        """The words as codes; a letter that the alphabet lacks becomes 0."""
        if len(words) == 1:
            return self._encode_one(words[0])
        points = _points("".join(words))
        starts = np.zeros(len(words) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, words), np.int64, len(words)), out=starts[1:])
        codes = self._code[np.minimum(points, self._code.size - 1)]
        digit = np.zeros(points.size + 1, dtype=np.int64)
        np.cumsum(_is_number(points), out=digit[1:])
        return Coded(codes, starts, digit[starts[1:]] > digit[starts[:-1]])

    def _encode_one(self, word: str) -> Coded:
        """As `encode`, without what only many words need: most calls come with one."""
        points = _points(word)
        codes = self._code[np.minimum(points, self._code.size - 1)]
        has_digit = bool(_is_number(points).any()) if not word.isalpha() else False
        return Coded(codes, np.array([0, points.size], np.int64), np.array([has_digit]))

    def decode(self, codes: NDArray[np.uint16]) -> str:
        """The letters of one word; codes must not hold 0."""
        return "".join(map(chr, self.points[codes.astype(np.int64) - 1].tolist()))


def _points(text: str) -> NDArray[np.uint32]:
    """Code points; a lone surrogate is one as well, so that no string can fail."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _is_number(points: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which code points are digits or numbers of any script (Unicode category N)."""
    number: NDArray[np.bool_] = (points >= 48) & (points <= 57)
    foreign = points >= 128
    if foreign.any():
        distinct = np.unique(points[foreign])
        numbers = [p for p in distinct.tolist() if unicodedata.category(chr(p))[0] == "N"]
        number |= np.isin(points, np.array(numbers, dtype=np.uint32))
    return number
