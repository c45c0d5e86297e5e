"""Laws of a market that ranks with a promoted model: in process, while it serves."""

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from mercer.app_index import merge
from mercer.engines.embedded.feature_sets import FeatureSetFolder
from mercer.engines.embedded.feature_switch import FeatureSwitch
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.model_promotion import promote, roll_back
from mercer.engines.embedded.models import ModelFolder
from mercer.engines.embedded.ranking.column_files import has_columns
from mercer.engines.embedded.ranking.prepare import log_values, prepare_plan
from mercer.events.log import Change
from mercer.features.declare import Feature, FeatureSet
from mercer.features.plan import Plan
from mercer.retrieve.request import SearchRequest
from mercer.schema.page import Page
from mercer.schema.seller import SELLER
from mercer.serve.embedded_market import EmbeddedMarket
from mercer.serve.http import create_app
from support.ranker_kit import plan_of_market, promote_ranker, ranker
from support.small_market import small_market

QUERY = "ring"
# Whatever else the machine does, no stage is left out for want of time, and no page has a swap.
CONFIG = "[search]\nbudget_ms = 60000\n[rank]\nbudget_ms = 60000\nswap_share = 0\n"


def tiny(name: str) -> FeatureSet:
    """A set of the price alone, under that name."""
    price = Feature(
        name=name, entity="listing", transform="identity", inputs=("listing.price_micros",)
    )
    return FeatureSet(name="tiny", features=(price,))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, EmbeddedMarket, Plan]]:
    """A market of 400 listings, without random swaps."""
    path = tmp_path_factory.mktemp("ranked") / "market"
    with small_market(path, n_listings=400, seed=1, config=CONFIG) as market:
        yield path, market, plan_of_market(MarketFolder(path))


@pytest.fixture(autouse=True)
def no_model(market: tuple[Path, EmbeddedMarket, Plan]) -> Iterator[None]:
    """Each test leaves the first pass alone."""
    yield
    path, served, _ = market
    folder = ModelFolder(MarketFolder(path).models, "ranker")
    while folder.history().current is not None:
        roll_back(folder, at_ms=0)
    served.follow_models()


def prices(market: EmbeddedMarket, q: str = QUERY) -> list[int]:
    return [hit.document["price_micros"] for hit in market.search(SearchRequest(q=q)).hits]


def last_page(path: Path) -> Page:
    log = PageLog(MarketFolder(path).log)
    (newest,) = log.recent(limit=1)
    page = log.find(newest.page_id)
    assert page is not None
    return page


def test_the_promoted_model_has_the_last_word(
    market: tuple[Path, EmbeddedMarket, Plan],
) -> None:
    """Searches are in the order of the promoted model, of the next one, and after a rollback again."""
    path, served, plan = market
    plain = prices(served)
    cheap = promote_ranker(path, ranker(plan, {"price_log": -1.0}, name="cheap"))
    served.follow_models()
    assert prices(served) == sorted(plain)
    promote_ranker(path, ranker(plan, {"price_log": 1.0}, name="dear"))
    served.follow_models()
    assert prices(served) == sorted(plain, reverse=True)
    roll_back(ModelFolder(MarketFolder(path).models, "ranker"), at_ms=0)
    served.follow_models()
    assert prices(served) == sorted(plain)
    health = served.health().ranking
    assert health is not None
    assert (health.model, health.feature_set) == (cheap, plan.hash)


def test_a_page_says_how_it_was_ranked(market: tuple[Path, EmbeddedMarket, Plan]) -> None:
    """The record has the model, the plan, the scores of each stage and the values of what is shown."""
    path, served, plan = market
    promote_ranker(path, ranker(plan, {"price_log": -1.0}))
    served.follow_models()
    response = served.search(SearchRequest(q=QUERY))
    page = last_page(path)
    assert page.page_id == response.page_id
    assert [name.split("@")[0] for name in page.models] == ["first_pass", "plain"]
    assert page.feature_set == plan.hash
    assert {"features", "trees"} <= set(page.timings_us)
    values = page.shown_features.reshape(-1, len(plan.names))
    price_log = values[:, plan.names.index("price_log")]
    want = [math.log1p(hit.document["price_micros"]) for hit in response.hits]
    np.testing.assert_array_equal(price_log, np.float32(want))
    np.testing.assert_allclose(page.stage_scores("trees"), -price_log, rtol=1e-6)
    first_pass = page.stage_scores("first_pass")[np.argsort(page.stage_scores("place"))]
    assert (np.diff(first_pass) <= 0).all()
    assert page.list_stats["ranked"] == len(first_pass)
    assert page.list_stats["now_ms"] == page.served_ms


