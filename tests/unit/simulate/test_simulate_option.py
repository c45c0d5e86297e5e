"""Weighted choices as tables."""

import numpy as np
import pytest

from mercer.simulate.option import NONE, option_table, parse_options


@pytest.mark.parametrize("n_contexts", [1, 3])
def test_a_table_draws_like_a_loop(n_contexts: int) -> None:
    """The value drawn is the first whose cumulative share exceeds u, in long and short tables."""
    rng = np.random.default_rng(2)
    rows = [
        [(value, float(weight)) for value, weight in enumerate(rng.random(5 + c) + 0.01)]
        for c in range(n_contexts)
    ]
    context, u = rng.integers(0, n_contexts, 500), rng.random(500)
    drawn = option_table(rows).draw(context, u)
    for c, x, value in zip(context, u, drawn, strict=True):
        weights = [w for _, w in rows[c]]
        upto = [sum(weights[: k + 1]) / sum(weights) for k in range(len(weights))]
        assert value == next(k for k, share in enumerate(upto) if x < share)


def test_no_options_is_no_value() -> None:
    """An empty row draws NONE; `none` in the written form is NONE too."""
    assert (
        option_table([[]]).draw(np.zeros(3, int), np.array([0.0, 0.5, 0.999])).tolist()
        == [NONE] * 3
    )
    assert parse_options("b_c*2 none a", ["a", "b c"]) == [(1, 2.0), (NONE, 1.0), (0, 1.0)]
