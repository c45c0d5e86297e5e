"""Laws of what features are fitted with: sums, sketches, and look-ups in what came out."""

from fractions import Fraction

import datasketches
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.features.exact_sum import add_exactly, exact_value, merged_sum, no_sum
from mercer.features.histogram import (
    RELATIVE_ERROR,
    counted_values,
    merged_histograms,
    no_histogram,
    quantiles,
)
from mercer.features.lookup import count_at_most, place_of

FINITE = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40)


@given(FINITE, st.integers(0, 40))
def test_a_sum_is_exact_and_knows_no_order(values: list[float], cut: int) -> None:
    """The sum is what fractions give, and merging any two parts gives the same limbs."""
    whole = add_exactly(no_sum(), np.array(values, np.float64))
    assert exact_value(whole) == sum(map(Fraction, values))
    a = add_exactly(no_sum(), np.array(values[cut:][::-1], np.float64))
    b = add_exactly(no_sum(), np.array(values[:cut], np.float64))
    assert merged_sum(a, b).tolist() == whole.tolist() == merged_sum(b, a).tolist()


def test_a_sum_of_many_does_not_overflow() -> None:
    """A limb is settled before it could overflow."""
    values = np.full(3_000_000, -1.7e308)
    assert exact_value(add_exactly(no_sum(), values)) == Fraction(-1.7e308) * values.size


SHAPES = {
    "uniform": lambda rng: rng.uniform(-1, 1, 60_000),
    "lognormal": lambda rng: rng.lognormal(3, 2, 60_000),
    "five": lambda rng: rng.integers(0, 5, 60_000).astype(np.float64),
    "spike": lambda rng: np.where(rng.uniform(size=60_000) < 0.9, 1.0, rng.normal(size=60_000)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_quantile_is_the_value_of_its_rank_but_for_the_bound(shape: str) -> None:
    """Brought towards zero by less than RELATIVE_ERROR of itself; and parts merge to the same bits."""
    values = SHAPES[shape](np.random.default_rng(7))
    whole = counted_values(no_histogram(), values)
    ranks = np.linspace(0, 1, 101)
    found = quantiles(whole, ranks.tolist())
    true = np.sort(values)[np.maximum(np.ceil(ranks * values.size).astype(int) - 1, 0)]
    assert (np.abs(found) <= np.abs(true)).all()
    assert (np.abs(true - found) < RELATIVE_ERROR * np.abs(true) + 1e-300).all()
    merged = no_histogram()
    for part in np.array_split(values[::-1], 7):
        merged = merged_histograms(counted_values(no_histogram(), part), merged)
    assert {k: v.tobytes() for k, v in merged.items()} == {k: v.tobytes() for k, v in whole.items()}


@pytest.mark.parametrize("shape", SHAPES)
def test_quantiles_agree_with_a_kll_sketch(shape: str) -> None:
    """The rank that Apache's KLL sketch sees for our quantile is ours, but for its own stated error."""
    values = SHAPES[shape](np.random.default_rng(8))
    sketch = datasketches.kll_doubles_sketch(2_000)
    sketch.update(values)
    ranks = np.linspace(0.02, 0.98, 25)
    found = quantiles(counted_values(no_histogram(), values), ranks.tolist())
    error = sketch.normalized_rank_error(False) + 0.001
    for rank, value in zip(ranks, found, strict=True):
        near = RELATIVE_ERROR * abs(value) + 1e-12
        assert sketch.get_rank(value - near, False) <= rank + error
        assert sketch.get_rank(value + near, True) >= rank - error


@given(
    st.sets(st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1)), max_size=60),
    st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1)),
)
def test_a_key_is_found_wherever_it_lies(keys: set[int], key: int) -> None:
    """`place_of` finds exactly the keys that are there, however unevenly they lie."""
    rising = np.array([0, *sorted(keys), 2**64 - 1], np.uint64)  # the table is a part of these
    for one in {key, *keys}:
        place = place_of(rising, 1, rising.size - 1, one)
        assert place == (1 + sorted(keys).index(one) if one in keys else -1)


def test_a_key_is_found_in_a_large_table() -> None:
    """Of 100,000 even keys each is found, and what lies beside them is not."""
    keys = np.unique(
        np.random.default_rng(3).integers(0, 2**64, 100_000, np.uint64, endpoint=False)
    )
    for i in range(0, keys.size, 97):
        assert place_of(keys, 0, keys.size, keys[i]) == i
        assert place_of(keys, 0, keys.size, keys[i] ^ np.uint64(1)) == -1


@given(st.lists(st.floats(-10, 10), max_size=20), st.floats(-12, 12))
def test_count_at_most_counts(values: list[float], x: float) -> None:
    """How many rising values are at most x."""
    rising = np.array(sorted(values), np.float64)
    assert count_at_most(rising, 0, rising.size, x) == sum(v <= x for v in values)
