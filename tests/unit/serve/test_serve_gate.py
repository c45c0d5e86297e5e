"""The gate: keys, cookies, limits, other sites, and what strangers are told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from mercer.schema.api_key import ApiKey
from mercer.schema.errors import MarketBusyError
from mercer.serve.access.access import Verifier
from mercer.serve.access.client import Proxies
from mercer.serve.access.gate import CONSOLE_COOKIE, VISITOR_COOKIE, Access
from mercer.serve.access.seal import Seal
from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.settings import ServeSettings
from support.memory_keys import MemoryKeys, bearer
from support.plain_market import PlainMarket, listing

ProblemOf = Callable[..., dict[str, Any]]
SEAL = Seal(b"s" * 32)
HTML = {"accept": "text/html"}


@dataclass
class Door:
    """A market with keys behind the gate, and clocks that stand still."""

    keys: MemoryKeys = field(default_factory=MemoryKeys)
    market: PlainMarket = field(default_factory=lambda: PlainMarket([listing("m1", "White mug")]))
    now_s: float = 100.0
    now_ms: int = 1_000
    client_address: str = "203.0.113.9"
    app: FastAPI | None = None

    def client(self, *, trust: tuple[str, ...] = (), **fields: Any) -> TestClient:
        verifier = Verifier(self.keys, clock=lambda: self.now_s, now_ms=lambda: self.now_ms)
        self.app = create_app(
            self.market,
            access=Access(verifier, SEAL, Proxies(trust), lambda: self.now_s),
            settings=ServeSettings(**fields),
            log=Log(lambda line: None),
        )
        return TestClient(
            self.app,
            base_url="http://localhost",
            raise_server_exceptions=False,
            client=(self.client_address, 1),
            follow_redirects=False,
        )


@pytest.fixture
def door() -> Door:
    return Door()


def test_without_keys_everything_is_allowed_until_the_first(
    door: Door, problem_of: ProblemOf
) -> None:
    """The first key closes the door within the time that memory counts, also while the server runs."""
    client = door.client()
    assert client.get("/v1/search").status_code == 200
    assert client.get("/metrics").status_code == 200
    door.keys.make("search")
    door.now_s += 5
    problem = problem_of(client.get("/v1/search"), 401, "unauthorized")
    assert "Authorization: Bearer" in problem["detail"]
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Basic eDp5", "Bearer mercer_x_y", "bearer  nonsense"]
)
def test_what_is_no_key_is_a_401_with_its_challenge(door: Door, given: str) -> None:
    """RFC 6750: the challenge names the realm."""
    door.keys.make("search")
    answer = door.client().get("/v1/search", headers={"authorization": given})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="mercer"')


def test_a_key_of_another_scope_is_a_403_that_names_the_right_one(
    door: Door, problem_of: ProblemOf
) -> None:
    """Who lacks a scope hears which."""
    text = door.keys.make("search")
    answer = door.client().put("/v1/listings", json={"listings": []}, headers=bearer(text))
    assert "scope catalogue" in problem_of(answer, 403, "forbidden")["detail"]
    assert 'scope="catalogue"' in answer.headers["www-authenticate"]


def test_another_secret_of_a_known_id_opens_nothing(door: Door) -> None:
    """An id alone is worth nothing."""
    text = door.keys.make("admin")
    wrong = text[:-1] + ("A" if text[-1] != "A" else "B")
    wrong = wrong[:-4] + "AAAA"
    assert door.client().get("/v1/search", headers=bearer(wrong)).status_code == 401


def test_a_revocation_takes_effect_within_five_seconds(door: Door, problem_of: ProblemOf) -> None:
    """Until then memory may answer, without asking the tables; after it never."""
    text, client = door.keys.make("search"), door.client()
    headers = bearer(text)
    assert client.get("/v1/search", headers=headers).status_code == 200
    asked = door.keys.n_asked
    for _ in range(20):
        assert client.get("/v1/search", headers=headers).status_code == 200
    assert door.keys.n_asked == asked
    door.keys.revoke(text)
    door.now_s += 5
    assert (
        "revoked"
        in problem_of(client.get("/v1/search", headers=headers), 401, "unauthorized")["detail"]
    )


def test_an_expired_key_ends_at_its_time(door: Door) -> None:
    """Also while memory still knows it."""
    text, client = door.keys.make("search", expires_ms=2_000), door.client()
    assert client.get("/v1/search", headers=bearer(text)).status_code == 200
    door.now_ms = 2_000
    assert client.get("/v1/search", headers=bearer(text)).status_code == 401


def test_keys_that_cannot_be_read_let_nobody_in(door: Door, problem_of: ProblemOf) -> None:
    """A broken table closes the door; it never opens it."""
    text, client = door.keys.make("search"), door.client()

    def broken(key_id: str) -> ApiKey | None:
        raise MarketBusyError("the keys cannot be reached")

    door.keys.find = broken  # type: ignore[method-assign]  # the fault that is tested
    problem_of(client.get("/v1/search", headers=bearer(text)), 503, "busy")
    assert client.get("/docs").status_code == 200
    client.cookies.clear()
    assert client.get("/v1/search").status_code == 401


def test_no_body_is_read_for_whoever_is_not_let_in(door: Door) -> None:
    """The refusal comes before the first byte of the body is asked for."""
    door.keys.make("catalogue")
    client = door.client()

    def endless() -> Iterator[bytes]:
        for _ in range(3):
            yield b" " * 1_000

    answer = client.put(
        "/v1/listings", content=endless(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 401


def test_a_browser_of_the_shop_speaks_for_itself_only(door: Door) -> None:
    """A sealed cookie opens searching and events, and its visitor stands in all of them."""
    door.keys.make("search")
    client = door.client()
    seen: list[Any] = []
    put = door.market.put_events

    def put_events(items: Any, **more: Any) -> Any:
        seen.append((list(items), more["source"]))
        return put(items, **more)

    door.market.put_events = put_events  # type: ignore[method-assign]  # to look at what comes
    cookie = {"cookie": f"{VISITOR_COOKIE}={SEAL.seal(VISITOR_COOKIE, 'me')}"}
    event = {"event_id": "e", "visitor_id": "somebody", "session_id": "theirs", "buyer_id": "b"}
    assert client.post("/v1/events", json={"events": [event, 7]}, headers=cookie).status_code == 200
    (items, source) = seen[0]
    assert source == "shop"
    assert (items[0]["visitor_id"], items[0]["buyer_id"]) == ("me", None)
    assert items[0]["session_id"] is None
    assert client.get("/v1/search?q=mug&visitor_id=somebody&buyer_id=b", headers=cookie).is_success
    assert (door.market.searches[-1].visitor_id, door.market.searches[-1].buyer_id) == ("me", None)
    assert client.put("/v1/listings", json={"listings": []}, headers=cookie).status_code == 401
    assert client.get("/metrics", headers=cookie).status_code == 401


@pytest.mark.parametrize(
    "cookie", ["me", "me.AAAAAAAAAAAAAAAAAAAAAA", f"{SEAL.seal('other', 'me')}"]
)
def test_a_forged_cookie_is_none(door: Door, cookie: str) -> None:
    """Nobody can make themselves another visitor."""
    door.keys.make("search")
    headers = {"cookie": f"{VISITOR_COOKIE}={cookie}"}
    assert door.client().get("/v1/search", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"origin": "http://localhost"}, False),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "null"}, True),
        ({}, False),
    ],
)
def test_another_site_cannot_use_our_cookies(
    door: Door, problem_of: ProblemOf, headers: dict[str, str], is_refused: bool
) -> None:
    """What the browser says of the sender counts; a key needs no such proof."""
    text = door.keys.make("events")
    client = door.client()
    cookie = {"cookie": f"{VISITOR_COOKIE}={SEAL.seal(VISITOR_COOKIE, 'me')}"}
    answer = client.post("/v1/events", json={"events": []}, headers={**cookie, **headers})
    if is_refused:
        problem_of(answer, 403, "foreign-origin")
    else:
        assert answer.status_code == 200
    with_key = {**bearer(text), **headers}
    assert client.post("/v1/events", json={"events": []}, headers=with_key).status_code == 200


def test_cookies_of_the_shop_leave_sealed(door: Door) -> None:
    """Whatever handler sets the visitor's cookie, the browser gets one that nobody else can make."""
    client = door.client()
    assert door.app is not None

    async def hello(request: Request) -> Response:
        answer = Response(request.cookies.get(VISITOR_COOKIE, "nobody"))
        answer.set_cookie(VISITOR_COOKIE, "fresh", httponly=True)
        return answer

    door.app.add_api_route("/hello", hello, methods=["GET"])
    first = client.get("/hello")
    assert first.text == "nobody"
    assert first.headers["set-cookie"].startswith(f"{VISITOR_COOKIE}=fresh.")
    assert client.get("/hello").text == "fresh"


