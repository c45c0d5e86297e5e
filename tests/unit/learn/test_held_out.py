import numpy as np

from mercer.learn.held_out import HeldOut, simplest
from mercer.learn.report import ndcg_interval


def test_what_is_simpler_is_kept_where_the_lead_may_be_chance() -> None:
    """A lead that one list of twenty makes is within its standard error, one of half of them is not."""
    ones = np.ones(20)
    plain = HeldOut(np.full(20, 0.5), ones)
    lucky = HeldOut(np.where(np.arange(20) == 3, 0.9, np.where(np.arange(20) == 4, 0.4, 0.5)), ones)
    better = HeldOut(np.where(np.arange(20) % 2 == 0, 0.9, 0.5), ones)
    assert simplest([plain, lucky]) == 0
    assert simplest([plain, lucky, better]) == 2
    assert simplest([better, plain]) == 0
    assert simplest([HeldOut(np.full(20, np.nan), ones), plain]) == 1


def test_an_interval_ends_where_ndcg_does() -> None:
    """Of lists that weigh very unequally as well, whose weighted values lie beyond 1."""
    few = HeldOut(np.array([0.9, 0.8, 1.0, 0.2, 1.0]), np.array([20.0, 1.0, 1.0, 1.0, 9.0]))
    assert few.per_query.max() > 1.0
    found = ndcg_interval(few, np.random.default_rng(0))
    assert 0.0 <= found["low"] <= found["ndcg"] <= found["high"] <= 1.0
    none = ndcg_interval(HeldOut(np.full(3, np.nan), np.ones(3)), np.random.default_rng(0))
    assert none["low"] is None
