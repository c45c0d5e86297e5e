"""Splits, joins and the repair of whole queries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.schema.errors import ConfigError
from mercer.text.ngrams import Pairs, count_pairs
from mercer.text.repair import apply, did_you_mean, doubts, repair
from mercer.text.speller import Speller
from mercer.text.word_breaks import BreakRules, WordBreaks

TITLES = [
    *["tea pot"] * 3,
    *["teapot"] * 60,
    *["black dress"] * 40,
    *["block print"] * 60,
    *["coffee table"] * 30,
    *["iphone 13 case"] * 20,
    *["blue bell"] * 20,
    *["bluebell"] * 30,
    *["necklace"] * 300,
    "neckalce",
]


def catalogue() -> tuple[Speller, Pairs]:
    """A speller and the pairs of neighbours of the titles."""
    rows = [title.split() for title in TITLES]
    vocabulary = sorted({w for row in rows for w in row})
    codes = np.array([vocabulary.index(w) for row in rows for w in row], dtype=np.int32)
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    counts = np.bincount(codes, minlength=len(vocabulary)).astype(np.int64)
    pairs = count_pairs(offsets, codes, n_words=len(vocabulary))
    return Speller.build(vocabulary, counts), pairs


SPELLER, PAIRS = catalogue()
COUNTED, CHANCE = WordBreaks(SPELLER, PAIRS), WordBreaks(SPELLER)


def test_split_of_an_unknown_word() -> None:
    """Two known words that were seen together come apart; the parts and rows are told."""
    found = COUNTED.split("coffeetable")
    assert found is not None
    assert (found.left, found.right) == ("coffee", "table")
    assert SPELLER.word(found.left_id) + SPELLER.word(found.right_id) == "coffeetable"
    assert COUNTED.split("iphone13") is not None


@pytest.mark.parametrize("word", ["teapot", "dresstable", "teapo", "tea", "", "x" * 500, "1313"])
def test_no_split(word: str) -> None:
    """Known words, strangers to each other, unknown parts, numbers: no split."""
    assert COUNTED.split(word) is None


def test_without_pairs_short_parts_are_chance() -> None:
    """Where pairs were not counted, parts must be long and frequent enough."""
    assert CHANCE.split("coffeetable") is not None
    assert CHANCE.split("iphone13") is None
    strict = WordBreaks(SPELLER, rules=BreakRules(min_part_count=35))
    assert strict.split("coffeetable") is None


def test_join() -> None:
    """Known joins win over unknown parts always, over a known pair when far more frequent."""
    joined = COUNTED.join("tea", "pot")
    assert joined is not None
    assert joined.word == "teapot"
    assert COUNTED.join("neck", "lace") is not None
    assert COUNTED.join("blue", "bell") is None  # 30 against 20
    assert COUNTED.join("black", "dress") is None
    assert COUNTED.join("", "teapot") is None
    assert COUNTED.join("iphone1", "3") is None


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("blak dress", "black dress"),
        ("blck dress", "black dress"),  # block is more frequent, but not before dress
        ("blck print", "block print"),
        ("coffeetable", "coffee table"),
        ("neck lace", "necklace"),
        ("tea pot", "teapot"),
        ("iphone13 csae", "iphone 13 case"),
        ("neclace blck dress", "necklace black dress"),
    ],
)
def test_queries_are_repaired(query: str, meant: str) -> None:
    """Corrections, splits and joins of one query, the neighbours deciding between corrections."""
    words = query.split()
    assert did_you_mean(words, repair(words, SPELLER, COUNTED)) == meant


@pytest.mark.parametrize("query", ["black dress", "iphone 13", "zzzzqqqq dress", "neckalce", ""])
def test_queries_without_fault_stay(query: str) -> None:
    """Known words and hopeless ones are not touched, and nothing is asked."""
    words = query.split()
    found = repair(words, SPELLER, COUNTED)
    assert found == ()
    assert did_you_mean(words, found) is None
    assert apply(words, found) == tuple(words)


def test_kept_words_and_unlikely_readings_stay() -> None:
    """`keep` protects a word from all repairs; `max_score` stops far-fetched ones."""
    assert repair(["blak", "dress"], SPELLER, COUNTED, keep={"blak"}) == ()
    assert repair(["tea", "pot"], SPELLER, COUNTED, keep={"tea"}) == ()
    assert repair(["blak"], SPELLER, COUNTED, max_score=0.1) == ()
    assert [r.words for r in repair(["blak"], SPELLER)] == [("black",)]


def test_doubts_ask_about_rare_known_words() -> None:
    """A known word is only asked about, and only when far rarer than its neighbour."""
    asked = doubts(["neckalce", "dress"], SPELLER)
    assert [(r.start, r.words) for r in asked] == [(0, ("necklace",))]
    assert doubts(["neckalce"], SPELLER, keep={"neckalce"}) == ()
    assert doubts(["neckalce"], SPELLER, factor=1_000.0) == ()


def test_rules_out_of_range_are_refused() -> None:
    """Costs and thresholds that make no sense are a ConfigError."""
    with pytest.raises(ConfigError, match="join_factor"):
        BreakRules(join_factor=0.5)
    with pytest.raises(ConfigError, match="min_part_letters"):
        BreakRules(min_part_letters=0)


@given(st.lists(st.text(alphabet="teapolckd13", max_size=9), max_size=6))
def test_repairs_never_overlap(words: list[str]) -> None:
    """Repairs lie in the query, left to right, apart; repaired words are known ones."""
    found = repair(words, SPELLER, COUNTED)
    places = [i for r in found for i in range(r.start, r.end)]
    assert places == sorted(set(places))
    assert set(places) <= set(range(len(words)))
    assert all(r.start < r.end for r in found)
    assert all(SPELLER.find(w) >= 0 for r in found for w in r.words)
