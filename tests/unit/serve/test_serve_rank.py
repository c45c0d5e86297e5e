"""Laws of `POST /v1/rank` and `POST /v1/features`."""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from mercer.serve.route_rank import ARROW


def test_listings_are_ranked(client: TestClient, market: Any) -> None:
    """Each listing has its place, and those that are not for sale are named."""
    ids = list(market.listings)
    answer = client.post("/v1/rank", json={"q": "mug", "listing_ids": [*ids, "gone"]})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [one["position"] for one in told["results"]] == list(range(1, len(ids) + 1))
    assert [one["listing_id"] for one in told["results"]] == ids
    assert told["missing"] == ["gone"]


def test_a_listing_without_a_price_is_ranked(client: TestClient, market: Any) -> None:
    """What a listing lacks is null among its values, and no fault."""
    asked = {"listing_ids": ["free"]}
    market.put_listings([{"listing_id": "free", "title": "A mug"}])
    ranked = client.post("/v1/rank", json=asked)
    assert ranked.status_code == 200, ranked.text
    assert [one["listing_id"] for one in ranked.json()["results"]] == ["free"]
    assert client.post("/v1/features", json=asked).json()["values"] == [[None]]


def test_json_and_arrow_have_the_same_values(client: TestClient, market: Any) -> None:
    """The two forms differ in nothing but their form."""
    gone = ["a, b", 'c"d']  # an id may have any character in it
    asked = {"q": "mug", "listing_ids": [*market.listings, *gone]}
    told = client.post("/v1/features", json=asked).json()
    answer = client.post("/v1/features", json=asked, headers={"Accept": ARROW})
    assert answer.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(answer.content).read_all()
    metadata = {name.decode(): value.decode() for name, value in table.schema.metadata.items()}
    assert metadata["feature_set"] == told["feature_set"]
    assert metadata["counters_position"] == told["counters_position"]
    assert int(metadata["catalogue_version"]) == told["catalogue_version"]
    assert json.loads(metadata["missing"]) == told["missing"] == gone
    assert json.loads(metadata["degraded"]) == told["degraded"]
    assert table.column("listing_id").to_pylist() == told["listing_ids"]
    assert json.loads(metadata["list_stats"]) == told["list_stats"] != {}
    assert table.column("price").to_pylist() == [row[0] for row in told["values"]]
    assert told["id_names"] == ["seller"]
    ids = [row[0] for row in told["ids"]]
    assert table.column("seller").to_pylist() == [int(one or 0) for one in ids]
    assert ids[0] is None  # missing
    assert any(int(one or 0) > 2**53 for one in ids)  # whole, not as a double has it


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"q": "mug"}, "listing_ids"),
        ({"listing_ids": []}, "listing_ids"),
        ({"listing_ids": ["x"] * 1_001}, "listing_ids"),
        ({"listing_ids": ["x"], "what": 1}, "what"),
        ({"listing_ids": [7]}, "listing_ids"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/rank", "/v1/features"])
def test_wrong_words_are_told(
    client: TestClient, problem_of: Callable[..., Any], path: str, body: Any, word: str
) -> None:
    """A request that cannot be read names the member."""
    document = problem_of(client.post(path, json=body), 400, "bad-request")
    assert any(word in fault["at"] for fault in document["errors"])


def test_no_listing_no_values(client: TestClient, problem_of: Callable[..., Any]) -> None:
    """Where no listing is for sale there are no values, and the answer says why."""
    document = problem_of(
        client.post("/v1/features", json={"listing_ids": ["gone"]}), 404, "not-found"
    )
    assert "for sale" in document["detail"]
