"""Folding a text by letters gives what the kernels for columns give."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mercer.text.analyze import _EUROPEAN, Tokeniser, fold, folded_column, words, words_of_folded

EUROPEAN = [chr(i) for i in range(0x10000) if _EUROPEAN.fullmatch(chr(i))]


def test_each_european_letter_folds_as_in_a_column():
    """For each character that is folded here the Arrow kernels give the same but for runs of spaces."""
    foreign = [c for c in EUROPEAN if not c.isascii()]
    assert len(foreign) > 1_200
    column = folded_column(pa.array(foreign, pa.large_string())).to_pylist()
    assert [fold(c).split() for c in foreign] == [c.split() for c in column]


@given(st.lists(st.text(EUROPEAN, min_size=1, max_size=20), min_size=1, max_size=8))
def test_european_text_folds_as_in_a_column(texts):
    """Whole texts give the words that the tokeniser gives for columns."""
    tokeniser = Tokeniser()
    tokens = tokeniser.run(texts)
    vocabulary = tokeniser.vocabulary()
    for i, text in enumerate(texts):
        codes = tokens.codes[tokens.offsets[i] : tokens.offsets[i + 1]]
        assert words(text) == [vocabulary[c] for c in codes]


@given(st.text(max_size=30))
def test_words_of_folded_text(text):
    """Folding first and splitting then is what `words` does."""
    assert words_of_folded(fold(text)) == words(text)