def test_the_console_is_opened_by_an_admin_key_and_closed_with_it(door: Door) -> None:
    """The form takes the key once; the cookie opens the console, dies with the key, and is for nothing
    that another site could start."""
    text, client = door.keys.make("admin"), door.client()
    assert client.get("/console", headers=HTML).status_code in (303, 404)
    assert client.get("/metrics").status_code == 401
    page = client.get("/console/login", headers=HTML)
    assert 'name="key"' in page.text
    answer = client.post("/console/login", data={"key": text})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/console"
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert text not in cookie
    assert client.get("/metrics").status_code == 200
    assert client.get("/health").json()["n_listings"] == 1
    assert "/console/logout" in client.get("/console/login").text
    assert client.post("/console/logout").headers["location"] == "/console/login"
    assert client.get("/metrics").status_code == 401
    assert "/console/logout" not in client.get("/console/login").text
    client.post("/console/login", data={"key": text})
    assert client.get("/metrics").status_code == 200
    door.keys.revoke(text)
    door.now_s += 5
    assert client.get("/metrics").status_code == 401
    # It goes back to the form, which another key opens; and it closes the shop to nobody.
    assert client.get("/console", headers=HTML).status_code in (303, 404)
    assert client.get("/console/login", headers=HTML).status_code == 200
    assert client.get("/", headers=HTML).status_code == 200
    again = client.post("/console/login", data={"key": door.keys.make("admin")})
    assert again.headers["location"] == "/console"
    assert client.get("/metrics").status_code == 200


