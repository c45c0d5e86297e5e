"""One rule for words: the kernel over columns gives what the plain function gives."""

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.text.analyze import MAX_WORD_BYTES, Tokeniser, stem, stem_many, words

NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from("aZ09 .'/-`_\u2019éßİ\u0131\u03c3\u03c2\u03a3中文\u0301\u00a0½ﬁ🎁\x00\n²"),
        st.characters(codec="utf-8"),
    ),
    max_size=80,
)


def tokenise(texts: list[str]) -> list[list[str]]:
    tokeniser = Tokeniser()
    tokens = tokeniser.run(pa.array(texts, pa.string()))
    vocabulary = tokeniser.vocabulary()
    bounds = tokens.offsets.tolist()
    return [[vocabulary[c] for c in tokens.codes[a:b]] for a, b in pairwise(bounds)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Women's T-shirt", ["womens", "t", "shirt"]),
        ("1.75in. leather, 1/2 pint 3/ .5", ["1.75in", "leather", "1/2", "pint", "3", "5"]),
        ("Café CRÈME naïve Straße", ["cafe", "creme", "naive", "straße"]),
        ("no.5 Q6542A 2.4GHz", ["no", "5", "q6542a", "2.4ghz"]),
        ("snake_case\x00nul", ["snake", "case", "nul"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    """Examples of the rule that the module states."""
    assert words(text) == expected
    assert tokenise([text]) == [expected]


@given(st.lists(NASTY, max_size=6))
def test_kernel_equals_twin(texts: list[str]) -> None:
    """The words of a column are the words of each text alone."""
    assert tokenise(texts) == [words(t) for t in texts]


@given(st.text(alphabet="é中aß", min_size=20, max_size=80))
def test_long_words_are_cut_at_a_character(text: str) -> None:
    """A word never exceeds its bound and is always valid UTF-8."""
    (found,) = tokenise([text])
    assert found == words(text)
    assert all(len(w.encode()) <= MAX_WORD_BYTES for w in found)


def test_vocabulary_grows_without_changing_codes() -> None:
    """A code means the same word after any number of further columns, nulls and slices included."""
    tokeniser = Tokeniser()
    first = tokeniser.run(pa.array(["red mug", None, "mug"]))
    tokeniser.run(pa.array([f"w{i} x{i}" for i in range(100_000)]))
    again = tokeniser.run(pa.array(["zzz", "red mug", None, "mug"]).slice(1))
    assert first.codes.tolist() == again.codes.tolist() == [0, 1, 1]
    assert first.offsets.tolist() == again.offsets.tolist() == [0, 2, 2, 3]
    assert len(tokeniser) == 200_002


def test_stem_leaves_numbers_alone() -> None:
    """A model number is not English."""
    assert [stem(w) for w in ("mugs", "womens", "laces", "a4s", "1.75ing")] == [
        "mug", "women", "lace", "a4s", "1.75ing",
    ]  # fmt: skip


def test_lone_surrogate_is_no_character() -> None:
    """What JSON can carry but UTF-8 cannot separates words and does not raise."""
    assert words("a\ud800b") == ["a", "b"]


@given(st.lists(NASTY, max_size=20))
def test_stem_many_is_stem_of_each(texts: list[str]) -> None:
    """Many = one, whatever the words are."""
    vocabulary = [word for text in texts for word in words(text)]
    assert stem_many(vocabulary) == [stem(word) for word in vocabulary]
