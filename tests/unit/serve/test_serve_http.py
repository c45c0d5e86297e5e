"""The routes of /v1 and of operations, over a market in memory."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from support.plain_market import PlainMarket

ProblemOf = Callable[..., dict[str, Any]]


def test_get_and_post_give_the_same_search_and_answer(
    client: TestClient, market: PlainMarket
) -> None:
    """The same words in the URL and in the body are the same search."""
    asked = {"q": "mug", "filter": 'color = "blue"', "sort": "price_asc", "per_page": 5, "page": 1}
    got = client.get("/v1/search", params={**asked, "facets": "category,color"})
    posted = client.post("/v1/search", json={**asked, "facets": ["category", "color"]})
    assert got.status_code == posted.status_code == 200
    assert got.json() == posted.json()
    assert market.searches[0] == market.searches[1]
    assert market.searches[0].facets == ("category", "color")


def test_repeated_facets_in_a_url_are_one_list(client: TestClient, market: PlainMarket) -> None:
    """`facets=a&facets=b` and `facets=a,b` ask the same."""
    client.get("/v1/search?facets=a&facets=b, c")
    assert market.searches[0].facets == ("a", "b", "c")


def test_the_answer_has_the_promised_names(client: TestClient) -> None:
    """The members of a search response, and money as integers with their currency."""
    answer = client.post("/v1/search", json={"q": "blue mug"}).json()
    assert set(answer) >= {
        "hits", "found", "page", "per_page", "cursor", "facet_counts", "price_stats", "understood",
        "did_you_mean", "degraded", "search_time_ms", "page_id", "generation", "timings_us",
    }  # fmt: skip
    hit = answer["hits"][0]
    assert hit["position"] == 1
    assert hit["document"]["price_micros"] == 20_000_000
    assert hit["document"]["currency"] == "EUR"


@pytest.mark.parametrize(
    "body",
    [
        {"q": 3},
        {"page": 0},
        {"page": "1"},
        {"page": True},
        {"per_page": 251},
        {"sort": "best"},
        {"mode": "magic"},
        {"facets": "color"},
        {"facets": [""]},
        {"facets": ["a"] * 33},
        {"budget_ms": 0},
        {"nonsense": 1},
        {"filter": "x" * 5_000},
        {"q": "x" * 100_001},
        [],
        "text",
    ],
)
def test_a_wrong_body_is_a_400_that_names_the_field(
    client: TestClient, problem_of: ProblemOf, body: object
) -> None:
    """Wrong types, unknown fields and values out of bounds are named with what was got."""
    problem = problem_of(client.post("/v1/search", json=body), 400, "bad-request")
    assert problem["errors"]
    assert len(problem["detail"]) < 2_000
    if isinstance(body, dict):
        assert problem["errors"][0]["at"].startswith(f"body.{next(iter(body))}")


def test_all_faults_are_told_at_once(client: TestClient, problem_of: ProblemOf) -> None:
    """A caller with three faults corrects them in one round."""
    answer = client.get("/v1/search?page=x&per_page=999&colour=red")
    problem = problem_of(answer, 400, "bad-request")
    assert {e["at"] for e in problem["errors"]} == {"query.page", "query.per_page", "query.colour"}
    assert "got '999'" in problem["detail"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"q": "\\ud800"}', b'{"q": NaN}', b"\xff\xfe", b"[" * 10_000]
)
def test_broken_json_is_a_400(client: TestClient, problem_of: ProblemOf, body: bytes) -> None:
    """Not JSON, half a character, NaN, not UTF-8, nested without end: all say what is wrong."""
    headers = {"content-type": "application/json"}
    problem_of(client.post("/v1/search", content=body, headers=headers), 400, "bad-request")


def test_a_body_of_another_type_is_a_415(client: TestClient, problem_of: ProblemOf) -> None:
    """Only JSON is read; a form that a foreign page can send is not."""
    answer = client.post("/v1/search", content=b"{}", headers={"content-type": "text/plain"})
    problem = problem_of(answer, 415, "unsupported-media-type")
    assert "application/json" in problem["detail"]
    problem_of(client.post("/v1/search", content=b"{}"), 415, "unsupported-media-type")


def test_a_filter_fault_points_at_the_place(client: TestClient, problem_of: ProblemOf) -> None:
    """The document of a bad filter has the character and a caret under it."""
    answer = client.post("/v1/search", json={"filter": 'price < 5 AND color = "'})
    problem = problem_of(answer, 400, "bad-filter")
    assert 0 <= problem["at"] <= 23
    text, caret = problem["caret"].split("\n")
    assert "color" in text
    assert caret.strip() == "^"
    assert caret.index("^") - 2 == problem["at"]


@pytest.mark.parametrize("page", [10**9, 10**30, 418])
def test_a_page_too_deep_names_the_largest(
    client: TestClient, problem_of: ProblemOf, page: int
) -> None:
    """page * per_page has a bound, and the answer says which page is the last one."""
    answer = client.post("/v1/search", json={"page": page, "per_page": 24})
    assert "the largest page is 416" in problem_of(answer, 400, "bad-request")["detail"]
    answer = client.get(f"/v1/search?page={page}&per_page=24")
    assert "the largest page is 416" in problem_of(answer, 400, "bad-request")["detail"]
    assert client.get("/v1/search?page=416").status_code == 200


@pytest.mark.parametrize(
    "q", ["a\0b", "'; DROP TABLE listings;--", "x" * 20_000, "(((", "🙂\u202e"]
)
def test_a_strange_query_is_just_a_query(client: TestClient, market: PlainMarket, q: str) -> None:
    """NUL bytes, syntax of other languages and great length reach the market as they are."""
    assert client.post("/v1/search", json={"q": q}).status_code == 200
    assert market.searches[-1].q == q
    assert client.get("/v1/search", params={"q": q}).status_code == 200
    assert market.searches[-1].q == q


def test_a_query_of_100_000_characters_is_searched(client: TestClient, market: PlainMarket) -> None:
    """Up to the bound the market cuts it and says so; the server does not refuse it."""
    assert client.post("/v1/search", json={"q": "é" * 100_000}).status_code == 200
    assert len(market.searches[-1].q) == 100_000


def test_suggest(client: TestClient, problem_of: ProblemOf) -> None:
    """Completions come in order, at most `limit`."""
    answer = client.get("/v1/suggest", params={"q": "blu"}).json()
    assert answer["suggestions"] == [{"text": "Blue ceramic mug", "kind": "query", "n_listings": 1}]
    assert client.get("/v1/suggest").json()["suggestions"] == []
    problem_of(client.get("/v1/suggest?limit=51"), 400, "bad-request")


def test_similar_takes_any_id(client: TestClient, problem_of: ProblemOf) -> None:
    """Ids belong to the customer: a slash in one is no path."""
    answer = client.get("/v1/listings/b%2F1/similar?limit=1").json()
    assert answer["listing_id"] == "b/1"
    assert [hit["listing_id"] for hit in answer["hits"]] == ["m1"]
    problem_of(client.get("/v1/listings/nobody/similar"), 404, "not-found")
    problem_of(client.get(f"/v1/listings/{'x' * 201}/similar"), 400, "bad-request")


def test_a_batch_answers_per_item(client: TestClient, market: PlainMarket) -> None:
    """Accepted, duplicate and rejected stand side by side, in the order of the request."""
    body = (
        b'{"listings": [{"listing_id": "n1", "title": "New"}, 7, {"listing_id": "m1", "title": "Old"},'
        b'{"listing_id": "n2", "title": "half \\ud800"}, {"listing_id": "n3", "title": "\xff"},'
        b'{"listing_id": "n4", "title": 1e999}, {"title": "no id"}, {"listing_id": "n5", "title": "Z"}]}'
    )
    answer = client.put("/v1/listings", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    got = answer.json()
    assert [r["verdict"] for r in got["results"]] == [
        "accepted", "rejected", "duplicate", "rejected", "rejected", "rejected", "rejected", "accepted",
    ]  # fmt: skip
    assert [r["index"] for r in got["results"]] == list(range(8))
    assert (got["accepted"], got["duplicate"], got["rejected"]) == (2, 1, 5)
    assert all(r["reason"] for r in got["results"] if r["verdict"] == "rejected")
    assert {"n1", "n5"} <= market.listings.keys()


def test_a_huge_item_is_refused_alone(client_of: Callable[..., TestClient]) -> None:
    """A title of many bytes is rejected with both numbers; its neighbour goes in."""
    market = PlainMarket()
    client = client_of(market, max_item_bytes=1_000)
    items = [{"listing_id": "a", "title": "x" * 2_000}, {"listing_id": "b", "title": "Bowl"}]
    results = client.put("/v1/listings", json={"listings": items}).json()["results"]
    assert [r["verdict"] for r in results] == ["rejected", "accepted"]
    assert "1000 are allowed" in results[0]["reason"]
    assert list(market.listings) == ["b"]


@pytest.mark.parametrize("body", [{}, {"listings": 3}, {"listings": [], "more": 1}, [], 3])
def test_a_body_that_is_no_batch_is_a_400(
    client: TestClient, problem_of: ProblemOf, body: object
) -> None:
    """The whole is refused only where there are no items to speak of."""
    problem = problem_of(client.put("/v1/listings", json=body), 400, "bad-request")
    assert '{"listings": [...]}' in problem["detail"]


def test_too_many_items_are_a_413(
    client_of: Callable[..., TestClient], problem_of: ProblemOf
) -> None:
    """The number of items has a bound that the answer names."""
    client = client_of(PlainMarket(), max_batch_items=2)
    answer = client.put("/v1/listings", json={"listings": [{}, {}, {}]})
    assert "2 are allowed" in problem_of(answer, 413, "too-large")["detail"]
    assert client.put("/v1/listings", json={"listings": []}).json()["results"] == []


def test_delete_answers_with_a_verdict(client: TestClient, market: PlainMarket) -> None:
    """A deleted listing is gone from the market when the answer comes."""
    answer = client.delete("/v1/listings/b%2F1")
    assert answer.json() == {"index": 0, "listing_id": "b/1", "verdict": "accepted", "reason": ""}
    assert "b/1" not in market.listings
    assert client.delete("/v1/listings/m1?updated_ms=-1").status_code == 400


def test_a_path_below_a_listing_deletes_nothing(
    client: TestClient, market: PlainMarket, problem_of: ProblemOf
) -> None:
    """A slash in an id is escaped; a bare one is another path, which DELETE does not know."""
    market.listings |= {f"m1/{name}": market.listings["m1"] for name in ("similar", "more")}
    answer = client.delete("/v1/listings/m1/similar")
    problem_of(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"
    problem_of(client.delete("/v1/listings/m1/more"), 404, "not-found")
    assert (
        "%2F" in problem_of(client.get("/v1/listings/m1/more/similar"), 404, "not-found")["detail"]
    )
    assert {"m1/similar", "m1/more"} <= market.listings.keys()
    assert client.delete("/v1/listings/m1%2Fsimilar").json()["listing_id"] == "m1/similar"


def test_methods_and_paths_that_do_not_exist(client: TestClient, problem_of: ProblemOf) -> None:
    """405 names all methods of the path, whichever route knows them; 404 names the path."""
    answer = client.patch("/v1/search")
    problem_of(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, POST"
    problem_of(client.get("/v1/nothing"), 404, "not-found")
    problem_of(client.get("/v1/search/"), 404, "not-found")


def test_health_and_ready(client_of: Callable[..., TestClient], problem_of: ProblemOf) -> None:
    """A market without an index is alive and not ready; a search on it says what to do."""
    client = client_of(PlainMarket(is_ready=False))
    assert client.get("/health").json()["is_ready"] is False
    answer = client.get("/ready")
    assert "mercer index" in problem_of(answer, 503, "not-ready")["detail"]
    assert answer.headers["retry-after"] == "5"
    problem_of(client.get("/v1/search"), 503, "not-ready")
    assert client_of(PlainMarket()).get("/ready").json()["n_delta"] == 7


def test_metrics_count_and_hold_no_query(
    client_of: Callable[..., TestClient], market: PlainMarket
) -> None:
    """Requests, stages, matches, dropped parts, verdicts and the delta are there; words are not."""
    market.degraded = ("semantic: time budget",)
    client = client_of(market)
    client.get("/v1/search?q=secretword")
    client.get("/secretpath")
    client.put("/v1/listings", json={"listings": [{}]})
    text = client.get("/metrics").text
    for line in (
        'mercer_http_requests_total{method="GET",route="/v1/search",status="200"} 1.0',
        'mercer_http_requests_total{method="GET",route="unmatched",status="404"} 1.0',
        'mercer_search_degraded_total{part="semantic"} 1.0',
        'mercer_search_stage_seconds_count{stage="lexical"} 1.0',
        'mercer_batch_items_total{verdict="rejected"} 1.0',
        "mercer_search_found_count 1.0",
        "mercer_delta_listings 7.0",
        "mercer_ready 1.0",
    ):
        assert line in text
    assert 'mercer_http_request_seconds_bucket{le="0.001",route="/v1/search"}' in text
    assert "secret" not in text


def test_openapi_has_an_example_for_every_answer_and_body(client: TestClient) -> None:
    """Each operation has a summary, a description, an example, and its errors as problems."""
    spec = client.get("/openapi.json").json()
    assert spec["openapi"].startswith("3.1")
    for path, methods in spec["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            assert operation["description"], path
            if "requestBody" in operation:
                assert operation["requestBody"]["content"]["application/json"]["examples"]
            good = operation["responses"]["200"]["content"]
            assert "example" in good.get("application/json", {}) or "text/plain" in good
            assert "422" not in operation["responses"]
            assert "application/problem+json" in operation["responses"]["500"]["content"]