def test_a_new_listing_is_ranked_like_the_others(
    market: tuple[Path, EmbeddedMarket, Plan],
) -> None:
    """What changed since the generation has its columns as soon as it is found."""
    path, served, plan = market
    promote_ranker(path, ranker(plan, {"price_log": -1.0}))
    served.follow_models()
    served.put_listings([{"listing_id": "new", "title": "gold ring", "price": 0.5}])
    response = served.search(SearchRequest(q=QUERY))
    assert response.hits[0].listing_id == "new"
    assert not [one for one in response.degraded if one.startswith(("features", "trees"))]
    served.delete_listings(["new"], updated_ms=2_000_000_000_000)


def test_a_page_without_a_model_is_in_the_order_of_the_first_pass(
    market: tuple[Path, EmbeddedMarket, Plan],
) -> None:
    """No model is no fault."""
    path, served, _ = market
    response = served.search(SearchRequest(q=QUERY))
    page = last_page(path)
    assert response.degraded == ()
    assert page.stages == ("first_pass",)
    assert (np.diff(page.candidate_scores) <= 0).all()
    assert page.feature_set == ""
    assert not page.shown_features.size


def test_values_are_logged_before_there_is_a_model(
    market: tuple[Path, EmbeddedMarket, Plan],
) -> None:
    """With a set to log, pages keep its values, and the order is that of the first pass."""
    path, served, plan = market
    folder = MarketFolder(path)
    plain = prices(served)
    log_values(folder, folder.config().rates, plan)
    served.follow_models()
    assert prices(served) == plain
    page = last_page(path)
    assert (page.feature_set, page.stages[:2]) == (plan.hash, ("first_pass", "place"))
    assert "trees" not in page.stages
    assert page.shown_features.size == len(page.shown) * len(plan.names)
    FeatureSetFolder(folder.models).log(None)
    served.follow_models()
    assert prices(served) == plain
    assert last_page(path).feature_set == ""


def test_a_feature_that_is_off_is_missing(market: tuple[Path, EmbeddedMarket, Plan]) -> None:
    """Switched off while it serves: the model sees the missing value, and health says so."""
    path, served, plan = market
    plain = prices(served)
    promote_ranker(path, ranker(plan, {"price_log": -1.0}))
    switch = FeatureSwitch(MarketFolder(path).models)
    switch.set({"price_log"})
    served.follow_models()
    assert prices(served) == plain  # all scores are alike: ties stay in the order of the first pass
    values = last_page(path).shown_features.reshape(-1, len(plan.names))
    assert np.isnan(values[:, plan.names.index("price_log")]).all()
    health = served.health().ranking
    assert health is not None
    assert health.features_off == ("price_log",)
    switch.set(())
    served.follow_models()
    assert prices(served) == sorted(plain)


def test_without_its_columns_a_model_does_not_serve(
    market: tuple[Path, EmbeddedMarket, Plan],
) -> None:
    """A pointer that was moved past `readied` changes nothing, and health says what is missing."""
    path, served, plan = market
    other = plan_of_market(MarketFolder(path), tiny("cost"))
    promote_ranker(path, ranker(plan, {"price_log": -1.0}))
    served.follow_models()
    cheap = prices(served)
    folder = ModelFolder(MarketFolder(path).models, "ranker")
    made = folder.write(ranker(other, {"cost": 1.0}, name="tiny"))
    promote(folder, made, at_ms=0, force=True)
    served.follow_models()
    assert prices(served) == cheap == sorted(cheap)
    assert any("waits for its columns" in one for one in served.health().degraded)
    rates = MarketFolder(path).config().rates
    prepare_plan(MarketFolder(path), rates, other, lambda: None)
    served.follow_models()
    assert prices(served) == sorted(cheap, reverse=True)
    assert served.health().degraded == ()


