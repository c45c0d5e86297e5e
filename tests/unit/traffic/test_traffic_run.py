"""A whole run on a real small market."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from typer.testing import CliRunner

from mercer.cli import app
from mercer.demo import NOW_MS, ensure_market
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from mercer.schema.errors import ConfigError
from mercer.simulate.people.person import People
from mercer.simulate.people.plan import Arrival, arrivals
from mercer.simulate.people.season import Climate, draw_climate
from mercer.simulate.seller import DAY_MS
from mercer.traffic.driver import Amount
from mercer.traffic.run import STATE, TrafficParams, Watchers, run_traffic

N_LISTINGS = 400


@pytest.fixture(scope="module")
def unvisited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traffic") / "market"
    ensure_market(path, n_listings=N_LISTINGS, seed=1, name="test")
    return path


@pytest.fixture
def market(unvisited: Path, tmp_path: Path) -> Path:
    """Each test's own: a run of traffic leaves its events behind, and tests come in any order."""
    return shutil.copytree(unvisited, tmp_path / "market")


def test_people_visit_a_market_and_leave_their_log(market: Path, tmp_path: Path) -> None:
    """All requests are answered; the log has each event once, at the simulated time, and knows a
    shown click from a forged one; the next run goes on where this one ended."""
    params = TrafficParams(amount=Amount(sessions=60, days=2.0), seed=3, probe_share=0.3)
    watchers = Watchers(photos=tmp_path / "photos", visits=tmp_path / "visits.parquet")
    told = run_traffic(market, params, watchers=watchers)
    assert told["errors_5xx"] == 0
    assert told["sessions"] == 60
    assert told["events"]["click"] > 10
    assert not told["rejections"]
    utility = told["utility"]
    assert 0 < utility["served"]["mean"] < utility["oracle"]["mean"] <= 1
    visits = pq.read_table(tmp_path / "visits.parquet").to_pylist()
    roles = {row["session_id"]: row["role"] for row in visits}
    assert len(roles) == 60
    with open_store(MarketFolder(market)) as store:
        entries = list(store.log.read(after="", kinds=["events"]))
    events = [row for entry in entries for row in entry.change.rows.to_pylist()]
    assert len(events) == told["verdicts"]["accepted"] == len({e["event_id"] for e in events})
    assert all(NOW_MS <= e["time_ms"] <= NOW_MS + 4 * DAY_MS for e in events)
    standing = Counter(
        (e["standing"], roles[e["session_id"]] == "person") for e in events if e["kind"] == "click"
    )
    assert standing["signed", True] > 10
    # A page that the log could not take in time is served without tokens.
    assert {one for one, is_person in standing if is_person} <= {"signed", "none"}
    assert {one for one, _ in standing} <= {"signed", "none", "forged"}
    after = json.loads((market / STATE).read_text("utf-8"))
    assert after["runs"] == 1
    assert after["until_ms"] > NOW_MS
    again = run_traffic(market, TrafficParams(amount=Amount(searches=12, days=1.0), seed=3))
    assert again["run"] == 1
    assert again["searches"] == 12
    assert "duplicate" not in again["verdicts"]


def test_a_visitor_is_the_same_person_under_any_seed(
    market: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another seed brings other visits; who stands behind a visitor id, and the fashion, stay."""
    seen: list[tuple[list[str], np.ndarray, np.ndarray]] = []

    def spied(people: People, **options: Any) -> Iterator[Arrival]:
        coming = list(islice(arrivals(people, **options), 20))
        seen.append(([one.who.visitor_id for one in coming], people.taste, people.spend))
        return arrivals(people, **options)

    def drawn(*args: Any, **options: Any) -> Climate:
        fashions.append(draw_climate(*args, **options))
        return fashions[-1]

    fashions: list[Climate] = []
    monkeypatch.setattr("mercer.traffic.run.arrivals", spied)
    monkeypatch.setattr("mercer.traffic.run.draw_climate", drawn)
    for seed in (5, 6):
        run_traffic(market, TrafficParams(amount=Amount(searches=2, days=0.5), seed=seed))
    (visits, taste, spend), (other_visits, other_taste, other_spend) = seen
    assert visits != other_visits
    assert_array_equal(taste, other_taste)
    assert_array_equal(spend, other_spend)
    days = NOW_MS + np.arange(0, 90, 3) * DAY_MS
    one, other = ([worn.leaf_weights(int(day)) for day in days] for worn in fashions)
    assert_array_equal(one, other)
    assert np.max(one) > np.min(one)


def test_a_market_of_its_own_is_left_alone(tmp_path: Path) -> None:
    """A folder without synthetic.json is refused, with what to do, and not written to."""
    MarketFolder(tmp_path / "shop").create()
    before = sorted(p.name for p in (tmp_path / "shop").iterdir())
    with pytest.raises(ConfigError, match=r"no synthetic market.*mercer demo"):
        run_traffic(tmp_path / "shop", TrafficParams(amount=Amount(searches=1), seed=1))
    assert sorted(p.name for p in (tmp_path / "shop").iterdir()) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--searches", "0"], "--searches must be 1 or more"),
        (["--days", "0"], "--days must lie in"),
        (["--connections", "65"], "--connections must lie in"),
        (["--url", "nowhere"], "is no address"),
        (["--url", "http://127.0.0.1:9"], "answers no searches"),
        (["--server-pid", "99999999"], "no process 99999999"),
    ],
)
def test_wrong_words_are_told(unvisited: Path, words: list[str], said: str) -> None:
    """Exit status 2 and a sentence that names the option and the range."""
    result = CliRunner().invoke(app, ["simulate", "--traffic", "--market", str(unvisited), *words])
    assert result.exit_code == 2
    assert said in result.output
