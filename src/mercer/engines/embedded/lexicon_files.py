"""The words of a generation on disk: counts, speller, completions, and the lexicon over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from mercer.engines.embedded.segment_files import (
    load_arrays,
    load_strings,
    save_arrays,
    save_strings,
)
from mercer.retrieve.label_build import CATEGORY_SEPARATOR
from mercer.retrieve.lexicon import Rewrite, TableLexicon
from mercer.retrieve.segment import I64s, Labels
from mercer.retrieve.suggestion import Phrases, SuggestionTable
from mercer.text.analyze import Tokens
from mercer.text.completion import Completer
from mercer.text.speller import Speller
from mercer.text.synonyms import Synonyms
from mercer.text.word_count import count_words

# Attributes and categories are recognised in queries; these are found by other means.
_NOT_IN_QUERIES = ("seller", "currency", "tags")


@dataclass(frozen=True, slots=True)
class Words:
    """What a generation knows about words."""

    lexicon: TableLexicon
    speller: Speller
    suggestions: SuggestionTable


def save_words(
    folder: Path, tokens: Mapping[str, Tokens], vocabulary: Sequence[str], phrases: Phrases
) -> None:
    """Write words with the number of listings that have each, the speller and the completions."""
    counts = count_words(list(tokens.values()), n_words=len(vocabulary))
    n = len(next(iter(tokens.values())).offsets) - 1
    folder.mkdir(parents=True, exist_ok=True)
    save_strings(folder / "words.arrow", pa.array(vocabulary, pa.string()))
    save_arrays(folder, {"word_counts": counts})
    # In a large catalogue a word of a single listing is more often a slip than a word.
    speller = Speller.build(vocabulary, counts, min_target_count=1 if n < 2_000 else 2)
    save_arrays(folder / "speller", speller.to_arrays())
    save_strings(folder / "phrases.arrow", pa.array(phrases.text, pa.string()))
    save_arrays(folder, {"phrase_kind": phrases.kind, "phrase_count": phrases.count})
    completer = Completer.build(phrases.text, phrases.count)
    save_arrays(folder / "completions", completer.to_arrays())


def load_words(folder: Path, labels: Labels, synonyms: Synonyms) -> Words:
    """What `save_words` wrote, with the values of the generation's labels."""
    arrays = load_arrays(folder)
    words = load_strings(folder / "words.arrow").to_pylist()
    speller = Speller.from_arrays(load_arrays(folder / "speller"))
    name, value, count = query_values(labels)
    lexicon = TableLexicon.from_columns(
        words,
        arrays["word_counts"],
        name,
        value,
        count,
        correct=lambda typed: correct(speller, typed),
        synonyms=lambda typed: rewrites(synonyms, typed),
    )
    phrases = Phrases(
        load_strings(folder / "phrases.arrow"), arrays["phrase_kind"], arrays["phrase_count"]
    )
    completer = Completer.from_arrays(load_arrays(folder / "completions"))
    return Words(lexicon, speller, SuggestionTable(phrases, completer, speller))


def query_values(labels: Labels) -> tuple[list[str], list[str], I64s]:
    """(field, value, listings) of all labels that a query may name; a category by its own name."""
    counts = np.diff(labels.row_offsets)
    fields: list[str] = []
    values: list[str] = []
    kept: list[int] = []
    for name in labels.fields:
        if name in _NOT_IN_QUERIES:
            continue
        span = labels.span(name)
        spelt = labels.values.slice(span.start, len(span)).to_pylist()
        if name == "category":
            spelt = [path.rpartition(CATEGORY_SEPARATOR)[2] for path in spelt]
        fields += [name] * len(span)
        values += spelt
        kept += span
    return fields, values, counts[kept] if kept else counts[:0]


def correct(speller: Speller, typed: Sequence[str]) -> Sequence[str | None]:
    """The known word that was meant by each unknown one, or None."""
    found = speller.correct_many(list(typed))
    return [
        speller.word(int(row)) if row >= 0 and distance > 0 else None
        for row, distance in zip(found.word, found.distance, strict=True)
    ]


def rewrites(synonyms: Synonyms, typed: Sequence[str]) -> Sequence[Rewrite]:
    """What the synonyms file gives for the words of a query."""
    return [
        Rewrite(found.start, found.end, tuple(way))
        for found in synonyms.expand(typed)
        for way in found.alternatives
    ]
