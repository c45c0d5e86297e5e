"""The report of a run: hand-worked values, who is left out, and paired comparisons."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from mercer.evaluate.gains import GainSpec
from mercer.evaluate.judgments import Judgments
from mercer.evaluate.runs import Run
from mercer.evaluate.search import Truth, compare, evaluate_run, score_run
from mercer.schema.errors import InputError

ESCI = GainSpec.parse("E=1,S=.1,C=.01,I=0")


def judgments(*rows: tuple[str, str, str]) -> Judgments:
    return Judgments.from_table(pa.table(dict(zip(
        ("query", "listing_id", "grade"), map(list, zip(*rows, strict=True)), strict=True
    ))))  # fmt: skip


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_unjudged_counts_0_and_the_ideal_is_over_all_judged() -> None:
    """A page of one unjudged and one of two exact listings, of which the other is not shown."""
    judged = judgments(("q", "a", "E"), ("q", "b", "E"), ("q", "c", "I"))
    got = evaluate_run(judged, ESCI, lambda texts: [["new", "a"]], rng=rng())
    discount = 1 / np.log2(3)
    assert got.values["ndcg_at_10"].mean == pytest.approx(discount / (1 + discount))
    assert got.values["recall_at_100"].mean == 0.5
    assert got.values["mrr"].mean == 0.5
    assert got.values["judged_at_10"].mean == 0.5
    assert got.to_dict()["zero_result_rate"] == 0


def test_queries_without_a_relevant_listing_are_left_out_and_counted() -> None:
    """They are not even asked; the means are over the others."""
    asked: list[str] = []

    def search(texts: Sequence[str]) -> list[list[str]]:
        asked.extend(texts)
        return [["a"] for _ in texts]

    judged = judgments(("none", "a", "I"), ("q", "a", "E"), ("also none", "b", "I"))
    got = evaluate_run(judged, ESCI, search, rng=rng())
    assert asked == ["q"]
    assert (got.queries, got.queries_left_out) == (1, 2)
    assert got.values["ndcg_at_10"].mean == 1


def test_recall_is_of_the_top_grade_only() -> None:
    """Substitutes do not help recall, and a query without an exact listing has none."""
    judged = judgments(
        ("q", "a", "E"),
        ("q", "b", "S"),
        ("only substitutes", "b", "S"),
        ("only substitutes", "c", "I"),
    )
    got = evaluate_run(judged, ESCI, lambda texts: [["b"] for _ in texts], rng=rng())
    assert got.per_query["recall_at_100"].to_numpy()[0] == 0
    assert np.isnan(got.per_query["recall_at_100"].to_numpy()[1])
    assert got.values["recall_at_100"].n == 1
    told = got.to_dict()
    assert (told["recall_at_100"], told["queries_without_top_grade"]) == (0, 1)
    assert told["mrr"] == 1  # relevant is any gain above 0


def test_recall_nobody_can_measure_is_null() -> None:
    """No listing of the top grade anywhere: recall is null, never 0 and never NaN in JSON."""
    got = evaluate_run(judgments(("q", "a", "S")), ESCI, lambda texts: [["a"]], rng=rng()).to_dict()
    assert got["recall_at_100"] is None
    assert got["recall_at_100_ci95"] == [None, None]


def test_only_the_first_hundred_results_count() -> None:
    """The 100th result counts, the 101st does not, however deep a saved run is."""
    judged = judgments(("q", "a", "E"))
    for place, seen in ((99, 1.0), (100, 0.0)):
        page = [f"x{i}" for i in range(place)] + ["a"] + [f"y{i}" for i in range(50)]
        got = evaluate_run(judged, ESCI, lambda texts, page=page: [page], rng=rng())
        assert got.values["recall_at_100"].mean == seen
        assert got.values["mrr"].mean == pytest.approx(seen / 100)


def test_a_listing_judged_for_another_query_is_unjudged_here() -> None:
    """Judgments belong to the pair, not to the listing."""
    judged = judgments(("q", "a", "E"), ("r", "b", "E"))
    got = evaluate_run(judged, ESCI, lambda texts: [["b"], ["a"]], rng=rng())
    assert got.values["ndcg_at_10"].mean == 0
    assert got.values["judged_at_10"].mean == 0


def test_the_limit_keeps_the_scale_of_all_judgments() -> None:
    """The first queries only, but the top grade stays the best grade of the whole file."""
    judged = judgments(("q", "a", "2"), ("r", "b", "3"), ("s", "b", "3"))
    truth = Truth.of(judged, GainSpec.parse("linear"), limit=1)
    assert truth.query == ("q",)
    assert truth.top_grades == ("3",)
    assert truth.is_top.tolist() == [0]
    with pytest.raises(InputError, match="limit must be at least 1 query, got 0"):
        Truth.of(judged, GainSpec.parse("linear"), limit=0)


def test_nothing_relevant_at_all_is_an_error() -> None:
    """No query can be measured: said with the gains that were used, not reported as NaN."""
    with pytest.raises(InputError, match="none of 2 queries"):
        Truth.of(judgments(("q", "a", "I"), ("r", "a", "I")), ESCI)


def test_a_listing_shown_twice_is_refused() -> None:
    """A page that repeats its best listing cannot win by it."""
    with pytest.raises(InputError, match="'q' shows listing 'a' twice"):
        evaluate_run(judgments(("q", "a", "E")), ESCI, lambda texts: [["a", "a"]], rng=rng())


def test_two_ids_of_one_text_share_the_answer() -> None:
    """A text is searched for once; each query id is measured against its own judgments."""
    rows = pa.table(
        {"query_id": ["1", "2"], "query": ["q", "q"], "listing_id": ["a", "b"], "grade": ["E", "E"]}
    )
    asked: list[Sequence[str]] = []

    def search(texts: Sequence[str]) -> list[list[str]]:
        asked.append(texts)
        return [["a"]]

    got = evaluate_run(Judgments.from_table(rows), ESCI, search, rng=rng())
    assert asked == [("q",)]
    assert got.per_query["ndcg_at_10"].to_pylist() == [1, 0]
    assert got.per_query["query_id"].to_pylist() == ["1", "2"]


def test_compare_pairs_query_by_query_and_knows_which_way_is_better() -> None:
    """This minus the other; for the zero-result rate lower is better."""
    judged = judgments(*((f"q{i}", "a", "E") for i in range(8)))
    truth = Truth.of(judged, ESCI)
    texts = truth.distinct_queries
    good = score_run(truth, Run.from_lists(texts, [["a"]] * 8), rng=rng())
    bad = score_run(truth, Run.from_lists(texts, [[]] * 8), rng=rng())
    told = compare(good, bad, rng=rng()).to_dict()
    assert told["ndcg_at_10"]["difference"] == 1
    assert told["ndcg_at_10"]["p_better"] == 1 / 2**8
    assert told["zero_result_rate"]["difference"] == -1
    assert told["zero_result_rate"]["p_better"] == 1 / 2**8
    assert told["zero_result_rate"]["p_worse"] == 1
    assert told["judged_at_10"]["queries"] == 0  # nothing was shown: no share to compare
    assert told["judged_at_10"]["p_two_sided"] is None


def test_compare_refuses_reports_that_do_not_pair() -> None:
    """Other queries or other gains: the difference would mean nothing."""
    one = evaluate_run(judgments(("q", "a", "E")), ESCI, lambda texts: [["a"]], rng=rng())
    other = evaluate_run(judgments(("r", "a", "E")), ESCI, lambda texts: [["a"]], rng=rng())
    with pytest.raises(InputError, match="same judgments with the same gains"):
        compare(one, other, rng=rng())


def test_worst_lists_the_lowest_first() -> None:
    """Lowest nDCG first; among equals the one judged first."""
    judged = judgments(*((q, "a", "E") for q in "wxyz"))
    pages = {"w": ["a"], "x": [], "y": ["b", "a"], "z": []}
    got = evaluate_run(judged, ESCI, lambda texts: [pages[t] for t in texts], rng=rng())
    assert got.worst(3)["query"].to_pylist() == ["x", "z", "y"]
    assert got.worst(99).num_rows == 4
