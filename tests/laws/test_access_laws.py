"""Who gets through the door: every route has its need, and nothing on the network is ever fetched."""

import socket
from typing import Any, NoReturn

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from mercer.schema.api_key import SCOPES
from mercer.serve.access.access import NEEDS, Verifier, need_of
from mercer.serve.access.client import Proxies
from mercer.serve.access.gate import Access
from mercer.serve.access.seal import Seal
from mercer.serve.http import create_app
from mercer.serve.log import Log
from support.memory_keys import MemoryKeys, bearer
from support.plain_market import PlainMarket, listing

URL = "http://fetched.example/a.png"


def _app(keys: MemoryKeys | None) -> FastAPI:
    access = Access(Verifier(keys), Seal(b"s" * 32), Proxies(()))
    market = PlainMarket([listing("m1", "White mug", images=[URL])])
    return create_app(market, access=access, log=Log(lambda line: None))


APP = _app(MemoryKeys())
ROUTES = [
    (route.path, method)  # type: ignore[attr-defined]  # every route of ours has both
    for route in APP.routes
    for method in sorted(route.methods)  # type: ignore[attr-defined]
]


def test_every_route_has_its_line_in_the_table() -> None:
    """A route that nobody thought about would need admin; here it is a failure, so that somebody does."""
    console = {path for path, _ in ROUTES if path.startswith("/console/")}
    assert sorted({path for path, _ in ROUTES} - set(NEEDS) - console) == []


def test_a_route_without_a_line_needs_admin() -> None:
    """What was forgotten is closed, not open."""
    assert need_of("/v1/forgotten", "GET") == "admin"
    assert need_of("/console/forgotten", "GET") == "console"
    assert all(method in ("*", "GET") for needs in NEEDS.values() for method in needs)


# The form judges the key that is typed into it, and says 401 by itself.
JUDGED = [route for route in ROUTES if route != ("/console/login", "POST")]


@pytest.mark.parametrize(("path", "method"), JUDGED, ids=lambda value: str(value))
def test_each_caller_gets_what_its_scopes_open(path: str, method: str) -> None:
    """With keys: nobody gets what is not public, and each scope opens its own routes and no other."""
    keys = MemoryKeys()
    texts = {scope: keys.make(scope) for scope in SCOPES}
    need = need_of(path, method)
    target = path.replace("{listing_id:path}", "m1").replace("{page_id}", "p").replace("{", "x{")
    target = target.replace("x{ref:path}", "sim:1").replace("x{name}", "shop.js")
    with TestClient(
        _app(keys), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        # Not followed: where a redirect leads is another request.
        ask = {"follow_redirects": False}
        nobody = client.request(method, target, **ask)  # type: ignore[arg-type]
        assert (nobody.status_code == 401) == (need != "public")
        for scope, text in texts.items():
            answer = client.request(method, target, headers=bearer(text), **ask)  # type: ignore[arg-type]
            may = need == "public" or scope in ("admin", need)
            assert (answer.status_code in (401, 403)) != may, (scope, need)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every attempt to resolve a name or to open a connection, which fails."""
    tried: list[Any] = []

    def refuse(*words: Any, **more: Any) -> NoReturn:
        tried.append((words, more))
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    return tried


def test_no_address_of_a_client_is_ever_fetched(connections: list[Any]) -> None:
    """URLs in listings, events, queries, headers and paths are data: no connection is opened."""
    item = listing("m2", f"Mug {URL}", images=[URL, "//fetched.example/b.png"], seller_id=URL)
    event = {"event_id": URL, "kind": "click", "time_ms": 1, "listing_id": URL, "query": URL}
    sent = {"referer": URL, "origin": URL, "x-forwarded-for": "fetched.example", "forwarded": URL}
    with TestClient(_app(None), base_url="http://localhost") as client:
        for method, path, body in (
            ("PUT", "/v1/listings", {"listings": [item]}),
            ("POST", "/v1/events", {"events": [event]}),
            ("POST", "/v1/search", {"q": URL, "filter": f'seller = "{URL}"'}),
            ("GET", f"/v1/search?q={URL}", None),
            ("GET", f"/v1/suggest?q={URL}", None),
            ("GET", f"/images/{URL}?size=120", None),
            ("GET", f"/listing/{URL}", None),
            ("GET", f"/?q={URL}", None),
            ("GET", "/listing/m1", None),
            ("GET", "/", None),
        ):
            answer = client.request(
                method, path, json=body, headers={**sent, "accept": "text/html"}
            )
            assert answer.status_code < 500
            assert f'src="{URL}' not in answer.text
    assert connections == []
