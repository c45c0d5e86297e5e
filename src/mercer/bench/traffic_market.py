"""Synthetic markets that people have visited, kept between runs.

<cache>/traffic-<listings>-<seed>-<searches>/    a market with the log of so many searches
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mercer.bench.market import private_folder
from mercer.demo import ensure_market
from mercer.engines.embedded.durable import write_durably
from mercer.engines.embedded.index.generation import Progress
from mercer.traffic.driver import Amount
from mercer.traffic.run import STATE, TrafficParams, Watchers, run_traffic

SEARCHES_A_DAY: Final = 20_000 / 7
_RECORDED: Final = "recorded.json"  # there once the traffic came to its end


def traffic_market(
    cache: Path,
    *,
    n_listings: int,
    searches: int,
    seed: int,
    rebuild: bool,
    progress: Progress,
    on_search: Callable[[int], None],
) -> Path:
    """The folder of a market with the log of so many searches; made where it is not there yet.

    What an earlier run left half done is made anew: only a whole run is the same for the same seed.

    Args:
        searches: of people and machines, 20,000 in seven simulated days.
        seed: of the market and of the people.
        rebuild: make it anew in any case.
        on_search: told the searches so far.
    Raises:
        MarketError: see `ensure_market` and `run_traffic`.
    """
    path = private_folder(cache) / f"traffic-{n_listings}-{seed}-{searches}"
    recorded = path / _RECORDED
    if recorded.exists() and not rebuild:
        return path
    if rebuild or (path / STATE).exists():
        shutil.rmtree(path, ignore_errors=True)
    ensure_market(path, n_listings=n_listings, seed=seed, name="Benchmark", progress=progress)
    amount = Amount(searches=searches, days=searches / SEARCHES_A_DAY)
    summary = run_traffic(
        path,
        TrafficParams(amount=amount, seed=seed, probe_share=0.0),
        watchers=Watchers(on_progress=lambda report: on_search(report.n_searches)),
    )
    write_durably(recorded, json.dumps(summary).encode())
    return path
