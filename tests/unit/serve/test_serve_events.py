"""`POST /v1/events`: bounds, verdicts and the published schema, over a market in memory."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient

from mercer.events.collect import CLIENT_RULES, Arrival, CollectRules, collect
from mercer.events.token import KeyRing
from mercer.serve.event_schema import EXAMPLE
from mercer.serve.market import EventResult
from support.plain_market import PlainMarket

JSON = {"content-type": "application/json"}
ProblemOf = Callable[..., Mapping[str, Any]]


class EventMarket(PlainMarket):
    """Remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[list[Any], int | None, str]] = []

    def put_events(
        self, items: Sequence[Any], *, sent_ms: int | None = None, source: str = "api"
    ) -> Sequence[EventResult]:
        self.calls.append((list(items), sent_ms, source))
        return [EventResult(item.get("event_id", ""), "accepted") for item in items]


@pytest.fixture
def market() -> EventMarket:
    return EventMarket()


@pytest.fixture
def client(market: EventMarket, client_of: Callable[..., TestClient]) -> TestClient:
    return client_of(market, max_event_items=4, max_event_bytes=2_000, max_events_bytes=10_000)


def test_a_verdict_for_each_in_their_order(client: TestClient, market: EventMarket) -> None:
    """What is no object or not even JSON is refused where it stands; its neighbours reach the market."""
    body = b'{"sent_ms": 17, "events": [{"event_id": "a"}, 3, {"event_id": "\xff"}, {"event_id": "b"}]}'
    answer = client.post("/v1/events", content=body, headers=JSON)
    assert answer.status_code == 200
    counts = {k: answer.json()[k] for k in ("accepted", "duplicate", "rejected")}
    assert counts == {"accepted": 2, "duplicate": 0, "rejected": 2}
    results = answer.json()["results"]
    assert [r["index"] for r in results] == [0, 1, 2, 3]
    assert [r["event_id"] for r in results] == ["a", "", "", "b"]
    assert results[1]["reason"] == "an event is a JSON object, got 3"
    assert market.calls == [([{"event_id": "a"}, {"event_id": "b"}], 17, "api")]


def test_the_client_clock_is_optional_and_checked(
    client: TestClient, market: EventMarket, problem_of: ProblemOf
) -> None:
    """`sent_ms` may be missing, null or a fraction; what is no time at all is told, not ignored."""
    for body, want in (({}, None), ({"sent_ms": None}, None), ({"sent_ms": 1.6}, 2)):
        client.post("/v1/events", json={"events": [{}], **body})
        assert market.calls.pop() == ([{}], want, "api")
    for wrong in ("5", True, -1, 10**15, [], {}):
        answer = client.post("/v1/events", json={"events": [{}], "sent_ms": wrong})
        assert "sent_ms" in problem_of(answer, 400, "bad-request")["detail"]
    assert market.calls == []


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", '{"events": {}}', '{"event": []}', '{"events": [], "more": 1}', "[" * 9_000],
)
def test_what_is_no_batch_is_told_so(client: TestClient, problem_of: ProblemOf, body: str) -> None:
    """A body that is not a batch of events is a 400 that shows what one looks like."""
    problem = problem_of(client.post("/v1/events", content=body, headers=JSON), 400, "bad-request")
    assert '{"events": [...]}' in problem["detail"]


def test_sizes_are_bounded(client: TestClient, market: EventMarket, problem_of: ProblemOf) -> None:
    """Too many events or bytes are refused as a whole, one large event alone, an empty batch is fine."""
    problem_of(client.post("/v1/events", json={"events": [{}] * 5}), 413, "too-large")
    large = {"events": [{"x": "a" * 10_000}]}
    problem_of(client.post("/v1/events", json=large), 413, "too-large")
    answer = client.post("/v1/events", json={"events": [{"x": "a" * 2_000}, {}]}).json()
    assert (answer["accepted"], answer["rejected"]) == (1, 1)
    assert "2000 are allowed" in answer["results"][0]["reason"]
    empty = {"accepted": 0, "duplicate": 0, "rejected": 0, "results": []}
    assert client.post("/v1/events", json={"events": []}).json() == empty


def test_other_media_types_are_refused(client: TestClient, problem_of: ProblemOf) -> None:
    """A form or plain text, which a foreign page could send without asking, is not read."""
    answer = client.post(
        "/v1/events", content='{"events": []}', headers={"content-type": "text/plain"}
    )
    problem_of(answer, 415, "unsupported-media-type")


def test_the_schema_is_published_and_true(client: TestClient) -> None:
    """The document names every field that is judged, and its own example is accepted."""
    answer = client.get("/v1/events/schema.json")
    schema = answer.json()
    event = schema["$defs"]["Event"]
    assert set(event["properties"]) == {rule.name for rule in CLIENT_RULES} | {"token"}
    assert event["required"] == ["event_id", "kind", "listing_id"]
    assert schema["properties"]["events"]["maxItems"] == 4
    spec = client.get("/openapi.json").json()
    assert spec["components"]["schemas"]["Event"] == event
    judged = collect(
        EXAMPLE["events"],
        arrival=Arrival(received_ms=EXAMPLE["sent_ms"], sent_ms=EXAMPLE["sent_ms"], source="api"),
        rules=CollectRules(currency="EUR", keep_ms=10**10, token_ttl_ms=1),
        ring=KeyRing({1: bytes(32)}, 1),
    )
    assert judged.rejections == ()
    assert json.loads(judged.rows.column("extra")[1].as_py()) == {"gift_wrap": True}
