"""Laws of the speller: its kernels equal plain twins, and its rules hold for every vocabulary."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.text.alphabet import Alphabet
from mercer.text.delete_index import MAX_VARIANTS, PREFIX, deletions
from mercer.text.edit_distance import clear_pattern, load_pattern, osa_distance, typing_cost
from mercer.text.error_model import EDGE, CostTables, EditCosts, cost_tables, letter_class
from mercer.text.speller import EditLimits, Speller

TABLES = cost_tables(EditCosts())
ANY_LENGTH = EditLimits(one_edit_from=1, two_edits_from=1)

dense = st.text(alphabet="abét", min_size=1, max_size=9)  # few letters: many neighbours
typed_words = st.one_of(dense, st.text(alphabet="abéfo0日", max_size=12))


def plain_osa(a: str, b: str) -> int:
    """Optimal string alignment, the textbook table."""
    d = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    d[:, 0], d[0, :] = range(len(a) + 1), range(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            d[i, j] = min(
                d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            )
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                d[i, j] = min(d[i, j], d[i - 2, j - 2] + 1)
    return int(d[-1, -1])


def plain_cost(typed: str, word: str, tables: CostTables) -> float:
    """`typing_cost` as a recursion over what is left to explain."""
    q, w = [letter_class(c) for c in typed], [letter_class(c) for c in word]
    m, n = len(typed), len(word)
    transpose, first, last = tables.scalars

    def near(row: list[int], k: int) -> tuple[int, int]:
        return (row[k - 1] if k else EDGE), (row[k + 1] if k + 1 < len(row) else EDGE)

    def ends(is_first: bool, is_last: bool) -> float:
        return float(first if is_first else last if is_last else 0.0)

    best = {(0, 0): 0.0}
    for i in range(m + 1):
        for j in range(n + 1):
            ways = [best[0, 0]] if i == j == 0 else []
            if i:
                left, right = near(q, i - 1)
                step = min(tables.extra[left, q[i - 1]], tables.extra[right, q[i - 1]])
                ways.append(best[i - 1, j] + step + ends(i == 1, i == m))
            if j:
                left, right = near(w, j - 1)
                step = min(tables.omit[0, left, w[j - 1]], tables.omit[1, right, w[j - 1]])
                ways.append(best[i, j - 1] + step + ends(j == 1, j == n))
            if i and j:
                step = 0.0
                if typed[i - 1] != word[j - 1]:
                    step = tables.substitute[q[i - 1], w[j - 1]]
                    step += ends(i == 1 or j == 1, i == m and j == n)
                ways.append(best[i - 1, j - 1] + step)
            if i > 1 and j > 1 and typed[i - 1] == word[j - 2] and typed[i - 2] == word[j - 1]:
                step = transpose + ends(i == 2 or j == 2, i == m and j == n)
                ways.append(best[i - 2, j - 2] + step)
            best[i, j] = min(ways)
    return float(best[m, n])


def kernel_osa(a: str, b: str) -> int:
    """The bit-parallel kernel on two words of one alphabet."""
    alphabet = Alphabet.of([a, b])
    bits = np.zeros(alphabet.letter.size, np.uint64)
    coded = alphabet.encode([a, b])
    x, y = coded.codes[: len(a)], coded.codes[len(a) :]
    load_pattern(x, bits)
    out = osa_distance(len(a), y, bits)
    clear_pattern(x, bits)
    assert not bits.any()
    return int(out)


@given(st.text(alphabet="abcé日", max_size=12), st.text(alphabet="abcé日", max_size=12))
def test_bit_parallel_distance_equals_its_twin(a: str, b: str) -> None:
    """The kernel's distance is the textbook one, and it is symmetric."""
    assert kernel_osa(a, b) == plain_osa(a, b) == kernel_osa(b, a)


@given(st.text(alphabet="ab", min_size=55, max_size=63), st.text(alphabet="ab", max_size=63))
@settings(max_examples=20)
def test_distance_uses_the_whole_register(a: str, b: str) -> None:
    """Words of up to 63 letters are compared exactly."""
    assert kernel_osa(a, b) == plain_osa(a, b)


@given(st.text(alphabet="abcdé-", max_size=8), st.text(alphabet="abcdé-", max_size=8))
def test_typing_cost_equals_its_twin(typed: str, word: str) -> None:
    """The weighted kernel equals the plain recursion; 0 only for equal words."""
    alphabet = Alphabet.of([typed, word])
    codes = alphabet.encode([typed, word]).codes
    cost = typing_cost(
        codes[: len(typed)],
        codes[len(typed) :],
        alphabet.letter,
        TABLES.substitute,
        TABLES.omit,
        TABLES.extra,
        TABLES.scalars,
        np.empty((5, 65)),
    )
    assert cost == pytest.approx(plain_cost(typed, word, TABLES))
    assert (cost == 0) == (typed == word)
    assert cost >= plain_osa(typed, word) * TABLES.cheapest - 1e-9


