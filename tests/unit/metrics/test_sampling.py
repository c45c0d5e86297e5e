"""Intervals and the sign-flip test against published and reference numbers."""

import numpy as np
import pytest
import scipy.stats

from mercer.metrics import sampling
from mercer.metrics.sampling import bootstrap_mean, paired_test

# Darwin's cross- and self-fertilised maize, eighths of an inch; Fisher 1935, section 21, counts 863
# of the 32,768 sign patterns with a sum of 314 or more.
MAIZE = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48.0])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_paired_test_counts_fishers_863_patterns() -> None:
    """With all patterns counted, Fisher's own example gives Fisher's own numbers."""
    got = paired_test(np.zeros(15), MAIZE, rng(), n_resamples=32_768)
    assert got.is_exact
    assert got.p_greater == 863 / 32_768
    assert got.p_two_sided == 2 * 863 / 32_768
    assert got.difference.mean == pytest.approx(314 / 15)


def test_drawn_patterns_agree_with_counted_ones() -> None:
    """Drawn sign patterns estimate the exact chance, and never give 0."""
    got = paired_test(np.zeros(15), MAIZE, rng(), n_resamples=20_000)
    assert not got.is_exact
    assert got.p_greater == pytest.approx(863 / 32_768, abs=0.004)
    sure = paired_test(np.zeros(200), np.full(200, 0.5), rng(), n_resamples=1_000)
    assert sure.p_two_sided == 1 / 1_001


def test_paired_test_is_symmetric() -> None:
    """Swapping the runs turns the difference and exchanges the one-sided chances."""
    a, b = rng(1).random(12), rng(2).random(12)
    one, two = (
        paired_test(a, b, rng(), n_resamples=5_000),
        paired_test(b, a, rng(), n_resamples=5_000),
    )
    assert one.p_greater == two.p_less
    assert one.p_two_sided == two.p_two_sided
    assert one.difference.mean == pytest.approx(-two.difference.mean)


def test_equal_runs_differ_by_nothing() -> None:
    """A run against itself: difference 0 with no width, and p is 1 every way."""
    a = rng(1).random(50)
    got = paired_test(a, a, rng())
    assert (got.difference.mean, got.difference.low, got.difference.high) == (0, 0, 0)
    assert (got.p_two_sided, got.p_greater, got.p_less) == (1, 1, 1)


def test_pairs_with_an_undefined_value_are_left_out() -> None:
    """A query that one side cannot measure says nothing about the difference."""
    got = paired_test(np.array([0.1, np.nan, 0.2]), np.array([0.3, 0.9, np.nan]), rng())
    assert got.n == 1
    assert got.difference.mean == pytest.approx(0.2)


def test_nothing_measured_is_nan() -> None:
    """No defined value: mean, interval and chances are NaN, and n says 0."""
    none = np.array([np.nan, np.nan])
    interval = bootstrap_mean(none, rng())
    assert interval.n == 0
    assert np.isnan([interval.mean, interval.low, interval.high]).all()
    assert np.isnan(paired_test(none, none, rng()).p_two_sided)


def test_drawn_sums_cover_the_pairs_evenly() -> None:
    """The chance under the null is uniform: about 5 % of tests of noise fall below 0.05."""
    noise = rng(3).normal(size=(400, 30))
    p = [paired_test(np.zeros(30), row, rng(4), n_resamples=200).p_two_sided for row in noise]
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09


@pytest.mark.parametrize("n", [10, 94, 500])
def test_interval_is_scipys_bca(n: int) -> None:
    """Same interval as scipy.stats.bootstrap (BCa), within the noise of the resamples."""
    values = rng(5).beta(0.6, 0.3, size=n) ** 2  # skewed, as nDCG over queries is
    got = bootstrap_mean(values, rng(), n_resamples=20_000)
    reference = scipy.stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=20_000, rng=rng(1)
    ).confidence_interval
    width = reference.high - reference.low
    assert got.low == pytest.approx(reference.low, abs=0.03 * width)
    assert got.high == pytest.approx(reference.high, abs=0.03 * width)


def test_interval_covers_the_truth_95_times_in_100() -> None:
    """Over many samples of 60 skewed values about 95 % of the intervals hold the true mean."""
    source = rng(6)
    held = 0
    for _ in range(300):
        got = bootstrap_mean(source.beta(0.5, 0.5, size=60), source, n_resamples=400)
        held += got.low <= 0.5 <= got.high
    assert 0.91 <= held / 300 <= 0.98


def test_a_constant_has_no_width() -> None:
    """Equal values, also equal only up to rounding, give the value itself and no NaN."""
    for value in (0.0, 0.1, 1.0):
        got = bootstrap_mean(np.full(7, value), rng())
        assert got.low == got.mean == got.high == pytest.approx(value)
    almost = np.array([0.1 + 0.2, 0.3, 0.3])
    got = bootstrap_mean(almost, rng())
    assert got.low == got.high


def test_a_rate_near_its_end_stays_inside() -> None:
    """One zero-result query in a hundred: the interval lies in [0, 1] and holds the mean."""
    rate = np.zeros(100)
    rate[3] = 1.0
    got = bootstrap_mean(rate, rng())
    assert 0 <= got.low <= 0.01 <= got.high <= 0.1


def test_same_state_same_interval_whatever_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Randomness is the argument; how many numbers are held at once changes nothing."""
    values = rng(1).random(37)
    whole = bootstrap_mean(values, rng(9)), paired_test(values, values[::-1], rng(9))
    monkeypatch.setattr(sampling, "CHUNK", 1_000)
    assert (bootstrap_mean(values, rng(9)), paired_test(values, values[::-1], rng(9))) == whole


def test_arguments_out_of_range_are_refused() -> None:
    """A level outside (0, 1), too few resamples, runs of different length."""
    values = np.array([0.1, 0.2])
    with pytest.raises(ValueError, match=r"level must lie in \(0, 1\), got 95"):
        bootstrap_mean(values, rng(), level=95)
    with pytest.raises(ValueError, match="at least 100"):
        bootstrap_mean(values, rng(), n_resamples=10)
    with pytest.raises(ValueError, match="the same queries"):
        paired_test(values, values[:1], rng())
