"""How much search loses when buyers mistype: queries with one edit, and lists that should be alike."""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
MIN_LETTERS: Final = 4  # shorter words and numbers are left alone: nobody could tell what was meant
_WORD = re.compile(rf"(?<![^\W_])[a-z]{{{MIN_LETTERS},}}(?![^\W_])")


def misspell(query: str, rng: np.random.Generator) -> str | None:
    """The query with one random edit in one random word of four or more letters.

    Any letter may be lost, replaced by any other, slipped in or swapped with the next, at any place
    and all equally often: harder than what fingers do, who rarely miss the first letter.

    Args:
        query: as typed; only words of the letters a to z, whatever their case, are edited.
        rng: where the edit comes from.
    Returns:
        None where no word is long enough.
    """
    text = query.lower()
    words = list(_WORD.finditer(text))
    if not words:
        return None
    at = words[int(rng.integers(len(words)))]
    return text[: at.start()] + _edited(at[0], rng) + text[at.end() :]


def _edited(word: str, rng: np.random.Generator) -> str:
    while True:
        kind, place = int(rng.integers(4)), int(rng.integers(len(word)))
        letter = _LETTERS[int(rng.integers(len(_LETTERS)))]
        head, tail = word[:place], word[place:]
        match kind:
            case 0:
                out = head + tail[1:]
            case 1:
                out = head + letter + tail[1:]
            case 2:
                out = head + letter + tail
            case _:
                out = head + tail[1:2] + tail[:1] + tail[2:]
        if out != word:
            return out


def overlap_at_k(shown: Sequence[str], other: Sequence[str], *, k: int = 10) -> float:
    """The share of the first k of `shown` that are among the first k of `other`; in [0, 1].

    Both empty: 1, for the answer is the same.
    """
    first, second = set(shown[:k]), set(other[:k])
    if not first:
        return float(not second)
    return len(first & second) / len(first)