@given(dense, st.integers(0, 2))
def test_deletions_are_all_shortened_prefixes(word: str, most: int) -> None:
    """As many distinct hashes as there are distinct rows with up to `most` letters deleted."""
    alphabet = Alphabet.of([word])
    out, work = np.empty(MAX_VARIANTS, np.uint64), np.empty(24, np.uint64)
    found = deletions(alphabet.encode([word]).codes, most, out, work)
    rows = {word[:PREFIX]}
    for _ in range(most):
        rows |= {r[:i] + r[i + 1 :] for r in rows for i in range(len(r))}
    assert len(set(out[:found].tolist())) == len(rows)


def brute_force(
    typed: str, words: list[str], counts: list[int], limits: EditLimits, weight: float
) -> dict[str, float]:
    """Every word that may be meant, with its score."""
    allowed = int(limits.of_length(np.array([len(typed)]))[0])
    if any(c.isnumeric() for c in typed):
        allowed = 0
    return {
        w: plain_cost(typed, w, TABLES) + weight * float(np.log(max(1, max(counts)) / max(1, c)))
        for w, c in zip(words, counts, strict=True)
        if 0 < plain_osa(typed, w) <= allowed and not any(ch.isnumeric() for ch in w)
    }


vocabularies = st.lists(
    st.tuples(
        st.one_of(dense, st.text(alphabet="abf0日é", min_size=1, max_size=10)),
        st.integers(0, 10_000),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row[0],
)


@given(
    vocabularies,
    st.lists(typed_words, min_size=1, max_size=6),
    st.sampled_from([ANY_LENGTH, EditLimits(), EditLimits(one_edit_from=2, two_edits_from=4)]),
    st.sampled_from([0.0, 0.6]),
)
@settings(max_examples=100)
def test_corrections_equal_brute_force(
    rows: list[tuple[str, int]], typed: list[str], limits: EditLimits, weight: float
) -> None:
    """Known words stay, and an unknown one gets a candidate of the best score, or none if none."""
    words, counts = [w for w, _ in rows], [c for _, c in rows]
    speller = Speller.build(
        words, np.array(counts), limits=limits, frequency_weight=weight, min_target_count=0
    )
    found = speller.correct_many(typed)
    for i, word in enumerate(typed):
        w, distance, score = int(found.word[i]), int(found.distance[i]), float(found.score[i])
        want = brute_force(word, words, counts, limits, weight)
        if word in words:
            assert (words[w], distance, score) == (word, 0, 0.0)
        elif not want:
            assert (w, distance, score) == (-1, -1, np.inf)
        else:
            assert score == pytest.approx(min(want.values()), abs=1e-5)
            assert want[words[w]] == pytest.approx(score, abs=1e-5)
            assert distance == plain_osa(word, words[w])


@given(vocabularies, typed_words, st.integers(1, 8))
@settings(max_examples=60)
def test_top_candidates_equal_brute_force(
    rows: list[tuple[str, int]], typed: str, top: int
) -> None:
    """`correct_one` gives the best scores of all candidates in order, each word once."""
    words, counts = [w for w, _ in rows], [c for _, c in rows]
    speller = Speller.build(words, np.array(counts), limits=ANY_LENGTH, min_target_count=0)
    got = speller.correct_one(typed, top=top, even_if_known=True)
    want = brute_force(typed, words, counts, ANY_LENGTH, speller.frequency_weight)
    if typed in words:
        want[typed] = 0.0
    assert [c.score for c in got] == pytest.approx(sorted(want.values())[:top], abs=1e-5)
    assert len({c.word for c in got}) == len(got)
    assert all(words[c.id] == c.word for c in got)


@given(vocabularies, st.lists(typed_words, max_size=6))
@settings(max_examples=50)
def test_many_is_one_by_one(rows: list[tuple[str, int]], typed: list[str]) -> None:
    """A word's correction does not depend on the words before it."""
    speller = Speller.build([w for w, _ in rows], np.array([c for _, c in rows]))
    many = speller.correct_many(typed)
    alone = [speller.correct_many([w]) for w in typed]
    assert many.word.tolist() == [int(a.word[0]) for a in alone]
    assert many.score.tolist() == [float(a.score[0]) for a in alone]


@given(vocabularies, typed_words)
@settings(max_examples=100)
def test_rules_hold(rows: list[tuple[str, int]], typed: str) -> None:
    """Short words and numbers stay; long words get two edits; no correction becomes a number."""
    words = [w for w, _ in rows]
    speller = Speller.build(words, np.array([c for _, c in rows]), min_target_count=0)
    for c in speller.correct_one(typed, top=8):
        if c.word == typed:
            continue
        assert len(typed) >= 4
        assert c.distance <= (1 if len(typed) < 8 else 2)
        assert not any(ch.isnumeric() for ch in typed + c.word)


@given(st.text(alphabet="abcdef", min_size=4, max_size=10), st.data())
def test_swapped_neighbours_are_found_both_ways(word: str, data: st.DataObject) -> None:
    """If a swap turns a into b, a speller that knows a corrects b to it, and the other way."""
    i = data.draw(st.integers(0, len(word) - 2))
    other = word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if other == word:
        return
    assert [c.word for c in Speller.build([word]).correct_one(other)] == [word]
    assert [c.word for c in Speller.build([other]).correct_one(word)] == [other]