def test_a_model_is_promoted_while_requests_run(
    market: tuple[Path, EmbeddedMarket, Plan],
) -> None:
    """Every page is wholly of the model before or wholly of the one after; none is degraded by it."""
    path, served, plan = market
    other = plan_of_market(MarketFolder(path), tiny("price"))
    promote_ranker(path, ranker(plan, {"price_log": -1.0}))
    served.follow_models()
    rising = prices(served)
    stop = threading.Event()
    seen: list[tuple[list[int], tuple[str, ...]]] = []

    def search() -> None:
        while not stop.is_set():
            response = served.search(SearchRequest(q=QUERY))
            found = [hit.document["price_micros"] for hit in response.hits]
            seen.append((found, response.degraded))

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(search) for _ in range(2)]
        try:
            for _ in range(3):
                promote_ranker(path, ranker(other, {"price": 1.0}, name="dear"))
                served.follow_models()
                roll_back(ModelFolder(MarketFolder(path).models, "ranker"), at_ms=0)
                served.follow_models()
        finally:
            stop.set()
        for one in running:
            one.result()
    assert len(seen) > 4
    for found, degraded in seen:
        assert found in (rising, rising[::-1])
        assert not [one for one in degraded if one.startswith(("features", "trees"))]


def test_over_http_a_promoted_model_ranks(market: tuple[Path, EmbeddedMarket, Plan]) -> None:
    """Searches over HTTP, named listings and their features come from the same model."""
    path, served, plan = market
    plain = prices(served)
    promote_ranker(path, ranker(plan, {"price_log": -1.0}))
    served.follow_models()
    with TestClient(create_app(served), base_url="http://localhost") as client:
        hits = client.get("/v1/search", params={"q": QUERY}).json()["hits"]
        assert [hit["document"]["price_micros"] for hit in hits] == sorted(plain)
        ids = [hit["listing_id"] for hit in hits]
        asked = {"q": QUERY, "listing_ids": ids[::-1]}
        ranked = client.post("/v1/rank", json=asked).json()
        assert [one["listing_id"] for one in ranked["results"]] == ids
        assert ranked["feature_set"] == plan.hash
        values = client.post("/v1/features", json=asked).json()
        assert values["listing_ids"] == ids
        assert values["names"] == list(plan.names)
        price_log = [row[plan.names.index("price_log")] for row in values["values"]]
        assert price_log == sorted(price_log)
        assert client.get("/health").json()["ranking"]["feature_set"] == plan.hash


def test_a_merged_index_has_the_columns(market: tuple[Path, EmbeddedMarket, Plan]) -> None:
    """A generation that is built while a model serves has its columns; the model goes on."""
    path, served, plan = market
    promote_ranker(path, ranker(plan, {"price_log": -1.0}))
    served.follow_models()
    before = prices(served)
    merge(path)
    name = served.adopt_generation()
    assert has_columns(MarketFolder(path).index / name, plan)
    response = served.search(SearchRequest(q=QUERY))
    assert response.generation == name
    assert [hit.document["price_micros"] for hit in response.hits] == before
    assert not [one for one in response.degraded if one.startswith(("features", "trees"))]
    served.follow_models()
    assert served.health().degraded == ()


def test_sellers_are_followed(market: tuple[Path, EmbeddedMarket, Plan]) -> None:
    """What a seller's record says is ranked by, also where it came after the index was made."""
    path, served, plan = market
    promote_ranker(path, ranker(plan, {"seller_rating": 1.0}))
    served.put_listings(
        [{"listing_id": "rated", "title": "gold ring", "price": 9, "seller_id": "newest"}]
    )
    rows = pa.RecordBatch.from_pylist(
        [{"seller_id": "newest", "name": "N", "rating": 4.5, "rating_count": 9, "updated_ms": 5}],
        schema=SELLER,
    )
    served._parts.writes.write(Change("sellers", rows))  # type: ignore[union-attr]
    served.follow_models()
    response = served.search(SearchRequest(q=QUERY))
    assert response.hits[0].listing_id == "rated"
    assert response.hits[0].score == 4.5
    assert last_page(path).list_stats["sellers_version"] > 0
    served.delete_listings(["rated"], updated_ms=2_000_000_000_001)
