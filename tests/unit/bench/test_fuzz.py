"""Fuzzing the app: what it sends, what it notices, and that the app stands it."""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mercer.app import own_market
from mercer.bench.fuzz import FuzzBench, bench_fuzz
from mercer.bench.fuzz_asgi import FuzzAnswer, ask
from mercer.bench.fuzz_check import fault_of, unavailable_kind
from mercer.bench.fuzz_mix import MIX, requests
from mercer.bench.fuzz_request import FuzzRequest
from mercer.bench.fuzz_shrink import shrunk
from mercer.bench.fuzz_text import MARK, Vocabulary
from mercer.bench.fuzzer import Fuzzer, Stacks, fuzz
from mercer.retrieve.request import SearchRequest, SearchResponse
from mercer.schema.errors import ConfigError
from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.market import ItemResult
from support.market_kit import items, make_market, small_encoder
from support.plain_market import PlainMarket, listing

KNOWN = Vocabulary(words=("red", "mug"), listing_ids=("l1", "l2"))


def test_two_thousand_inputs_do_no_harm(tmp_path: Path) -> None:
    """Queries, filters, listings, events, URLs and headers of all sorts: no 5xx, no crash, whole
    problem documents, a verdict for each item."""
    make_market(tmp_path / "m", items(120))
    with small_encoder(), own_market(tmp_path / "m") as market:
        line = fuzz(market, n_inputs=2_000, seed=20_260_101)
    assert line["faults"] == {}
    assert line["inputs"] >= 2_000
    assert set(line["kinds"]) >= {"search", "put", "events", "door", "page", "listing"}
    assert line["verdicts"]["put accepted"] > 0
    assert line["verdicts"]["put rejected"] > 0
    assert sum(line["unavailable"].values()) == 0


def test_the_same_seed_sends_the_same() -> None:
    """A run can be repeated from its seed, and counts what it says."""
    first, second = (list(requests(random.Random(5), KNOWN, n_inputs=3_000)) for _ in range(2))
    assert first == second
    assert 3_000 <= sum(one.n_inputs for one in first) < 3_200
    assert {one.kind for one in first} >= {"search", "suggest", "put", "events", "door"}


@pytest.mark.parametrize(("maker", "_weight"), MIX)
def test_a_target_is_what_a_server_may_get(maker: Any, _weight: int) -> None:
    """Paths and queries are printable ASCII and headers hold no line breaks, as HTTP demands."""
    rng = random.Random(2)
    for _ in range(300):
        request = maker(rng, KNOWN)
        assert all(0x21 <= c <= 0x7E for c in request.target), request
        assert not any(set(b"\r\n\x00") & set(value) for _, value in request.headers)


class _Broken(PlainMarket):
    """Fails at one word, and forgets an item of each batch of two."""

    def search(self, request: SearchRequest) -> SearchResponse:
        if "zero" in request.q:
            raise ZeroDivisionError("of course")
        return super().search(request)

    def put_listings(self, items: Sequence[Mapping[str, Any]]) -> Sequence[ItemResult]:
        return [ItemResult("x", "rejected") for _ in items]


def test_a_fault_is_found_and_made_small() -> None:
    """A crash is kept once, with its place, and with the smallest request that still has it."""
    stacks = Stacks()
    app = create_app(_Broken([listing("m1", "Mug")]), log=Log(stacks.write, level="error"))
    fuzzer = Fuzzer(app, stacks, port=0, seed=1)
    target = b"/v1/search?page=1&q=a+zero+b&per_page=5&filter="
    request = FuzzRequest("search", "GET", target)

    async def twice() -> None:
        for _ in range(2):
            await fuzzer.check(request, await ask(app, request))

    asyncio.run(twice())
    ((name, fault),) = fuzzer.faults.items()
    assert "ZeroDivisionError" in name
    assert fault["count"] == 2
    assert fault["request"]["target"] == "/v1/search?q=zero"
    assert "of course" in fault["stack"]


