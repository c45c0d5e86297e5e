"""`mercer credits`: beside a server and without one, for programs and for people."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mercer.cli import app
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from mercer.events.log import Change
from support.log_kit import T0, change_of


def event(event_id: str, kind: str, **more: object) -> Change:
    row = {"event_id": event_id, "kind": kind, "listing_id": "mug", "visitor_id": "v", "time_ms": T0,
           "received_ms": T0, "quantity": 2, "order_id": "o"}  # fmt: skip
    return change_of("events", row | more)


@pytest.fixture
def market(tmp_path: Path) -> Path:
    MarketFolder(tmp_path / "shop").create()
    return tmp_path / "shop"


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["credits", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_empty_case_and_a_sale(market: Path) -> None:
    """Nothing bought is said in words; then each way of crediting is counted, and a page has its sales."""
    assert "none came in" in run("--market", str(market))
    with open_store(MarketFolder(market)) as store:
        click = {"page_id": "p", "standing": "signed", "is_sponsored": True}
        store.log.append([event("c", "click", **click), event("b", "purchase")])
        store.log.append(
            [event("r", "refund", quantity=1), event("n", "purchase", listing_id="cup")]
        )
        beside = json.loads(run("--market", str(market), "--json"))
        assert beside["events_behind"] == 4
    result = json.loads(run("--market", str(market), "--page", "p", "--json"))
    assert result["how"] == {
        "none": {"purchases": 1, "pieces": 2, "taken_back": 0},
        "visitor": {"purchases": 1, "pieces": 2, "taken_back": 1},
    }
    assert (result["billable_clicks"], result["events_behind"]) == (1, 0)
    assert [one["event_id"] for one in result["purchases"]] == ["b"]
    text = run("--market", str(market), "--page", "p")
    assert "mug: 2 bought, 1 taken back, o, by visitor" in text
    assert "1 billable clicks" in text


def test_no_market_is_told(tmp_path: Path) -> None:
    """A folder that is none ends with status 2 and the way out."""
    done = CliRunner().invoke(app, ["credits", "--market", str(tmp_path)])
    assert done.exit_code == 2
    assert "mercer init" in done.stderr
