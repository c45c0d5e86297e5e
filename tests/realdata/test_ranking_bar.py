"""The bar of training: on LightGBM's own ranking example the ladder is no worse than its own setting."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mercer.bench.ranking import RankingBench, bench_ranking

pytestmark = pytest.mark.realdata


def test_the_ladder_is_no_worse_than_the_published_setting(
    real_data: Callable[[str], Path],
) -> None:
    """Over five folds of queries, the best rung's nDCG@10 is at least that of the published setting."""
    file = real_data("lightgbm_rank") / "train.parquet"
    line = bench_ranking(RankingBench(letor=file, repeats=1, seed=0))
    assert line["lists"] > 190
    assert line["lead"] >= 0
    assert line["is_no_worse"]
