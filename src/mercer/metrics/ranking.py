"""Metrics of ranked lists, one number per query, over ragged columns.

All of them take what was shown, best rank first, and give (n_queries,) float64. A query where the
metric has no meaning (nothing relevant exists) is NaN, never 0 and never 1; whoever averages decides
what to leave out. Each query is summed by itself in rank order, so the value of a query is the same
bits whether it is measured alone or among a million.
"""

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.metrics.ragged import (
    Bools,
    Floats,
    Ints,
    checked_flags,
    checked_gains,
    checked_offsets,
    sorted_descending,
)

ROUNDING = 1e-9  # a ratio this far above 1 is rounding, further above is a fault of the input


@nb.njit("void(f8[::1], i8[::1], f8[::1], f8[::1])", cache=True, nogil=True)
def _dcg(gain: Floats, offsets: Ints, discount: Floats, out: Floats) -> None:
    for query in range(out.size):
        start = offsets[query]
        total = 0.0
        for rank in range(min(offsets[query + 1] - start, discount.size)):
            total += gain[start + rank] * discount[rank]
        out[query] = total


@nb.njit("void(b1[::1], i8[::1], i8, i8[::1])", cache=True, nogil=True)
def _hits(flag: Bools, offsets: Ints, k: int, out: Ints) -> None:
    for query in range(out.size):
        start = offsets[query]
        n_hits = 0
        for rank in range(min(offsets[query + 1] - start, k)):
            n_hits += flag[start + rank]
        out[query] = n_hits


@nb.njit("void(b1[::1], i8[::1], f8[::1])", cache=True, nogil=True)
def _reciprocal_rank(flag: Bools, offsets: Ints, out: Floats) -> None:
    for query in range(out.size):
        start = offsets[query]
        out[query] = 0.0
        for rank in range(offsets[query + 1] - start):
            if flag[start + rank]:
                out[query] = 1.0 / (rank + 1)
                break


@nb.njit("void(b1[::1], i8[::1], f8[::1])", cache=True, nogil=True)
def _precision_sum(flag: Bools, offsets: Ints, out: Floats) -> None:
    for query in range(out.size):
        start = offsets[query]
        n_hits, total = 0, 0.0
        for rank in range(offsets[query + 1] - start):
            if flag[start + rank]:
                n_hits += 1
                total += n_hits / (rank + 1)
        out[query] = total


@nb.njit("void(f8[::1], i8[::1], i8, f8[::1])", cache=True, nogil=True)
def _expected_reciprocal_rank(stop: Floats, offsets: Ints, k: int, out: Floats) -> None:
    for query in range(out.size):
        start = offsets[query]
        still_looking, total = 1.0, 0.0
        for rank in range(min(offsets[query + 1] - start, k)):
            total += still_looking * stop[start + rank] / (rank + 1)
            still_looking *= 1.0 - stop[start + rank]
        out[query] = total


def dcg_at_k(gain: npt.ArrayLike, offsets: npt.ArrayLike, *, k: int) -> Floats:
    """Discounted cumulative gain of the first k results.

    Args:
        gain: (n_shown,) gain of what was shown, each query's best rank first, >= 0.
        offsets: (n_queries + 1,) where each query begins in `gain`.
        k: cut-off, >= 1; a shorter list counts as far as it goes.
    Returns:
        (n_queries,) >= 0; an empty list has 0.
    Raises:
        ValueError: k below 1, a gain that is negative or not finite, offsets that do not fit.
    Source:
        Burges et al. 2005, doi:10.1145/1102351.1102363: discount 1 / log2(rank + 2), rank from 0.
        Jarvelin & Kekalainen 2002, doi:10.1145/582415.582418, leave ranks 0 and 1 undiscounted;
        the gain is what the caller says, 2^grade - 1 is not applied here.
    """
    values = checked_gains(gain, name="gain")
    begins = checked_offsets(offsets, n_values=values.size, name="offsets")
    deepest = int(np.diff(begins).max(initial=0))
    out = np.empty(begins.size - 1)
    discount = 1.0 / np.log2(np.arange(min(_at_least_1(k), deepest)) + 2.0)  # (depth,)
    _dcg(values, begins, discount, out)
    return out


