import numpy as np

from mercer.learn.held_out import HeldOut, simplest


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
