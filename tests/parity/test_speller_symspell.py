"""The speller against symspellpy: it misses no candidate, and it is right more often."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symspellpy import SymSpell, Verbosity

from mercer.text.speller import EditLimits, Speller

ANY_LENGTH = EditLimits(one_edit_from=1, two_edits_from=1)
words = st.text(alphabet="abcd", min_size=3, max_size=10)


def rival_of(vocabulary: list[str]) -> SymSpell:
    """symspellpy with the same words, all equally frequent."""
    rival = SymSpell(max_dictionary_edit_distance=2)
    for word in vocabulary:
        rival.create_dictionary_entry(word, 1)
    return rival


@given(st.lists(words, min_size=1, max_size=40, unique=True), words)
@settings(max_examples=60)
def test_no_candidate_is_missed(vocabulary: list[str], typed: str) -> None:
    """What symspellpy finds within two edits is found too, at the same distance, and no more."""
    theirs = {s.term: s.distance for s in rival_of(vocabulary).lookup(typed, Verbosity.ALL, 2)}
    speller = Speller.build(vocabulary, limits=ANY_LENGTH)
    ours = {c.word: c.distance for c in speller.correct_one(typed, top=64, even_if_known=True)}
    assert ours == theirs


@pytest.mark.realdata
def test_top_1_accuracy_on_real_misspellings(real_data: Callable[[str], Path]) -> None:
    """On 5,000 misspellings the first answer is right at least as often as symspellpy's."""
    table = pq.read_table(real_data("typos") / "word_typos.parquet")
    typos = table["typo"].to_pylist()
    right = [set(row) for row in table["corrections"].to_pylist()]
    vocabulary = sorted(set().union(*right))
    sample = np.random.default_rng(7).permutation(len(typos))[:5_000].tolist()

    found = Speller.build(vocabulary, limits=ANY_LENGTH).correct_many([typos[i] for i in sample])
    ours = np.mean(
        [w >= 0 and vocabulary[w] in right[i] for w, i in zip(found.word, sample, strict=True)]
    )
    rival = rival_of(vocabulary)
    answers = [rival.lookup(typos[i], Verbosity.TOP, 2) for i in sample]
    theirs = np.mean(
        [bool(a) and a[0].term in right[i] for a, i in zip(answers, sample, strict=True)]
    )
    assert ours >= theirs + 0.02
    assert ours >= 0.92
