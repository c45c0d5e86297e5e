"""Queries with what was wanted for them, from pages."""

import numpy as np
import pytest

from mercer.learn.tower_wants import Asked, Done, Shown, WantParams, wants_of
from mercer.schema.errors import ConfigError

CODES = {"blue": 0, "mug": 1}
ASKED = Asked(np.array([10, 20, 30, 40]), [("mug",), ("blue", "mug"), ("mug",), ("mug",)])
DONE = Done(np.array([0, 2, 2, 3]), np.array([7, 7, 5, 9]), ["click", "purchase", "cart", "click"])
SHOWN = Shown(np.array([0, 0, 1, 3]), np.array([7, 8, 6, 4]))


def test_a_query_has_all_that_was_wanted_for_it() -> None:
    """Gains of the same words add up over the pages of the span; the end of the span is left out."""
    found = wants_of(ASKED, DONE, None, CODES, WantParams(), from_ms=10, to_ms=40)
    assert [words.tolist() for words in found.words] == [[1]]
    assert found.listings[0].tolist() == [5, 7]
    assert found.gain[0].tolist() == [5.0, 6.0]


def test_what_was_shown_counts_a_little() -> None:
    """Each showing adds its own gain to that of choices, and a query that only showed is one too."""
    params = WantParams(shown=0.5)
    found = wants_of(ASKED, DONE, SHOWN, CODES, params, from_ms=10, to_ms=40)
    assert [words.tolist() for words in found.words] == [[0, 1], [1]]
    assert found.listings[0].tolist() == [6]
    assert found.listings[1].tolist() == [5, 7, 8]
    assert found.gain[1].tolist() == [5.0, 6.5, 0.5]


def test_an_empty_span_wants_nothing() -> None:
    """No page, no query."""
    found = wants_of(ASKED, DONE, SHOWN, CODES, WantParams(), from_ms=41, to_ms=50)
    assert (list(found.words), list(found.listings), list(found.gain)) == ([], [], [])


def test_nothing_shown_is_the_same_as_a_gain_of_none() -> None:
    """Pages without a choice are no queries where showing counts nothing."""
    params = WantParams(shown=0.0)
    with_shown = wants_of(ASKED, DONE, SHOWN, CODES, params, from_ms=10, to_ms=50)
    without = wants_of(ASKED, DONE, None, CODES, params, from_ms=10, to_ms=50)
    assert [x.tolist() for x in with_shown.listings] == [x.tolist() for x in without.listings]


def test_gains_out_of_range_are_named() -> None:
    """The sentence says what was got."""
    with pytest.raises(ConfigError, match="got -1 and 24"):
        WantParams(shown=-1.0)
