"""Quantiles of any number of values: counts in buckets that follow the size of the value.

A bucket is all doubles that share sign, exponent and the first 12 bits of the mantissa (HdrHistogram's
log-linear buckets; the guarantee is DDSketch's: C. Masson, J. Rim, H. Lee, VLDB 2019,
arXiv:1908.10693). A quantile is the value of exactly that rank, brought towards zero by less than
RELATIVE_ERROR of itself; whole numbers up to 8,192 are exact. Counts add, so the merge of two parts
has the bits of the whole, in any order. There are at most 4,096 buckets for each power of two.
"""

from collections.abc import Sequence

import numpy as np

from mercer.features.column import F64s, I64s
from mercer.features.transform import Arrays

_DROPPED_BITS = 52 - 12
RELATIVE_ERROR = 2.0**-12


def no_histogram() -> Arrays:
    """Of no values: buckets rising (m,) int64, counts (m,) int64."""
    return {"buckets": np.zeros(0, np.int64), "counts": np.zeros(0, np.int64)}


def counted_values(state: Arrays, values: F64s) -> Arrays:
    """With more values; what is not finite is left out."""
    buckets = _bucket(values[np.isfinite(values)])
    return _summed(state, buckets, np.ones(buckets.size, np.int64))


def merged_histograms(a: Arrays, b: Arrays) -> Arrays:
    """Of the values of both."""
    return _summed(a, b["buckets"], b["counts"])


def quantiles(state: Arrays, ranks: Sequence[float]) -> F64s:
    """(n_ranks,) the values at those ranks in [0, 1], rising; NaN where there were no values.

    The value at rank q is the lowest that has at least q of all values at or below it.
    """
    if not state["counts"].size:
        return np.full(len(ranks), np.nan)
    at_most = np.cumsum(state["counts"])
    place = np.searchsorted(at_most, np.asarray(ranks) * at_most[-1], side="left")
    return _value(state["buckets"][np.minimum(place, at_most.size - 1)])


def _bucket(values: F64s) -> I64s:
    """Whole numbers in the order of the values; 0.0 and -0.0 are one."""
    magnitude = np.abs(values).view(np.int64) >> _DROPPED_BITS
    bucket: I64s = np.where(values < 0, -magnitude, magnitude)
    return bucket


def _value(buckets: I64s) -> F64s:
    """The value of each bucket that is nearest to zero."""
    magnitude = (np.abs(buckets) << _DROPPED_BITS).view(np.float64)
    return np.where(buckets < 0, -magnitude, magnitude)


def _summed(state: Arrays, buckets: I64s, counts: I64s) -> Arrays:
    unique, place = np.unique(np.concatenate([state["buckets"], buckets]), return_inverse=True)
    total = np.zeros(unique.size, np.int64)
    np.add.at(total, place, np.concatenate([state["counts"], counts]))
    return {"buckets": unique, "counts": total}
