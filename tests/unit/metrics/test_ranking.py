"""Ranking metrics against published numbers, and what they do at their edges."""

import numpy as np
import pytest

from mercer.metrics.ragged import pack, take
from mercer.metrics.ranking import (
    average_precision,
    dcg_at_k,
    err_at_k,
    is_zero_result,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
)

# Jarvelin & Kekalainen 2002, section 2: the example vectors and what they print for them.
PAPER_GAIN = [3, 2, 3, 0, 0, 1, 2, 2, 3, 0]
PAPER_DCG = [3, 5, 6.89, 6.89, 6.89, 7.28, 7.99, 8.66, 9.61, 9.61]
PAPER_IDEAL = [3, 3, 3, 2, 2, 2, 1, 1, 1, 1, 0]
PAPER_IDEAL_DCG = [3, 6, 7.89, 8.89, 9.75, 10.52, 10.88, 11.21, 11.53, 11.83, 11.83]


@pytest.mark.parametrize(
    ("gain", "printed"), [(PAPER_GAIN, PAPER_DCG), (PAPER_IDEAL, PAPER_IDEAL_DCG)]
)
def test_dcg_gives_the_vectors_of_the_paper(gain: list[float], printed: list[float]) -> None:
    """The paper leaves rank 1 undiscounted and divides rank r >= 2 by log2 r.

    Ours divides rank r by log2(r + 1), so the paper's sum is the first gain plus our sum of the rest.
    The paper adds terms that it rounded to two decimals before.
    """
    rest, offsets = pack([gain[1:]])
    tail = [dcg_at_k(rest, offsets, k=k)[0] for k in range(1, len(gain))]
    got = [gain[0], *(gain[0] + value for value in tail)]
    np.testing.assert_allclose(got, printed, atol=0.01)


def test_ndcg_of_the_textbook_example() -> None:
    """Gains 3 2 3 0 1 2 with 3 and 2 not shown: DCG 6.861, ideal DCG 8.740, nDCG 0.785."""
    shown, judged = pack([[3, 2, 3, 0, 1, 2]]), pack([[3, 2, 3, 0, 1, 2, 3, 2]])
    assert dcg_at_k(*shown, k=6)[0] == pytest.approx(6.861, abs=5e-4)
    assert dcg_at_k(*pack([[3, 3, 3, 2, 2, 2]]), k=6)[0] == pytest.approx(8.740, abs=5e-4)
    assert ndcg_at_k(*shown, *judged, k=6)[0] == pytest.approx(0.785, abs=5e-4)


def test_err_of_a_hand_worked_list() -> None:
    """Grades 3 2 4 of 0..4: R = 7/16, 3/16, 15/16, so ERR = 7/16 + 9/16 (3/32 + 13/16 * 5/16)."""
    stop, offsets = pack([[(2**g - 1) / 2**4 for g in (3, 2, 4)]])
    assert err_at_k(stop, offsets, k=10)[0] == pytest.approx(
        7 / 16 + 9 / 16 * (3 / 32 + 13 / 16 * 5 / 16)
    )
    assert err_at_k(stop, offsets, k=1)[0] == pytest.approx(7 / 16)


def test_average_precision_of_a_hand_worked_list() -> None:
    """Relevant at 1, 3, 6 of four that exist: (1 + 2/3 + 3/6) / 4."""
    flags, offsets = pack([[1, 0, 1, 0, 0, 1]])
    assert average_precision(flags, offsets, [4])[0] == pytest.approx((1 + 2 / 3 + 1 / 2) / 4)


def test_reciprocal_rank_is_one_over_the_first_position() -> None:
    """First relevant result at position 3: 1/3; none shown: 0; nothing found: 0."""
    flags, offsets = pack([[0, 0, 1, 1], [0, 0], []])
    assert reciprocal_rank(flags, offsets, [2, 1, 1]).tolist() == [1 / 3, 0, 0]


def test_recall_and_precision_count_the_first_k_only() -> None:
    """Recall divides by what exists, precision by k, also where fewer were found."""
    flags, offsets = pack([[1, 0, 1, 1], [1]])
    assert recall_at_k(flags, offsets, [4, 2], k=3).tolist() == [0.5, 0.5]
    assert precision_at_k(flags, offsets, [4, 2], k=3).tolist() == [2 / 3, 1 / 3]


