"""A lexicon from the listings themselves: words, values, other words for values, corrections.

What costs time is done once, over columns that an index has anyway: `learn_values` reads labels and
titles. `lexicon_of` does all of it for a table in memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.retrieve.label_build import CATEGORY_SEPARATOR, LabelCollector
from mercer.retrieve.lexicon import (
    Corrector,
    Joint,
    Rewriter,
    TableLexicon,
    ValueCount,
    no_rewrite,
    value_table,
)
from mercer.retrieve.neighbours import Neighbours
from mercer.retrieve.query import CATEGORY
from mercer.retrieve.segment import Labels
from mercer.retrieve.value_alias import AliasRules, Statements, learn_aliases
from mercer.schema.arrow import require
from mercer.schema.listing import LISTING
from mercer.text.analyze import Tokeniser
from mercer.text.listing_text import listing_tokens
from mercer.text.speller import Speller
from mercer.text.word_count import count_words

Ints = npt.NDArray[np.int64]

# Listings from which other words for values are learnt, spread evenly over the rows.
ALIAS_SAMPLE = 30_000
CANDIDATES = 8  # corrections of a word among which the words beside it may choose
# In so large a catalogue a word of a single listing is more often a slip than a word.
RARE_WORDS_FROM = 2_000
_READ = pa.schema(
    [
        LISTING.field(name)
        for name in (
            *("title", "description", "tags", "category_path"),
            *("attributes", "seller_id", "currency"),
        )
    ]
)
# Attributes and categories are recognised in queries; these are found by other means.
NOT_IN_QUERIES = ("seller", "currency", "tags")


@dataclass(frozen=True, slots=True)
class LearntValues:
    """The values that queries may name, and how to choose between those of one name."""

    by_key: Mapping[str, Sequence[ValueCount]]  # by `phrase_key`, learnt names among them
    joint: Joint


def learn_values(
    labels: Labels, titles: pa.ChunkedArray, title_of: Ints, *, rules: AliasRules | None = None
) -> LearntValues:
    """All values of the labels by name, with the names that titles give to them.

    Counts are of all rows; other names and joint counts come from a sample of ALIAS_SAMPLE rows.

    Args:
        labels: of n rows.
        titles: one text per listing.
        title_of: (n,) which of the titles is a row's.
        rules: when title words become another name of a value.
    """
    known = value_table(*query_values(labels))
    n = len(labels.offsets) - 1
    size = min(n, ALIAS_SAMPLE)
    rows = np.arange(size) * n // max(size, 1)
    statements = statements_of(labels, rows)
    sample = titles.take(pa.array(title_of[rows])).combine_chunks()
    aliases = learn_aliases(sample, statements, known, rules=rules)
    return LearntValues({**known, **aliases}, joint_counts(statements, known))


def speller_of(vocabulary: Sequence[str], counts: Ints, *, n_listings: int) -> Speller:
    """The speller over a catalogue's words."""
    rare = 1 if n_listings < RARE_WORDS_FROM else 2
    return Speller.build(vocabulary, counts, min_target_count=rare)


def corrector(speller: Speller, neighbours: Neighbours | None = None) -> Corrector:
    """What was meant by unknown words, and the far more frequent words that rare ones are slips of.

    Where `neighbours` can be asked, the words beside an unknown one choose between the likeliest: a
    candidate gains what it and they attract each other, weighed as the speller weighs frequency.
    """

    def meant(typed: str, beside: Sequence[str]) -> str | None:
        if (row := speller.find(typed)) >= 0:
            doubt = speller.doubt(typed, row=row)
            return None if doubt is None else doubt.word
        if len(typed) == SHORT_LETTERS:
            words = one_letter_more(typed, speller)
            if not words:
                return None
            score = np.array([speller.nats(speller.counts[speller.find(w)]) for w in words])
        else:
            found = speller.correct_one(typed, top=CANDIDATES)
            if not found:
                return None
            words = [c.word for c in found]
            score = np.array([c.score for c in found])
        if neighbours is not None and beside and len(words) > 1:
            near = np.log1p(neighbours.touching(words, beside))
            score -= speller.frequency_weight * (neighbours.attraction(words, beside) + near)
        return words[int(np.argmin(score))]

    return lambda typed, beside: [meant(word, beside) for word in typed]


SHORT_LETTERS = 3  # a word that the speller leaves alone, but that may be four letters less one
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def one_letter_more(typed: str, speller: Speller) -> list[str]:
    """The known words that `typed` is when one letter is left out; none for what has a digit."""
    if not typed.isalpha():
        return []
    longer = {typed[:i] + c + typed[i:] for i in range(len(typed) + 1) for c in _LETTERS}
    return sorted(word for word in longer if speller.find(word) >= 0)