def ndcg_at_k(
    gain: npt.ArrayLike,
    offsets: npt.ArrayLike,
    ideal_gain: npt.ArrayLike,
    ideal_offsets: npt.ArrayLike,
    *,
    k: int,
) -> Floats:
    """Normalised discounted cumulative gain of the first k results.

    Args:
        gain: (n_shown,) gain of what was shown, each query's best rank first, >= 0.
        offsets: (n_queries + 1,) where each query begins in `gain`.
        ideal_gain: (n_judged,) gain of every judged listing, shown or not, in any order.
        ideal_offsets: (n_queries + 1,) where each query begins in `ideal_gain`.
        k: cut-off, >= 1.
    Returns:
        (n_queries,) in [0, 1]; NaN where no judged listing has a gain above 0.
    Raises:
        ValueError: as `dcg_at_k`; also where more gain was shown than was judged (a listing shown
            twice, or a gain that is not among the judged ones).
    Source:
        Jarvelin & Kekalainen 2002, doi:10.1145/582415.582418, with the discount of `dcg_at_k`.
    """
    judged = checked_gains(ideal_gain, name="ideal_gain")
    begins = checked_offsets(ideal_offsets, n_values=judged.size, name="ideal_offsets")
    shown_dcg = dcg_at_k(gain, offsets, k=k)
    ideal_dcg = dcg_at_k(sorted_descending(judged, begins), begins, k=k)
    if shown_dcg.size != ideal_dcg.size:
        raise ValueError(f"{shown_dcg.size} queries were shown, {ideal_dcg.size} were judged")
    return _share(shown_dcg, ideal_dcg, what="gain shown")


def recall_at_k(
    relevant: npt.ArrayLike, offsets: npt.ArrayLike, n_relevant: npt.ArrayLike, *, k: int
) -> Floats:
    """Share of a query's relevant listings that are among its first k results.

    Args:
        relevant: (n_shown,) whether a result is relevant, each query's best rank first.
        offsets: (n_queries + 1,) where each query begins in `relevant`.
        n_relevant: (n_queries,) how many relevant listings exist, shown or not.
        k: cut-off, >= 1.
    Returns:
        (n_queries,) in [0, 1]; NaN where n_relevant is 0. With n_relevant above k the best is k / n.
    Raises:
        ValueError: k below 1, more hits than relevant listings, offsets that do not fit.
    """
    flag = checked_flags(relevant)
    begins = checked_offsets(offsets, n_values=flag.size, name="offsets")
    hits = _hit_counts(flag, begins, k=_at_least_1(k))
    return _share(hits.astype(np.float64), _counts(n_relevant, hits.size), what="relevant shown")


def precision_at_k(
    relevant: npt.ArrayLike, offsets: npt.ArrayLike, n_relevant: npt.ArrayLike, *, k: int
) -> Floats:
    """Relevant results among the first k, divided by k, also where fewer than k were found.

    Args, Raises: as `recall_at_k`.
    Returns:
        (n_queries,) in [0, 1]; NaN where n_relevant is 0.
    Source:
        trec_eval's P_k.
    """
    flag = checked_flags(relevant)
    begins = checked_offsets(offsets, n_values=flag.size, name="offsets")
    hits = _hit_counts(flag, begins, k=_at_least_1(k))
    exists = _counts(n_relevant, hits.size) > 0
    return np.where(exists, hits / k, np.nan)


