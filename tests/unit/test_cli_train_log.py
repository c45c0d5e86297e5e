"""From the log of a market to a ranker that serves: pages, clicks, purchases, machines, feature sets."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from typer.testing import CliRunner

from mercer.cli import app
from mercer.engines.embedded.feature_sets import FeatureSetFolder
from mercer.engines.embedded.lambdamart import LambdaMartParams
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_writer import SlotWriter, WriterParams
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.models import ModelFolder
from mercer.events.log import Change
from mercer.features.declare import Feature, FeatureSet
from mercer.features.plan import Plan, compile_plan
from mercer.learn.click_bias import place_tellers
from mercer.learn.model_file import FEATURES
from mercer.schema.page import Page, Shown
from support.clicks import Clicks, clicked_pages
from support.logged import event_rows
from support.market_kit import T0, items, make_market

RUN = CliRunner()
N_PLACES, N_PAGES = 8, 300
HOUR_MS = 3_600_000


def plan() -> Plan:
    """Four columns; the third is made of what the first pass said."""
    one = {"entity": "listing", "transform": "identity"}
    features = (
        Feature(name="price", inputs=("listing.price_micros",), **one),
        Feature(name="rating", inputs=("listing.rating",), **one),
        Feature(
            name="first", entity="pair", transform="identity", inputs=("candidate.first_pass",)
        ),
        Feature(name="sold", inputs=("listing.sold_count",), **one),
    )
    return compile_plan(FeatureSet(name="four", features=features))


def page_id(i: int) -> str:
    return str(UUID(int=(T0 + i * 60_000) << 80 | 7 << 76 | 2 << 62 | i))


def listing(i: int, at: int) -> str:
    """What page i shows at a place; the listings of a query move from page to page."""
    return f"l{(at + i // 40) % N_PLACES}"


def page_of(clicks: Clicks, i: int, *, feature_set: str) -> Page:
    """A page with the features that were used; each query has several pages."""
    rows = slice(i * N_PLACES, (i + 1) * N_PLACES)
    shown = [
        Shown(
            listing_id=listing(i, at),
            row_id=int(listing(i, at)[1:]) + 1,
            position=at + 1,
            score=0.0,
            propensity=float(clicks.propensity[rows][at]),
        )
        for at in range(N_PLACES)
    ]
    return Page(
        page_id=page_id(i),
        served_ms=T0 + i * 60_000,
        surface="search",
        q=f"query {i % 40}",
        request={},
        found=N_PLACES,
        generation="g",
        catalogue_version=N_PLACES,
        visitor_id="bot" if i % 50 == 0 else f"v{i}",
        shown=tuple(shown),
        feature_set=feature_set,
        shown_features=np.ascontiguousarray(clicks.features[rows]).ravel(),
    )


def write_pages(folder: MarketFolder, clicks: Clicks, *, feature_set: str) -> None:
    """All pages, by many threads: each write waits for the disk."""
    patient = WriterParams(stuck_s=60)  # a slow disk drops none of them
    writer = SlotWriter(folder.log / "pages-0", patient)
    pages = [page_of(clicks, i, feature_set=feature_set) for i in range(N_PAGES)]
    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(lambda page: writer.write(page, budget_s=60), pages))
    writer.close()


def write_events(folder: MarketFolder, clicks: Clicks) -> None:
    """A click where there was one, and after every third a purchase that names no page."""
    log, events = EmbeddedLog(folder.log), []
    for n, row in enumerate(np.flatnonzero(clicks.is_clicked).tolist()):
        i, at = divmod(row, N_PLACES)
        time_ms = T0 + i * 60_000 + 5_000 + 2_000 * at
        who = {"visitor_id": f"v{i}", "listing_id": listing(i, at), "time_ms": time_ms}
        events.append({"event_id": f"c{n}", "kind": "click", "page_id": page_id(i)} | who)
        if n % 3 == 0:
            bought = {"event_id": f"b{n}", "kind": "purchase"} | who | {"time_ms": time_ms + 1}
            events.append(bought | {"price_micros": 1, "currency": "USD"})
    forged = {"event_id": "f", "kind": "click", "time_ms": T0, "listing_id": "l1"}
    events.append(forged | {"page_id": page_id(0), "visitor_id": "bot", "standing": "forged"})
    log.append([Change("events", event_rows(*events))])
    log.close()


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> MarketFolder:
    folder = MarketFolder(tmp_path_factory.mktemp("market") / "shop")
    make_market(folder.path, items(N_PLACES))
    clicks = clicked_pages(seed=0, n_pages=N_PAGES, n_places=N_PLACES, share=0.2, eta=0.5)
    write_pages(folder, clicks, feature_set=FeatureSetFolder(folder.models).keep(plan()))
    write_events(folder, clicks)
    return folder


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "mercer.engines.embedded.training_ranker.LambdaMartParams",
        lambda **words: LambdaMartParams(n_trees=15, learning_rate=0.1, **words),
    )


def said(market: MarketFolder, *words: str, status: int = 0) -> dict:
    at = ["--market", str(market.path), "--json", "--mature-hours", "0"]
    result = RUN.invoke(app, ["train", "ranker", *at, *words])
    assert result.exit_code == status, result.output
    return json.loads(result.stdout) if status == 0 else {"said": result.stderr}


def test_a_ranker_is_learned_from_the_log(market: MarketFolder) -> None:
    """A model comes out that carries its feature set and window, and passes the gate."""
    made = said(market)
    assert made["read"]["pages"] == N_PAGES - 6
    assert made["read"]["machines"] == 1
    assert made["examination"]["chance"][0] == 1.0
    assert {one["segment"] for one in made["segments"]} >= {"query", "category", "seller"}
    folder = ModelFolder(market.models, "ranker")
    model = folder.load(made["model"])
    assert model.manifest.features == plan().names
    assert model.manifest.source == "log"
    assert model.manifest.window["to_ms"] == T0 + (N_PAGES - 1) * 60_000
    assert model.files[FEATURES].decode() == plan().feature_set.to_toml()
    assert [rung["name"] for rung in made["rungs"]] == ["as_served", "listwise", "lambdamart"]
    at = ["--market", str(market.path)]
    promoted = RUN.invoke(app, ["promote", made["model"], *at])
    assert promoted.exit_code == 0, promoted.stderr
    assert folder.history().current == made["model"]


def test_features_that_no_page_was_ranked_on_are_learned_from(
    market: MarketFolder, tmp_path: Path
) -> None:
    """With --replay the values are those of a set that is declared anew, computed for each page."""
    declared = tmp_path / "new.toml"
    declared.write_text(
        'name = "new"\n[[feature]]\nname = "price_log"\nentity = "listing"\ntransform = "log1p"\n'
        'inputs = ["listing.price_micros"]\ndoc = "Of the price."\n'
        '[[feature]]\nname = "query_length"\nentity = "query"\ntransform = "size"\n'
        'inputs = ["words"]\ndoc = "Words."\n'
        '[[node]]\nname = "words"\nentity = "query"\ntransform = "tokenise"\ninputs = ["query.q"]\n'
    )
    made = said(market, "--replay", "--set", str(declared))
    assert made["read"]["pages"] == said(market, "--dry-run")["read"]["pages"]
    assert made["read"]["pages_lost"] == 0
    model = ModelFolder(market.models, "ranker").load(made["model"])
    assert model.manifest.features == ("price_log", "query_length")
    assert b'name = "new"' in model.files[FEATURES]
    prices = np.load(market.models / "ranker" / made["model"] / "golden_rows.npy")[:, 0]
    assert len(np.unique(prices[np.isfinite(prices)])) > 1
    told = said(market, "--replay", "--feature-set", "x", status=2)["said"]
    assert "give one of them" in told.replace("\n", " ")
    assert "give both" in said(market, "--set", str(declared), status=2)["said"].replace("\n", " ")


@pytest.mark.parametrize("bias", ["none", "swaps", "moved", "model"])
def test_every_way_is_dry_run(market: MarketFolder, bias: str) -> None:
    """Each way to take the favour of places out says the curve it found; purchases are among the gains."""
    plain = said(market, "--dry-run", "--bias", bias)
    assert plain["read"]["with_gain"] == plain["read"]["clicked"]
    if bias == "none":
        assert "examination" not in plain
    else:
        assert len(plain["examination"]["chance"]) == N_PLACES
    bought = said(market, "--dry-run", "--bias", "none", "--event-gains", "click=0,purchase=1")
    assert 0 < bought["read"]["with_gain"] < bought["read"]["clicked"]


def test_machines_can_be_kept(market: MarketFolder) -> None:
    """Without the filter every page is learned from."""
    assert said(market, "--dry-run", "--keep-bots")["read"]["pages"] == N_PAGES


def test_what_the_first_pass_said_tells_the_place() -> None:
    """Features made of candidate columns are known, at any remove."""
    twice = Feature(name="twice", entity="pair", transform="log1p", inputs=("first",))
    features = (*plan().feature_set.features, twice)
    assert place_tellers(FeatureSet(name="x", features=features)) == {"first", "twice"}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--feature-set", "other"], "there is no feature set 'other'"),
        (["--bias", "magic"], "way is one of none, swaps, moved, model"),
        (["--event-gains", "view"], "allowed are pairs such as"),
        (["--event-gains", "view=1"], "gains are numbers from 0 for click"),
        (["--standings", "maybe"], "standings some of signed"),
    ],
)
def test_wrong_words_are_told(market: MarketFolder, words: list[str], text: str) -> None:
    """What is not there or not allowed is named."""
    result = RUN.invoke(app, ["train", "ranker", "--market", str(market.path), *words])
    assert result.exit_code in (1, 2)
    assert text in result.stderr.replace("\n", " ")


def test_an_empty_log_says_what_to_do(tmp_path: Path) -> None:
    """A market without pages says by which command there will be something to learn from."""
    make_market(tmp_path / "shop", items(3))
    result = RUN.invoke(app, ["train", "ranker", "--market", str(tmp_path / "shop")])
    assert result.exit_code == 1
    assert "has no page with feature values yet; mercer features log" in result.stderr
