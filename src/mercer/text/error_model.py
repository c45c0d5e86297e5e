"""What a slip of the keyboard or of the memory costs: the error model of the speller.

A cost is a negative log probability in nats: how unlikely it is that somebody who means a word
types it with this one edit. Costs depend on the letters next to the edit, because that is how
people err: they drop a doubled letter, swap two neighbours, hit the key beside, and write a vowel
by its sound; they rarely miss the first letter.

The values were set by hand from what is published about English misspellings (sources below), then
moved halfway to those that a coordinate search found on one random edit in words of shop titles and
on SymSpell's noisy terms; the weight of word frequency was tuned on the same. The word_typos list
served as a check of this choice, its share with crc32(first correction) % 5 == 0 also for a trial
search that was not used; `benchmarks/kernel/speller.py` therefore reports the rest apart.

Source: Damerau 1964, doi:10.1145/363958.363994 (four kinds of edit, first letters are right);
Kernighan, Church & Gale 1990, doi:10.3115/997939.997975 (noisy channel, costs by the letter
before); Pollock & Zamora 1984, doi:10.1145/358027.358048 (which letters are dropped and doubled).
Does not handle: layouts other than QWERTY, several letters for one sound (ph for f counts twice).
"""

import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercer.schema.errors import ConfigError

F64s = NDArray[np.float64]

OTHER = 26  # class of a letter outside a..z
EDGE = 27  # "no letter": before the first and after the last
N_CLASSES = 28

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHIFT = (0.0, 0.25, 0.75)  # how far each row of keys is moved to the right
_VOWELS = "aeiouy"
_SAME_SOUND = "cs ck kq sz xs gj fv bp dt mn bv uw iy yj vw cx lr"
# A letter that English writes but does not speak beside another one: (before, silent), (silent, after).
_SILENT_AFTER = "ch gh ph rh sh th wh ck gu qu sc mb mn"
_SILENT_BEFORE = "ck cq dg tc ps kn wr gn ht"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditCosts:
    """Costs in nats, each > 0; where several apply to an edit the cheapest holds."""

    substitute: float = 5.9
    substitute_key: float = 5.2  # the key beside
    substitute_vowel: float = 4.2  # one vowel for another
    substitute_sound: float = 4.8  # one consonant for another that sounds alike
    accent: float = 2.8  # the same letter with and without its accent
    omit: float = 3.4  # a letter of the word was not typed
    omit_vowel: float = 3.2
    omit_silent: float = 2.7  # the h of "rhythm"
    omit_doubled: float = 2.5
    extra: float = 5.8  # a letter was typed that the word does not have
    extra_key: float = 5.5  # two keys hit at once
    extra_vowel: float = 5.2
    extra_doubled: float = 3.2
    transpose: float = 2.7
    first: float = 0.8  # on top, when the edit touches the first letter
    last: float = 0.6  # on top, when it touches the last one

    def __post_init__(self) -> None:
        """Raise ConfigError unless every edit costs something."""
        faults = [
            f"{name} = {value}"
            for name in self.__slots__
            if not np.isfinite(value := getattr(self, name))
            or value < 0
            or (value == 0 and name not in ("first", "last"))
        ]
        if faults:
            raise ConfigError(
                f"edit costs must be finite and > 0 (first, last: >= 0), got {', '.join(faults)}"
            )


@dataclass(frozen=True, slots=True)
class CostTables:
    """`EditCosts` by letter class, as the kernels read them; `letter_class` makes the classes."""

    substitute: F64s  # (28, 28) by typed, meant; the diagonal is the accent's cost
    omit: F64s  # (2, 28, 28) by side; [0, before, letter] and [1, after, letter]
    extra: F64s  # (28, 28) by neighbour, letter
    scalars: F64s  # (3,) transpose, first, last

    @property
    def cheapest(self) -> float:
        """The least that any one edit costs."""
        tables = (self.substitute, self.omit, self.extra, self.scalars[:1])
        return float(min(t.min() for t in tables))


def letter_class(char: str) -> int:
    """Class of a letter: 0..25 for a..z, an accented letter as its base, else `OTHER`."""
    base = unicodedata.normalize("NFD", char)[0]
    return ord(base) - ord("a") if "a" <= base <= "z" else OTHER


def cost_tables(costs: EditCosts) -> CostTables:
    """Spread the costs over all pairs of letters."""
    vowel = np.zeros(N_CLASSES, dtype=bool)
    vowel[_indices(_VOWELS)] = True
    keys = _adjacent_keys()
    silent_after, silent_before = _pairs(_SILENT_AFTER), _pairs(_SILENT_BEFORE)
    same = np.eye(N_CLASSES, dtype=bool)
    same[OTHER, OTHER] = False  # two letters outside a..z are two letters

    substitute = np.full((N_CLASSES, N_CLASSES), costs.substitute)
    _cheaper(substitute, keys, costs.substitute_key)
    _cheaper(substitute, vowel[:, None] & vowel[None, :], costs.substitute_vowel)
    sounds = _pairs(_SAME_SOUND)
    _cheaper(substitute, sounds | sounds.T, costs.substitute_sound)
    _cheaper(substitute, same, costs.accent)

    omit = np.full((2, N_CLASSES, N_CLASSES), costs.omit)
    _cheaper(omit, np.broadcast_to(vowel, omit.shape), costs.omit_vowel)
    _cheaper(omit[0], silent_after, costs.omit_silent)
    _cheaper(omit[1], silent_before.T, costs.omit_silent)
    _cheaper(omit, np.broadcast_to(same, omit.shape), costs.omit_doubled)

    extra = np.full((N_CLASSES, N_CLASSES), costs.extra)
    _cheaper(extra, np.broadcast_to(vowel, extra.shape), costs.extra_vowel)
    _cheaper(extra, keys, costs.extra_key)
    _cheaper(extra, same, costs.extra_doubled)
    return CostTables(substitute, omit, extra, np.array([costs.transpose, costs.first, costs.last]))


def _cheaper(table: F64s, where: NDArray[np.bool_], cost: float) -> None:
    table[where] = np.minimum(table[where], cost)


def _indices(letters: str) -> list[int]:
    return [ord(c) - ord("a") for c in letters]


def _pairs(pairs: str) -> NDArray[np.bool_]:
    """(28, 28) true at [a, b] for every pair "ab"."""
    out = np.zeros((N_CLASSES, N_CLASSES), dtype=bool)
    for pair in pairs.split():
        out[_indices(pair[0]), _indices(pair[1])] = True
    return out


def _adjacent_keys() -> NDArray[np.bool_]:
    """(28, 28) true where two letters lie side by side on a QWERTY keyboard."""
    out = np.zeros((N_CLASSES, N_CLASSES), dtype=bool)
    at = {c: (x + _SHIFT[y], float(y)) for y, row in enumerate(_ROWS) for x, c in enumerate(row)}
    for a, (ax, ay) in at.items():
        for b, (bx, by) in at.items():
            near = a != b and abs(ay - by) <= 1 and abs(ax - bx) <= 1
            out[_indices(a), _indices(b)] = near
    return out