def lexicon_of(
    listings: pa.Table,
    *,
    rules: AliasRules | None = None,
    correct: Corrector | None = None,
    synonyms: Rewriter = no_rewrite,
) -> TableLexicon:
    """The lexicon of these listings.

    Args:
        listings: (n,) rows of LISTING.
        rules: when title words become another name of a value.
        correct: by default a speller over the listings' words.
        synonyms: the rewrites of a synonyms file.
    """
    require(listings, _READ, at="lexicon")
    vocabulary, counts = word_counts(listings)
    everyone = np.arange(len(listings))
    learnt = learn_values(_labels(listings), listings["title"], everyone, rules=rules)
    return TableLexicon(
        dict(zip(vocabulary, counts.tolist(), strict=True)),
        learnt.by_key,
        joint=learnt.joint,
        correct=correct or corrector(speller_of(vocabulary, counts, n_listings=len(listings))),
        synonyms=synonyms,
    )


def word_counts(listings: pa.Table) -> tuple[list[str], Ints]:
    """The words of all text and attribute values, and in how many listings each occurs."""
    tokeniser = Tokeniser()
    fields = listing_tokens(listings, tokeniser)
    vocabulary = tokeniser.vocabulary()
    return vocabulary, count_words(list(fields.values()), n_words=len(vocabulary))


def _labels(listings: pa.Table) -> Labels:
    collector = LabelCollector()
    for batch in listings.to_batches():
        collector.add(batch)
    return collector.finish(np.arange(len(listings)))


def query_values(labels: Labels) -> tuple[list[str], list[str], Ints]:
    """(field, value, listings) of all labels that a query may name; a category by its own name.

    A category below one of the same name has no listings of its own: they count there already.
    """
    counts = np.diff(labels.row_offsets)
    fields: list[str] = []
    values: list[str] = []
    kept: list[Ints] = []
    for name in (f for f in labels.fields if f not in NOT_IN_QUERIES):
        span = labels.span(name)
        spelt = labels.values.column.slice(span.start, len(span)).to_pylist()
        count = counts[span.start : span.stop]
        if name == CATEGORY:
            paths = [path.split(CATEGORY_SEPARATOR) for path in spelt]
            spelt = [path[-1] for path in paths]
            count = np.where([path[-1] in path[:-1] for path in paths], 0, count)
        fields += [name] * len(span)
        values += spelt
        kept.append(count)
    return fields, values, np.concatenate(kept) if kept else counts[:0]


def statements_of(labels: Labels, rows: Ints) -> Statements:
    """What the rows say of themselves: attribute values, and the categories they lie in.

    Args:
        labels: of the segment.
        rows: (m,) rows of it; `Statements.row` counts from 0 in their order.
    """
    lengths = np.diff(labels.offsets)[rows]
    row = np.repeat(np.arange(len(rows)), lengths)
    ends = np.cumsum(lengths)
    at = np.repeat(labels.offsets[rows] - ends + lengths, lengths) + np.arange(len(row))
    codes = labels.codes[at]
    used = np.unique(codes)
    names = [labels.fields[f] for f in np.searchsorted(labels.starts, used, "right") - 1]
    number = np.full(len(labels.values), -1, np.int64)
    depth: dict[tuple[str, str], int] = {}
    said: list[tuple[int, tuple[str, str]]] = []
    for code, name, spelt in zip(
        used.tolist(), names, labels.values.column.take(pa.array(used)).to_pylist(), strict=True
    ):
        if name in NOT_IN_QUERIES:
            continue
        path = spelt.split(CATEGORY_SEPARATOR) if name == CATEGORY else [spelt]
        value = (name, path[-1])
        depth[value] = max(depth.get(value, 0), len(path))
        said.append((code, value))
    # Deeper categories have higher numbers, so the last category of a row is its leaf.
    values = sorted(depth, key=lambda value: depth[value])
    place = {value: i for i, value in enumerate(values)}
    for code, value in said:
        number[code] = place[value]
    of = number[codes]
    return Statements(row[of >= 0], of[of >= 0], values)


def joint_counts(statements: Statements, known: Mapping[str, Sequence[ValueCount]]) -> Joint:
    """How often each value of an ambiguous name occurs in each category."""
    ambiguous = {(v.field, v.value) for vs in known.values() if len(vs) > 1 for v in vs}
    values = statements.values
    is_wanted = np.array([pair in ambiguous and pair[0] != CATEGORY for pair in values], bool)
    is_category = np.array([field == CATEGORY for field, _ in values], bool)
    if not is_wanted.any() or not is_category.any():
        return {}
    order = np.argsort(statements.row, kind="stable")
    row, of = statements.row[order], statements.of[order]
    of_category = is_category[of]
    c_row, c_of = row[of_category], of[of_category]
    v_row, v_of = row[is_wanted[of]], of[is_wanted[of]]
    starts = np.searchsorted(c_row, v_row, "left")
    lengths = np.searchsorted(c_row, v_row, "right") - starts
    at = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(int(lengths.sum()))
    pair, count = np.unique(c_of[at] * len(values) + np.repeat(v_of, lengths), return_counts=True)
    return {
        (values[p // len(values)][1].casefold(), *values[p % len(values)]): n
        for p, n in zip(pair.tolist(), count.tolist(), strict=True)
    }
