"""Laws of the cascade's order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.rank.cascade import CascadeParams, reordered
from mercer.schema.errors import InputError


@given(st.lists(st.integers(-3, 3), max_size=40), st.integers(0, 40))
def test_scored_candidates_lead_and_the_rest_stay(scores: list[int], n_rest: int) -> None:
    """Falling by score, ties as they were; those without a score keep their places."""
    given_scores = np.array(scores, np.float64)
    order = reordered(len(scores) + n_rest, given_scores)
    want = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    assert order.tolist() == [*want, *range(len(scores), len(scores) + n_rest)]


@pytest.mark.parametrize("wrong", [{"candidates": 0}, {"candidates": 1_001}, {"budget_ms": 0.0}])
def test_limits_are_told(wrong: dict[str, float]) -> None:
    """What is out of range is named with what is allowed."""
    with pytest.raises(InputError, match=r"candidates must lie in 1\.\.1000"):
        CascadeParams(**wrong)  # type: ignore[arg-type]
