"""The words of a generation on disk: counts, values, speller, completions, the lexicon over them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mercer.engines.embedded.index.segment_files import (
    load_arrays,
    load_strings,
    load_table,
    save_arrays,
    save_strings,
    save_table,
)
from mercer.retrieve.lexicon import Rewrite, TableLexicon
from mercer.retrieve.lexicon_build import corrector, learn_values, speller_of
from mercer.retrieve.neighbours import Neighbours
from mercer.retrieve.segment_build import SegmentColumns
from mercer.retrieve.suggestion import Phrases, SuggestionTable
from mercer.retrieve.value_store import StoredValues, joint_of, joint_table, values_table
from mercer.schema.errors import CorruptError
from mercer.text.completion import Completer
from mercer.text.speller import Speller
from mercer.text.synonyms import Synonyms
from mercer.text.word_count import count_words


@dataclass(frozen=True, slots=True)
class Words:
    """What a generation knows about words."""

    lexicon: TableLexicon
    speller: Speller
    suggestions: SuggestionTable


def save_words(folder: Path, columns: SegmentColumns, phrases: Phrases) -> None:
    """Write words with the number of listings that have each, values, speller and completions."""
    vocabulary = columns.vocabulary
    counts = count_words(list(columns.tokens.values()), n_words=len(vocabulary))
    folder.mkdir(parents=True, exist_ok=True)
    save_strings(folder / "words.arrow", pa.array(vocabulary, pa.string()))
    save_arrays(folder, {"word_counts": counts})
    titles = columns.documents.column("title")
    learnt = learn_values(columns.labels, titles, columns.document_row)
    save_table(folder / "values.arrow", values_table(learnt.by_key))
    save_table(folder / "joint.arrow", joint_table(learnt.joint))
    speller = speller_of(vocabulary, counts, n_listings=columns.n)
    save_arrays(folder / "speller", speller.to_arrays())
    save_strings(folder / "phrases.arrow", pa.array(phrases.text, pa.string()))
    save_arrays(folder, {"phrase_kind": phrases.kind, "phrase_count": phrases.count})
    completer = Completer.build(phrases.text, phrases.count)
    save_arrays(folder / "completions", completer.to_arrays())


def load_words(folder: Path, synonyms: Synonyms, neighbours: Neighbours) -> Words:
    """What `save_words` wrote; the generation's texts say which words go together.

    Raises:
        CorruptError: a file is missing or cut off.
    """
    arrays = load_arrays(folder)
    speller = Speller.from_arrays(load_arrays(folder / "speller"))
    words = load_strings(folder / "words.arrow").to_pylist()
    if missing := [n for n in ("word_counts", "phrase_kind", "phrase_count") if n not in arrays]:
        raise CorruptError(f"{folder}: {missing[0]}.npy is missing; run `mercer index`")
    lexicon = TableLexicon(
        dict(zip(words, arrays["word_counts"].tolist(), strict=True)),
        StoredValues(load_table(folder / "values.arrow")),
        joint=joint_of(load_table(folder / "joint.arrow")),
        correct=corrector(speller, neighbours),
        synonyms=lambda typed: rewrites(synonyms, typed),
        adjacent=neighbours.adjacent,
    )
    phrases = Phrases(
        load_strings(folder / "phrases.arrow"), arrays["phrase_kind"], arrays["phrase_count"]
    )
    completer = Completer.from_arrays(load_arrays(folder / "completions"))
    return Words(lexicon, speller, SuggestionTable(phrases, completer, speller))


def rewrites(synonyms: Synonyms, typed: Sequence[str]) -> Sequence[Rewrite]:
    """What the synonyms file gives for the words of a query."""
    return [
        Rewrite(found.start, found.end, tuple(way))
        for found in synonyms.expand(typed)
        for way in found.alternatives
    ]
