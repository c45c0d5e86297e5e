"""Which words go together: counts against a plain count, and what they are used for."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.retrieve.lexicon import TableLexicon
from mercer.retrieve.lexicon_build import corrector
from mercer.retrieve.neighbours import Neighbours
from mercer.retrieve.posting_build import build_postings
from mercer.retrieve.understand import understand
from mercer.text.analyze import Tokeniser, stem, stem_many
from mercer.text.listing_text import TEXT_FIELDS
from mercer.text.speller import Speller

WORDS = ("brass", "tray", "tea", "pot", "wool", "dog")
titles = st.lists(st.lists(st.sampled_from(WORDS), max_size=5), min_size=1, max_size=8)


def neighbours_of(listed: Sequence[Sequence[str]]) -> Neighbours:
    """Over listings that have nothing but a title."""
    tokeniser = Tokeniser()
    nothing = [""] * len(listed)
    title = tokeniser.run([" ".join(words) for words in listed])
    fields = {name: tokeniser.run(nothing) for name in TEXT_FIELDS} | {"title": title}
    order = np.arange(len(listed))
    of_word = stem_many(tokeniser.vocabulary())
    numbers = {one: i for i, one in enumerate(dict.fromkeys(of_word))}
    stem_of_word = np.array([numbers[one] for one in of_word], np.int32)
    postings, stem_of = build_postings(
        [fields[name] for name in TEXT_FIELDS], list(numbers), stem_of_word, order
    )
    return Neighbours(postings, title.offsets, stem_of[title.codes])


@given(titles, st.sampled_from(WORDS), st.sampled_from(WORDS))
def test_adjacent_counts_titles(listed: list[list[str]], left: str, right: str) -> None:
    """As many titles as have the one right before the other, each once; ends do not touch."""
    expected = sum((left, right) in list(pairwise(t)) for t in listed)
    assert neighbours_of(listed).adjacent(left, right) == expected


@given(titles, st.sampled_from(WORDS))
def test_touching_and_attraction_are_plain_counts(listed: list[list[str]], other: str) -> None:
    """Places next to the other word; and listings with both against what chance would give."""
    found = neighbours_of(listed)
    touching = [
        sum({a, b} == {w, other} and (a == other) + (b == other) == (1 + (w == other))
            for t in listed for a, b in pairwise(t)) * (1 + (w == other))
        for w in WORDS
    ]  # fmt: skip
    assert found.touching(WORDS, [other]).tolist() == touching
    has = {w: sum(w in t for t in listed) for w in WORDS}
    both = {w: sum(w in t and other in t for t in listed) for w in WORDS}
    expected = [math.log1p(both[w]) - math.log1p(has[w] * has[other] / len(listed)) for w in WORDS]
    assert found.attraction(WORDS, [other]) == pytest.approx(expected)


def test_unknown_words_go_with_nothing() -> None:
    """A word of no listing has no company, and asking for it is no fault."""
    found = neighbours_of([["brass", "tray"]])
    assert found.adjacent("brass", "zebra") == 0
    assert found.touching(["zebra", "tray"], ["brass", "zebra"]).tolist() == [0, 1]
    assert found.attraction(["zebra"], ["brass"]).tolist() == [0]


@pytest.fixture
def lexicon() -> TableLexicon:
    """Rugs in plum, plus sizes, and teapots that titles write in two words."""
    listed = [["plum", "rug"]] * 6 + [["plus", "size"]] * 9 + [["tea", "pot", "set"]] * 5
    listed += [["water", "bottle", "all", "day"]] * 30
    names = sorted({w for t in listed for w in t})
    counts = np.array([sum(w in t for t in listed) for w in names])
    found = neighbours_of(listed)
    return TableLexicon(
        dict(zip(names, counts.tolist(), strict=True)),
        {},
        correct=corrector(Speller.build(names, counts), found),
        adjacent=found.adjacent,
    )


@pytest.mark.parametrize(("typed", "meant"), [("pluv rug", "plum rug"), ("pluv size", "plus size")])
def test_the_words_beside_it_choose_the_correction(
    lexicon: TableLexicon, typed: str, meant: str
) -> None:
    """Both readings are one edit away; the rest of the query decides."""
    assert understand(typed, lexicon=lexicon).did_you_mean == meant


def test_a_word_is_split_only_as_titles_write_it(lexicon: TableLexicon) -> None:
    """ "teapot" is "tea pot" here; "waterall" is no "water all", though both are frequent words."""
    assert understand("teapot", lexicon=lexicon).did_you_mean == "tea pot"
    assert understand("waterall", lexicon=lexicon).did_you_mean is None


def test_a_slip_that_the_catalogue_holds_is_kept_and_read_both_ways() -> None:
    """A rare known word is not corrected; the far more frequent one counts, and the buyer is asked."""
    names, counts = ["chairs", "chiars", "leather"], np.array([400, 1, 90])
    speller = Speller.build(names, counts)
    known = dict(zip(names, counts.tolist(), strict=True))
    parsed = understand(
        "leather chiars", lexicon=TableLexicon(known, {}, correct=corrector(speller))
    )
    assert (parsed.did_you_mean, parsed.corrections) == ("leather chairs", ())
    assert [(t.word, t.alternatives) for t in parsed.terms] == [
        ("leather", ()),
        ("chiars", (("chairs",),)),
    ]
    assert stem("chairs") != stem("chiars")
