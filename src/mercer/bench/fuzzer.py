"""The process that `mercer bench fuzz` watches: owns a market, asks its app, keeps what failed."""

import asyncio
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from starlette.types import ASGIApp

from mercer.app import access_of, own_market
from mercer.bench.fuzz_asgi import FuzzAnswer, ask
from mercer.bench.fuzz_check import fault_of, unavailable_kind
from mercer.bench.fuzz_mix import requests
from mercer.bench.fuzz_request import FuzzRequest
from mercer.bench.fuzz_shrink import shrunk
from mercer.bench.fuzz_socket import ask_socket, wire_bytes
from mercer.bench.fuzz_text import Vocabulary, mutated_bytes
from mercer.bench.machine import rss_parts_mib
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.retrieve.filter_schema import LISTING_FIELDS
from mercer.serve.access.gate import Access
from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.market import Market
from mercer.serve.run import listen, server_of
from mercer.serve.settings import ServeSettings
from mercer.simulate import draw_reference

AT_ONCE = 12  # requests under way: a write waits for its commit, searches go on meanwhile
SOCKET_SHARE = 0.02
MAX_FAULTS = 20  # kinds of faults that are shrunk and shown


@final
class Stacks:
    """What the app logged as failed, by request id; the last few hundred."""

    def __init__(self) -> None:
        self._by_id: dict[str, str] = {}

    def write(self, line: str) -> None:
        """A line of the log."""
        said = json.loads(line)
        if said["event"] == "request_failed":
            self._by_id[said.get("request_id", "")] = said.get("stack", said.get("error", ""))
            while len(self._by_id) > 500:
                del self._by_id[next(iter(self._by_id))]

    def of(self, answer: FuzzAnswer) -> str:
        """The stack behind an answer; "" where none was logged."""
        return self._by_id.get(answer.headers.get(b"x-request-id", b"").decode("latin-1"), "")


@final
class Fuzzer:
    """Asks one app, checks every answer, counts, and shrinks what fails."""

    def __init__(self, app: ASGIApp, stacks: Stacks, *, port: int, seed: int) -> None:
        self._app, self._stacks, self._port = app, stacks, port
        self._rng = random.Random(seed)
        self.n_inputs = self.n_requests = self.n_socket = 0
        self.statuses: dict[str, Counter[int]] = {}
        self.inputs: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.unavailable: Counter[str] = Counter()
        self.faults: dict[str, dict[str, Any]] = {}
        self.memory_mib: list[float] = []

    async def run(self, n_inputs: int) -> None:
        """Send requests that together count for `n_inputs`, several at once."""
        known = await vocabulary(self._app)
        source = requests(self._rng, known, n_inputs=n_inputs)
        every = max(1, n_inputs // 50)

        async def work() -> None:
            for request in source:
                await self._one(request, known)
                if self.n_inputs // every >= len(self.memory_mib):
                    self.memory_mib.append(rss_parts_mib().get("anonymous", 0.0))
                    sys.stderr.write(
                        f"mercer bench fuzz: {self.n_inputs:,} inputs, {len(self.faults)} faults\n"
                    )

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    async def _one(self, request: FuzzRequest, known: Vocabulary) -> None:
        if self._port and self._rng.random() < SOCKET_SHARE:
            await self._over_socket(request)
            return
        answer = await ask(self._app, request)
        self._learn(request, answer, known)
        await self.check(request, answer)

    async def _over_socket(self, request: FuzzRequest) -> None:
        """The same through a real server; half of them damaged, so that they are hardly HTTP."""
        whole = wire_bytes(request)
        sent = mutated_bytes(self._rng, whole) if self._rng.random() < 0.5 else whole
        is_whole = sent is whole and not _waits(request)
        answer = await asyncio.to_thread(ask_socket, self._port, sent, is_whole=is_whole)
        self.n_socket += 1
        await self.check(request, answer, sent)

    async def check(
        self, request: FuzzRequest, answer: FuzzAnswer, sent: bytes | None = None
    ) -> None:
        """Count a request and its answer; a fault is kept.

        Args:
            sent: the bytes of a request over a socket; None of one in the process.
        """
        self.n_requests += 1
        self.n_inputs += request.n_inputs
        self.inputs[request.kind] += request.n_inputs
        self.statuses.setdefault(request.kind, Counter())[answer.status] += 1
        if kind := unavailable_kind(answer):
            self.unavailable[kind] += 1
        if fault := _socket_fault(answer) if sent is not None else fault_of(request, answer):
            await self._keep(request, answer, fault, sent)

    def _learn(self, request: FuzzRequest, answer: FuzzAnswer, known: Vocabulary) -> None:
        """Cursors, page ids and tokens that later requests may use; verdicts for the report."""
        if answer.status != 200 or not answer.body.startswith(b"{"):
            return
        if request.kind in ("put", "events"):
            value = json.loads(answer.body)
            for verdict in ("accepted", "duplicate", "rejected"):
                self.verdicts[f"{request.kind} {verdict}"] += int(value.get(verdict, 0))
        elif request.kind == "search" and self._rng.random() < 0.05:
            value = json.loads(answer.body)
            tokens = [hit["token"] for hit in value["hits"][:3] if hit.get("token")]
            for one in (value["cursor"], value["page_id"], *tokens):
                known.remember(one, at=self._rng.randrange(256))

    async def _keep(
        self, request: FuzzRequest, answer: FuzzAnswer, fault: str, sent: bytes | None
    ) -> None:
        """Count a fault; the first of its kind is shrunk and kept."""
        stack = self._stacks.of(answer)
        signature = fault + _place(stack)
        if signature in self.faults:
            self.faults[signature]["count"] += 1
            return
        kept: dict[str, Any] = {"count": 1, "kind": request.kind, "stack": stack[-3_000:]}
        self.faults[signature] = kept
        if sent is not None:
            kept["sent"] = repr(sent)
            _say_fault(signature, kept)
            return

        async def fails(candidate: FuzzRequest) -> bool:
            again = await ask(self._app, candidate)
            found = fault_of(candidate, again)
            return bool(found) and found + _place(self._stacks.of(again)) == signature

        small = await shrunk(request, fails) if len(self.faults) <= MAX_FAULTS else request
        kept["request"] = {
            "method": small.method,
            "target": small.target.decode("ascii", "backslashreplace"),
            "headers": [[k.decode("latin-1"), v.decode("latin-1")] for k, v in small.headers],
            "body": small.body.decode("utf-8", "backslashreplace"),
        }
        last = await ask(self._app, small)
        kept["answer"] = last.body[:500].decode("utf-8", "replace")
        _say_fault(signature, kept)


def _say_fault(signature: str, kept: dict[str, Any]) -> None:
    """On stderr as soon as it is found: a long run that is ended has not found it for nothing."""
    sys.stderr.write(f"mercer bench fuzz: fault: {signature}: {json.dumps(kept)}\n")


def _place(stack: str) -> str:
    """The deepest line of our own in a stack, with the kind of the error."""
    lines = stack.splitlines()
    ours = [line.strip() for line in lines if "/mercer/" in line and "line " in line]
    kind = lines[-1].partition(":")[0] if lines else ""
    place = ours[-1].rpartition("/mercer/")[2] if ours else ""
    return f" [{kind} at {place}]" if stack else ""


def _waits(request: FuzzRequest) -> bool:
    """Whether the headers speak of a body that does not come."""
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in request.headers)