@pytest.mark.parametrize("given", ["", "nonsense", "<script>", "mercer_a_b"])
def test_a_wrong_key_opens_no_console(door: Door, given: str) -> None:
    """The form comes again with the reason; nothing of what was typed stands in it."""
    door.keys.make("admin")
    answer = door.client().post("/console/login", data={"key": given})
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    assert not given or given not in answer.text.replace("mercer_&lt;", "")


def test_a_key_of_less_scope_opens_no_console(door: Door) -> None:
    """Only admin does; and a form of another site does not."""
    text, admin = door.keys.make("search", "events", "catalogue"), door.keys.make("admin")
    client = door.client()
    assert client.post("/console/login", data={"key": text}).status_code == 403
    foreign = {"sec-fetch-site": "cross-site"}
    assert client.post("/console/login", data={"key": admin}, headers=foreign).status_code == 403


def test_the_cookie_of_the_console_ends(door: Door) -> None:
    """After half a day, whatever the browser keeps."""
    door.keys.make("admin")
    key_id = next(iter(door.keys.keys))
    for value, status in (
        (f"{key_id}.1", 401),
        (f"{key_id}.99999999999", 200),
        ("x.99999999999", 401),
    ):
        cookie = {"cookie": f"{CONSOLE_COOKIE}={SEAL.seal(CONSOLE_COOKIE, value)}"}
        assert door.client().get("/metrics", headers=cookie).status_code == status


