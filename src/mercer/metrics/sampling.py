"""How sure a mean over queries is, and whether two runs differ: resampling, no normality assumed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from mercer.metrics.ragged import Bools, Floats

CHUNK = 1 << 21  # random numbers held at once: 16 MiB
TIE = 1e-12  # of the sum of sizes: sums this close are the same sum, added in another order


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its confidence interval; all three are NaN where nothing was measured."""

    mean: float
    low: float
    high: float
    n: int  # values that were not NaN


@dataclass(frozen=True, slots=True)
class PairedTest:
    """What the differences b - a over the same queries say."""

    n: int  # pairs where both values are defined
    difference: Interval  # of b - a
    p_two_sided: float  # chance of a difference this large, either way, if a and b were alike
    p_greater: float  # ... of b - a this large or larger: small means b is above a
    p_less: float  # ... of b - a this small or smaller: small means b is below a
    is_exact: bool  # all sign patterns were counted, none drawn


def bootstrap_mean(
    values: Floats, rng: np.random.Generator, *, level: float = 0.95, n_resamples: int = 10_000
) -> Interval:
    """The mean and its bias-corrected and accelerated (BCa) bootstrap interval.

    Args:
        values: (n,) one value per query; NaN (undefined) is left out.
        rng: the source of the resamples; same state, same interval.
        level: coverage, in (0, 1).
        n_resamples: how many, >= 100.
    Returns:
        Where all values are equal the interval is that value: a bootstrap sees no spread, which for
        a rate of exactly 0 or 1 over few queries says less than it seems.
    Raises:
        ValueError: level or n_resamples out of range.
    Source:
        Efron 1987, doi:10.1080/01621459.1987.10478410; the acceleration of a mean is its jackknife
        skewness, equation 6.6 of DiCiccio & Efron 1996, doi:10.1214/ss/1032280214.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    _enough(n_resamples)
    defined = values[~np.isnan(values)]
    if defined.size == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    mean = float(defined.mean())
    # A spread of rounding only (0.1 three times) is no spread, and has no skewness to correct for.
    if np.ptp(defined) <= TIE * np.abs(defined).max():
        return Interval(mean, mean, mean, defined.size)
    means = np.concatenate(
        [
            defined[rng.integers(defined.size, size=(rows, defined.size))].mean(axis=1)
            for rows in _chunks(n_resamples, width=defined.size)
        ]
    )
    low, high = _bca(means, defined - mean, mean=mean, level=level)
    return Interval(mean, low, high, defined.size)


def _bca(means: Floats, centred: Floats, *, mean: float, level: float) -> tuple[float, float]:
    # Half of the ties count as below, and at least one half of one resample lies on either side,
    # so that the normal quantile stays finite.
    n_below = np.clip(
        np.count_nonzero(means < mean) + 0.5 * np.count_nonzero(means == mean),
        0.5,
        means.size - 0.5,
    )
    bias = ndtri(n_below / means.size)
    scaled = centred / np.abs(centred).max()  # the ratio below has no unit; tiny spreads stay > 0
    acceleration = (scaled**3).sum() / (6.0 * (scaled**2).sum() ** 1.5)
    tail = ndtri((1.0 - level) / 2.0)  # < 0
    ends = np.array([tail, -tail]) + bias
    at = ndtr(bias + ends / (1.0 - acceleration * ends))
    low, high = np.quantile(means, at)
    return float(low), float(high)


def paired_test(
    a: Floats,
    b: Floats,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    n_resamples: int = 10_000,
) -> PairedTest:
    """Whether b differs from a over the same queries: the sign-flip randomisation test.

    If the two systems were alike, each query's difference could as well have had the other sign.
    Where at most `n_resamples` sign patterns exist they are all counted, else that many are drawn
    and the observed one counts as one of them, so that p is never 0.

    Args:
        a, b: (n,) the same queries in the same order; a pair with a NaN is left out.
        rng: the source of sign patterns and of the interval's resamples.
        level: coverage of the interval of the mean difference.
        n_resamples: how many sign patterns and resamples, >= 100.
    Returns:
        p values in (0, 1]; NaN where no pair is defined.
    Raises:
        ValueError: a and b differ in length.
    Source:
        Fisher 1935, The Design of Experiments, section 21; recommended for retrieval by Smucker,
        Allan & Carterette 2007, doi:10.1145/1321440.1321528; p of a drawn sample by Phipson & Smyth
        2010, doi:10.2202/1544-6115.1585.
    """
    if a.shape != b.shape:
        raise ValueError(f"a and b must be the same queries, got {a.shape} and {b.shape}")
    _enough(n_resamples)
    difference = b - a
    difference = difference[~np.isnan(difference)]
    interval = bootstrap_mean(difference, rng, level=level, n_resamples=n_resamples)
    if difference.size == 0:
        return PairedTest(0, interval, np.nan, np.nan, np.nan, is_exact=True)
    moved = difference[difference != 0]  # the sign of a zero changes no sum
    is_exact = bool(moved.size <= np.log2(n_resamples))
    sums = _all_sums(moved) if is_exact else _drawn_sums(moved, rng, n_resamples=n_resamples)
    observed, tie = moved.sum(), TIE * np.abs(moved).sum()
    seen = 0 if is_exact else 1  # the observed pattern is among all patterns already

    def p(extreme: Bools) -> float:
        return (int(np.count_nonzero(extreme)) + seen) / (sums.size + seen)

    return PairedTest(
        n=difference.size,
        difference=interval,
        p_two_sided=p(np.abs(sums) >= abs(observed) - tie),
        p_greater=p(sums >= observed - tie),
        p_less=p(sums <= observed + tie),
        is_exact=is_exact,
    )


def _all_sums(moved: Floats) -> Floats:
    """(2^n,) the sum under every sign pattern; doubles once per value, so O(2^n) in all."""
    sums = np.zeros(1)
    for value in moved:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _drawn_sums(moved: Floats, rng: np.random.Generator, *, n_resamples: int) -> Floats:
    """(n_resamples,) the sum under random sign patterns."""
    return np.concatenate(
        [
            np.where(rng.random((rows, moved.size)) < 0.5, moved, -moved).sum(axis=1)
            for rows in _chunks(n_resamples, width=moved.size)
        ]
    )


def _chunks(n_rows: int, *, width: int) -> Iterator[int]:
    """Row counts that add up to n_rows, each at most CHUNK numbers wide."""
    step = max(1, CHUNK // width)
    for start in range(0, n_rows, step):
        yield min(step, n_rows - start)


def _enough(n_resamples: int) -> None:
    if n_resamples < 100:
        raise ValueError(
            f"n_resamples must be at least 100 for a tail to mean anything, got {n_resamples}"
        )
