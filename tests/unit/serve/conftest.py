"""One app over a small market in memory, and a client that speaks to it as localhost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient

from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.picture import Draw, Stored
from mercer.serve.settings import ServeSettings
from support.plain_market import PlainMarket, listing

MUGS = [
    listing("m1", "White ceramic mug", attributes={"color": ["white"]}),
    listing("m2", "Blue ceramic mug", attributes={"color": ["blue"]}, price_micros=20_000_000),
    listing("b/1", "Walnut bowl", attributes={"color": ["brown"]}, images=["sim:b/1"]),
]


@pytest.fixture
def market() -> PlainMarket:
    return PlainMarket(MUGS)


@pytest.fixture
def lines() -> list[str]:
    """What was logged."""
    return []


@pytest.fixture
def client_of(lines: list[str]) -> Iterator[Callable[..., TestClient]]:
    """`client_of(market, draw=, settings fields...)`."""
    opened: list[TestClient] = []

    def make(
        market: PlainMarket,
        *,
        draw: Draw | None = None,
        stored: Stored | None = None,
        level: Any = "info",
        **fields: Any,
    ) -> TestClient:
        log = Log(lines.append, level=level, now_ms=lambda: 0)
        app = create_app(
            market,
            settings=ServeSettings(**fields),
            draw=draw,
            stored=stored,
            log=log,
            now_ms=lambda: 99,
        )
        client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
        opened.append(client)
        return client.__enter__()

    yield make
    for client in opened:
        client.__exit__()


@pytest.fixture
def client(market: PlainMarket, client_of: Callable[..., TestClient]) -> TestClient:
    return client_of(market)


@pytest.fixture
def problem_of() -> Callable[..., Mapping[str, Any]]:
    """Checks that a response is a whole problem document, and returns it."""

    def check(response: Any, status: int, kind: str) -> Mapping[str, Any]:
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        document: Mapping[str, Any] = response.json()
        assert document["type"] == f"/docs#problem-{kind}"
        assert document["status"] == status
        assert document["title"]
        assert document["detail"]
        assert document["advice"]
        assert document["request_id"] == response.headers["x-request-id"]
        assert isinstance(document["errors"], Sequence)
        return document

    return check
