"""`mercer bench features`: all sides are measured in one run, and their numbers are one."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mercer.bench.feature_rivals import measure
from mercer.bench.feature_rows import PER_QUERY, make_rows
from mercer.bench.feature_sets import fifty, hundred
from mercer.bench.features import RIVALS, FeaturesBench, bench_features
from mercer.cli import app
from mercer.features.graph import build_graph
from mercer.features.registry import registry
from mercer.schema.errors import ConfigError

SMALL = [
    "--rows", "96", "--listings", "60", "--rival-rows", "48", "--candidates", "20",
    "--requests", "3", "--threads", "1",
]  # fmt: skip


def test_the_command_prints_one_line() -> None:
    """With the keys that the documents name; batch and request are equal in every bit."""
    done = CliRunner().invoke(app, ["bench", "features", *SMALL, "--json"])
    assert done.exit_code == 0, done.output
    line = json.loads(done.stdout)
    assert line["bit_equal"] is True
    assert set(line["request_600x100_ms"]) == {"p50", "p99"}
    assert min(line[key] for key in ("rows_per_s", "vs_sklearn", "vs_polars", "vs_pandas")) > 0
    assert (line["columns"], line["request_columns"]) == (50, 100)


def test_the_sets_have_as_many_columns_as_they_say() -> None:
    """50 and 100, and they compile."""
    for feature_set, n in ((fifty(), 50), (hundred(), 100)):
        assert len([f for f in feature_set.features if f.is_output]) == n
        build_graph(feature_set, registry())


@pytest.mark.parametrize("seed", [2, 3])
def test_rivals_give_the_same_numbers(seed: int) -> None:
    """scikit-learn's places and signs are ours, and what all compute differs by float32 at most."""
    line = measure({"rival_rows": 200, "seed": seed, "titles": None, "rivals": list(RIVALS)})
    assert line["sklearn_same_places"]
    assert max(line[f"{name}_max_diff"] for name in RIVALS) < 1e-6


def test_rows_repeat() -> None:
    """The same arguments give the same rows; each query has a page of them."""
    one, two = (make_rows(n=100, n_listings=50, seed=4) for _ in range(2))
    assert one.flat.equals(two.flat)
    assert np.bincount(one.flat.column("group").to_numpy()).max() == PER_QUERY


def test_what_cannot_be_is_refused() -> None:
    """Before anything is measured, all of it at once."""
    with pytest.raises(ConfigError, match=r"threads is 0.*titles is 'nowhere.parquet'"):
        bench_features(FeaturesBench(threads=0, titles="nowhere.parquet"))
