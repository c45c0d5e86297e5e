"""HTTP over a real market: whatever is sent, nothing fails, and what is acknowledged holds."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mercer.serve.http import create_app
from mercer.serve.log import Log
from support.small_market import small_market

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SYNTAX = st.lists(
    st.sampled_from(
        ["mug", "vintage", "white", '"', "(", ")", "[", "-", "not", "without", "AND", "OR", "under",
         "20", "$", "cm", "..", ":", "=", "*", "~2", "^3", "\0", "\\", "'; DROP TABLE listings;--", "\u202e"]
    ),
    max_size=8,
).map(" ".join)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    *(
        "title",
        "tags",
        "category_path",
        "attributes",
        "price_micros",
        "price",
        "currency",
        "quantity",
    ),
    *("images", "updated_ms", "created_ms", "rating", "is_hidden", "seller_id", "listing_id", "x"),
]
ITEM = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("market") / "shop"
    with small_market(folder, n_listings=200, seed=5) as market:
        app = create_app(market, log=Log(lambda line: None))
        with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
            yield client


@settings(max_examples=60)
@given(TEXT | SYNTAX, TEXT | SYNTAX | st.just(""), st.sampled_from(["*", "color", "nope", ""]))
def test_no_words_make_a_search_fail(client: TestClient, q: str, text: str, facet: str) -> None:
    """Any query, filter and facet gives an answer or a 400 that says what is wrong; the page too."""
    body = {"q": q, "filter": text, "facets": [facet] if facet else [], "per_page": 5}
    answer = client.post("/v1/search", json=body)
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        found = answer.json()
        assert len(found["hits"]) == min(5, found["found"])
        assert [hit["position"] for hit in found["hits"]] == list(range(1, len(found["hits"]) + 1))
    assert client.get("/v1/suggest", params={"q": q}).status_code == 200
    page = client.get("/", params={"q": q, "f": text}, headers={"accept": "text/html"})
    assert page.status_code in (200, 400)
    assert page.headers["content-type"].startswith("text/html")


@settings(max_examples=25)
@given(st.lists(ITEM | JSON, max_size=4))
@example([{"listing_id": "a", "title": "x", "price_micros": 10**30}])
@example([{"listing_id": "a", "title": "x", "updated_ms": -(10**20)}])
@example([{"listing_id": "a\0b", "title": "\0"}])
def test_a_good_item_goes_in_among_any_others(client: TestClient, others: list[Any]) -> None:
    """Every item has its verdict, and the good one is found, whatever stands beside it."""
    good = {"listing_id": "good", "title": "Zanzibar astrolabe", "updated_ms": None}
    items = [*others, {k: v for k, v in good.items() if v is not None}]
    answer = client.put("/v1/listings", content=json.dumps({"listings": items}), headers=JSON_TYPE)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert len(results) == len(items)
    assert all(r["reason"] for r in results if r["verdict"] == "rejected")
    assert results[-1]["listing_id"] == "good"
    assert results[-1]["verdict"] in ("accepted", "duplicate")
    hits = client.get("/v1/search?q=zanzibar+astrolabe").json()["hits"]
    assert hits[0]["listing_id"] == "good"


JSON_TYPE = {"content-type": "application/json"}


def test_what_is_acknowledged_holds_at_once(client: TestClient) -> None:
    """Put, found; changed, found changed; sold out or deleted, gone: from the search after the answer."""
    item = {
        "listing_id": "now/1",
        "title": "Quixotic brass sextant",
        "price_micros": 1,
        "currency": "USD",
    }

    def found() -> list[str]:
        hits = client.get("/v1/search?q=quixotic+sextant&mode=lexical").json()["hits"]
        return [hit["document"]["title"] for hit in hits]

    def put(**more: Any) -> str:
        answer = client.put("/v1/listings", json={"listings": [{**item, **more}]}).json()
        return str(answer["results"][0]["verdict"])

    assert found() == []
    assert put(updated_ms=1_000) == "accepted"
    assert found() == ["Quixotic brass sextant"]
    assert put(updated_ms=1_000) == "duplicate"
    assert put(updated_ms=2_000, title="Quixotic tin sextant") == "accepted"
    assert put(updated_ms=1_500, title="Quixotic old sextant") == "duplicate"
    assert found() == ["Quixotic tin sextant"]
    assert put(updated_ms=3_000, quantity=0) == "accepted"
    assert found() == []
    assert put(updated_ms=4_000) == "accepted"
    assert client.delete("/v1/listings/now%2F1").json()["verdict"] == "accepted"
    assert found() == []
    assert client.get("/v1/listings/now%2F1/similar").status_code == 404


def test_pages_of_a_slate_hold_every_match_once(client: TestClient) -> None:
    """Over all pages nothing comes twice and nothing is skipped, also while listings change."""
    first = client.get("/v1/search?q=vintage&per_page=7&mode=lexical").json()
    ids = [hit["listing_id"] for hit in first["hits"]]
    for page in range(2, -(-first["found"] // 7) + 1):
        new = {"listing_id": f"late-{page}", "title": "Vintage latecomer"}
        client.put("/v1/listings", json={"listings": [new]})
        url = f"/v1/search?q=vintage&per_page=7&mode=lexical&page={page}&cursor={first['cursor']}"
        ids += [hit["listing_id"] for hit in client.get(url).json()["hits"]]
    assert len(ids) == len(set(ids)) == first["found"]
