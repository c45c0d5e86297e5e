"""Laws of contributions, whatever the kind of model."""

import numpy as np
import pytest

from mercer.bench.scoring_model import random_rows, ranker_text
from mercer.rank.contribution import contributing
from mercer.rank.linear import LinearScorer
from mercer.rank.scorer import Scorer
from mercer.rank.trees.scorer import TreeScorer


def _linear(n: int) -> LinearScorer:
    rng = np.random.default_rng(0)
    lists = [tuple(rng.normal(size=n).tolist()) for _ in range(3)]
    return LinearScorer(tuple(f"f{i}" for i in range(n)), *lists, bias=0.25)


def _trees(n: int) -> TreeScorer:
    rows = random_rows(2_000, n, np.random.default_rng(1))
    return TreeScorer.of_text(ranker_text(rows, n_trees=5, n_leaves=15, seed=1))


@pytest.mark.parametrize("scorer", [_linear(8), _trees(8)], ids=["linear", "trees"])
def test_the_base_and_the_contributions_sum_to_the_score(scorer: Scorer) -> None:
    """Within 1e-9, missing and infinite values included."""
    rows = random_rows(40, 8, np.random.default_rng(2))
    rows[0], rows[1, ::2], rows[2, 1] = np.nan, np.inf, -np.inf
    division = contributing(scorer)
    assert division is not None
    sums = division.expected + division.of_rows(rows).sum(axis=1)
    np.testing.assert_allclose(sums, scorer.score(rows), rtol=1e-9, atol=1e-9)


def test_of_another_kind_of_model_nothing_is_said() -> None:
    """Its inside is not known."""

    class Other:
        features = ("a",)

        def score(self, matrix: np.ndarray) -> np.ndarray:
            return matrix[:, 0].astype(np.float64)

    assert contributing(Other()) is None
