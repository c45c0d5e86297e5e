"""Spaces that are missing ("teapot" for "tea pot") or too many ("tea pot" for "teapot").

Both are judged in the speller's nats, so a split, a join and a correction of the same word can be
compared: what the slip of the space bar costs, plus how rare the outcome is. A pair is as frequent
as it was counted, or, without counts, as chance would have it.
"""

from dataclasses import dataclass

from mercer.schema.errors import ConfigError
from mercer.text.ngrams import Pairs
from mercer.text.speller import Speller

_MAX_LETTERS = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakRules:
    """When a space is put in or taken out."""

    omitted_space: float = 4.5  # nats
    extra_space: float = 4.5  # nats
    min_part_count: int = 2  # a part of a split occurs at least so often
    min_pair_count: int = 2  # where pairs are counted, the two parts were seen together
    min_part_letters: int = 3  # where they are not, short parts are chance ("on ion")
    join_factor: float = 10.0  # two known words are joined if that is so many times likelier

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        if self.omitted_space <= 0 or self.extra_space <= 0 or self.join_factor < 1:
            raise ConfigError(
                "break rules: the costs of a space must be > 0 and join_factor >= 1, got "
                f"{self.omitted_space}, {self.extra_space} and {self.join_factor}"
            )
        if min(self.min_part_count, self.min_pair_count, self.min_part_letters) < 1:
            raise ConfigError(
                "break rules: min_part_count, min_pair_count and min_part_letters must be >= 1, "
                f"got {self.min_part_count}, {self.min_pair_count} and {self.min_part_letters}"
            )


@dataclass(frozen=True, slots=True)
class Split:
    """One typed word as two known ones."""

    left: str
    right: str
    left_id: int  # rows in the vocabulary
    right_id: int
    score: float  # nats, lower is better


@dataclass(frozen=True, slots=True)
class Join:
    """Two typed words as one known one."""

    word: str
    id: int  # row in the vocabulary
    score: float  # nats, lower is better


class WordBreaks:
    """Splits and joins over a speller's vocabulary.

    Args:
        speller: knows the words and their counts.
        pairs: neighbours in the catalogue's texts, with codes that are the speller's rows; None:
            chance decides, and only longer parts are believed.
        rules: thresholds and costs.
    """

    def __init__(
        self, speller: Speller, pairs: Pairs | None = None, *, rules: BreakRules | None = None
    ) -> None:
        self.speller, self.pairs, self.rules = speller, pairs, rules or BreakRules()
        self._total = max(1, int(speller.counts.sum()))

    def split(self, word: str) -> Split | None:
        """The best split of an unknown word in two known ones, or None.

        A number is never cut, so "size42" may become "size 42" but "4242" stays.
        """
        if len(word) > _MAX_LETTERS or self.speller.find(word) >= 0:
            return None
        least = 1 if self.pairs is not None else self.rules.min_part_letters
        best: Split | None = None
        for at in range(least, len(word) - least + 1):
            if word[at - 1].isdigit() and word[at].isdigit():
                continue
            found = self._pair(word[:at], word[at:])
            if found is not None and (best is None or found.score < best.score):
                best = found
        return best

    def join(self, left: str, right: str) -> Join | None:
        """The known word that two typed ones make, or None.

        Where both are known words themselves, the joined one must be much more frequent than the
        two side by side. Two numbers are never joined.
        """
        joined = left + right
        if not left or not right or (left[-1].isdigit() and right[0].isdigit()):
            return None
        row = self.speller.find(joined)
        if row < 0:
            return None
        count = int(self.speller.counts[row])
        left_id, right_id = self.speller.find(left), self.speller.find(right)
        if left_id >= 0 and right_id >= 0:
            together = self._together(left_id, right_id)
            if count < self.rules.join_factor * max(together, 1.0):
                return None
        return Join(joined, row, self.rules.extra_space + self.speller.nats(count))

    def _pair(self, left: str, right: str) -> Split | None:
        """The split at one place, if the evidence is good."""
        left_id = self.speller.find(left)
        right_id = self.speller.find(right) if left_id >= 0 else -1
        if left_id < 0 or right_id < 0:
            return None
        counts = self.speller.counts
        if min(counts[left_id], counts[right_id]) < self.rules.min_part_count:
            return None
        together = self._together(left_id, right_id)
        if self.pairs is not None and together < self.rules.min_pair_count:
            return None
        score = self.rules.omitted_space + self.speller.nats(together)
        return Split(left, right, left_id, right_id, score)

    def _together(self, left_id: int, right_id: int) -> float:
        """Texts in which the two words are neighbours: counted, or what chance would give."""
        if self.pairs is not None:
            return float(self.pairs.count(left_id, right_id))
        counts = self.speller.counts
        return float(counts[left_id]) * float(counts[right_id]) / self._total
