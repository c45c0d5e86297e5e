"""Laws of the ranking metrics: range, ideal, monotony, ties, and many = map of one."""

from collections.abc import Callable

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mercer.metrics.ragged import Floats, pack
from mercer.metrics.ranking import (
    average_precision,
    err_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
)

gain = st.sampled_from([0.0, 0.0, 0.01, 0.1, 1.0, 3.0, 7.0]) | st.floats(0, 100, width=32)
gains = st.lists(gain, min_size=1, max_size=15)
k_values = st.integers(1, 20)
Metric = Callable[[list[float], list[float], int], float]


def ndcg(shown: list[float], hidden: list[float], k: int) -> float:
    """nDCG of one list; `hidden` was judged but not shown."""
    return float(ndcg_at_k(*pack([shown]), *pack([shown + hidden]), k=k)[0])


def of_flags(shown: list[float], hidden: list[float]) -> tuple[Floats, Floats, list[int]]:
    flags, offsets = pack([[value > 0 for value in shown]])
    return flags, offsets, [sum(value > 0 for value in shown + hidden)]


METRICS: dict[str, Metric] = {
    "ndcg": ndcg,
    "recall": lambda s, h, k: float(recall_at_k(*of_flags(s, h), k=k)[0]),
    "precision": lambda s, h, k: float(precision_at_k(*of_flags(s, h), k=k)[0]),
    "reciprocal_rank": lambda s, h, k: float(reciprocal_rank(*of_flags(s, h))[0]),
    "average_precision": lambda s, h, k: float(average_precision(*of_flags(s, h))[0]),
    "err": lambda s, h, k: float(err_at_k(*pack([[v / 200 for v in s]]), k=k)[0]),
}


@settings(max_examples=80)
@given(shown=gains, hidden=gains, k=k_values)
def test_in_the_unit_interval(shown: list[float], hidden: list[float], k: int) -> None:
    """Every metric lies in [0, 1], and is NaN exactly where nothing relevant exists."""
    for name, metric in METRICS.items():
        value = metric(shown, hidden, k)
        if name != "err" and not any(v > 0 for v in shown + hidden):
            assert np.isnan(value), name
        else:
            assert 0 <= value <= 1, name


@settings(max_examples=80)
@given(shown=gains, k=k_values)
def test_ideal_order_is_exactly_1(shown: list[float], k: int) -> None:
    """All judged listings, best first: nDCG, recall of all, and average precision are 1."""
    assume(max(shown) > 0)
    best = sorted(shown, reverse=True)
    assert ndcg(best, [], k) == 1
    assert METRICS["recall"](best, [], len(best)) == 1
    assert METRICS["average_precision"](best, [], k) == 1


@settings(max_examples=100)
@given(shown=gains, hidden=gains, k=k_values, data=st.data())
def test_moving_a_better_result_up_never_lowers(
    shown: list[float], hidden: list[float], k: int, data: st.DataObject
) -> None:
    """Swapping two results so that the better one stands higher never makes a metric worse."""
    assume(len(shown) > 1 and max(shown + hidden) > 0)
    i = data.draw(st.integers(0, len(shown) - 2))
    j = data.draw(st.integers(i + 1, len(shown) - 1))
    swapped = shown.copy()
    swapped[i], swapped[j] = max(shown[i], shown[j]), min(shown[i], shown[j])
    for name, metric in METRICS.items():
        assert metric(swapped, hidden, k) >= metric(shown, hidden, k) - 1e-12, name


@settings(max_examples=60)
@given(shown=gains, hidden=gains, k=k_values)
def test_a_better_result_anywhere_on_the_page_never_lowers(
    shown: list[float], hidden: list[float], k: int
) -> None:
    """Showing one more hidden listing at the end never makes ndcg, recall or AP worse."""
    assume(max(shown + hidden) > 0)
    more, rest = [*shown, hidden[0]], hidden[1:]
    for name in ("ndcg", "recall", "average_precision", "reciprocal_rank", "err"):
        assert METRICS[name](more, rest, k) >= METRICS[name](shown, hidden, k) - 1e-12, name


@settings(max_examples=60)
@given(shown=gains, hidden=gains, k=k_values, seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_judgments_means_nothing(
    shown: list[float], hidden: list[float], k: int, seed: int
) -> None:
    """The ideal is a set: shuffling the judged listings changes no bit."""
    judged = np.array(shown + hidden)
    shuffled = np.random.default_rng(seed).permutation(judged)
    offsets = np.array([0, judged.size])
    one = ndcg_at_k(*pack([shown]), judged, offsets, k=k)
    two = ndcg_at_k(*pack([shown]), shuffled, offsets, k=k)
    np.testing.assert_array_equal(one, two)


@settings(max_examples=60)
@given(shown=gains, k=k_values, factor=st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_ndcg_has_no_unit(shown: list[float], k: int, factor: float) -> None:
    """Multiplying all gains by a power of two changes no bit."""
    assume(max(shown) > 0)
    assert ndcg([v * factor for v in shown], [], k) == ndcg(shown, [], k)


@settings(max_examples=60)
@given(lists=st.lists(st.tuples(st.lists(gain, max_size=10), gains), max_size=8), k=k_values)
def test_many_is_a_map_of_one(lists: list[tuple[list[float], list[float]]], k: int) -> None:
    """A query measured among others gets the same bits as measured alone."""
    shown = [one for one, _ in lists]
    judged = [one + hidden for one, hidden in lists]
    together = ndcg_at_k(*pack(shown), *pack(judged), k=k)
    alone = [ndcg(one, hidden, k) for one, hidden in lists]
    np.testing.assert_array_equal(together, np.array(alone))
    flags, offsets = pack([[v > 0 for v in one] for one in shown])
    n_relevant = [sum(v > 0 for v in one) for one in judged]
    for name, values in {
        "recall": recall_at_k(flags, offsets, n_relevant, k=k),
        "precision": precision_at_k(flags, offsets, n_relevant, k=k),
        "reciprocal_rank": reciprocal_rank(flags, offsets, n_relevant),
        "average_precision": average_precision(flags, offsets, n_relevant),
    }.items():
        one_by_one = [METRICS[name](one, hidden, k) for one, hidden in lists]
        np.testing.assert_array_equal(values, np.array(one_by_one), err_msg=name)
