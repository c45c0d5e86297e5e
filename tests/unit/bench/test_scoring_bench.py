"""`mercer bench scoring`: both sides are measured in one run, and their scores are one."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mercer.bench.scoring import ScoringBench, bench_scoring
from mercer.bench.scoring_model import random_rows, ranker_text
from mercer.bench.scoring_path import made_path
from mercer.bench.scoring_turns import timed
from mercer.cli import app
from mercer.rank.trees.model_text import parse_forest
from mercer.schema.errors import ConfigError

SMALL = [
    "--candidates",
    "40",
    "--trees",
    "3",
    "--leaves",
    "4",
    "--repeats",
    "3",
    "--listings",
    "1000",
]


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
    rows = random_rows(1_200, 5, np.random.default_rng(3))
    forest = parse_forest(ranker_text(rows, n_trees=4, n_leaves=12, seed=3))
    assert [len(tree.leaf_value) for tree in forest.trees] == [12] * 4
    assert len(forest.features) == 5


def test_sides_take_turns() -> None:
    """Each round calls every side once, so that a busy moment falls on all of them."""
    calls: list[str] = []
    found = timed(
        lambda turn: calls.append(f"a{turn}"), lambda turn: calls.append(f"b{turn}"), repeats=2
    )
    assert [len(part) for part in found] == [2, 2]
    assert calls == [f"{side}{turn}" for turn in range(5) for side in "ab"]


def test_a_path_asks_as_searches_do(tmp_path: Path) -> None:
    """Every request has its candidates, no one twice, and the values of the whole default set."""
    path = made_path(tmp_path, n_listings=1_000, n_requests=2, n_candidates=30, seed=1)
    for asked in path.asked:
        assert len(np.unique(asked.candidates.rows)) == 30
        matrix = path.features(asked)
        assert matrix.dense.shape == (30, len(path.plan.names))
        known = np.isfinite(matrix.dense).any(axis=0)
        for name in ("title_bm25", "seller_rating", "listing_clicks_168h", "fp_cosine"):
            assert known[path.plan.names.index(name)], name


def test_what_cannot_be_is_refused() -> None:
    """Before anything is trained, all of it at once."""
    with pytest.raises(ConfigError, match=r"candidates is 0.*leaves is 1"):
        bench_scoring(ScoringBench(candidates=0, leaves=1))