def reciprocal_rank(
    relevant: npt.ArrayLike, offsets: npt.ArrayLike, n_relevant: npt.ArrayLike
) -> Floats:
    """1 / position of the first relevant result; its mean over queries is MRR.

    Args: as `recall_at_k`.
    Returns:
        (n_queries,) in [0, 1]; 0 where none was found; NaN where n_relevant is 0.
    Source:
        Voorhees 1999, The TREC-8 Question Answering Track Report.
    """
    flag = checked_flags(relevant)
    begins = checked_offsets(offsets, n_values=flag.size, name="offsets")
    out = np.empty(begins.size - 1)
    _reciprocal_rank(flag, begins, out)
    return np.where(_counts(n_relevant, out.size) > 0, out, np.nan)


def average_precision(
    relevant: npt.ArrayLike, offsets: npt.ArrayLike, n_relevant: npt.ArrayLike
) -> Floats:
    """Mean over all relevant listings of the precision at their position; 0 for those not shown.

    Args, Raises: as `recall_at_k`.
    Returns:
        (n_queries,) in [0, 1]; NaN where n_relevant is 0.
    Source:
        Buckley & Voorhees 2000, doi:10.1145/345508.345543 (uninterpolated).
    """
    flag = checked_flags(relevant)
    begins = checked_offsets(offsets, n_values=flag.size, name="offsets")
    out = np.empty(begins.size - 1)
    _precision_sum(flag, begins, out)
    return _share(out, _counts(n_relevant, out.size), what="relevant shown")


def err_at_k(stop: npt.ArrayLike, offsets: npt.ArrayLike, *, k: int) -> Floats:
    """Expected reciprocal rank: of the position at which a reader who stops when satisfied stops.

    Args:
        stop: (n_shown,) probability that a result satisfies, in [0, 1], each query's best rank
            first; the paper takes (2^grade - 1) / 2^max_grade.
        offsets: (n_queries + 1,) where each query begins in `stop`.
        k: cut-off, >= 1.
    Returns:
        (n_queries,) in [0, 1]; 0 for an empty list. It is not normalised, so never undefined.
    Raises:
        ValueError: k below 1, a probability outside [0, 1], offsets that do not fit.
    Source:
        Chapelle et al. 2009, doi:10.1145/1645953.1646033, algorithm 2.
    """
    values = checked_gains(stop, name="stop")
    if (values > 1).any():
        raise ValueError(f"stop is a probability, in [0, 1]; got {values.max()}")
    begins = checked_offsets(offsets, n_values=values.size, name="offsets")
    out = np.empty(begins.size - 1)
    _expected_reciprocal_rank(values, begins, min(_at_least_1(k), values.size), out)
    return out


def is_zero_result(offsets: npt.ArrayLike) -> Floats:
    """(n_queries,) 1 where nothing was found, 0 elsewhere; its mean is the zero-result rate."""
    begins: Ints = np.require(offsets, np.int64)
    out: Floats = (np.diff(begins) == 0).astype(np.float64)
    return out


def _hit_counts(flag: Bools, offsets: Ints, *, k: int) -> Ints:
    out = np.empty(offsets.size - 1, np.int64)
    _hits(flag, offsets, min(k, flag.size), out)
    return out


def _at_least_1(k: int) -> int:
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    return k


def _counts(n_relevant: npt.ArrayLike, n_queries: int) -> Floats:
    counts = np.asarray(n_relevant, np.float64)
    if counts.shape != (n_queries,) or (counts < 0).any():
        raise ValueError(f"n_relevant must be {n_queries} counts >= 0, got {counts.shape}")
    return counts


def _share(part: Floats, whole: Floats, *, what: str) -> Floats:
    """part / whole in [0, 1], NaN where whole is 0; more part than whole is the caller's fault."""
    share = np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
    wrong = (share > 1 + ROUNDING) | ((whole == 0) & (part > 0))
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(
            f"query {at}: more {what} ({part[at]}) than was judged ({whole[at]}); "
            "is a listing shown twice?"
        )
    capped: Floats = np.minimum(share, 1.0)
    return capped
