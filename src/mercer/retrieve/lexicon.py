"""What understanding asks of a catalogue: its words, its attribute values, how words are corrected."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mercer.retrieve.query import CATEGORY
from mercer.text.analyze import Tokeniser, words

MAX_PHRASE_WORDS = 4  # of an attribute value that a query may name
MIN_PART_LETTERS = 3  # of the parts into which a word is split
MIN_PART_SHARE = 1 / 2000  # of the count of the most frequent word; rarer parts make no split


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value of an attribute (or a category, field "category") and how many listings have it."""

    field: str
    value: str  # as the catalogue writes it most often
    count: int
    is_exact: bool = True  # False: not its own words, but learnt from titles, or a part of its name


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The words [start, end) of a sequence may also be written as `words`."""

    start: int
    end: int
    words: tuple[str, ...]
    count: float | None = None  # listings that write it so; None where that was not counted


class Lexicon(Protocol):
    """A catalogue's words. All methods take normalised, unstemmed words and are fast (a few us)."""

    def count(self, word: str) -> int:
        """Listings that have the word; 0 for a word that the catalogue does not know."""
        ...

    def correct(self, words: Sequence[str], *, beside: Sequence[str] = ()) -> Sequence[str | None]:
        """For each word the known one that was meant, or None.

        A known word may itself be a slip that the catalogue holds ("chiars"): for such a one the far
        more frequent word is given, which is never more than another way to read it.

        Args:
            words: unknown, or rare.
            beside: the known words of the same query; they help to choose.
        """
        ...

    def values(self, phrase: str, *, within: str | None = None) -> Sequence[ValueCount]:
        """Attribute values and categories whose words are those of the phrase, but for the ending.

        Args:
            phrase: up to MAX_PHRASE_WORDS words with spaces between.
            within: a category's name: count only its listings, where that is known.
        """
        ...

    def regroup(self, words: Sequence[str]) -> Sequence[Rewrite]:
        """Unknown words as two known ones, and neighbours as one known word."""
        ...

    def synonyms(self, words: Sequence[str]) -> Sequence[Rewrite]:
        """Other words that the market's synonyms file gives for words or runs of words."""
        ...


def phrase_key(phrase_words: Iterable[str]) -> str:
    """The key of a phrase: stems with spaces between; "and" does not count ("black & white")."""
    listed = list(phrase_words)
    if len(listed) > 1:
        listed = [w for w in listed if w != "and"]
    return " ".join([singular(w) for w in listed])


_SAME_THING = {
    "men": "man", "mens": "man", "women": "woman", "womens": "woman", "children": "child",
    "childrens": "child", "feet": "foot", "teeth": "tooth", "mice": "mouse", "geese": "goose",
    "knives": "knife", "shelves": "shelf", "scarves": "scarf", "leaves": "leaf", "loaves": "loaf",
    "halves": "half", "wolves": "wolf", "calves": "calf", "elves": "elf", "grey": "gray",
    "colour": "color", "jewellery": "jewelry", "wooden": "wood", "golden": "gold", "woolen": "wool",
    "woollen": "wool",
}  # fmt: skip


@lru_cache(maxsize=65_536)
def singular(word: str) -> str:
    """One form for the singular, the plural and the British spelling of a word.

    Lighter than a stem: "bed" is not "bedding", "sliding" no "slides".

    Source:
        the s-stemmer of Harman, "How effective is suffixing?", JASIS 42(1), 1991; with "es" behind
        hissing sounds and a few irregular words.
    """
    if word in _SAME_THING:
        return _SAME_THING[word]
    if len(word) <= 3 or not word.isalpha():
        return word
    if word.endswith(("ie", "ies")) and len(word) > 4:
        return word.rstrip("s")[:-2] + "y"  # candies and candy, cookies and cookie
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        return _SAME_THING.get(word[:-1], word[:-1])
    return word


Joint = Mapping[tuple[str, str, str], int]
"""(category's folded name, field, value) -> listings in that category that have the value."""
Corrector = Callable[[Sequence[str], Sequence[str]], Sequence[str | None]]
"""From unknown words, and the known ones beside them, to what was meant."""
Adjacent = Callable[[str, str], float]
"""In how many titles the second word follows the first."""
Rewriter = Callable[[Sequence[str]], Sequence[Rewrite]]


def no_correction(typed: Sequence[str], _: Sequence[str]) -> Sequence[str | None]:
    """The Corrector that knows no other word."""
    return (None,) * len(typed)


def no_rewrite(_: Sequence[str]) -> Sequence[Rewrite]:
    """The Rewriter that has no other words."""
    return ()


