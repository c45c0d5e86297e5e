"""Misspelt words to the words of a vocabulary: which one was meant, and how sure is that.

The meant word is the one that explains the typed letters best: least cost of the slips
(`error_model`) plus `frequency_weight` nats for each time that the word is e times rarer than the
most frequent one. Candidates come from deleted letters (`delete_index`), none within the allowed
edits is missed, and the best score is exact.

Rules that hold always: a word that the vocabulary knows is left alone; a word with a digit is
neither corrected nor a correction; short words get fewer edits (`EditLimits`).
Does not handle: two words glued together or one torn apart (see `word_breaks`), real-word errors.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mercer.schema.errors import ConfigError, CorruptError, InputError
from mercer.text import delete_index
from mercer.text.alphabet import Alphabet, Coded
from mercer.text.edit_distance import MAX_LETTERS
from mercer.text.error_model import CostTables, EditCosts, cost_tables
from mercer.text.speller_kernel import search

I32s = NDArray[np.int32]
I64s = NDArray[np.int64]
U16s = NDArray[np.uint16]
MAX_WORDS = 1 << 24  # leaves 8 bits of hash in a posting
MAX_EDITS = 2
NONE = 255  # "leave this word out of the index"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditLimits:
    """From which length on a typed word may be how far from the meant one."""

    one_edit_from: int = 4  # letters
    two_edits_from: int = 8

    def __post_init__(self) -> None:
        """Raise ConfigError unless 1 <= one_edit_from <= two_edits_from."""
        if not 1 <= self.one_edit_from <= self.two_edits_from:
            raise ConfigError(
                "edit limits: 1 <= one_edit_from <= two_edits_from must hold, got "
                f"{self.one_edit_from} and {self.two_edits_from}"
            )

    def of_length(self, length: NDArray[np.int64]) -> NDArray[np.int64]:
        """Edits that a typed word of so many letters may have, 0..2."""
        allowed = (length >= self.one_edit_from).astype(np.int64)
        allowed += length >= self.two_edits_from
        return np.where(length <= MAX_LETTERS, allowed, 0)


@dataclass(frozen=True, slots=True)
class Corrections:
    """What `Speller.correct_many` found, a row for each typed word."""

    word: I32s  # (n,) row in the vocabulary: the word itself if known, else the best, else -1
    distance: NDArray[np.int8]  # (n,) edits, 0 for a known word, -1 where there is none
    score: NDArray[np.float64]  # (n,) nats, lower is better; 0 for a known word, inf for none


@dataclass(frozen=True, slots=True)
class Candidate:
    """One word that may have been meant."""

    word: str
    id: int  # row in the vocabulary
    distance: int
    score: float  # nats, lower is better


class Speller:
    """A vocabulary that can be asked what was meant. Immutable; safe to use from many threads.

    Make one with `build` or `from_arrays`.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        arrays = {name: np.asarray(column) for name, column in arrays.items()}
        self._arrays = arrays
        self.alphabet = Alphabet(arrays["letters"])
        self._codes, self._starts = arrays["codes"], arrays["starts"]
        self.counts: NDArray[np.int64] = arrays["counts"]  # (n_words,) as given
        self._slots, self._bucket, self._postings = (
            arrays["slots"],
            arrays["bucket"],
            arrays["postings"],
        )
        self.frequency_weight = float(arrays["frequency_weight"][0])
        one, two = arrays["limits"].tolist()
        self.limits = EditLimits(one_edit_from=one, two_edits_from=two)
        self._tables = CostTables(
            arrays["substitute"], arrays["omit"], arrays["extra"], arrays["scalars"]
        )
        self._rarity = arrays["rarity"]
        # Without a way back to this object, so that it goes when nobody has it any more.
        look_up = partial(_row_of, self.alphabet, self._codes, self._starts, self._slots)
        self._row_of: Callable[[str], int] = lru_cache(_REMEMBERED)(look_up)
        self._top = max(1, int(self.counts.max(initial=1)))
        self._two_edits = 2 * self._tables.cheapest

    @classmethod
    def build(
        cls,
        words: pa.Array | Sequence[str],
        counts: NDArray[np.int64] | None = None,
        *,
        limits: EditLimits | None = None,
        costs: EditCosts | None = None,
        frequency_weight: float = 0.6,
        min_target_count: int = 1,
    ) -> "Speller":
        """Index a vocabulary.

        Args:
            words: (n,) different words, normalised as the typed ones will be; n <= 16,777,216.
            counts: (n,) how often each occurs, >= 0; None: all equally often.
            limits: edits by length of the typed word.
            costs: the error model, in nats.
            frequency_weight: nats per factor e of frequency, >= 0; 0: frequency does not matter.
            min_target_count: rarer words are known but nothing is corrected to them.
        Raises:
            InputError: a word is there twice, or the columns do not fit each other.
        """
        limits = limits or EditLimits()
        listed: list[str] = words.to_pylist() if hasattr(words, "to_pylist") else list(words)
        n = len(listed)
        count = np.ones(n, np.int64) if counts is None else np.asarray(counts, np.int64)
        _check_vocabulary(listed, count)
        alphabet = Alphabet.of(listed)
        coded = alphabet.encode(listed)
        slots = np.full(1 << max(1, (2 * n).bit_length()), -1, dtype=np.int32)
        twice = delete_index.fill_known(coded.codes, coded.starts, slots)
        if twice >= 0:
            raise InputError(
                f"vocabulary: word {listed[twice]!r} (row {twice}) is there twice; merge the rows "
                "and add their counts"
            )
        most = _deletions_needed(coded, count, limits, min_target_count)
        bucket, postings = delete_index.build(coded.codes, coded.starts, most, id_bits=_id_bits(n))
        top = max(1, int(count.max(initial=1)))
        rarity = frequency_weight * (np.log(top) - np.log(np.maximum(count, 1)))
        tables = cost_tables(costs or EditCosts())
        return cls(
            {
                "letters": alphabet.points,
                "codes": coded.codes,
                "starts": coded.starts,
                "counts": count,
                "slots": slots,
                "bucket": bucket,
                "postings": postings,
                "rarity": rarity.astype(np.float32),
                "frequency_weight": np.array([frequency_weight]),
                "limits": np.array([limits.one_edit_from, limits.two_edits_from], np.int64),
                "substitute": tables.substitute,
                "omit": tables.omit,
                "extra": tables.extra,
                "scalars": tables.scalars,
            }
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All state as named columns, to be saved as .npy files; not copies."""
        return dict(self._arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Speller":
        """The speller that `to_arrays` came from; memory-mapped columns stay on disk.

        Raises:
            CorruptError: a column is missing, or the columns do not fit each other.
        """
        missing = sorted(_COLUMNS.keys() - arrays.keys())
        wrong = [
            f"{name} is {arrays[name].dtype}, must be {dtype}"
            for name, dtype in _COLUMNS.items()
            if name in arrays and arrays[name].dtype != dtype
        ]
        faults = [f"{name} is missing" for name in missing] + wrong
        if not faults:
            n = arrays["starts"].size - 1
            if n != arrays["counts"].size or arrays["codes"].size != int(arrays["starts"][-1]):
                faults.append("starts, counts and codes speak of different vocabularies")
            if arrays["postings"].size != int(arrays["bucket"][-1]):
                faults.append("bucket and postings are of different builds")
        if faults:
            raise CorruptError(f"speller: {'; '.join(faults)}; rebuild the index")
        return cls({name: arrays[name] for name in _COLUMNS})

    def __len__(self) -> int:
        return int(self._starts.size - 1)

    def word(self, row: int) -> str:
        """The word of a row of the vocabulary."""
        if not 0 <= row < len(self):
            raise IndexError(f"vocabulary row must lie in 0..{len(self) - 1}, got {row}")
        return self.alphabet.decode(self._codes[self._starts[row] : self._starts[row + 1]])

    def nats(self, occurrences: float) -> float:
        """What it costs to mean something that occurs so often; 0 for the most frequent word."""
        return self.frequency_weight * float(np.log(self._top) - np.log(max(occurrences, 1e-9)))

    def find(self, word: str) -> int:
        """Row of a known word, or -1."""
        return self._row_of(word)

    def correct_many(self, words: pa.Array | Sequence[str]) -> Corrections:
        """The best word for each typed one; releases the GIL while it looks.

        Args:
            words: (n,) typed words, normalised.
        """
        listed = words.to_pylist() if hasattr(words, "to_pylist") else words
        word, distance, score = self._search(self.alphabet.encode(listed), n_best=1)
        return Corrections(word[:, 0], distance[:, 0], score[:, 0])

    def correct_one(
        self, word: str, *, top: int = 1, even_if_known: bool = False
    ) -> tuple[Candidate, ...]:
        """The best candidates, best first; the word itself alone if it is known.

        Args:
            word: what was typed, normalised.
            top: how many at most, 1..64.
            even_if_known: also look past a known word; itself is then the first candidate.
        """
        if not 1 <= top <= 64:
            raise ValueError(f"top must lie in 1..64, got {top}")
        found, distance, score = self._search(
            self.alphabet.encode([word]), n_best=top, even_if_known=even_if_known
        )
        return tuple(
            Candidate(self.word(w), w, d, s)
            for w, d, s in zip(
                found[0].tolist(), distance[0].tolist(), score[0].tolist(), strict=True
            )
            if w >= 0
        )

    def doubt(
        self, word: str, *, factor: float = 100.0, row: int | None = None
    ) -> Candidate | None:
        """The word that a rare known word is probably a misspelling of, or None.

        Catalogues hold misspelt words; they are never corrected, but a buyer may be asked.

        Args:
            word: a known word.
            factor: how many times more frequent the other word, one edit away, must be.
            row: of the word in the vocabulary, where it was looked up already.
        """
        row = self.find(word) if row is None else row
        least = factor * max(1, int(self.counts[row]))
        if least > self._top:  # no word is so frequent
            return None
        found = self.correct_one(word, top=4, even_if_known=True)
        near = (other for other in found[1:] if other.distance == 1)
        return next((other for other in near if self.counts[other.id] >= least), None)

    def _search(
        self, coded: Coded, *, n_best: int, even_if_known: bool = False
    ) -> tuple[I32s, NDArray[np.int8], NDArray[np.float64]]:
        """(n, n_best) rows, distances and scores, best first; -1, -1, inf where there is none."""
        n = len(coded)
        word = np.full((n, n_best), -1, dtype=np.int32)
        distance = np.full((n, n_best), -1, dtype=np.int8)
        score = np.full((n, n_best), np.inf)
        allowed = self.limits.of_length(np.diff(coded.starts))
        allowed[coded.has_digit] = 0
        search(
            coded.codes,
            coded.starts,
            allowed,
            even_if_known,
            self._codes,
            self._starts,
            self._slots,
            self._bucket,
            self._postings,
            _id_bits(len(self)),
            self._rarity,
            self.alphabet.letter,
            self._tables.substitute,
            self._tables.omit,
            self._tables.extra,
            self._tables.scalars,
            self._two_edits,
            word,
            distance,
            score,
        )
        return word, distance, score


_COLUMNS = {
    "letters": np.dtype(np.uint32),
    "codes": np.dtype(np.uint16),
    "starts": np.dtype(np.int64),
    "counts": np.dtype(np.int64),
    "slots": np.dtype(np.int32),
    "bucket": np.dtype(np.uint32),
    "postings": np.dtype(np.uint32),
    "rarity": np.dtype(np.float32),
    "frequency_weight": np.dtype(np.float64),
    "limits": np.dtype(np.int64),
    "substitute": np.dtype(np.float64),
    "omit": np.dtype(np.float64),
    "extra": np.dtype(np.float64),
    "scalars": np.dtype(np.float64),
}


_REMEMBERED = 1 << 15  # words that were looked up


def _row_of(alphabet: Alphabet, codes: U16s, starts: I64s, slots: I32s, word: str) -> int:
    coded = alphabet.encode([word])
    if not (coded.codes != 0).all():
        return -1
    return int(slots[delete_index.find_slot(coded.codes, codes, starts, slots)])


def _id_bits(n_words: int) -> int:
    return max(1, (n_words - 1).bit_length())


def _check_vocabulary(words: Sequence[str | None], counts: NDArray[np.int64]) -> None:
    """Raise one InputError that lists every fault of the columns."""
    faults = []
    if len(words) != counts.size:
        faults.append(f"{len(words)} words but {counts.size} counts")
    if len(words) > MAX_WORDS:
        faults.append(f"{len(words):,} words, at most {MAX_WORDS:,}; leave out the rarest")
    if counts.size and counts.min() < 0:
        faults.append(f"counts must be >= 0, got {counts.min()}")
    if None in words:
        faults.append("a word is null")
    if faults:
        raise InputError(f"vocabulary: {'; '.join(faults)}")


def _deletions_needed(
    coded: Coded, counts: NDArray[np.int64], limits: EditLimits, min_target_count: int
) -> NDArray[np.uint8]:
    """(n_words,) letters to delete from each word so that every typed word it may mean finds it."""
    length = np.diff(coded.starts)
    reach = np.zeros(length.size, dtype=np.int64)
    for edits in (1, 2):  # a word is meant by typed words that are longer by as many letters
        reach[limits.of_length(np.minimum(length + edits, MAX_LETTERS)) >= edits] = edits
    target = (length >= 1) & (length <= MAX_LETTERS) & ~coded.has_digit
    target &= (counts >= min_target_count) & (reach >= 1)
    return np.where(target, reach, NONE).astype(np.uint8)
