"""Laws of scoring trees."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.rank.trees.column import as_float32
from mercer.rank.trees.forest import ZERO
from mercer.rank.trees.scorer import TreeScorer
from mercer.schema.errors import SchemaError
from support.forest_text import NASTY, ForestShape, forest_text, nasty_rows

RNG = np.random.default_rng(11)
SCORER = TreeScorer.of_text(forest_text(ForestShape(4, (16, 1, 300, 63), (2, 6, 8, 10, 1, 4)), RNG))
ROWS = nasty_rows(400, 4, RNG)
SCORES = SCORER.score(ROWS)


@given(st.data())
def test_a_row_scores_the_same_in_any_company(data: st.DataObject) -> None:
    """Any choice of rows in any order, none included, has the scores that they have together."""
    chosen = np.array(data.draw(st.lists(st.integers(0, len(ROWS) - 1), max_size=200)), np.int64)
    assert SCORER.score(ROWS[chosen]).tobytes() == SCORES[chosen].tobytes()


def test_threads_do_not_meet() -> None:
    """Several requests at once get their own scores, and nobody's matrix is written."""
    before = ROWS.tobytes()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(SCORER.score, [ROWS] * 12))
    assert all(scores.tobytes() == SCORES.tobytes() for scores in found)
    assert ROWS.tobytes() == before


def test_strided_rows_are_the_same_rows() -> None:
    """A view of every other row is scored as its copy."""
    assert SCORER.score(ROWS[::2]).tobytes() == SCORES[::2].tobytes()


# Doubles between the largest float32 and what rounds to infinity, and below the smallest.
BEYOND = (3.4028235e38, 3.40282351e38, 3.4028236e38, 1e-46)


@given(
    st.floats(allow_nan=False) | st.sampled_from([*NASTY, *BEYOND, *(-one for one in BEYOND)]),
    st.floats(width=32, allow_nan=False)
    | st.sampled_from([np.float32(v) for v in NASTY if abs(v) < 3e38]),
)
def test_a_float32_threshold_decides_as_the_double(threshold: float, near: float) -> None:
    """x <= t as LightGBM computes it in doubles is x <= t' for every float32 x around both."""
    folded = as_float32(np.array([threshold]))[0]
    with np.errstate(all="ignore"):
        around = np.array([near, folded, np.float32(threshold)], np.float32)
        above, below = (
            np.nextafter(around, np.float32(np.inf)),
            np.nextafter(around, np.float32(-np.inf)),
        )
    for x in np.concatenate([around, above, below]):
        as_double = 0.0 if abs(float(x)) <= ZERO else float(x)
        assert (x <= folded) == (as_double <= threshold)


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 3), np.float32), np.zeros((2, 4)), np.zeros(4, np.float32)]
)
def test_another_matrix_is_refused(wrong: np.ndarray) -> None:
    """A matrix of other columns or another type raises a sentence, and nothing is scored."""
    with pytest.raises(SchemaError, match="must be"):
        SCORER.score(wrong)
