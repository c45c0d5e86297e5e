"""Columns that a plan keeps beside the index: they mean the same to whoever reads them, or are made anew."""

import json
from pathlib import Path

import numpy as np
import pytest

from mercer.app import own_market
from mercer.engines.embedded.feature_market import fitted_plan
from mercer.engines.embedded.index.generation import current_generation
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.ranking.column_files import columns_folder, has_columns, read_columns
from mercer.engines.embedded.ranking.prepare import log_values
from mercer.features.declare import FeatureSet
from mercer.features.plan import Plan
from support.small_market import small_market

SET = """\
name = "small"

[[feature]]
name = "price"
entity = "listing"
transform = "log1p"
inputs = ["listing.price_micros"]

[[feature]]
name = "rating"
entity = "listing"
transform = "identity"
inputs = ["listing.rating"]
"""


@pytest.fixture
def market(tmp_path: Path) -> tuple[MarketFolder, Plan, Path]:
    """A market that logs two features, closed; the folder of its columns."""
    with small_market(tmp_path / "shop", n_listings=40, seed=1):
        pass
    folder = MarketFolder(tmp_path / "shop")
    plan = fitted_plan(FeatureSet.from_toml(SET), folder, folder.config())
    log_values(folder, folder.config().rates, plan)
    return folder, plan, folder.index / str(current_generation(folder.index))


@pytest.mark.parametrize("what", ["order", "no names", "cut", "no json", "gone"])
def test_columns_that_are_not_the_plans_are_made_anew(
    market: tuple[MarketFolder, Plan, Path], what: str
) -> None:
    """Other columns under the same hash, cut off, without names, or gone: who serves has the right ones."""
    folder, plan, generation = market
    kept = read_columns(generation, plan)
    assert kept is not None
    want = kept.records.copy()
    path = columns_folder(generation, plan.hash)
    told = json.loads((path / "done.json").read_bytes())
    if what == "order":
        told["columns"].reverse()
        np.save(path / "records.npy", np.roll(want.view(np.float32), 1, axis=1).view(np.uint64))
    elif what == "no names":
        del told["columns"]
    elif what == "cut":
        (path / "records.npy").write_bytes((path / "records.npy").read_bytes()[:-8])
    elif what == "gone":
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    if what != "gone":
        (path / "done.json").write_text("{" if what == "no json" else json.dumps(told))
    assert not has_columns(generation, plan)
    with own_market(folder.path) as served:
        health = served.health()
        assert health.degraded == ()
        assert health.ranking is not None
        assert health.ranking.feature_set == plan.hash
    again = read_columns(generation, plan)
    assert again is not None
    np.testing.assert_array_equal(again.records, want)
