"""`mercer bench fuzz`: a market of its own, fuzzed through its app in a process of its own."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mercer.bench.machine import provenance
from mercer.bench.market import bench_market
from mercer.bench.worker import run_worker
from mercer.engines.embedded.feature_market import declared_set, fitted_plan
from mercer.engines.embedded.index.generation import Progress
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.ranking.prepare import log_values
from mercer.schema.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzBench:
    """What is sent."""

    inputs: int
    listings: int
    seed: int = 1


def log_features(market: Path) -> None:
    """Log the default set's values with every page, so that features are computed for each search."""
    folder = MarketFolder(market)
    config = folder.config()
    feature_set, _ = declared_set(market, None)
    log_values(folder, config.rates, fitted_plan(feature_set, folder, config))


def bench_fuzz(
    bench: FuzzBench, *, cache: Path, rebuild: bool, progress: Progress
) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    Raises:
        ConfigError: a number is out of range.
        MarketError: the market cannot be made, or the process failed.
    """
    if bench.inputs < 1:
        raise ConfigError(f"inputs must be 1 or more, got {bench.inputs}")
    market = bench_market(
        cache, n_listings=bench.listings, seed=bench.seed, rebuild=rebuild, progress=progress
    )
    # The inputs change the market: a copy takes them, so that the next run begins with the same.
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=cache) as folder:
        copy = Path(folder) / "market"
        shutil.copytree(market, copy)
        log_features(copy)
        job = {"market": str(copy), "inputs": bench.inputs, "seed": bench.seed}
        answer = run_worker("mercer.bench.fuzzer", job)
    rate = round(answer["inputs"] / answer["seconds"]) if answer["seconds"] else 0
    head = {"bench": "fuzz", "listings": bench.listings, "seed": bench.seed, "inputs_per_s": rate}
    return head | answer | provenance()
