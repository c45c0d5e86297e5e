"""`mercer bench`: the keys that others read, and that the numbers are what they say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mercer.app import open_market
from mercer.bench import market as bench_markets
from mercer.bench.index import IndexBench, bench_index
from mercer.bench.indexer import changes_of
from mercer.bench.machine import peak_rss_mib, provenance
from mercer.bench.market import bench_market, folder_bytes, listings_file
from mercer.bench.ranked_market import ranked_market
from mercer.bench.search import KINDS, SearchBench, _line, _queries, bench_search
from mercer.bench.stage import Stages
from mercer.bench.worker import run_worker
from mercer.cli import app
from mercer.engines.embedded.index.generation import current_generation
from mercer.retrieve.request import SearchRequest
from mercer.schema.catalogue import CHANGED_LISTING
from mercer.schema.errors import ConfigError, MarketError

N = 300
WHERE = {"machine", "commit", "versions", "seed", "load_1m"}


def quiet(step: str, n: int) -> None:
    """A build's progress that nobody looks at."""


def mercer(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench-cache")


def test_search_line_has_its_keys(cache: Path) -> None:
    """The words of the command and the keys of its line are stable."""
    words = ("bench", "search", "--listings", N, "--queries", 40, "--cache", cache, "--json")
    done = mercer(*words)
    assert done.exit_code == 0, done.stderr
    line = json.loads(done.stdout)
    assert {"p50_ms", "p99_ms", "rss_mib", "kinds", "queries", "found", "listings"} <= set(line)
    assert set(line) >= WHERE
    assert set(line["kinds"]) == set(KINDS)
    assert sum(kind["n"] for kind in line["kinds"].values()) == line["queries"] == 40
    assert all(0 < kind["p50_ms"] <= kind["p99_ms"] for kind in line["kinds"].values())
    assert 0 < line["p50_ms"] <= line["p99_ms"] <= line["max_ms"]
    assert line["rss_mib"] > 50
    assert line["kinds"]["head"]["found"]["p50"] >= 0.2 * N


def test_index_line_has_its_keys(cache: Path) -> None:
    """Both rates are listings over the seconds of their stages, and nothing stays behind."""
    n = 60
    done = mercer("bench", "index", "--listings", n, "--cache", cache, "--json")
    assert done.exit_code == 0, done.stderr
    line = json.loads(done.stdout)
    assert set(line) >= WHERE
    for rate, seconds, stages in (
        ("text_listings_per_s", "text_s", "text_stages_s"),
        ("searchable_listings_per_s", "searchable_s", "searchable_stages_s"),
    ):
        took, half = line[seconds], 0.000_51  # seconds are told in whole milliseconds
        assert n / (took + half) - 0.5 <= line[rate] <= n / (took - half) + 0.5
        assert sum(line[stages].values()) == pytest.approx(line[seconds], abs=0.05, rel=0.02)
    assert {"ingest", "read", "words", "encoder", "vectors", "first search"} <= set(
        line["searchable_stages_s"]
    )
    assert not {"ingest", "encoder", "vectors"} & set(line["text_stages_s"])
    assert 0 < line["indexed"] <= n
    assert sum(line["bytes"]["index_parts"].values()) == line["bytes"]["index"] > 0
    assert not list(cache.glob("index-*"))


def test_market_is_kept_until_the_code_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run makes nothing; other code, or --rebuild, makes another index."""

    def index(*, rebuild: bool = False) -> Any:
        path = bench_market(tmp_path, n_listings=20, seed=1, rebuild=rebuild, progress=quiet)
        name = current_generation(path / "index")
        assert name is not None
        return name, (path / "index" / name / "manifest.json").stat().st_mtime_ns

    first = index()
    assert index() == first
    monkeypatch.setattr(bench_markets, "_digest", lambda: "other code")
    second = index()
    assert second[0] != first[0]
    assert index() == second
    assert index(rebuild=True) != second


def test_no_query_is_asked_twice() -> None:
    """All measured queries are distinct, and none was used to warm up."""
    warm_up, queries = _queries(SearchBench(listings=N, queries=200))
    measured = {(q.text, q.filter) for q in queries}
    assert len(measured) == len(queries) == 200
    assert warm_up
    assert not measured & {(q.text, q.filter) for q in warm_up}


def test_percentiles_are_measured_values() -> None:
    """p50 and p99 are times that a query took, of its kind only."""
    us = list(range(1_000, 101_000, 1_000))  # 1 to 100 ms
    kinds = ["head"] * 50 + ["tail"] * 50
    answer = {
        "us": us, "found": [7] * 99 + [0], "degraded": 3, "stages_us": {"rank": us}, "open_s": 1.0,
        "wall_s": 2.0, "peak_rss_mib": 99.0, "rss_parts_mib": {},
    }  # fmt: skip
    line = _line(SearchBench(listings=N, queries=100), kinds, answer)
    assert (line["p50_ms"], line["p99_ms"], line["max_ms"]) == (51.0, 100.0, 100.0)
    assert (line["kinds"]["head"]["p50_ms"], line["kinds"]["tail"]["p50_ms"]) == (26.0, 76.0)
    assert set(line["kinds"]) == {"head", "tail"}
    assert line["queries_per_s"] == 50.0
    assert line["found"] == {"p50": 7, "max": 7, "none": 0.01}
    assert line["stages"]["rank"] == {"p50_ms": 51.0, "p99_ms": 100.0}


@pytest.mark.parametrize("bad", [{"queries": 0}, {"threads": 0}, {"listings": 0}, {"seed": -1}])
def test_numbers_out_of_range_are_refused(tmp_path: Path, bad: dict[str, int]) -> None:
    """A number that cannot be is said before any work."""
    with pytest.raises(ConfigError):
        bench_search(
            SearchBench(**{"listings": N, "queries": 9, **bad}),
            cache=tmp_path / "new",
            rebuild=False,
            progress=quiet,
        )
    if "listings" in bad or "seed" in bad:
        with pytest.raises(ConfigError):
            bench_index(IndexBench(**{"listings": N, **bad}), cache=tmp_path / "new", rebuild=False)
    assert not list(tmp_path.rglob("*.parquet"))


def test_stages_share_the_whole_time() -> None:
    """Each moment belongs to the stage that ends next; a stage in parts is added up."""
    ticks = iter([10.0, 11.0, 13.0, 16.0])
    stages = Stages(lambda: next(ticks))
    for step in ("read", "read", "words"):
        stages(step, 1)
    assert stages.seconds == {"read": 3.0, "words": 3.0}
    assert stages.total == 6.0


def test_changes_of_a_file_are_its_rows(tmp_path: Path) -> None:
    """The Parquet file gives every listing once, as a catalogue would, with its own row id."""
    file = listings_file(tmp_path, n_listings=N, seed=1)
    batches = list(changes_of(file))
    assert all(batch.schema.equals(CHANGED_LISTING) for batch in batches)
    rows = np.concatenate([batch.column("row_id").to_numpy() for batch in batches])
    assert rows.tolist() == list(range(N))
    assert folder_bytes(tmp_path) == folder_bytes(file) == file.stat().st_size


def test_where_it_was_measured() -> None:
    """Machine, commit and versions are there; memory is in MiB."""
    line = provenance()
    assert line["machine"]["cores"] >= 1
    assert 256 < line["machine"]["memory_mib"] < 2**24
    assert line["versions"]["mercer"]
    assert 20 < peak_rss_mib() < line["machine"]["memory_mib"]


def test_failing_worker_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """A measuring process that dies is an error with its status, never a figure."""
    with pytest.raises(MarketError, match="ended with status 1"):
        run_worker("mercer.bench.nothing", {})
    assert "No module named" in capfd.readouterr().err
    with pytest.raises(MarketError, match="no JSON object"):
        run_worker("mercer.bench.machine", {})


def test_a_market_with_trees_ranks_by_them(tmp_path: Path) -> None:
    """The copy has a ranker that serves, is made once, and the market it was made of has none."""
    made = bench_market(tmp_path / "c", n_listings=600, seed=1, rebuild=False, progress=quiet)
    ranked = ranked_market(made, listings=600, seed=1, trees=3, progress=quiet)
    market = open_market(ranked)
    try:
        response = market.search(SearchRequest(q="mug", budget_ms=60_000.0))
        assert {"features", "trees"} <= set(response.timings_us)
        assert response.degraded == ()
    finally:
        market.close()
    stamp = (ranked / "ranked").stat().st_ino
    assert ranked_market(made, listings=600, seed=1, trees=3, progress=quiet) == ranked
    assert (ranked / "ranked").stat().st_ino == stamp
    assert ranked_market(made, listings=600, seed=1, trees=0, progress=quiet) == made
    assert not (made / "models" / "ranker").exists()
