from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mercer.learn.held_out import HeldOut, log_chance_of, simplest, standard_error
from mercer.learn.report import ndcg_interval
from mercer.rank.training_set import FeatureColumns, TrainingSet, grouped


def lists_of(gains: Sequence[Sequence[float]], *, weight: Sequence[float]) -> TrainingSet:
    """Lists with these gains and one column that says nothing."""
    n = sum(len(one) for one in gains)
    made = grouped(
        columns=FeatureColumns.of_file(["nothing"]),
        features=np.zeros((n, 1), np.float32),
        gain=np.concatenate([np.array(one) for one in gains]),
        query_code=np.repeat(np.arange(len(gains)), [len(one) for one in gains]),
        query=[f"query {i}" for i in range(len(gains))],
    )
    return replace(made, weight=np.array(weight))


def test_what_is_simpler_is_kept_where_the_lead_may_be_chance() -> None:
    """A lead that one list of twenty makes is within its standard error, one of half of them is not."""
    plain = np.full(20, 0.5)
    lucky = np.where(np.arange(20) == 3, 0.9, np.where(np.arange(20) == 4, 0.4, 0.5))
    better = np.where(np.arange(20) % 2 == 0, 0.9, 0.5)
    assert simplest([plain, lucky]) == 0
    assert simplest([plain, lucky, better]) == 2
    assert simplest([better, plain]) == 0
    assert simplest([np.full(20, np.nan), plain]) == 1
    noisy = better - np.where(np.arange(20) % 2, 0.3, -0.1)  # behind by .1 with an error of .045
    n_errors = float(np.mean(better - noisy) / standard_error(better - noisy))
    assert simplest([noisy, better], errors=n_errors * 1.01) == 0
    assert simplest([noisy, better], errors=n_errors * 0.99) == 1


def test_the_chance_of_what_was_chosen_is_the_softmax_of_its_list() -> None:
    """By hand; weighted by gain within a list and by weight among lists, however high the scores are."""
    data = lists_of([[1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 3.0], [2.0]], weight=[1.0, 5.0, 3.0, 2.0])
    score = np.log(np.array([3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 4.0, 7.0])) + 1_000.0
    found = log_chance_of(data, score)
    first, third = np.log(3 / 4), (np.log(1 / 5) + 3 * np.log(4 / 5)) / 4
    assert np.isnan(found[1])
    np.testing.assert_allclose(found[[0, 2, 3]], [first / 2, third * 3 / 2, 0.0], atol=1e-12)
    score[6] = np.nan
    np.testing.assert_allclose(log_chance_of(data, score)[[0, 3]], [first / 1.5, 0.0], atol=1e-12)
    assert np.isnan(log_chance_of(data, np.full(8, np.nan))).all()


def test_an_interval_ends_where_ndcg_does() -> None:
    """Of lists that weigh very unequally as well, whose weighted values lie beyond 1."""
    few = HeldOut(np.array([0.9, 0.8, 1.0, 0.2, 1.0]), np.array([20.0, 1.0, 1.0, 1.0, 9.0]))
    assert few.per_query.max() > 1.0
    found = ndcg_interval(few, np.random.default_rng(0))
    assert 0.0 <= found["low"] <= found["ndcg"] <= found["high"] <= 1.0
    none = ndcg_interval(HeldOut(np.full(3, np.nan), np.ones(3)), np.random.default_rng(0))
    assert none["low"] is None
