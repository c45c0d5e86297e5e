"""What words mean, in numbers that were worked out by hand."""

import math

import numpy as np
import pyarrow as pa
import pytest

from mercer.features.column import Ragged
from mercer.features.declare import FeatureSet
from mercer.features.fit import fit
from mercer.features.plan import compile_plan
from mercer.features.text.classes import ClassWords

NAN = math.nan
DECLARED = """
name = "s"
[columns]
"query.said" = "text"
"listing.class" = "text"
"listing.title" = "text"
[[node]]
name = "said"
entity = "query"
transform = "tokenise"
inputs = ["query.said"]
[[node]]
name = "title"
entity = "listing"
transform = "tokenise"
inputs = ["listing.title"]
[[node]]
name = "class"
entity = "listing"
transform = "hash"
inputs = ["listing.class"]
[[feature]]
name = "f"
entity = "pair"
transform = "class_likely"
inputs = ["said", "class", "title"]
"""
LISTINGS = pa.record_batch(
    {
        "listing.class": ["a", "a", "b", "c"],
        "listing.title": ["red mug", "blue mug", "red hat", "tea mug"],
    }
)


def found(
    *asked: tuple[str | None, str | None], listings: pa.RecordBatch = LISTINGS
) -> list[float]:
    """Of some (words, class), fitted on some listings."""
    feature_set = FeatureSet.from_toml(DECLARED)
    state = fit(feature_set, None, sources={"listing": lambda: [listings]})
    batch = pa.record_batch(
        {
            "query.said": pa.array([said for said, _ in asked], pa.string()),
            "listing.class": pa.array([one for _, one in asked], pa.string()),
            "listing.title": pa.array([""] * len(asked), pa.string()),
        }
    )
    rows: list[float] = compile_plan(feature_set, state).run(batch, now_ms=0).dense[:, 0].tolist()
    return rows


def test_the_formula_by_hand() -> None:
    """Two of four rows are of class a: P = 2.5/5.5, of b and c 1.5/5.5; one row has a hat, of class b.

    Each class is given 20 rows of which a quarter have a hat.
    "red" and "mug" are words of two of three classes, so they weigh ln 1.5, the others ln 3.
    """
    meant = (2.5 * 5 / 22, 1.5 * 6 / 21, 1.5 * 5 / 21)
    p_a, p_b, p_c = (one / sum(meant) for one in meant)
    two, one = math.log(1.5), math.log(3)
    length_a = math.sqrt((0.5 * two) ** 2 + two**2 + (0.5 * one) ** 2)
    length_bc = math.hypot(two, one)
    a_b, a_c = 0.5 * two * two / (length_a * length_bc), two * two / (length_a * length_bc)
    wanted = [
        math.log(0.1 + p_a + a_b * p_b + a_c * p_c),
        math.log(0.1 + p_b + a_b * p_a),
        math.log(0.1 + p_c + a_c * p_a),
    ]
    assert found(("hat", "a"), ("hat", "b"), ("hat", "c")) == pytest.approx(wanted, abs=1e-6)


def test_what_few_rows_lack_says_little() -> None:
    """That none of ten mugs is red says less against red mugs than that only they are called mugs."""
    titles = pa.array(["mug"] * 10 + ["red hat"] * 300 + ["hat"] * 690)
    classes = pa.array(["a"] * 10 + ["b"] * 990)
    listings = pa.record_batch({"listing.class": classes, "listing.title": titles})
    mug, hat = found(("red mug", "a"), ("red mug", "b"), listings=listings)
    assert mug > hat + 0.5


def test_words_that_are_said_twice_count_once() -> None:
    """And words that no title has say nothing, beside others or alone."""
    once, twice, more, none, usual = found(
        ("hat", "b"), ("hat hat", "b"), ("hat xyzzy", "b"), ("xyzzy", "a"), ("xyzzy", "b")
    )
    assert once == twice == more
    assert none > usual  # more listings are of class a


def test_what_is_missing() -> None:
    """No words or no class: nothing is known; a class that no row had is as unlikely as can be."""
    unknown = found((None, "a"), ("", "a"), ("hat", None), ("hat", "z"))
    assert unknown[:3] == pytest.approx([NAN] * 3, nan_ok=True)
    assert unknown[3] == pytest.approx(math.log(0.1))


def test_the_commonest_pairs_are_kept() -> None:
    """Of equally common ones the first; the classes all stay."""
    words = Ragged(np.array([0, 2, 4]), np.array([2, 4, 5]), np.array([1, 2, 2, 3, 9], np.uint32))
    counted = ClassWords.of(np.array([7, 7, 8], np.uint64), words)
    kept = counted.commonest(2)
    assert kept.classes.tolist() == [7, 8]
    assert [(p >> 32, p & 0xFFFFFFFF) for p in kept.pairs.tolist()] == [(0, 1), (0, 2)]
    assert kept.counts.tolist() == [1, 2]
