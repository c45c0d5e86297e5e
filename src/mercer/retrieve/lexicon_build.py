"""A lexicon from the listings themselves: words, values, other words for values, corrections."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mercer.retrieve.lexicon import (
    Corrector,
    Rewriter,
    TableLexicon,
    ValueCount,
    no_rewrite,
    value_table,
)
from mercer.retrieve.query import CATEGORY
from mercer.retrieve.value_alias import AliasRules, Statements, distinct, learn_aliases, once
from mercer.schema.arrow import require
from mercer.schema.listing import LISTING
from mercer.text.analyze import Tokeniser
from mercer.text.speller import Speller

Ints = npt.NDArray[np.int64]

ALIAS_SAMPLE = 50_000  # listings from which other words for values are learnt
_READ = pa.schema([LISTING.field(n) for n in ("title", "category_path", "attributes")])
_TEXT = ("title", "description", "tags", "category_path")


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
    statements = statements_of(listings)
    per_value = np.bincount(statements.of, minlength=len(statements.values))
    known = value_table(
        [f for f, _ in statements.values], [v for _, v in statements.values], per_value
    )
    sample = _head(statements, ALIAS_SAMPLE)
    titles = listings["title"].slice(0, ALIAS_SAMPLE).combine_chunks()
    aliases = learn_aliases(titles, sample, known, rules=rules)
    return TableLexicon(
        dict(zip(vocabulary, counts.tolist(), strict=True)),
        {**known, **aliases},
        joint=_joint(statements, known),
        correct=correct or corrector(Speller.build(vocabulary, counts)),
        synonyms=synonyms,
    )


def corrector(speller: Speller) -> Corrector:
    """The speller's best word for each typed one, None where it has none."""

    def correct(typed: Sequence[str]) -> list[str | None]:
        rows = speller.correct_many(list(typed)).word.tolist()
        return [None if row < 0 else speller.word(row) for row in rows]

    return correct


def word_counts(listings: pa.Table) -> tuple[list[str], Ints]:
    """The words of all text and attribute values, and in how many listings each occurs."""
    tokeniser = Tokeniser()
    said: list[Ints] = []
    for column, row in _texts(listings):
        tokens = tokeniser.run(column)
        owner = np.repeat(row, np.diff(tokens.offsets))
        said.append(owner * (1 << 32) + tokens.codes)
    vocabulary = tokeniser.vocabulary()
    codes = distinct(np.concatenate(said)) & ((1 << 32) - 1)
    return vocabulary, np.bincount(codes, minlength=len(vocabulary))


def _texts(listings: pa.Table) -> list[tuple[pa.Array, Ints]]:
    """Every text with the listing that it belongs to."""
    found: list[tuple[pa.Array, Ints]] = []
    for name in (n for n in _TEXT if n in listings.column_names):
        column = listings[name].combine_chunks()
        if pa.types.is_list(column.type):
            rows = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
            found.append((column.flatten(), rows.astype(np.int64)))
        else:
            found.append((column, np.arange(len(column))))
    row, _, value = _attributes(listings)
    found.append((value, row))
    return found


def _attributes(listings: pa.Table) -> tuple[Ints, pa.Array, pa.Array]:
    """Every attribute value: listing, name, value."""
    column = listings["attributes"].combine_chunks()
    entries = column.cast(
        pa.list_(pa.struct([("key", pa.string()), ("value", pa.list_(pa.string()))]))
    )
    flat = entries.flatten()
    row = pc.list_parent_indices(entries).to_numpy(zero_copy_only=False).astype(np.int64)
    lists = flat.field("value")
    at = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    return row[at], flat.field("key").take(pa.array(at)), lists.flatten()


def statements_of(listings: pa.Table) -> Statements:
    """Which listing has which attribute value, and which categories it lies in, root first."""
    row, name, value = _attributes(listings)
    path = listings["category_path"].combine_chunks()
    path_row = pc.list_parent_indices(path).to_numpy(zero_copy_only=False).astype(np.int64)
    names = pa.concat_arrays(
        [name, pa.array([CATEGORY]).take(pa.array(np.zeros(len(path_row), int)))]
    )
    values = pa.concat_arrays([value, path.flatten()])
    names, values = names.dictionary_encode(), values.dictionary_encode()
    width = max(1, len(values.dictionary))
    pair = names.indices.to_numpy().astype(np.int64) * width + values.indices.to_numpy()
    unique, of = np.unique(pair, return_inverse=True)
    field_list, value_list = names.dictionary.to_pylist(), values.dictionary.to_pylist()
    listed = [(field_list[p // width], value_list[p % width]) for p in unique.tolist()]
    return once(Statements(np.concatenate([row, path_row]), of.astype(np.int64), listed))


def _head(statements: Statements, n: int) -> Statements:
    kept = statements.row < n
    return Statements(statements.row[kept], statements.of[kept], statements.values)


def _joint(
    statements: Statements, known: dict[str, tuple[ValueCount, ...]]
) -> dict[tuple[str, str, str], int]:
    """How often an ambiguous value occurs in each category."""
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
