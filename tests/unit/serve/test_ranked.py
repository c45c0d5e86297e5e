"""Laws of the stages after the first pass: what fails is left out, and the page is served."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mercer.engines.embedded.counters.reader import CounterView
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.ranking.ranking import Ranking
from mercer.engines.embedded.scorer.time_budget import BudgetedScorer
from mercer.features.counter_decay import HalfLives
from mercer.rank.cascade import CascadeParams
from mercer.rank.scorer import F32s, F64s, PromptScorer
from mercer.rank.swap import SwapParams
from mercer.retrieve.request import SearchRequest, SearchResponse
from mercer.serve.embedded_market import EmbeddedMarket
from mercer.serve.search.ranked import RankStage
from mercer.serve.search.search import SearchService
from mercer.serve.search.stages import SearchParams, head_of, matched, swapped_head
from mercer.serve.search.stopwatch import Stopwatch
from support.ranker_kit import plan_of_market, promote_ranker, ranker
from support.small_market import small_market

QUERY = SearchRequest(q="ring", budget_ms=60_000.0)
HALF_LIVES = HalfLives(tuple(hours * 3_600_000 for hours in (1, 24, 168, 720)))
PARAMS = CascadeParams(budget_ms=60_000.0)


@dataclass(frozen=True)
class Scores:
    """A scorer made of a function."""

    features: tuple[str, ...]
    score: Callable[[F32s], F64s]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedMarket, Ranking]]:
    """A market, and what ranks it."""
    path: Path = tmp_path_factory.mktemp("stages") / "market"
    with small_market(path, n_listings=300, seed=2) as market:
        plan = plan_of_market(MarketFolder(path))
        promote_ranker(path, ranker(plan, {"price_log": -1.0}))
        market.follow_models()
        watch = market._parts.ranker
        assert watch is not None
        assert watch.ranking is not None
        yield market, watch.ranking


def answered(
    served: tuple[EmbeddedMarket, Ranking],
    ranking: Ranking | None,
    *,
    params: CascadeParams = PARAMS,
    counters: Callable[[], CounterView] = lambda: CounterView(None, HALF_LIVES),
    **more: Any,
) -> SearchResponse:
    stage = RankStage(lambda: ranking, params, counters=counters)
    index = served[0]._parts.follower.index
    service = SearchService(index, SearchParams(), ranker=stage, **more)
    return service.search(QUERY)


def order(response: SearchResponse) -> list[str]:
    return [hit.listing_id for hit in response.hits]


def scoring(ranking: Ranking, score: Callable[[F32s], F64s]) -> Ranking:
    return replace(ranking, attempt=PromptScorer(Scores(ranking.plan.names, score)))


def raising(matrix: F32s) -> F64s:
    raise ZeroDivisionError("by design")


@pytest.mark.parametrize(
    ("score", "word"),
    [
        (raising, "raised ZeroDivisionError: by design"),
        (lambda matrix: np.zeros(len(matrix) + 1), "scores of shape"),
        (lambda matrix: np.full(len(matrix), np.nan), "not finite"),
        (lambda matrix: np.zeros(len(matrix), np.float32), "float32"),
    ],
)
def test_a_scorer_that_fails_is_left_out(
    served: tuple[EmbeddedMarket, Ranking], score: Callable[[F32s], F64s], word: str
) -> None:
    """The page is in the order of the first pass, and says what the model did."""
    broken = answered(served, scoring(served[1], score))
    assert order(broken) == order(answered(served, None))
    assert any(one.startswith("trees: ") and word in one for one in broken.degraded)


def test_features_that_fail_are_left_out(served: tuple[EmbeddedMarket, Ranking]) -> None:
    """Whatever they raise, the page is in the order of the first pass, has no values, and says why."""

    def broken() -> CounterView:
        raise OSError("by design")

    response = answered(served, served[1], counters=broken)
    assert order(response) == order(answered(served, None))
    assert any(
        one == "features: the features raised OSError: by design" for one in response.degraded
    )


def test_a_scorer_that_overruns_is_left_behind(served: tuple[EmbeddedMarket, Ranking]) -> None:
    """It is waited for no longer than its budget."""

    def slow(matrix: F32s) -> F64s:
        time.sleep(0.3)
        return np.zeros(len(matrix))

    late = BudgetedScorer(Scores(served[1].plan.names, slow), budget_ms=1.0)
    response = answered(served, replace(served[1], attempt=late))
    assert order(response) == order(answered(served, None))
    assert any("took longer than its 1 ms" in one for one in response.degraded)


def test_a_stage_without_time_is_left_out(served: tuple[EmbeddedMarket, Ranking]) -> None:
    """Features that used the stage's budget up leave the model out."""
    response = answered(served, served[1], params=CascadeParams(budget_ms=1e-6))
    assert order(response) == order(answered(served, None))
    assert any(one.startswith("trees: the time budget of the stage") for one in response.degraded)


def test_ties_stay_in_the_order_of_the_first_pass(served: tuple[EmbeddedMarket, Ranking]) -> None:
    """A model that knows nothing changes nothing."""
    same = answered(served, scoring(served[1], lambda matrix: np.zeros(len(matrix))))
    assert order(same) == order(answered(served, None))


def test_only_the_best_candidates_are_scored(served: tuple[EmbeddedMarket, Ranking]) -> None:
    """The rest follow as the first pass left them, and none is lost or comes twice."""
    plain = order(answered(served, None))
    few = order(answered(served, served[1], params=replace(PARAMS, candidates=5)))
    assert few[5:] == plain[5:]
    assert sorted(few[:5]) == sorted(plain[:5])
    assert order(answered(served, served[1]))[:5] != few[:5] or len(plain) <= 5


def test_an_index_without_the_columns_says_so(served: tuple[EmbeddedMarket, Ranking]) -> None:
    """A plan whose columns are not beside every part is not used at all."""
    market, ranking = served
    index = market._parts.follower.index
    base = index.makers
    index.forget(ranking.columns.hash)
    try:
        response = answered(served, ranking)
        assert order(response) == order(answered(served, None))
        assert any(
            one.startswith("features: the index has no columns") for one in response.degraded
        )
    finally:
        for maker in base:
            assert index.learn(maker)
    assert order(answered(served, ranking)) != order(response)


def test_a_swap_is_drawn_by_the_page_and_told(served: tuple[EmbeddedMarket, Ranking]) -> None:
    """One swap of near places at most; the same page draws the same; propensities are those of all."""
    index = served[0]._parts.follower.index
    params, swaps = SearchParams(), SwapParams(share=0.2, depth=4, reach=2)
    snapshot = index.snapshot()
    found = matched(QUERY, snapshot, params, watch=Stopwatch())
    head = head_of(QUERY, snapshot, params, found)
    plain = head.row.tolist()
    n_swapped = 0
    for i in range(200):
        page_id = f"page-{i}"
        moved, chance = swapped_head(head, page_id, n_places=8, params=swaps)
        again, _ = swapped_head(head, page_id, n_places=8, params=swaps)
        assert moved.row.tolist() == again.row.tolist()
        changed = [at for at, row in enumerate(moved.row.tolist()) if row != plain[at]]
        assert sorted(moved.row.tolist()) == sorted(plain)
        assert changed == [] or (len(changed) == 2 and changed[1] - changed[0] <= 2)
        assert all(at < 4 for at in changed)
        assert len(chance) == min(8, len(plain))
        assert (chance[changed] < 0.5).all()
        n_swapped += bool(changed)
    assert 15 <= n_swapped <= 65  # 40 expected of 200
