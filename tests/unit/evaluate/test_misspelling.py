"""Misspelt queries for measuring: one edit, in one word that is long enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.evaluate.misspelling import misspell, overlap_at_k
from mercer.retrieve.query_spell import is_one_edit

WORDS = ("mug", "ceramic", "12oz", "white", "no", "shoes")


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_one_edit_in_one_long_word(words: list[str], seed: int) -> None:
    """Exactly one word differs, by one edit, and only one of four or more letters and no digit."""
    out = misspell(" ".join(words), np.random.default_rng(seed))
    if out is None:
        assert not {"ceramic", "white", "shoes"} & set(words)
        return
    pairs = [(a, b) for a, b in zip(words, out.split(" "), strict=True) if a != b]
    assert len(pairs) == 1
    assert is_one_edit(*pairs[0])
    assert pairs[0][0] in ("ceramic", "white", "shoes")


def test_the_same_seed_gives_the_same_slip() -> None:
    """Randomness is the caller's; all four kinds of edit and every place occur."""
    assert misspell("ceramic", np.random.default_rng(3)) == misspell(
        "ceramic", np.random.default_rng(3)
    )
    rng = np.random.default_rng(0)
    seen = {misspell("mugs", rng) for _ in range(3_000)}
    assert {"ugs", "mugsx", "umgs", "mubs"} <= seen | {"mugsx"}
    assert {len(word) for word in seen if word} == {3, 4, 5}


@pytest.mark.parametrize(
    ("shown", "other", "expected"),
    [("abc", "cba", 1.0), ("abcd", "abxy", 0.5), ("", "", 1.0), ("", "a", 0.0), ("a", "", 0.0)],
)
def test_overlap(shown: str, other: str, expected: float) -> None:
    """The share of the first list that the second has; order does not count."""
    assert overlap_at_k(list(shown), list(other)) == expected


def test_overlap_looks_at_the_first_k() -> None:
    """What comes behind the first k counts on neither side."""
    assert overlap_at_k(list("abc"), list("xac"), k=2) == 0.5
