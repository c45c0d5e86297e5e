"""What the trained encoder finds of later purchases: the numbers, and the command on a tiny market."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from mercer.bench.retrieval import compared_recall, judged_choices
from mercer.bench.traffic_market import traffic_market
from mercer.cli import app
from mercer.cli_seeds import seeds_of
from mercer.engines.embedded.training_behaviour import Behaviour
from mercer.learn.tower_wants import Asked, Done, Shown
from mercer.schema.errors import ConfigError, InputError

RUN = CliRunner()


def test_the_gain_is_relative_and_its_interval_is_over_sessions() -> None:
    """A tenth more found is a gain of 0.1; choices of one session are drawn together, so ten times
    the same session say no more than one."""
    day_one = np.array([True] * 10 + [False] * 2)
    learned = np.array([True] * 11 + [False])
    found = compared_recall(day_one, learned, np.arange(12), seed=0)
    assert found["gain"] == pytest.approx(0.1)
    assert found["low"] <= 0.1 <= found["high"]
    one = compared_recall(day_one, learned, np.zeros(12, np.int64), seed=0)
    assert one["low"] == pytest.approx(0.1) == one["high"]


def test_nothing_found_on_day_one_has_no_gain() -> None:
    """A ratio to nothing is not said."""
    found = compared_recall(np.zeros(3, bool), np.ones(3, bool), np.arange(3), seed=0)
    assert (found["gain"], found["low"], found["high"]) == (None, None, None)
    assert compared_recall(np.zeros(0, bool), np.zeros(0, bool), np.zeros(0, int), seed=0)["n"] == 0


def behaviour(*, kinds: list[str]) -> Behaviour:
    """Four pages: one before, one after in the same session, two after in a new one."""
    asked = Asked(np.array([1, 5, 6, 7]), [("mug",), ("mug",), ("mug",), ("red", "mug")])
    done = Done(np.array([0, 1, 2, 2, 3]), np.array([0, 0, 0, 0, 1]), kinds)
    nothing = Shown(np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Behaviour(asked, done, nothing, ["a", "b"], "", list("wxyz"), ["s", "s", "t", "t"])


def test_only_later_sessions_judge() -> None:
    """A session that was under way does not judge; clicked and bought on a page is one purchase."""
    listings = pa.table({"listing_id": ["b", "a"]})
    kinds = ["purchase", "purchase", "click", "purchase", "click"]
    found = judged_choices(behaviour(kinds=kinds), listings, from_ms=5)
    assert list(found.searches.words) == [("mug",), ("red", "mug")]
    assert found.searches.listing.tolist() == [1, 0]
    assert found.searches.is_purchase.tolist() == [True, False]
    assert found.is_new.tolist() == [False, True]
    assert found.session.tolist() == [0, 0]


def test_without_a_purchase_there_is_no_bench() -> None:
    """The sentence says what to do."""
    listings = pa.table({"listing_id": ["b", "a"]})
    with pytest.raises(InputError, match="--judged"):
        judged_choices(behaviour(kinds=["click"] * 5), listings, from_ms=5)


@pytest.mark.parametrize(
    ("text", "seeds"), [("1..3", (1, 2, 3)), ("4", (4,)), ("7,2", (7, 2)), ("0..0", (0,))]
)
def test_seeds_are_a_range_or_a_list(text: str, seeds: tuple[int, ...]) -> None:
    """In the order in which they are named."""
    assert seeds_of(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "3..1", "-1", "1,,2"])
def test_other_seeds_are_refused(text: str) -> None:
    """With what was got and what is allowed."""
    with pytest.raises(ConfigError, match="allowed"):
        seeds_of(text)


def test_a_tiny_market_is_measured_and_its_searches_are_kept(tmp_path: Path) -> None:
    """Both encoders are judged by every index, and the next run of those numbers asks nobody again."""
    cache = tmp_path / "cache"
    words = ["bench", "retrieval", "--listings", "300", "--searches", "260", "--judged", "200"]
    result = RUN.invoke(app, [*words, "--seeds", "3", "--cache", str(cache), "--json"])
    assert result.exit_code in (0, 1), result.output
    line = json.loads(result.stdout)
    assert line["by_seed"]["3"]["learned_from"]["choices"] >= 50
    assert line["choices"]["n"] >= line["choices_new_queries"]["n"] > 0
    assert line["purchases_hybrid"]["n"] == line["purchases"]["n"] > 0
    assert line["purchases_hybrid"]["day_one"] > 0.5, "what was bought was found by such a search"
    (kept,) = cache.iterdir()

    def nobody(n: int) -> None:
        raise AssertionError(f"search {n}")

    found = traffic_market(
        cache, n_listings=300, searches=460, seed=3, rebuild=False,
        progress=lambda step, n: None, on_search=nobody,
    )  # fmt: skip
    assert found == kept