def test_too_many_requests_of_an_address(door: Door, problem_of: ProblemOf) -> None:
    """The burst is four seconds' worth; then a 429 says when to come again, and it is so."""
    door.keys.make("search")
    client = door.client(address_rate_per_s=2.0)
    answers = [client.get("/docs") for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[-1].headers["ratelimit"] == '"address";r=0;t=4'
    assert answers[-1].headers["ratelimit-policy"] == '"address";q=8;w=4'
    refused = client.get("/docs")
    problem_of(refused, 429, "too-many")
    door.now_s += float(refused.headers["retry-after"])
    assert client.get("/docs").status_code == 200
    assert client.get("/health").status_code == 200


def test_a_wrong_key_costs_ten_requests(door: Door) -> None:
    """Who tries keys is slowed down ten times as fast."""
    door.keys.make("search")
    client = door.client(address_rate_per_s=5.0)
    tries = [client.get("/v1/search", headers=bearer("mercer_x_y")).status_code for _ in range(4)]
    assert tries == [401, 401, 429, 429]


def test_a_key_has_its_own_rate(door: Door, problem_of: ProblemOf) -> None:
    """Two seconds' worth at once, from any address; another key is not touched."""
    slow, other = door.keys.make("search", rate_per_s=1.0), door.keys.make("search")
    client = door.client()
    assert [client.get("/v1/search", headers=bearer(slow)).status_code for _ in range(3)] == [
        200,
        200,
        429,
    ]
    assert client.get("/v1/search", headers=bearer(other)).headers["ratelimit"].startswith('"key"')


def test_this_machine_has_no_limit(door: Door) -> None:
    """Neither with a key that has no rate, nor without one."""
    text = door.keys.make("search")
    door.client_address = "127.0.0.1"
    client = door.client(address_rate_per_s=1.0, key_rate_per_s=1.0)
    for _ in range(20):
        assert client.get("/v1/search", headers=bearer(text)).status_code == 200
        assert client.get("/docs").status_code == 200


def test_behind_a_trusted_proxy_each_client_counts_for_itself(door: Door) -> None:
    """And TLS at the proxy is TLS: HSTS is sent then, and only then."""
    door.keys.make("search")
    door.client_address = "127.0.0.1"
    client = door.client(trust=("127.0.0.1",), address_rate_per_s=1.0)
    one, other = {"x-forwarded-for": "203.0.113.1"}, {"x-forwarded-for": "203.0.113.2"}
    assert [client.get("/docs", headers=one).status_code for _ in range(5)][-1] == 429
    assert client.get("/docs", headers=other).status_code == 200
    assert "strict-transport-security" not in client.get("/docs", headers=other).headers
    tls = {**other, "x-forwarded-proto": "https"}
    assert "max-age" in client.get("/docs", headers=tls).headers["strict-transport-security"]


def test_strangers_learn_one_word_about_the_process(door: Door) -> None:
    """Whether it is ready; how large, how loaded and how broken it is, is for operators."""
    admin = door.keys.make("admin")
    client = door.client()
    stranger, operator = (
        client.get("/health").json(),
        client.get("/health", headers=bearer(admin)).json(),
    )
    assert stranger["is_ready"] is True
    assert not any(value for name, value in stranger.items() if name != "is_ready")
    assert operator["n_listings"] == 1
    assert client.get("/ready").json() == stranger


def test_other_origins_may_read_nothing_unless_they_are_named(door: Door) -> None:
    """CORS is off; a named origin may ask with a key, and never with our cookies."""
    text = door.keys.make("search")
    origin = {"origin": "https://app.example"}
    asks = {"method": "POST", "headers": "authorization"}
    preflight = {**origin, **{f"access-control-request-{k}": v for k, v in asks.items()}}
    closed = door.client()
    answer = closed.get("/v1/search", headers={**origin, **bearer(text)})
    assert "access-control-allow-origin" not in answer.headers
    assert (
        "access-control-allow-origin" not in closed.options("/v1/search", headers=preflight).headers
    )
    named = door.client(cors_origins=("https://app.example",))
    answer = named.options("/v1/search", headers=preflight)
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-credentials" not in answer.headers
    answer = named.get("/v1/search", headers={**origin, **bearer(text)})
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    refused = named.get("/v1/search", headers=origin)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://app.example"
    other = named.get("/v1/search", headers={"origin": "https://evil.example", **bearer(text)})
    assert "access-control-allow-origin" not in other.headers
