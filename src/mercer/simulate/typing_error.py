"""One slip of a finger: what people really type."""

import re
from typing import Final

import numpy as np

_NEIGHBOURS: Final = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok",
    "o": "ipl", "p": "ol",
    "a": "qsz", "s": "adwx", "d": "sfec", "f": "dgrv", "g": "fhtb", "h": "gjyn", "j": "hkum",
    "k": "jli", "l": "kop",
    "z": "xa", "x": "zcs", "c": "xvd", "v": "cbf", "b": "vng", "n": "bmh", "m": "nj",
}  # fmt: skip
MIN_LETTERS: Final = 4  # shorter words and numbers are left alone: nobody could tell what was meant

_WORD = re.compile(rf"[a-z]{{{MIN_LETTERS},}}")


def mistype(text: str, rng: np.random.Generator) -> str:
    """The text with one edit in one word of four letters or more, or one space missing.

    Returns the text itself where no word is long enough.
    """
    words = list(_WORD.finditer(text))
    if not words:
        return text
    if " " in text and rng.random() < 0.08:
        return _without_space(text, rng)
    at = words[int(rng.integers(len(words)))]
    return text[: at.start()] + _slip(at[0], rng) + text[at.end() :]


def _without_space(text: str, rng: np.random.Generator) -> str:
    gaps = [m.start() for m in re.finditer(r"(?<=[a-z]) (?=[a-z])", text)]
    if not gaps:
        return text
    gap = gaps[int(rng.integers(len(gaps)))]
    return text[:gap] + text[gap + 1 :]


def _slip(word: str, rng: np.random.Generator) -> str:
    """The word with a letter replaced by its neighbour, doubled, lost, swapped or slipped in."""
    while True:
        i = int(rng.integers(1, len(word)))  # the first letter is nearly always right
        near = _NEIGHBOURS[word[i]]
        other = near[int(rng.integers(len(near)))]
        match int(rng.integers(5)):
            case 0:
                out = word[:i] + other + word[i + 1 :]
            case 1:
                out = word[:i] + word[i] + word[i:]
            case 2:
                out = word[:i] + word[i + 1 :]
            case 3:
                out = word[: i - 1] + word[i] + word[i - 1] + word[i + 1 :]
            case _:
                out = word[:i] + other + word[i:]
        if out != word:
            return out
