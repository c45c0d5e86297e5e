"""Pairs and phrases: counted once per text, as a plain loop would count them."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.schema.errors import InputError
from mercer.text.ngrams import count_pairs, frequent_phrases

N_WORDS = 5
texts = st.lists(st.lists(st.integers(-1, N_WORDS - 1), max_size=12), max_size=12)


def columns(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and codes of some texts."""
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return offsets, np.array([c for row in rows for c in row], dtype=np.int32)


def plain_counts(rows: list[list[int]], size: int) -> Counter[tuple[int, ...]]:
    """Texts that have each run of `size` words, gaps left out."""
    out: Counter[tuple[int, ...]] = Counter()
    for row in rows:
        runs = {tuple(row[i : i + size]) for i in range(len(row) - size + 1)}
        out.update(run for run in runs if min(run) >= 0)
    return out


@given(texts, st.integers(1, 3))
def test_pairs_equal_a_plain_count(rows: list[list[int]], min_count: int) -> None:
    """Each pair of neighbours has the number of texts that hold it; rarer ones read as 0."""
    offsets, codes = columns(rows)
    pairs = count_pairs(offsets, codes, n_words=N_WORDS, min_count=min_count)
    want = plain_counts(rows, 2)
    for a in range(-1, N_WORDS):
        for b in range(-1, N_WORDS):
            count = want[a, b]
            assert pairs.count(a, b) == (count if count >= min_count else 0)


@given(texts, st.integers(1, 3), st.sets(st.integers(0, N_WORDS - 1)), st.integers(0, 200))
def test_phrases_equal_a_plain_count(
    rows: list[list[int]], min_count: int, stop: set[int], keep: int
) -> None:
    """All phrases of 1-3 words with enough texts and no stop word at an end, most frequent first."""
    is_stop = np.zeros(N_WORDS, dtype=bool)
    is_stop[list(stop)] = True
    offsets, codes = columns(rows)
    got = frequent_phrases(offsets, codes, is_stop=is_stop, min_count=min_count, keep=keep)
    want = [
        (run, count)
        for size in (1, 2, 3)
        for run, count in plain_counts(rows, size).items()
        if count >= min_count and run[0] not in stop and run[-1] not in stop
    ]
    want.sort(key=lambda row: (-row[1], len(row[0]), row[0]))
    found = [tuple(c for c in row if c >= 0) for row in got.words.tolist()]
    assert list(zip(found, got.counts.tolist(), strict=True)) == want[:keep]


def test_columns_that_do_not_fit_are_refused() -> None:
    """Offsets past the words or falling, and codes beyond the vocabulary, are one InputError."""
    codes = np.array([0, 9], dtype=np.int32)
    with pytest.raises(InputError, match="past the 2 words; code 9 is beyond"):
        count_pairs(np.array([0, 5]), codes, n_words=3)
    with pytest.raises(InputError, match="never fall"):
        count_pairs(np.array([0, 2, 1]), codes[:1], n_words=3)
