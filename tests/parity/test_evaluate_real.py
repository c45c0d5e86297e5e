"""The evaluator on real judgments, against what their publishers and ir-measures say."""

from collections.abc import Callable
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from ir_measures import RR, R, nDCG

from mercer.engines.embedded.evaluation_files import read_judgments
from mercer.evaluate.gains import GainSpec
from mercer.evaluate.judgments import Judgments
from mercer.evaluate.runs import Run
from mercer.evaluate.search import Truth, score_run
from mercer.schema.mapping import JudgmentColumns

pytestmark = pytest.mark.realdata
ESCI = {"E": 1.0, "S": 0.1, "C": 0.01, "I": 0.0}


def shuffled(judged: Judgments, seed: int) -> Run:
    """Each query's judged listings in random order."""
    rng, ids = np.random.default_rng(seed), np.array(judged.listing_id.to_pylist())
    lists = [
        rng.permutation(ids[a:b]).tolist()
        for a, b in zip(judged.offsets[:-1], judged.offsets[1:], strict=True)
    ]
    return Run.from_lists(judged.query, lists)


@pytest.fixture
def esci(real_data: Callable[[str], Path]) -> Judgments:
    columns = JudgmentColumns("query", "product_id", "esci_label", "query_id")
    return read_judgments(real_data("esci_us") / "judgments.parquet", columns)


def test_random_order_of_esci_scores_what_it_must(esci: Judgments) -> None:
    """Judged lists in random order: the expected nDCG@10 by formula, and the published draw of 0.540.

    A random order has the mean gain at every position, so the expectation needs no drawing.
    """
    truth = Truth.of(esci, GainSpec("table", ESCI))
    assert len(truth.query) == 94
    discount = 1 / np.log2(np.arange(10) + 2)
    lists = [truth.gain[a:b] for a, b in zip(truth.offsets[:-1], truth.offsets[1:], strict=True)]
    expected = np.mean(
        [
            one.mean()
            * discount[: one.size].sum()
            / (np.sort(one)[::-1][:10] @ discount[: one.size])
            for one in lists
        ]
    )
    drawn = [
        score_run(truth, shuffled(esci, seed), rng=np.random.default_rng(0), n_resamples=100)
        for seed in range(16)
    ]
    values = np.array([one.values["ndcg_at_10"].mean for one in drawn])
    spread = values.std(ddof=1)
    assert values.mean() == pytest.approx(expected, abs=4 * spread / 16**0.5)
    assert expected == pytest.approx(0.540, abs=3 * spread)


def test_esci_is_measured_as_ir_measures_does(esci: Judgments) -> None:
    """Same nDCG@10, recall@100 of E, and reciprocal rank for each of the real queries."""
    run = shuffled(esci, 1).cut(depth=20)
    got = score_run(Truth.of(esci, GainSpec("table", ESCI)), run, rng=np.random.default_rng(0))
    grade = {"E": 3, "S": 2, "C": 1, "I": 0}
    ids, labels = esci.listing_id.to_pylist(), esci.grade.to_pylist()
    shown = run.listing_id.to_pylist()
    qrels, ranked = {}, {}
    for i, query in enumerate(esci.query):
        a, b = esci.offsets[i : i + 2]
        qrels[query] = {x: grade[y] for x, y in zip(ids[a:b], labels[a:b], strict=True)}
        a, b = run.offsets[i : i + 2]
        ranked[query] = {x: -float(rank) for rank, x in enumerate(shown[a:b])}
    # trec_eval's gains are whole numbers; a hundredfold gain changes no nDCG.
    gains = {grade[label]: int(gain * 100) for label, gain in ESCI.items()}
    for measure, column in (
        (nDCG(gains=gains) @ 10, "ndcg_at_10"),
        (R(rel=3) @ 100, "recall_at_100"),
        (RR(rel=1), "reciprocal_rank"),
    ):
        said = {one.query_id: one.value for one in ir_measures.iter_calc([measure], qrels, ranked)}
        expected = [said[query] for query in got.per_query["query"].to_pylist()]
        np.testing.assert_allclose(got.per_query[column].to_numpy(), expected, atol=1e-12)


def test_icecat_leaves_out_the_queries_that_have_no_answer(
    real_data: Callable[[str], Path],
) -> None:
    """8 of the 87 queries have no relevant product; grades are numbers, the top is 3."""
    columns = JudgmentColumns("query", "product_id", "grade")
    judged = read_judgments(real_data("icecat_chorus") / "judgments.parquet", columns)
    truth = Truth.of(judged, GainSpec.parse("exp"))
    assert (len(truth.query), truth.n_left_out, truth.top_grades) == (79, 8, ("3",))
