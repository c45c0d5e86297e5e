"""`GET /v1/explain/{page_id}`: one JSON object, and problem documents."""

from support.plain_market import PAGE_ID


def test_a_page_is_explained(client):
    """Hits with what they are there for; no listing was asked about."""
    answer = client.get(f"/v1/explain/{PAGE_ID}")
    assert answer.status_code == 200
    assert answer.json()["hits"][0]["listing_id"] == "m1"
    assert answer.json()["listing"] is None


def test_a_listing_is_explained(client):
    """The listing that was asked about, with its reason."""
    answer = client.get(f"/v1/explain/{PAGE_ID}", params={"listing_id": "b/1"})
    assert answer.json()["listing"]["reason"] == "filtered"


def test_an_unknown_page_is_a_404(client, problem_of):
    """With the id that was asked for."""
    document = problem_of(client.get("/v1/explain/nope"), 404, "not-found")
    assert "nope" in document["detail"]


def test_a_listing_id_is_bounded(client, problem_of):
    """200 characters, as everywhere."""
    answer = client.get(f"/v1/explain/{PAGE_ID}", params={"listing_id": "x" * 201})
    problem_of(answer, 400, "bad-request")
