"""`mercer counters`: what is counted, for programs and for people."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mercer.cli import app
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from support.counter_kit import listing
from support.log_kit import change_of


@pytest.fixture
def market(tmp_path: Path) -> Path:
    folder = MarketFolder(tmp_path / "shop")
    folder.create()
    small = "[counters]\nmax_keys = 1000\nhalf_life_hours = [1, 24]\n"
    folder.config_file.write_text(small, "utf-8")
    return folder.path


def run(market: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["counters", *words, "--market", str(market)])
    assert done.exit_code == 0, done.output
    return done.stdout


def click(event_id: str, now_ms: int) -> dict[str, object]:
    return {
        "event_id": event_id, "listing_id": "l1", "query": "Red Mug", "visitor_id": "v",
        "time_ms": now_ms, "received_ms": now_ms,
    }  # fmt: skip


def test_what_is_counted(market: Path) -> None:
    """Nothing yet; then a click, by listing, pair and taste; beside a server nothing is written."""
    assert "0 of 1,000 counters" in run(market, "stats")
    with open_store(MarketFolder(market)) as store:
        now_ms = time.time_ns() // 1_000_000
        store.log.append([change_of("listings", listing(1))])
        store.log.append([change_of("events", click("a", now_ms))])
        beside = json.loads(run(market, "stats", "--json"))
        assert (beside["lag_events"], beside["n_events"]) == (1, 0)
    told = json.loads(run(market, "stats", "--json"))
    assert (told["lag_events"], told["n_events"], told["n_evicted"]) == (0, 1, 0)
    assert told["position"] == "catalogue:1,events:1"
    assert told["lost_counts"] == [0.0, 0.0]
    for words in (
        ("listing", "l1"), ("query_listing", " red  mug", "l1"),
        ("visitor.category", "v", "home > c1"), ("visitor.price_band", "v", "price_band:11"),
    ):  # fmt: skip
        counts = json.loads(run(market, "get", *words, "--json"))["counts"]
        assert counts["click"] == pytest.approx([1.0, 1.0], abs=0.02), words
        assert counts["purchase"] == [0.0, 0.0]
    assert "click       1.00  1.00" in run(market, "get", "listing", "l1")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("shelf", "x"), "entity 'shelf' is not counted; there are listing, seller"),
        (("query_listing", "mug"), "query_listing has 2 id(s), got 1"),
    ],
)
def test_wrong_words(market: Path, words: tuple[str, ...], told: str) -> None:
    """What is not counted, or has another number of ids, is told with what there is."""
    done = CliRunner().invoke(app, ["counters", "get", *words, "--market", str(market)])
    assert done.exit_code != 0
    assert told in done.output.replace("\n", " ")
