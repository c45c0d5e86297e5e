"""A slip of a finger in a real query costs little of what its results are worth."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mercer.app import open_market
from mercer.engines.embedded.evaluation_files import read_judgments
from mercer.evaluate.gains import GainSpec
from mercer.evaluate.misspelling import misspell, overlap_at_k
from mercer.evaluate.runs import Run
from mercer.evaluate.search import Truth, score_run
from mercer.retrieve.request import SearchRequest
from mercer.schema.mapping import JudgmentColumns

pytestmark = pytest.mark.realdata
SHARE = 0.9  # of what the clean query gives


class Search:
    """The first ten listings of a market for a query; each query is asked once."""

    def __init__(self, folder: Path) -> None:
        market = open_market(folder)
        self._ask = cache(
            lambda q: market.search(SearchRequest(q=q, per_page=10, budget_ms=10_000))
        )

    def __call__(self, q: str) -> list[str]:
        return [hit.listing_id for hit in self._ask(q).hits]


@pytest.fixture(scope="module")
def search(market_of: Callable[[str], Path]) -> Search:
    """Over the ESCI catalogue."""
    return Search(market_of("esci_us"))


def typed(queries: Sequence[str], seed: int) -> list[tuple[str, str]]:
    """The queries that have a word to mistype, with what was typed."""
    rng = np.random.default_rng(seed)
    return [(q, wrong) for q in queries if (wrong := misspell(q, rng)) is not None]


def test_ndcg_of_misspelt_esci_queries(search: Search, real_data: Callable[[str], Path]) -> None:
    """One edit in every query, drawn three times over: at least 90 % of the clean nDCG@10 is left."""
    columns = JudgmentColumns("query", "product_id", "esci_label", "query_id")
    judged = read_judgments(real_data("esci_us") / "judgments.parquet", columns)
    truth = Truth.of(judged, GainSpec.parse("E=1,S=.1,C=.01,I=0"))
    clean = {q: search(q) for q in truth.distinct_queries}
    before, after = [], []
    for seed in (1, 2, 3):
        pairs = typed(truth.distinct_queries, seed)
        assert len(pairs) >= 90
        asked = dict(pairs)
        found = {q: search(asked[q]) if q in asked else shown for q, shown in clean.items()}
        for lists, into in ((clean, before), (found, after)):
            run = Run.from_lists(list(lists), list(lists.values()))
            report = score_run(truth, run, rng=np.random.default_rng(0), n_resamples=100)
            into.append(report.values["ndcg_at_10"].mean)
    assert np.mean(after) >= SHARE * np.mean(before)


def test_results_of_misspelt_wands_queries(
    search: Search, real_data: Callable[[str], Path]
) -> None:
    """Furniture queries without labels: nine of the first ten results stay, on average."""
    queries = pq.read_table(real_data("wands_queries") / "queries.parquet")["query"].to_pylist()
    overlap = [
        overlap_at_k(search(q), search(wrong))
        for seed in (1, 2, 3)
        for q, wrong in typed(queries, seed)
        if search(q)
    ]
    assert np.mean(overlap) >= SHARE
