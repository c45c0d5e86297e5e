"""`mercer bench scoring`: both sides are measured in one run, and their scores are one."""

import json

import pytest
from typer.testing import CliRunner

from mercer.bench.scoring import ScoringBench, bench_scoring
from mercer.bench.scoring_model import ranker_text
from mercer.bench.scoring_turns import in_turns
from mercer.cli import app
from mercer.rank.trees.model_text import parse_forest
from mercer.schema.errors import ConfigError

SMALL = ["--candidates", "40", "--trees", "3", "--leaves", "4", "--repeats", "3"]


def test_the_command_prints_one_line() -> None:
    """With the keys that the documents name, and no difference."""
    done = CliRunner().invoke(app, ["bench", "scoring", *SMALL, "--json"])
    assert done.exit_code == 0, done.output
    line = json.loads(done.stdout)
    assert line["max_abs_diff"] == 0
    assert line["trees"] == 3
    assert min(line[key] for key in ("lightgbm_ms", "mercer_ms", "path_candidates_per_s_core")) > 0


def test_the_forest_has_the_shape_that_was_asked() -> None:
    """As many trees, each of as many leaves."""
    forest = parse_forest(ranker_text(n_features=5, n_trees=4, n_leaves=12, seed=3))
    assert [len(tree.leaf_value) for tree in forest.trees] == [12] * 4
    assert len(forest.features) == 5


def test_sides_take_turns() -> None:
    """Each round calls every side once, so that a busy moment falls on all of them."""
    calls: list[str] = []
    found = in_turns(lambda: calls.append("a"), lambda: calls.append("b"), repeats=2)
    assert len(found) == 2
    assert "".join(calls) == "ab" * 5


def test_what_cannot_be_is_refused() -> None:
    """Before anything is trained, all of it at once."""
    with pytest.raises(ConfigError, match=r"candidates is 0.*leaves is 1"):
        bench_scoring(ScoringBench(candidates=0, leaves=1))
