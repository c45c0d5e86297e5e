"""`mercer bench index`: from a Parquet file to listings that are found, by words and by meaning."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mercer.bench.machine import provenance
from mercer.bench.market import listings_file
from mercer.bench.worker import run_worker
from mercer.demo import MAX_LISTINGS
from mercer.schema.errors import ConfigError

N_WARM_UP: Final = 6_000  # enough for every stage to run


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexBench:
    """What is measured."""

    listings: int
    seed: int = 1


def bench_index(bench: IndexBench, *, cache: Path, rebuild: bool) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    Writing the Parquet file is not counted; the market is made in a folder that is removed again.

    Raises:
        ConfigError: a number is out of range.
        MarketError: the measuring process failed.
    """
    if not 1 <= bench.listings <= MAX_LISTINGS or bench.seed < 0:
        raise ConfigError(
            f"listings must lie in 1..{MAX_LISTINGS:,} and the seed be 0 or more, "
            f"got {bench.listings:,} and {bench.seed}"
        )
    file = listings_file(cache, n_listings=bench.listings, seed=bench.seed, rebuild=rebuild)
    small = listings_file(cache, n_listings=min(bench.listings, N_WARM_UP), seed=bench.seed)
    with tempfile.TemporaryDirectory(dir=cache, prefix="index-") as folder:
        answer = run_worker(
            "mercer.bench.indexer",
            {"file": str(file), "warm_up": str(small), "folder": folder},
        )
    n, text_s, all_s = bench.listings, answer["text_s"], answer["searchable_s"]
    return {
        "bench": "index",
        "listings": n,
        "seed": bench.seed,
        "text_listings_per_s": round(n / text_s),
        "searchable_listings_per_s": round(n / all_s),
        "text_s": round(text_s, 3),
        "searchable_s": round(all_s, 3),
        "text_stages_s": answer["text_stages_s"],
        "searchable_stages_s": answer["searchable_stages_s"],
        "indexed": answer["indexed"],
        "dim": answer["dim"],
        "bytes": answer["bytes"],
        "rss_mib": round(answer["peak_rss_mib"], 1),
        **provenance(),
    }
