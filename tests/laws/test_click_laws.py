"""Laws of clicks: swaps whose propensities are true, curves that are found again, labels without favour."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.engines.embedded.lambdamart import LambdaMart, LambdaMartParams
from mercer.learn.held_out import compared, ndcg_of
from mercer.learn.listwise import Listwise
from mercer.learn.logistic import Logistic
from mercer.learn.relevance import LogisticRelevance
from mercer.learn.rung import Rung
from mercer.rank.click_model import EmParams, fit_clicks
from mercer.rank.examination import Examination, all_pairs, by_item, by_swaps
from mercer.rank.propensity_weight import debiased, weight_of
from mercer.rank.swap import SwapParams, draw_of, pairs_of, ranked_place, swapped
from mercer.schema.errors import InputError
from support.clicks import clicked_pages

PARAMS = st.builds(
    SwapParams,
    share=st.just(0.0) | st.floats(1e-6, 0.2),
    depth=st.integers(2, 30),
    reach=st.integers(1, 10),
)


@given(n=st.integers(0, 40), draw=st.floats(0, 1, exclude_max=True), params=PARAMS)
def test_a_swap_is_bounded(n: int, draw: float, params: SwapParams) -> None:
    """At most two listings change places, near each other and near the top; none is added or lost."""
    made = swapped(n, draw, params)
    assert sorted(made.order.tolist()) == list(range(n))
    moved = np.flatnonzero(made.order != np.arange(n))
    assert len(moved) in (0, 2)
    assert ((made.propensity > 0) & (made.propensity <= 1)).all()
    if len(moved):
        assert moved.max() < params.depth
        assert moved[1] - moved[0] <= params.reach
        assert made.pair == tuple(moved.tolist())


@given(n=st.integers(2, 12), params=PARAMS)
def test_propensities_are_true(n: int, params: SwapParams) -> None:
    """Over all draws, the share of pages on which a listing stands at a place is the propensity logged."""
    pairs = pairs_of(n, params)
    chance = np.zeros((n, n))  # [place, listing]
    logged = np.full((n, n), np.nan)
    draws = [(i + 0.5) / len(pairs) * params.share for i in range(len(pairs))]
    cases = [(draw, params.share / len(pairs)) for draw in draws if params.share > 0]
    cases.append(((1 + params.share) / 2, 1.0 - params.share))
    for draw, probability in cases:
        made = swapped(n, draw, params)
        chance[np.arange(n), made.order] += probability
        logged[np.arange(n), made.order] = made.propensity
    seen = ~np.isnan(logged)
    np.testing.assert_allclose(chance[seen], logged[seen], rtol=1e-9)


def test_a_key_fixes_its_draw() -> None:
    """The same slate swaps again in the same way, and keys spread evenly."""
    draws = np.array([draw_of(f"cursor {i}") for i in range(4_000)])
    assert draw_of("cursor 7") == draws[7]
    assert abs(np.mean(draws < 0.1) - 0.1) < 0.02


@given(seed=st.integers(0, 2**31))
def test_the_log_tells_where_listings_were_ranked(seed: int) -> None:
    """From positions and propensities alone, the order as ranked is known again."""
    rng = np.random.default_rng(seed)
    pages = [swapped(8, draw, SwapParams(share=0.2)) for draw in rng.random(5)]
    got = ranked_place(
        np.tile(np.arange(1, 9), 5),
        np.concatenate([one.propensity for one in pages]),
        np.repeat(np.arange(5), 8),
    )
    assert got.tolist() == (np.concatenate([one.order for one in pages]) + 1).tolist()


@pytest.mark.parametrize("seed", [0, 1])
def test_swaps_find_the_curve(seed: int) -> None:
    """From swaps on 2 % of 60,000 pages, every chance of a look is within 0.1 of the truth."""
    log = clicked_pages(seed=seed, n_pages=60_000, n_places=10)
    pairs = by_swaps(log.page, log.position, log.propensity, log.is_clicked, n_places=10)
    found = all_pairs(pairs, n_places=10, n_clicks=int(log.is_clicked.sum()))
    assert np.abs(found.chance - log.look).max() < 0.1


def test_listings_that_moved_find_the_curve() -> None:
    """Listings that stood at several places find the curve too, whatever their relevance."""
    rng = np.random.default_rng(0)
    look = 1.0 / np.arange(1, 9)
    item = rng.integers(0, 2_000, 100_000)
    relevance = rng.random(2_000) ** 2
    home = rng.integers(0, 8, 2_000)
    place = np.clip(home[item] + rng.integers(-2, 3, len(item)), 0, 7)
    is_clicked = rng.random(len(item)) < look[place] * relevance[item]
    pairs = by_item(item, place + 1, is_clicked, n_places=8)
    found = all_pairs(pairs, n_places=8, n_clicks=int(is_clicked.sum()))
    assert np.abs(found.chance - look).max() < 0.05


def test_the_click_model_finds_the_curve() -> None:
    """Without any swap, regression-EM finds every chance of a look within 0.1 of the truth."""
    log = clicked_pages(seed=0, n_pages=3_000, share=0.0)
    regress = LogisticRelevance(log.features[:, [0, 1, 3]])
    found = fit_clicks(log.position, log.is_clicked, regress, n_places=12)
    assert np.abs(found.chance - log.look).max() < 0.1


def test_each_step_of_em_explains_more() -> None:
    """The likelihood of the clicks under (look, relevance) never falls from one step to the next."""
    log = clicked_pages(seed=3, n_pages=500, share=0.0)
    seen: list[float] = []
    inner = LogisticRelevance(log.features[:, [0, 1, 3]], l2=0.0)

    def likelihood(steps: int) -> float:
        last = np.zeros(0)

        def regress(target: np.ndarray) -> np.ndarray:
            nonlocal last
            last = inner(target)
            return last

        inner._weights = None
        params = EmParams(max_steps=steps, tolerance=0.0)
        made = fit_clicks(log.position, log.is_clicked, regress, n_places=12, params=params)
        # The curve is relative; the best scale of the relevance is found for it.
        scales = np.linspace(0.2, 1.0, 81)[:, None]
        q = np.clip(scales * (made.chance[log.position - 1] * last)[None], 1e-9, 1 - 1e-9)
        return float(np.where(log.is_clicked, np.log(q), np.log1p(-q)).sum(axis=1).max())

    seen = [likelihood(steps) for steps in (1, 3, 10, 30)]
    assert all(b >= a - 1.0 for a, b in pairwise(seen))
    assert seen[-1] > seen[0]


RUNGS: list[Rung] = [
    Logistic(),
    Listwise(),
    LambdaMart(LambdaMartParams(n_trees=60, learning_rate=0.1, column_share=1.0, patience=30)),
]


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.name)
def test_debiased_clicks_find_the_true_order(rung: Rung) -> None:
    """Learned from clicks over propensities, the true order is found better than from raw clicks.

    The propensities are those that the swaps of the same log give, not the true ones.
    """
    log = clicked_pages(seed=0, n_pages=5_000, share=0.05)
    pairs = by_swaps(log.page, log.position, log.propensity, log.is_clicked, n_places=12)
    seen = all_pairs(pairs, n_places=12, n_clicks=int(log.is_clicked.sum()))
    raw = log.lists()
    free = debiased(raw, seen, k=10)
    fresh = clicked_pages(seed=100, n_pages=400)
    truth = fresh.lists(fresh.relevance)
    fold = (np.arange(5_000) >= 4_000).astype(np.int64)

    def quality(data):
        trained = rung.train(data, fold, seed=0)
        return ndcg_of(truth, trained.scorer.score(truth.features), k=10)

    test = compared(quality(free), quality(raw), np.random.default_rng(0))
    assert test.difference.low > 0


@given(max_weight=st.floats(1.0, 50.0), deep=st.integers(1, 100))
def test_weights_are_clipped(max_weight: float, deep: int) -> None:
    """No weight is above the bound or below 1 for a falling curve, and deeper is never less."""
    seen = Examination(1.0 / np.arange(1, 21), 100, 0)
    position = np.array([1, deep, deep + 1])
    weight = weight_of(position, seen, max_weight=max_weight)
    assert (weight >= 1.0).all()
    assert (weight <= max_weight).all()
    assert weight[1] <= weight[2]


def test_the_weighted_mean_is_a_mean_of_dcg() -> None:
    """With the weights of a debiased set, the mean of nDCG is the mean DCG over the mean ideal DCG."""
    log = clicked_pages(seed=0, n_pages=300)
    free = debiased(log.lists(), Examination(log.look, 1, 0), k=10)
    score = log.features[:, 0].astype(np.float64)
    held = ndcg_of(free, score, k=10)
    discount = 1.0 / np.log2(np.arange(12) + 2.0)
    discount[10:] = 0.0
    gain = free.gain.reshape(300, 12)
    order = np.argsort(-score.reshape(300, 12), axis=1)
    dcg = (np.take_along_axis(gain, order, axis=1) * discount).sum()
    ideal = (-np.sort(-gain, axis=1) * discount).sum()
    assert held.mean == pytest.approx(dcg / ideal)


def test_nothing_to_compare_is_told() -> None:
    """A log without swaps says that no places can be compared, and what to do."""
    log = clicked_pages(seed=0, n_pages=50, share=0.0)
    pairs = by_swaps(log.page, log.position, log.propensity, log.is_clicked, n_places=12)
    with pytest.raises(InputError, match="no two places can be compared"):
        all_pairs(pairs, n_places=12, n_clicks=1)


def test_a_share_beyond_reason_is_refused() -> None:
    """More than a fifth of the pages is no exception any more."""
    with pytest.raises(InputError, match=r"share must be 0 or lie in 1e-06\.\.0\.2"):
        replace(SwapParams(), share=0.5)