def test_undefined_is_nan_everywhere() -> None:
    """Where nothing relevant exists no metric has a meaning, whatever was shown."""
    flags, offsets = pack([[0, 0], []])
    for metric in (recall_at_k, precision_at_k):
        assert np.isnan(metric(flags, offsets, [0, 0], k=5)).all()
    for metric in (reciprocal_rank, average_precision):
        assert np.isnan(metric(flags, offsets, [0, 0])).all()
    assert np.isnan(ndcg_at_k(flags, offsets, *pack([[0, 0], []]), k=5)).all()


def test_nothing_found_is_zero_not_undefined() -> None:
    """An empty page for a query that has an answer is the worst result, 0."""
    none, offsets = pack([[]])
    assert ndcg_at_k(none, offsets, *pack([[1]]), k=10).tolist() == [0]
    assert recall_at_k(none, offsets, [1], k=10).tolist() == [0]
    assert is_zero_result(offsets).tolist() == [1]


def test_no_queries_give_no_values() -> None:
    """Empty columns are a fine input."""
    none, offsets = pack([])
    assert ndcg_at_k(none, offsets, none, offsets, k=10).size == 0
    assert err_at_k(none, offsets, k=10).size == 0
    assert average_precision(none, offsets, []).size == 0


def test_read_only_and_integer_columns_are_taken() -> None:
    """Columns out of Arrow cannot be written and may be integers; the kernels take them anyway."""
    gain, offsets = pack([[3, 1]])
    gain.flags.writeable = offsets.flags.writeable = False
    assert ndcg_at_k(gain, offsets, [1, 3], [0, 2], k=10).tolist() == [1]


def test_any_k_is_allowed_from_1_on() -> None:
    """A k far past every list costs nothing and means "all of it"; 0 is refused."""
    shown = pack([[1, 2]])
    assert ndcg_at_k(*shown, *shown, k=10**12) == ndcg_at_k(*shown, *shown, k=2)
    assert recall_at_k([1, 0], [0, 2], [1], k=10**12).tolist() == [1]
    for call in (
        lambda: dcg_at_k(*shown, k=0),
        lambda: recall_at_k([1], [0, 1], [1], k=0),
        lambda: precision_at_k([1], [0, 1], [1], k=0),
        lambda: err_at_k([1], [0, 1], k=0),
    ):
        with pytest.raises(ValueError, match="k must be at least 1, got 0"):
            call()


@pytest.mark.parametrize("gain", [-1.0, np.nan, np.inf])
def test_a_gain_is_finite_and_not_negative(gain: float) -> None:
    """A gain that is no gain is refused with its value and place."""
    with pytest.raises(ValueError, match=r"finite and >= 0, got .* at 1"):
        dcg_at_k([1.0, gain], [0, 2], k=10)


@pytest.mark.parametrize("offsets", [[1, 2], [0, 1], [0, 3], [0, 2, 1, 2], []])
def test_offsets_must_fit_the_values(offsets: list[int]) -> None:
    """Offsets that would read outside the column never reach a kernel."""
    with pytest.raises(ValueError, match="offsets must"):
        dcg_at_k([1.0, 1.0], offsets, k=10)


def test_more_shown_than_judged_is_the_callers_fault() -> None:
    """A listing shown twice would lift a metric above 1; that is an error, not a clipped value."""
    with pytest.raises(ValueError, match="shown twice"):
        ndcg_at_k([1.0, 1.0], [0, 2], [1.0], [0, 1], k=10)
    with pytest.raises(ValueError, match="shown twice"):
        recall_at_k([1, 1], [0, 2], [1], k=10)
    with pytest.raises(ValueError, match="shown twice"):
        recall_at_k([1], [0, 1], [0], k=10)


def test_queries_must_be_the_same() -> None:
    """As many shown lists as judged lists, as many counts as lists."""
    with pytest.raises(ValueError, match="2 queries were shown, 1 were judged"):
        ndcg_at_k([1.0, 1.0], [0, 1, 2], [1.0], [0, 1], k=10)
    with pytest.raises(ValueError, match="must be 1 counts"):
        recall_at_k([1], [0, 1], [1, 1], k=10)


def test_err_takes_probabilities_only() -> None:
    """A grade given as it is, not as a probability, is refused."""
    with pytest.raises(ValueError, match="a probability"):
        err_at_k([3.0], [0, 1], k=10)


def test_take_gives_lists_in_the_order_asked_for() -> None:
    """Lists may be left out, repeated and empty."""
    values, offsets = pack([[1, 2], [], [3]])
    taken, begins = take(values, offsets, np.array([2, 1, 0, 2]))
    assert taken.tolist() == [3, 1, 2, 3]
    assert begins.tolist() == [0, 1, 1, 3, 4]
