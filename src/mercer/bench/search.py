"""`mercer bench search`: the time of each query of the mix, and the memory of who answers them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mercer.bench.machine import provenance
from mercer.bench.market import bench_market
from mercer.bench.ranked_market import ranked_market
from mercer.bench.worker import run_worker
from mercer.demo import NOW_MS
from mercer.engines.embedded.index.generation import Progress
from mercer.retrieve.request import Mode
from mercer.schema.errors import ConfigError
from mercer.simulate import MixQuery, generate_catalogue, query_mix

PER_PAGE: Final = 24
FACETS: Final = ("*",)
KINDS: Final = ("head", "torso", "tail", "misspelt", "faceted")
N_WARM_UP: Final = 200
MANY_LISTINGS, MANY_QUERIES, FEW_QUERIES = 1_000_000, 10_000, 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchBench:
    """What is measured."""

    listings: int
    queries: int | None = None  # distinct ones; None: 10,000 from a million listings on, else 2,000
    seed: int = 1
    mode: Mode = "hybrid"
    threads: int = 1  # that search at the same time
    trees: int = 0  # of the ranker that serves; 0: none

    @property
    def n_queries(self) -> int:
        """How many queries are measured."""
        if self.queries is not None:
            return self.queries
        return MANY_QUERIES if self.listings >= MANY_LISTINGS else FEW_QUERIES


def bench_search(
    bench: SearchBench, *, cache: Path, rebuild: bool, progress: Progress
) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    Raises:
        ConfigError: a number is out of range.
        MarketError: the market cannot be made, or the measuring process failed.
    """
    if bench.n_queries < 1 or bench.threads < 1:
        raise ConfigError(
            f"queries and threads must be 1 or more, got {bench.n_queries} and {bench.threads}"
        )
    market = bench_market(
        cache, n_listings=bench.listings, seed=bench.seed, rebuild=rebuild, progress=progress
    )
    market = ranked_market(
        market, listings=bench.listings, seed=bench.seed, trees=bench.trees, progress=progress
    )
    warm_up, queries = _queries(bench)
    answer = run_worker(
        "mercer.bench.searcher",
        {
            "market": str(market),
            "mode": bench.mode,
            "threads": bench.threads,
            "per_page": PER_PAGE,
            "facets": FACETS,
            "warm_up": [(q.text, q.filter) for q in warm_up],
            "queries": [(q.text, q.filter) for q in queries],
        },
    )
    return _line(bench, [q.kind for q in queries], answer)


def _queries(bench: SearchBench) -> tuple[list[MixQuery], list[MixQuery]]:
    """Queries to warm up with, and those to measure; none is in both."""
    world = generate_catalogue(n_listings=bench.listings, seed=bench.seed, now_ms=NOW_MS)
    queries = query_mix(world, n=bench.n_queries, seed=bench.seed)
    measured = {(q.text, q.filter) for q in queries}
    drawn = query_mix(world, n=min(N_WARM_UP, bench.n_queries), seed=bench.seed + 1)
    return [q for q in drawn if (q.text, q.filter) not in measured], queries


def _line(bench: SearchBench, kinds: list[str], answer: dict[str, Any]) -> dict[str, Any]:
    ms = np.array(answer["us"], np.float64) / 1e3
    found = np.array(answer["found"], np.int64)
    kind = np.array(kinds)
    return {
        "bench": "search",
        "listings": bench.listings,
        "mode": bench.mode,
        "threads": bench.threads,
        "trees": bench.trees,
        "queries": bench.n_queries,
        "seed": bench.seed,
        "p50_ms": _ms(ms, 50),
        "p99_ms": _ms(ms, 99),
        "max_ms": _ms(ms, 100),
        "queries_per_s": round(bench.n_queries / answer["wall_s"], 1),
        "rss_mib": round(answer["peak_rss_mib"], 1),
        "rss_parts_mib": answer["rss_parts_mib"],
        "kinds": {
            name: {
                "p50_ms": _ms(ms[kind == name], 50),
                "p99_ms": _ms(ms[kind == name], 99),
                "n": int((kind == name).sum()),
                "found": _found(found[kind == name]),
            }
            for name in KINDS
            if (kind == name).any()
        },
        "stages": {
            name: {"p50_ms": _ms(of_stage, 50), "p99_ms": _ms(of_stage, 99)}
            for name, us in answer["stages_us"].items()
            if len(of_stage := np.array(us, np.float64) / 1e3)
        },
        "found": _found(found),
        "degraded": answer["degraded"],
        "open_s": round(answer["open_s"], 3),
        **provenance(),
    }


def _ms(ms: NDArray[np.float64], percent: float) -> float:
    """A percentile that is one of the values, in ms: no interpolation flatters the tail."""
    return round(float(np.percentile(ms, percent, method="higher")), 3)


def _found(found: NDArray[np.int64]) -> dict[str, float]:
    """Matches per query: median, most, and the share of queries without any."""
    return {
        "p50": int(np.median(found)),
        "max": int(found.max()),
        "none": round(float((found == 0).mean()), 4),
    }