class TableLexicon:
    """A Lexicon over plain tables in memory. Immutable; safe to use from many threads.

    Args:
        counts: word -> listings that have it.
        values: `phrase_key` -> values, as `from_columns` makes them.
        joint: (category's folded name, field, value) -> listings, for values that are ambiguous.
        correct: gives the meant word for each unknown one, such as a speller's.
        synonyms: gives the rewrites of a synonyms file.
        adjacent: evidence for splits; None: the parts have to be frequent words.
    """

    def __init__(
        self,
        counts: Mapping[str, int],
        values: Mapping[str, Sequence[ValueCount]],
        *,
        joint: Joint | None = None,
        correct: Corrector = no_correction,
        synonyms: Rewriter = no_rewrite,
        adjacent: Adjacent | None = None,
    ) -> None:
        self._counts, self._values, self._joint = counts, values, joint or {}
        self._correct, self._synonyms, self._adjacent = correct, synonyms, adjacent
        self._min_part = MIN_PART_SHARE * max(counts.values(), default=0)

    @classmethod
    def from_columns(
        cls,
        word: Sequence[str],
        word_count: npt.NDArray[np.integer[Any]],
        value_field: Sequence[str],
        value: Sequence[str],
        value_count: npt.NDArray[np.integer[Any]],
        *,
        joint: Joint | None = None,
        correct: Corrector = no_correction,
        synonyms: Rewriter = no_rewrite,
    ) -> "TableLexicon":
        """A lexicon from columns.

        Args:
            word: (n,) the catalogue's vocabulary, normalised.
            word_count: (n,) listings that have each word, >= 0.
            value_field: (m,) attribute names, or "category".
            value: (m,) values as the catalogue writes them; spellings with one key are added up.
            value_count: (m,) listings that have each value, >= 0.
            joint, correct, synonyms: as for the class.
        """
        table = value_table(value_field, value, value_count)
        counts = dict(zip(word, np.asarray(word_count).tolist(), strict=True))
        return cls(counts, table, joint=joint, correct=correct, synonyms=synonyms)

    def count(self, word: str) -> int:
        """Listings that have the word."""
        return self._counts.get(word, 0)

    def correct(self, words: Sequence[str], *, beside: Sequence[str] = ()) -> Sequence[str | None]:
        """The meant word of each."""
        return self._correct(words, beside)

    def values(self, phrase: str, *, within: str | None = None) -> Sequence[ValueCount]:
        """Values that the phrase names, the most frequent first."""
        found = self._values.get(phrase_key(phrase.split(" ")), ())
        if within is None or len(found) < 2:
            return found
        category = within.casefold()
        inside = [replace(v, count=self._joint.get((category, v.field, v.value), 0)) for v in found]
        return sorted(inside, key=lambda v: -v.count) if any(v.count for v in inside) else found

    def regroup(self, words: Sequence[str]) -> Sequence[Rewrite]:
        """The best split of each unknown word, and every join of two neighbours that is known."""
        found: list[Rewrite] = []
        for i, word in enumerate(words):
            if not self.count(word) and (split := self._split(word)):
                found.append(Rewrite(i, i + 1, *split))
            if i and not (words[i - 1].isdigit() or word.isdigit()):
                joined = words[i - 1] + word
                if self.count(joined):
                    found.append(Rewrite(i - 1, i + 1, (joined,)))
        return found

    def synonyms(self, words: Sequence[str]) -> Sequence[Rewrite]:
        """Rewrites of the synonyms file."""
        return self._synonyms(words)

    def _split(self, word: str) -> tuple[tuple[str, str], float | None] | None:
        """The two known parts that titles write side by side most often, and how often.

        Where that was not counted: those of which the rarer one is most frequent. No part is a number.
        """
        if not word.isalpha() or not 2 * MIN_PART_LETTERS <= len(word) <= 40:
            return None
        best: tuple[str, str] | None = None
        best_count = 0.0 if self._adjacent else self._min_part
        for at in range(MIN_PART_LETTERS, len(word) - MIN_PART_LETTERS + 1):
            left, right = word[:at], word[at:]
            count: float = min(self.count(left), self.count(right))
            if count and self._adjacent:
                count = self._adjacent(left, right)
            if count > best_count:
                best, best_count = (left, right), count
        return None if best is None else (best, best_count if self._adjacent else None)


def value_table(
    field: Sequence[str], value: Sequence[str], count: npt.NDArray[np.integer[Any]]
) -> dict[str, tuple[ValueCount, ...]]:
    """`phrase_key` -> values, most frequent first; values of too many or no words are left out."""
    partial: set[str] = set()
    merged: dict[str, dict[str, tuple[int, int, str]]] = {}  # key -> field -> (sum, best, spelling)
    tokeniser = Tokeniser()
    tokens = tokeniser.run(value)
    vocabulary, ends, codes = tokeniser.vocabulary(), tokens.offsets.tolist(), tokens.codes.tolist()
    counts = np.asarray(count).tolist()
    for i, (name, spelling, n) in enumerate(zip(field, value, counts, strict=True)):
        listed = [vocabulary[c] for c in codes[ends[i] : ends[i + 1]]]
        if not listed or len(listed) > MAX_PHRASE_WORDS or n <= 0:
            continue
        fields = merged.setdefault(phrase_key(listed), {})
        total, best, kept = fields.get(name, (0, 0, ""))
        fields[name] = (total + n, max(best, n), spelling if n > best else kept)
    for part, (total, best, spelling) in _category_parts(field, value, counts).items():
        # "ceramic" is the material before it is half of "Ceramics & Pottery".
        if part not in merged:
            merged[part] = {CATEGORY: (total, best, spelling)}
            partial.add(part)
    return {
        key: tuple(
            ValueCount(name, spelling, total, is_exact=key not in partial)
            for name, (total, _, spelling) in sorted(fields.items(), key=lambda f: (-f[1][0], f[0]))
        )
        for key, fields in merged.items()
    }


_BETWEEN_PARTS = re.compile(r"\s+(?:&|and)\s+|\s*[/,]\s*")


def _category_parts(
    field: Sequence[str], value: Sequence[str], count: Sequence[int]
) -> dict[str, tuple[int, int, str]]:
    """Keys of the parts of categories such as "Kitchen & Dining"; the largest category wins."""
    found: dict[str, tuple[int, int, str]] = {}
    for name, spelling, n in zip(field, value, count, strict=True):
        parts = _BETWEEN_PARTS.split(spelling) if name == CATEGORY else ()
        for part in parts if len(parts) > 1 and n > 0 else ():
            listed = words(part)
            if listed and len(listed) <= MAX_PHRASE_WORDS:
                key = phrase_key(listed)
                found[key] = max(found.get(key, (0, 0, "")), (n, n, spelling))
    return found


_conforms: type[Lexicon] = TableLexicon
