"""`mercer demo` and `mercer simulate`: one command to a market, and never over somebody's own."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mercer.cli import app
from mercer.demo import NOW_MS, STAMP, ensure_market, queries_to_try
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from mercer.events.log import CATALOGUE_KINDS, START
from mercer.simulate import generate_catalogue

N, SEED = 300, 5


def mercer(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def process(*words: object) -> list[str]:
    return [sys.executable, "-c", "from mercer.cli import main; main()", *map(str, words)]


def demo(market: Path, *more: object) -> Result:
    return mercer("demo", "--market", market, "--listings", N, "--seed", SEED, *more)


@contextmanager
def serving(market: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """`mercer demo` as a process of its own; (its address, what it printed)."""
    command = process("demo", "--market", market, "--listings", N, "--seed", SEED, "--port", 0)
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            said = json.loads(running.stdout.readline())
            yield said["url"], said
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(timeout=20)


def get(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{url}/v1/search", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished demo market; tests only read it."""
    path = tmp_path_factory.mktemp("demo") / "market"
    done = demo(path, "--no-serve", "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["listings"], said["written"], said["indexed"]) == (
        0, N, True, True,
    )  # fmt: skip
    assert said["seconds"] >= 0
    return path


def test_second_run_makes_nothing(market: Path) -> None:
    """What is there is left as it is, to the byte and the time."""
    before = {p: p.stat().st_mtime_ns for p in market.rglob("*") if p.is_file()}
    done = demo(market, "--no-serve", "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["written"], said["indexed"]) == (0, False, False)
    assert {p: p.stat().st_mtime_ns for p in market.rglob("*") if p.is_file()} == before


def test_demo_serves_and_corrects(market: Path) -> None:
    """The served demo answers the queries that it tells people to try; stopped, it owns nothing."""
    with serving(market) as (url, said):
        assert said["written"] is False
        for query in said["queries"]:
            answer = get(url, {"q": query, "facets": ["*"]})
            assert answer["found"] > 0, query
            assert answer["hits"]
        assert get(url, {"q": said["queries"][0]})["understood"]["corrections"]
    with open_store(MarketFolder(market)) as store:
        assert store.catalogue.count() == N


def test_catalogue_is_the_simulated_world(market: Path) -> None:
    """Every listing and seller of the world came in through the log."""
    world = generate_catalogue(n_listings=N, seed=SEED, now_ms=NOW_MS)
    with open_store(MarketFolder(market)) as store:
        assert store.catalogue.count() == N
        log = list(store.log.read(after=START, kinds=CATALOGUE_KINDS))
        kinds = {entry.change.kind for entry in log}
        rows = sum(entry.change.rows.num_rows for entry in log)
    assert (kinds, rows) == ({"listings", "sellers"}, N + len(world.sellers))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--listings", 400), "holds a synthetic market of 300 listings"),
        (("--seed", 6), "from seed 5, not of 300 from seed 6"),
        (("--listings", 0), "has 1 to 20,000,000 listings"),
    ],
)
def test_another_world_is_refused(market: Path, words: tuple[object, ...], said: str) -> None:
    """A folder holds one world; a wrong size is said before anything is made."""
    done = demo(market, "--no-serve", *words)
    assert done.exit_code == 2
    assert said in done.stderr


def test_own_market_is_left_alone(tmp_path: Path) -> None:
    """A market that is no demo, and a folder with anything in it, stay as they are."""
    shop = tmp_path / "shop"
    assert mercer("init", shop).exit_code == 0
    for folder, said in ((shop, "a market of its own"), (tmp_path, "not an empty folder")):
        before = sorted(tmp_path.rglob("*"))
        done = demo(folder, "--no-serve")
        assert (done.exit_code, sorted(tmp_path.rglob("*"))) == (2, before)
        assert said in done.stderr


def test_crash_while_writing_is_healed(tmp_path: Path) -> None:
    """A demo that was killed half way is completed by the next run, with nothing twice."""
    ensure_market(tmp_path / "m", n_listings=20, seed=SEED, name="")
    stamp = tmp_path / "m" / STAMP
    stamp.write_text(stamp.read_text().replace("true", "false"))
    made = ensure_market(tmp_path / "m", n_listings=20, seed=SEED, name="")
    assert (made.wrote, made.indexed) == (True, True)
    with open_store(MarketFolder(tmp_path / "m")) as store:
        assert store.catalogue.count() == 20


def test_broken_index_is_made_anew(tmp_path: Path) -> None:
    """An index that this version cannot read is replaced; the catalogue is not written again."""
    ensure_market(tmp_path / "m", n_listings=20, seed=SEED, name="")
    (manifest,) = (tmp_path / "m" / "index").glob("*/manifest.json")
    manifest.write_text("{}")
    made = ensure_market(tmp_path / "m", n_listings=20, seed=SEED, name="")
    assert (made.wrote, made.indexed) == (False, True)


def test_queries_to_try_are_three_kinds() -> None:
    """A misspelt, a negated and a limited query; a tiny market may have none to tell."""
    texts = queries_to_try(n_listings=N, seed=SEED)
    assert len(texts) == len(set(texts)) == 3
    assert texts == queries_to_try(n_listings=N, seed=SEED)
    assert len(queries_to_try(n_listings=1, seed=0)) in (0, 3)


def test_simulated_files_can_be_searched_and_judged(tmp_path: Path) -> None:
    """simulate, init, ingest, index, evaluate: the words of the help, on the files it writes."""
    out, shop = tmp_path / "out", tmp_path / "shop"
    words = ("simulate", "catalogue", "--listings", N, "--queries", 24, "--out", out)
    done = mercer(*words, "--json")
    assert json.loads(done.stdout)["rows"]["listings.parquet"] == N
    for line in (
        ("init", shop),
        ("ingest", "--market", shop, out / "listings.parquet"),
        ("ingest", "--market", shop, "--kind", "sellers", out / "sellers.parquet"),
        ("index", "--market", shop),
    ):
        step = mercer(*line)
        assert step.exit_code == 0, step.stderr
    judged = mercer(
        "evaluate", "search", "--market", shop, "--judgments", out / "judgments.parquet",
        "--gains", "exp", "--json",
    )  # fmt: skip
    measured = json.loads(judged.stdout)
    assert measured["queries"] == 24
    assert measured["ndcg_at_10"] > 0.3  # a search that finds nothing useful is far below


def test_simulated_files_are_not_overwritten(tmp_path: Path) -> None:
    """Files that are there stay, unless --force is given; the same seed gives the same bytes."""
    words = ("simulate", "catalogue", "--listings", 50, "--queries", 6, "--out", tmp_path)
    assert mercer(*words).exit_code == 0
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    refused = mercer(*words)
    assert (refused.exit_code, "--force" in refused.stderr) == (2, True)
    assert mercer(*words, "--force").exit_code == 0
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
