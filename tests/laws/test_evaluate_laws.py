"""Laws of reports over random judgments and runs, against a plain twin."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.evaluate.gains import GainSpec
from mercer.evaluate.judgments import Judgments
from mercer.evaluate.runs import Run
from mercer.evaluate.search import SearchReport, Truth, score_run
from mercer.schema.errors import InputError

LISTINGS = [f"l{i}" for i in range(8)]
GAINS = GainSpec.parse("exp")

graded = st.dictionaries(st.sampled_from(LISTINGS), st.integers(0, 3), min_size=1)
boards = st.dictionaries(st.sampled_from("abcdef"), graded, min_size=1)
pages = st.lists(st.sampled_from([*LISTINGS, "new1", "new2"]), unique=True)


def truth_of(board: dict[str, dict[str, int]], seed: int = 0) -> Truth | None:
    """The truth of shuffled rows; None where nothing can be measured."""
    rows = [(q, listing, grade) for q, one in board.items() for listing, grade in one.items()]
    order = np.random.default_rng(seed).permutation(len(rows))
    names = ("query", "listing_id", "grade")
    table = pa.Table.from_pylist([dict(zip(names, rows[i], strict=True)) for i in order])
    try:
        return Truth.of(Judgments.from_table(table), GAINS)
    except InputError:
        return None


def report(truth: Truth, shown: dict[str, list[str]]) -> SearchReport:
    run = Run.from_lists(list(shown), list(shown.values()))
    return score_run(truth, run, rng=np.random.default_rng(0), n_resamples=100)


def twin(one: dict[str, int], page: list[str], top: int) -> tuple[float, float, float]:
    """nDCG@10, recall@100 and reciprocal rank of one query in plain Python."""
    gain = [2.0 ** one.get(listing, 0) - 1 for listing in page]
    ideal = sorted((2.0**grade - 1 for grade in one.values()), reverse=True)
    dcg = sum(g / math.log2(i + 2) for i, g in enumerate(gain[:10]))
    best = sum(g / math.log2(i + 2) for i, g in enumerate(ideal[:10]))
    tops = {listing for listing, grade in one.items() if grade == top}
    recall = len(tops & set(page[:100])) / len(tops) if tops else math.nan
    rr = next((1 / (i + 1) for i, g in enumerate(gain) if g > 0), 0.0)
    return dcg / best, recall, rr


@settings(max_examples=60)
@given(board=boards, data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_report_is_its_plain_twin(
    board: dict[str, dict[str, int]], data: st.DataObject, seed: int
) -> None:
    """Whatever the order of the rows: values per query, means, and who is left out."""
    truth = truth_of(board, seed)
    relevant = {query for query, one in board.items() if max(one.values()) > 0}
    if truth is None:
        assert not relevant
        return
    assert set(truth.query) == relevant
    assert truth.n_left_out == len(board) - len(relevant)
    shown = {query: data.draw(pages) for query in board}
    got = report(truth, shown)
    top = max(grade for one in board.values() for grade in one.values())
    expected = np.array([twin(board[query], shown[query], top) for query in truth.query])
    for column, values in zip(
        ("ndcg_at_10", "recall_at_100", "reciprocal_rank"), expected.T, strict=True
    ):
        np.testing.assert_allclose(got.per_query[column].to_numpy(), values, atol=1e-12)
    assert got.values["mrr"].mean == pytest.approx(expected[:, 2].mean())
    for value in got.values.values():
        assert (
            value.n == 0 or 0 <= value.low <= value.mean + 1e-12 <= value.high + 2e-12 <= 1 + 3e-12
        )


@settings(max_examples=60)
@given(one=graded, page=pages.filter(bool), data=st.data())
def test_equal_gains_may_change_places(
    one: dict[str, int], page: list[str], data: st.DataObject
) -> None:
    """Two results of equal gain (also two unjudged ones) may be swapped: no bit changes."""
    truth = truth_of({"q": one})
    if truth is None:
        return
    gain = [one.get(listing, 0) for listing in page]
    i = data.draw(st.integers(0, len(page) - 1))
    j = data.draw(st.sampled_from([k for k, g in enumerate(gain) if g == gain[i]]))
    swapped = page.copy()
    swapped[i], swapped[j] = page[j], page[i]
    before, after = (report(truth, {"q": shown}).per_query for shown in (page, swapped))
    for column in ("ndcg_at_10", "recall_at_100", "reciprocal_rank"):
        np.testing.assert_array_equal(before[column].to_numpy(), after[column].to_numpy())


@settings(max_examples=40)
@given(board=boards, data=st.data())
def test_a_query_is_measured_alone_as_among_others(
    board: dict[str, dict[str, int]], data: st.DataObject
) -> None:
    """Other queries change no bit of a query's numbers, given the same scale of grades."""
    truth = truth_of(board)
    if truth is None:
        return
    shown = {query: data.draw(pages) for query in board}
    together = report(truth, shown).per_query.drop_columns(["recall_at_100", "n_top_grade"])
    for i, query in enumerate(truth.query):
        alone = truth_of({query: board[query]})
        assert alone is not None
        row = report(alone, shown).per_query.drop_columns(["recall_at_100", "n_top_grade"])
        assert str(row.to_pylist()) == str(together.slice(i, 1).to_pylist())
