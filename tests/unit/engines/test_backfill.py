"""Features of past pages: listings and counters are those that each page saw, not those of today."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mercer.engines.embedded.backfill import BackfillJob, backfill
from mercer.engines.embedded.catalogue_history import catalogue_history
from mercer.engines.embedded.counters.params import params_of
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.features.declare import FeatureSet
from mercer.features.plan import compile_plan
from mercer.retrieve.request import SearchRequest
from mercer.schema.errors import InputError
from support.small_market import small_market

SET = FeatureSet.from_toml("""\
name = "past"
[[feature]]
name = "price"
entity = "listing"
transform = "identity"
inputs = ["listing.price_micros"]
[[feature]]
name = "price_rank"
entity = "pair"
transform = "rank"
inputs = ["listing.price_micros"]
best = "lowest"
[[feature]]
name = "score"
entity = "pair"
transform = "identity"
inputs = ["candidate.first_pass"]
[[feature]]
name = "clicks"
entity = "listing"
transform = "counter"
inputs = ["listing.listing_id"]
whose = "listing"
kind = "click"
half_life_h = 720
""")
DEAR = 900_000_000_000  # micros


def changed(document: dict[str, Any], price_micros: int) -> dict[str, Any]:
    """The same listing at another price, a moment later."""
    kept = ("listing_id", "title", "seller_id", "currency", "category_path", "tags", "quantity")
    values = {name: document[name] for name in kept}
    return values | {"price_micros": price_micros, "updated_ms": int(time.time() * 1e3)}


def test_pages_are_filled_as_of_their_own_moment(tmp_path: Path) -> None:
    """Between two searches half of what was shown gets another price and is clicked: the first page
    has the values of before, the second those of after, whatever stands today."""
    folder = MarketFolder(tmp_path / "shop")
    with small_market(folder.path, n_listings=80, seed=4) as market:
        word = SearchRequest(q=str(market.search(SearchRequest(q="")).hits[0].document["title"]))
        first = market.search(word)
        before = {hit.listing_id: dict(market.listing(hit.listing_id)) for hit in first.hits}
        edited = list(before)[: max(len(before) // 2, 1)]
        market.put_listings([changed(before[one], DEAR) for one in edited])
        clicks = [
            {"event_id": f"e{i}", "kind": "click", "listing_id": one, "visitor_id": "v",
             "time_ms": int(time.time() * 1e3)}
            for i, one in enumerate(edited)
        ]  # fmt: skip
        answers = market.put_events(clicks)
        assert all(one.verdict == "accepted" for one in answers)
        time.sleep(0.05)  # the second page is served in a later millisecond than the clicks came in
        second = market.search(word)
        market.delete_listings(edited[:1], updated_ms=int(time.time() * 1e3) + 1)
        config = folder.config()
    out = tmp_path / "out.parquet"
    now = int(time.time() * 1e3)
    job = BackfillJob(out=out, from_ms=now - 10**7, to_ms=now + 10**6)
    with closing(EmbeddedLog(folder.log, is_owner=False)) as log:
        report = backfill(compile_plan(SET), log, params_of(config), job)
    found = pq.read_table(out).to_pylist()
    by_page = {
        page.page_id: {row["listing_id"]: row for row in found if row["page_id"] == page.page_id}
        for page in (first, second)
    }
    assert report.lost == 0
    for page, is_edited in ((first, False), (second, True)):
        rows = by_page[page.page_id]
        assert set(rows) == {hit.listing_id for hit in page.hits}
        for hit in page.hits:
            row = rows[hit.listing_id]
            dear = is_edited and hit.listing_id in edited
            price = DEAR if dear else before.get(hit.listing_id, {}).get("price_micros")
            if price is not None:
                assert row["price"] == np.float32(price)
            assert row["score"] == pytest.approx(np.float32(hit.score))
            assert row["position"] == hit.position
            assert (row["clicks"] > 0.9) == dear


def test_a_window_without_pages_says_so(tmp_path: Path) -> None:
    """And writes nothing."""
    folder = MarketFolder(tmp_path / "shop")
    with small_market(folder.path, n_listings=5, seed=1):
        pass
    job = BackfillJob(out=tmp_path / "out.parquet", from_ms=0, to_ms=1)
    with (
        closing(EmbeddedLog(folder.log, is_owner=False)) as log,
        pytest.raises(InputError, match="no page was served"),
    ):
        backfill(compile_plan(SET), log, params_of(folder.config()), job)
    assert not job.out.exists()


@pytest.mark.parametrize("part_rows", [2, 1_000])
def test_history_knows_every_version(
    tmp_path: Path, part_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing at each version of the catalogue; nothing before it came and after it was deleted. Rows
    of several parts come in the order in which they are asked for."""
    monkeypatch.setattr("mercer.engines.embedded.catalogue_history._PART_ROWS", part_rows)
    folder = MarketFolder(tmp_path / "shop")
    with small_market(folder.path, n_listings=3, seed=2) as market:
        hit = market.search(SearchRequest(q="")).hits[0]
        document = dict(market.listing(hit.listing_id))
        versions = [market.version]
        for price in (1_000_000, 2_000_000):
            market.put_listings([changed(document, price)])
            versions.append(market.version)
            time.sleep(0.002)
        market.delete_listings([hit.listing_id], updated_ms=int(time.time() * 1e3) + 1)
        versions.append(market.version)
    ids = np.arange(1, 5)
    with (
        closing(EmbeddedLog(folder.log, is_owner=False)) as log,
        catalogue_history(log, row_ids=ids) as history,
    ):
        assert history.listings(ids, 0).tolist() == [-1] * 4
        prices = []
        for version in versions:
            at = history.listings(ids, version)
            rows = history.documents(at[at >= 0]).to_pylist()
            prices.append({row["listing_id"]: row["price_micros"] for row in rows})
        n_rows = sum(part.num_rows for part in history.parts)
        assert len(history.parts) == (1 if part_rows > n_rows else 3)
        places = np.random.default_rng(0).integers(0, n_rows, 30)
        one_by_one = [history.documents(places[i : i + 1]).to_pylist()[0] for i in range(30)]
        assert history.documents(places).to_pylist() == one_by_one
        assert history.documents(places[:0]).num_rows == 0
        assert len({(row["listing_id"], row["price_micros"]) for row in one_by_one}) >= 5
    seen = [one.get(hit.listing_id) for one in prices]
    assert seen == [document["price_micros"], 1_000_000, 2_000_000, None]
    assert [len(one) for one in prices] == [3, 3, 3, 2]
