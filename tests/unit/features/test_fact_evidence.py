"""What is learned from listings that state an attribute, against plain counting."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mercer.features.column import Ragged, ragged
from mercer.features.text.fact_evidence import evidence, evidence_plain
from mercer.features.text.fact_phrases import run_of
from mercer.features.text.fact_sample import (
    MOST_FACTS,
    MOST_WORDS,
    largest,
    merged_samples,
    no_sample,
    sample_of,
)
from mercer.features.transform import Arrays

Listing = tuple[Sequence[tuple[int, int]], Sequence[Sequence[int]]]

FACTS = st.lists(st.sampled_from([(f, 1 + f % 3) for f in range(1, 8)]), max_size=4)
TEXTS = st.tuples(*[st.lists(st.integers(1, 5), max_size=6)] * 2)
LISTINGS = st.lists(st.tuples(FACTS, TEXTS), max_size=12)


def sample(listings: Sequence[Listing], *, most: int, below: int = 2**64 - 1) -> Arrays:
    """Of listings as plain Python."""
    stated = np.cumsum([0, *(len(facts) for facts, _ in listings)])
    facts = np.array([f for one, _ in listings for f, _ in one], np.uint64)
    attributes = np.array([a for one, _ in listings for _, a in one], np.uint64)
    columns: list[Ragged] = [ragged([t[i] for _, t in listings], np.uint32) for i in range(2)]
    before = columns[0].values.size
    starts = np.array([columns[0].starts, columns[1].starts + before])
    stops = np.array([columns[0].stops, columns[1].stops + before])
    words = np.concatenate([column.values for column in columns])
    return sample_of(stated, facts, attributes, (starts, stops, words), most=most, below=below)


def bits(arrays: Arrays) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in arrays.items()}


@given(LISTINGS, st.integers(1, 3))
def test_evidence_is_what_plain_counting_gives(listings: list[Listing], at_least: int) -> None:
    """Of each run and attribute: who says it, who states the attribute, and the fact most of them state."""
    found = evidence(sample(listings, most=100), at_least=at_least)
    names = (found.runs, found.attributes, found.facts, found.saying, found.n, found.hits)
    columns = [column.tolist() for column in names]
    mine = {(run, of): tuple(rest) for run, of, *rest in zip(*columns, strict=True)}
    alike = {(tuple(f), tuple(map(tuple, t))) for f, t in listings if f and any(t)}
    plain = [(facts, [*first, 0, *second]) for facts, (first, second) in sorted(alike)]
    assert mine == evidence_plain(plain, at_least=at_least)
    assert [run_of(w for w in words if w) for words in found.words.tolist()] == columns[0]
    for fact, attribute, usual in zip(found.facts, found.attributes, found.usual, strict=True):
        stating = [facts for facts, _ in plain if attribute in {a for _, a in facts}]
        having = [facts for facts in stating if (fact, attribute) in facts]
        assert usual == len(having) / len(stating)


@given(LISTINGS, LISTINGS, st.integers(1, 6))
def test_samples_of_parts_are_the_sample_of_the_whole(
    a: list[Listing], b: list[Listing], most: int
) -> None:
    """Bit for bit, either way round, also where the second part only gives what may get in."""
    whole = bits(sample([*a, *b], most=most))
    first, second = sample(a, most=most), sample(b, most=most)
    assert bits(merged_samples(first, second, most=most)) == whole
    assert bits(merged_samples(second, first, most=most)) == whole
    needed = sample(b, most=most, below=largest(first, most=most))
    assert bits(merged_samples(first, needed, most=most)) == whole
    assert bits(merged_samples(no_sample(), first, most=most)) == bits(first)


def test_a_sample_has_a_bound() -> None:
    """Whatever listings say, and however many there are."""
    facts = [(f, 1) for f in range(1, 40)]
    listings = [(facts, ([i] * 5_000, [i] * 5_000)) for i in range(1, 30)]
    found = sample(listings, most=10)
    assert found["rows"].size == 10
    assert found["row_facts"].size == 10 * MOST_FACTS
    assert found["row_words"].size == 10 * (MOST_WORDS + 1)