def test_a_batch_is_shrunk_to_the_item_at_fault() -> None:
    """Of many items the one that fails is left, with no more of its members than it needs."""
    body = json.dumps({"events": [{"a": i, "bad": i == 13} for i in range(40)]}).encode()

    async def fails(one: FuzzRequest) -> bool:
        return b'"bad": true' in one.body

    small = asyncio.run(shrunk(FuzzRequest("events", "POST", b"/", body=body), fails))
    assert small.body == b'"bad": true'


def _answer(body: bytes, *, status: int = 200, media_type: str = "application/json") -> FuzzAnswer:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        guards = ("x-content-type-options", "content-security-policy", "x-request-id")
        headers = dict.fromkeys(guards, "x")
        response = Response(body, status, headers=headers, media_type=media_type)
        await response(scope, receive, send)

    return asyncio.run(ask(app, FuzzRequest("door", "GET", b"/")))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_answer(b"{}"), ""),
        (_answer(b"{"), "no JSON"),
        (_answer(b"oh", status=404, media_type="text/plain"), "status 404 as text/plain"),
        (_answer(b"{}", status=500), "status 500 as application/json"),
        (_answer(b"{}", status=404, media_type="application/problem+json"), "incomplete"),
        (_answer(f"<script>{MARK}()</script>".encode(), media_type="text/html"), "markup"),
        (_answer(b"\xff", media_type="text/html"), "UTF-8"),
        (FuzzAnswer(200, {}, b"{}"), "without"),
        (FuzzAnswer(raised=KeyError("x")), "raised KeyError"),
        (FuzzAnswer(), "no answer"),
    ],
)
def test_what_is_wrong_is_noticed(answer: FuzzAnswer, words: str) -> None:
    """Each law of an answer catches its own breach, and lets a good answer pass."""
    fault = fault_of(FuzzRequest("door", "GET", b"/"), answer)
    assert words in fault
    assert bool(fault) == bool(words)


def test_verdicts_are_counted() -> None:
    """A whole batch has a verdict for each item, in order, and a reason for each rejection."""
    request = FuzzRequest("put", "PUT", b"/v1/listings", n_items=2)
    counts = {"accepted": 0, "duplicate": 0, "rejected": 2}
    results = [{"index": i, "verdict": "rejected", "reason": "r"} for i in range(2)]
    for wrong, words in (
        (results[:1], "another number"),
        (results[::-1], "out of order"),
        ([{**one, "reason": ""} for one in results], "without a reason"),
        (results, ""),
    ):
        answer = _answer(json.dumps({**counts, "results": wrong}).encode())
        assert words in fault_of(request, answer)


def test_a_documented_503_is_no_fault() -> None:
    """Busy, timeout and not-ready are counted; any other 503 is a fault."""

    def problem(kind: str) -> FuzzAnswer:
        members = dict.fromkeys(("title", "detail", "advice", "errors", "request_id"), "")
        body = json.dumps({"type": f"/docs#problem-{kind}", "status": 503, **members})
        return _answer(body.encode(), status=503, media_type="application/problem+json")

    request = FuzzRequest("door", "GET", b"/")
    assert unavailable_kind(problem("busy")) == "busy"
    assert fault_of(request, problem("busy")) == ""
    assert fault_of(request, problem("internal")) == "status 503"
    page = b'<main data-spoken="The answer took too long">'
    assert fault_of(request, _answer(page, status=503, media_type="text/html")) == ""
    assert fault_of(request, _answer(b"<main>", status=503, media_type="text/html"))


def test_too_few_inputs_are_refused(tmp_path: Path) -> None:
    """A number that cannot be is said before any work."""
    with pytest.raises(ConfigError, match="inputs"):
        bench_fuzz(
            FuzzBench(inputs=0, listings=10),
            cache=tmp_path / "new",
            rebuild=False,
            progress=lambda step, n: None,
        )
