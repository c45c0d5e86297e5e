"""Events through a real market: once each, proven or not, and every purchase credited by the rule."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mercer.app import own_market
from mercer.app_learner import consumers_of, learner_steps
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.view.attribution_tables import credits_of, n_billable
from mercer.events.consumer import catch_up
from mercer.schema.errors import CorruptError
from mercer.serve.http import create_app
from mercer.serve.log import Log
from support.market_kit import items, make_market


@pytest.fixture
def folder(tmp_path: Path) -> MarketFolder:
    make_market(tmp_path / "shop", items(12))
    return MarketFolder(tmp_path / "shop")


@pytest.fixture
def client(folder: MarketFolder) -> Iterator[TestClient]:
    with own_market(folder.path) as market:
        app = create_app(market, log=Log(lambda line: None))
        with TestClient(app, base_url="http://localhost") as opened:
            yield opened


def send(client: TestClient, *events: dict[str, Any]) -> list[str]:
    answer = client.post("/v1/events", json={"events": list(events)})
    assert answer.status_code == 200
    return [one["verdict"] for one in answer.json()["results"]]


def state(folder: MarketFolder) -> tuple[str, list[dict[str, Any]], int]:
    """The hash of the credits, those of all pages, and how many clicks may be billed."""
    log = EmbeddedLog(folder.log, is_owner=False)
    view = next(c for c in consumers_of(folder, folder.config()) if c.name == "attribution")
    try:
        catch_up(view, log)
        with view.reading() as db:
            pages = [row[0] for row in db.execute("select distinct credited_page_id from purchase")]
            return view.state_hash(), credits_of(db, page_ids=pages), n_billable(db)
    finally:
        view.close()
        log.close()


def search(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.post(
        "/v1/search", json={"q": "", "visitor_id": "v1", "per_page": 3, "budget_ms": 10_000}
    ).json()
    return found


def of(hit: dict[str, Any], kind: str, event_id: str, **more: Any) -> dict[str, Any]:
    return {"event_id": event_id, "kind": kind, "listing_id": hit["listing_id"], **more}


def test_a_purchase_without_a_page_is_credited_and_a_repeated_batch_changes_nothing(
    client: TestClient, folder: MarketFolder
) -> None:
    """A click with its token, then a purchase at checkout that knows only the visitor: the page that
    showed the listing gets it. The same batch again is all duplicates, and no byte of the state moves."""
    page = search(client)
    hit = page["hits"][1]
    assert hit["token"]
    batch = [
        of(hit, "click", "c1", visitor_id="v1", token=hit["token"]),
        of(hit, "purchase", "b1", visitor_id="v1", order_id="o1", quantity=2, price=9),
        {"event_id": "x"},
    ]
    assert send(client, *batch) == ["accepted", "accepted", "rejected"]
    before = state(folder)
    (credit,) = before[1]
    assert (credit["how"], credit["credited_page_id"]) == ("visitor", page["page_id"])
    assert (credit["touch_id"], credit["quantity"], credit["n_back"]) == ("c1", 2, 0)
    assert send(client, *batch) == ["duplicate", "duplicate", "rejected"]
    assert send(client, batch[0], batch[0]) == ["duplicate", "duplicate"]
    assert state(folder) == before
    assert send(client, of(hit, "refund", "r1", order_id="o1")) == ["accepted"]
    assert state(folder)[1][0]["n_back"] == 1


def test_a_late_click_takes_the_credit_back_to_its_page(
    client: TestClient, folder: MarketFolder
) -> None:
    """A click that is told after its purchase credits it, as if it had come in time."""
    page = search(client)
    hit = page["hits"][0]
    now_ms = time.time_ns() // 1_000_000
    assert send(client, of(hit, "purchase", "b1", session_id="s", time_ms=now_ms)) == ["accepted"]
    assert state(folder)[1] == []
    late = of(hit, "click", "c1", session_id="s", time_ms=now_ms - 5, page_id=page["page_id"])
    assert send(client, late) == ["accepted"]
    (credit,) = state(folder)[1]
    assert (credit["how"], credit["credited_page_id"]) == ("session", page["page_id"])


def test_forged_tokens_neither_bill_nor_credit(client: TestClient, folder: MarketFolder) -> None:
    """Whatever a client makes of a token, and however it claims a paid slot, nothing is billable and
    its click credits no purchase; the token of one listing is forged for another."""
    page = search(client)
    first, second = page["hits"][:2]
    token = second["token"]
    made = [token[:-1] + ("B" if token[-1] == "A" else "A"), "A" * 48, first["token"], "", 7]
    events = [
        of(second, "click", f"c{i}", visitor_id="v1", token=one, is_sponsored=True,
           standing="signed", page_id=page["page_id"] if one else None)
        for i, one in enumerate(made)
    ]  # fmt: skip
    assert send(client, *events) == ["accepted"] * len(made)
    assert send(client, of(second, "purchase", "b1", visitor_id="v1")) == ["accepted"]
    _, credits, billable = state(folder)
    assert (credits, billable) == ([], 0)


def test_a_page_that_did_not_show_the_listing_sold_nothing(
    client: TestClient, folder: MarketFolder
) -> None:
    """Naming a real page is no proof: the listing has to have been on it."""
    page = search(client)
    shown = {hit["listing_id"] for hit in page["hits"]}
    other = next(item["listing_id"] for item in items(12) if item["listing_id"] not in shown)
    bought = {"kind": "purchase", "visitor_id": "v1", "page_id": page["page_id"]}
    send(client, {"event_id": "b1", "listing_id": other, **bought})
    send(client, {"event_id": "b2", "listing_id": page["hits"][0]["listing_id"], **bought})
    assert [one["event_id"] for one in state(folder)[1]] == ["b2"]


def test_the_view_can_be_lost(client: TestClient, folder: MarketFolder) -> None:
    """Without its file the credits are made again from the log, to the last byte."""
    page = search(client)
    for i, hit in enumerate(page["hits"]):
        send(client, of(hit, "click", f"c{i}", visitor_id="v1", token=hit["token"]))
        send(client, of(hit, "purchase", f"b{i}", visitor_id="v1"))
    before = state(folder)
    assert len(before[1]) == 3
    for file in folder.views.iterdir():
        file.unlink()
    assert state(folder) == before


def test_a_damaged_journal_is_a_fault_of_the_learner(tmp_path):
    """What the keeper sets aside is not passed over in silence: its step fails, and health tells."""
    folder = MarketFolder(tmp_path)
    folder.create()
    pages = folder.log / "pages-0"
    pages.mkdir(parents=True)
    journal = pages / "00000000000000000001.journal"
    journal.write_bytes(b"no journal at all")
    os.utime(journal, (1, 1))
    with learner_steps(folder, folder.config()) as steps:
        (keep,) = (one for one in steps if one.name == "keeper")
        with pytest.raises(CorruptError, match=r"000001\.journal"):
            keep.step()
        journal.unlink()
        keep.step()