def _socket_fault(answer: FuzzAnswer) -> str:
    if answer.raised is not None:
        return f"socket: {answer.raised}"
    if answer.status >= 500 and not unavailable_kind(answer):
        return f"socket: status {answer.status}"
    return ""


async def vocabulary(app: ASGIApp) -> Vocabulary:
    """What the market talks about, asked of itself."""
    request = FuzzRequest("start", "GET", b"/v1/search?per_page=250&facets=*&max_facet_values=100")
    answer = await ask(app, request)
    if answer.status != 200:
        raise RuntimeError(f"the market does not answer: {answer.status} {answer.body[:300]!r}")
    found = json.loads(answer.body)
    hits, counts = found["hits"], found["facet_counts"]
    words = sorted({word for hit in hits for word in hit["document"]["title"].split()})
    values = sorted({one["value"] for of_field in counts.values() for one in of_field})
    words_only = [name for name, kind in LISTING_FIELDS.items() if not kind.is_ordered]
    return Vocabulary(
        words=words or ["mug"],
        fields=sorted({*counts, *words_only, "attributes.color", "seller_id"}),
        numbers=sorted(name for name, kind in LISTING_FIELDS.items() if kind.is_ordered),
        values=values or ["white"],
        listing_ids=[hit["listing_id"] for hit in hits] or ["l1"],
    )


@contextmanager
def socket_server(app: ASGIApp, settings: ServeSettings) -> Iterator[int]:
    """The app on a port of its own, while the block runs."""
    listener = listen("127.0.0.1", 0)
    server = server_of(app, settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


def fuzz(
    market: Market, *, n_inputs: int, seed: int, access: Access | None = None
) -> dict[str, Any]:
    """Fuzz the app of an opened market; the counts and the faults.

    Args:
        access: of the market; it has no keys, so everything is allowed, but its cookies are sealed.
    """
    stacks, settings = Stacks(), ServeSettings()
    log = Log(stacks.write, level="error")

    def draw(ref: str, size_px: int) -> bytes:
        return draw_reference(ref, size_px=size_px)

    app = create_app(market, settings=settings, draw=draw, access=access, log=log)
    served = create_app(market, settings=settings, draw=draw, access=access, log=log)
    began = time.perf_counter()
    with socket_server(served, settings) as port:
        fuzzer = Fuzzer(app, stacks, port=port, seed=seed)
        asyncio.run(fuzzer.run(n_inputs))
    memory = fuzzer.memory_mib or [0.0]
    return {
        "inputs": fuzzer.n_inputs,
        "requests": fuzzer.n_requests,
        "socket_requests": fuzzer.n_socket,
        "seconds": round(time.perf_counter() - began, 1),
        "kinds": {
            kind: {
                "inputs": fuzzer.inputs[kind],
                "statuses": {str(status): n for status, n in sorted(counts.items())},
            }
            for kind, counts in sorted(fuzzer.statuses.items())
        },
        "verdicts": dict(sorted(fuzzer.verdicts.items())),
        "unavailable": dict(fuzzer.unavailable),
        "memory_mib": {
            "start": memory[0],
            "warm": memory[len(memory) // 2],
            "end": memory[-1],
            "most": max(memory),
        },
        "faults": fuzzer.faults,
    }


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Own the market and fuzz it; the job and the answer are those of `mercer.bench.fuzz`."""
    path = Path(job["market"])
    with own_market(path) as market:
        access = access_of(MarketFolder(path))
        return fuzz(market, n_inputs=job["inputs"], seed=job["seed"], access=access)


if __name__ == "__main__":
    answer = run(json.load(sys.stdin))
    json.dump(answer, sys.stdout)
