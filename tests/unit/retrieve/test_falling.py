"""The order of scores."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mercer.retrieve.falling import falling_order

TINY = float(np.float32(1e-45))  # the smallest above 0
SCORES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, float("inf"), float("-inf"), TINY]),
    st.floats(width=32, allow_nan=False),
)


@given(st.lists(SCORES, max_size=60))
def test_highest_first_of_equals_the_earlier(scores: list[float]) -> None:
    """As a stable sort by the negative score, for all signs, infinities and both zeros."""
    want = sorted(range(len(scores)), key=lambda i: -scores[i])
    assert falling_order(np.array(scores, np.float32)).tolist() == want
