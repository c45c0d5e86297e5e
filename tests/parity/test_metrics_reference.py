"""Our ranking metrics against ir-measures (trec_eval) and against plain Python twins."""

import math
from collections.abc import Sequence

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, nDCG

from mercer.metrics.ragged import pack
from mercer.metrics.ranking import (
    average_precision,
    dcg_at_k,
    err_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
)

N_QUERIES = 60


@pytest.fixture(scope="module")
def board() -> tuple[list[list[int]], list[list[int]]]:
    """(grades of what is shown, best first; grades of all that is judged) of random queries.

    Unjudged results are shown as grade 0 and every query has something relevant, for trec_eval
    leaves out nothing and calls the undefined case 0.
    """
    rng = np.random.default_rng(11)
    shown, judged = [], []
    for _ in range(N_QUERIES):
        grades = [*rng.integers(0, 4, size=rng.integers(1, 40)).tolist(), 3]
        order = rng.permutation(len(grades))
        n_shown = int(rng.integers(0, len(grades) + 1))
        shown.append([grades[i] for i in order[:n_shown]])
        judged.append([grades[i] for i in order])
    return shown, judged


def reference(
    measure: ir_measures.Measure, shown: list[list[int]], judged: list[list[int]]
) -> list[float]:
    """What ir-measures says for each query."""
    qrels = {
        str(q): {f"d{i}": int(grade) for i, grade in enumerate(grades)}
        for q, grades in enumerate(judged)
    }
    run = {
        str(q): {f"d{i}": -float(i) for i in range(len(grades))} for q, grades in enumerate(shown)
    }
    got = {one.query_id: one.value for one in ir_measures.iter_calc([measure], qrels, run)}
    return [got.get(str(q), 0.0) for q in range(len(judged))]


@pytest.mark.parametrize("k", [1, 5, 10, 100])
def test_ndcg_is_trec_evals(board: tuple[list[list[int]], list[list[int]]], k: int) -> None:
    """Linear gains, discount log2(rank + 1), ideal over all judged: the same number."""
    shown, judged = board
    got = ndcg_at_k(*pack(shown), *pack(judged), k=k)
    np.testing.assert_allclose(got, reference(nDCG @ k, shown, judged), atol=1e-12)


def test_exponential_gains_are_ir_measures(board: tuple[list[list[int]], list[list[int]]]) -> None:
    """2^grade - 1 as the gain gives what ir-measures gives with that table of gains."""
    shown, judged = board
    gains = {grade: 2**grade - 1 for grade in range(4)}
    got = ndcg_at_k(
        *pack([[gains[g] for g in one] for one in shown]),
        *pack([[gains[g] for g in one] for one in judged]),
        k=10,
    )
    expected = reference(nDCG(gains=gains) @ 10, shown, judged)
    np.testing.assert_allclose(got, expected, atol=1e-12)


@pytest.mark.parametrize("level", [1, 3])
def test_set_metrics_are_trec_evals(
    board: tuple[list[list[int]], list[list[int]]], level: int
) -> None:
    """Recall, precision, reciprocal rank and average precision at two levels of relevance."""
    shown, judged = board
    flags, offsets = pack([[g >= level for g in one] for one in shown])
    n_relevant = [sum(g >= level for g in one) for one in judged]
    pairs = [
        (recall_at_k(flags, offsets, n_relevant, k=10), R(rel=level) @ 10),
        (precision_at_k(flags, offsets, n_relevant, k=10), P(rel=level) @ 10),
        (reciprocal_rank(flags, offsets, n_relevant), RR(rel=level)),
        (average_precision(flags, offsets, n_relevant), AP(rel=level)),
    ]
    for got, measure in pairs:
        np.testing.assert_allclose(
            got, reference(measure, shown, judged), atol=1e-12, err_msg=str(measure)
        )


def dcg_twin(gain: Sequence[float], k: int) -> float:
    return sum(g / math.log2(rank + 2) for rank, g in enumerate(gain[:k]))


def err_twin(stop: Sequence[float], k: int) -> float:
    total, still = 0.0, 1.0
    for rank, chance in enumerate(stop[:k]):
        total += still * chance / (rank + 1)
        still *= 1 - chance
    return total


def average_precision_twin(flags: Sequence[bool], n_relevant: int) -> float:
    at = [rank for rank, flag in enumerate(flags) if flag]
    return sum((i + 1) / (rank + 1) for i, rank in enumerate(at)) / n_relevant


lists = st.lists(st.lists(st.floats(0, 1, allow_subnormal=False), max_size=12), max_size=6)


@settings(max_examples=80)
@given(lists=lists, k=st.integers(1, 15))
def test_kernels_are_their_plain_twins(lists: list[list[float]], k: int) -> None:
    """Each kernel gives what ten lines of plain Python give."""
    values, offsets = pack(lists)
    np.testing.assert_allclose(
        dcg_at_k(values, offsets, k=k), [dcg_twin(one, k) for one in lists], rtol=1e-13
    )
    np.testing.assert_allclose(
        err_at_k(values, offsets, k=k), [err_twin(one, k) for one in lists], rtol=1e-13
    )
    flags = [[value > 0.5 for value in one] for one in lists]
    n_relevant = np.array([sum(one) + 1 for one in flags], np.int64)
    packed, begins = pack(flags)
    np.testing.assert_allclose(
        average_precision(packed, begins, n_relevant),
        [average_precision_twin(one, n) for one, n in zip(flags, n_relevant, strict=True)],
        rtol=1e-13,
    )
    assert reciprocal_rank(packed, begins, n_relevant).tolist() == [
        1 / (one.index(True) + 1) if True in one else 0 for one in flags
    ]
    assert recall_at_k(packed, begins, n_relevant, k=k).tolist() == [
        sum(one[:k]) / n for one, n in zip(flags, n_relevant, strict=True)
    ]
