import numpy as np
from scipy.stats import binomtest

from mercer.metrics.share import wilson_low


def test_the_bound_is_that_of_scipy() -> None:
    """Wilson's lower end, for every share of small and large numbers of cases."""
    for n in (1, 2, 7, 100, 10_000):
        hits = np.unique(np.linspace(0, n, 8).astype(np.int64))
        found = wilson_low(hits, np.full(hits.size, n), z=1.0)
        level = 0.6826894921370859  # of a two-sided interval of one standard deviation
        wanted = [binomtest(int(k), n).proportion_ci(level, method="wilson").low for k in hits]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)
