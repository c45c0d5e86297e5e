"""The process that measures events over HTTP: a real server beside it, batches over kept connections."""

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
from uuid_utils import uuid7

from mercer.bench.http_client import Answer, Pool, post
from mercer.demo import ensure_market
from mercer.engines.embedded.secrets import TokenKeys
from mercer.events.token import KeyRing, sign_many, verify_many
from mercer.schema.errors import MarketError
from mercer.schema.time import DAY_MS

N_WARM_UP: Final = 10  # batches
MAX_EVENTS: Final = 200_000
N_LISTINGS: Final = 300  # searching is not measured, but a server needs a market
_SHOWN = 24  # listings of a page
_TOKENS = 1_000
_SERVE = "import sys; from mercer.cli import main; sys.exit(main())"
_URL = re.compile(r" at http://[^:]+:([0-9]+)")


def event_bodies(
    rng: np.random.Generator, ring: KeyRing, *, n: int, batch: int, now_ms: int
) -> list[bytes]:
    """`n` events as JSON bodies of `batch` each; all have the token of a page, as a shop sends them."""
    bodies = []
    for first in range(0, n, batch):
        events: list[dict[str, Any]] = []
        while len(events) < min(batch, n - first):
            events += _page_events(rng, ring, now_ms=now_ms)
        body = {"sent_ms": now_ms, "events": events[: min(batch, n - first)]}
        bodies.append(json.dumps(body, separators=(",", ":")).encode())
    return bodies


def _page_events(rng: np.random.Generator, ring: KeyRing, *, now_ms: int) -> list[dict[str, Any]]:
    """What a visitor did with one page."""
    page_id = str(uuid7())
    ids = [f"listing-{one}" for one in rng.integers(10**7, size=_SHOWN).tolist()]
    positions = range(1, _SHOWN + 1)
    tokens = sign_many(ring, page_id, ids, positions, [False] * _SHOWN)
    who = {"visitor_id": rng.bytes(8).hex(), "session_id": rng.bytes(8).hex()}
    return [
        {"event_id": rng.bytes(16).hex(), "kind": "impression" if position % 4 else "click",
         "time_ms": now_ms - 1_000, "listing_id": listing_id, "page_id": page_id,
         "position": position, "token": token, **who}
        for listing_id, position, token in zip(ids, positions, tokens, strict=True)
    ]  # fmt: skip


@contextmanager
def served(market: Path) -> Iterator[int]:
    """`mercer serve` in a process of its own while the block runs; its port."""
    command = [sys.executable, "-c", _SERVE, "serve", "--market", str(market), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        # What it says later is read and dropped, or it would wait for us.
        rest = threading.Thread(target=_drain, args=(process.stderr,))
        try:
            port = _port(process.stderr)
            rest.start()
            yield port
        finally:
            process.terminate()
            process.wait()
            if rest.ident is not None:
                rest.join()


def _drain(said: IO[str]) -> None:
    for _ in said:
        pass


def _port(said: IO[str]) -> int:
    """Where the server listens, as it says when it is ready."""
    lines = []
    for line in said:
        if found := _URL.search(line):
            return int(found[1])
        lines.append(line)
    raise MarketError(f"the server did not start; it said: {''.join(lines)[-2_000:]}")


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of some batches."""

    accepted: int
    refused: int  # answers that were no 200
    waits_ms: npt.NDArray[np.float64]  # (n_batches,) from sending to the whole answer
    wall_s: float


async def measure(port: int, bodies: Sequence[bytes], *, connections: int) -> Measured:
    """Send all, each connection its next batch as soon as the last is answered."""
    requests = [post("/v1/events", body) for body in bodies]
    pool = Pool(port, max_open=connections)
    await pool.open(connections)
    waiting, answers, waits_s = iter(requests), list[Answer](), list[float]()

    async def send() -> None:
        for request in waiting:
            began = time.perf_counter()
            answer = await pool.ask(request)
            waits_s.append(answer.done_s - began)
            answers.append(answer)

    began = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(connections)))
    wall_s = time.perf_counter() - began
    pool.close()
    good = [json.loads(answer.body) for answer in answers if answer.status == 200]
    return Measured(
        accepted=sum(one["accepted"] for one in good),
        refused=len(answers) - len(good),
        waits_ms=np.array(waits_s) * 1e3,
        wall_s=wall_s,
    )


def token_us(ring: KeyRing, *, now_ms: int) -> dict[str, float]:
    """Microseconds of one token, the best of some runs: to sign it, and to verify it."""
    page_id, ids = str(uuid7()), [f"listing-{i:08d}" for i in range(_TOKENS)]
    best_s = [np.inf, np.inf]
    for _ in range(5):
        began = time.perf_counter()
        tokens = sign_many(ring, page_id, ids, range(1, _TOKENS + 1), [False] * _TOKENS)
        signed = time.perf_counter()
        verify_many(ring, tokens, ids, now_ms=now_ms, ttl_ms=DAY_MS)
        took_s = (signed - began, time.perf_counter() - signed)
        best_s = [min(pair) for pair in zip(best_s, took_s, strict=True)]
    names = ("token_sign_us", "token_verify_us")
    return {n: round(s / _TOKENS * 1e6, 2) for n, s in zip(names, best_s, strict=True)}


def main() -> None:
    """One job from stdin, one answer to stdout."""
    job = json.load(sys.stdin)
    market, rng = Path(job["folder"]) / "market", np.random.default_rng(job["seed"])
    ensure_market(
        market, n_listings=N_LISTINGS, seed=job["seed"], name="", progress=lambda step, n: None
    )
    now_ms = time.time_ns() // 1_000_000
    keys = TokenKeys(market / "secrets")
    keys.rotate_if_due(now_ms=now_ms)
    n = min(job["events"], MAX_EVENTS)
    n_all = n + N_WARM_UP * job["batch"]
    bodies = event_bodies(rng, keys.ring(), n=n_all, batch=job["batch"], now_ms=now_ms)
    with served(market) as port:
        asyncio.run(measure(port, bodies[:N_WARM_UP], connections=job["writers"]))
        found = asyncio.run(measure(port, bodies[N_WARM_UP:], connections=job["writers"]))
    answer = token_us(keys.ring(), now_ms=now_ms) | {
        "http_events": n,
        "http_events_per_s": round(found.accepted / found.wall_s),
        "http_refused": found.refused,
        "http_body_bytes": round(sum(map(len, bodies)) / n_all, 1),
    }
    for q in (50, 99):
        wait_ms = np.quantile(found.waits_ms, q / 100, method="higher")
        answer[f"http_batch_p{q}_ms"] = round(float(wait_ms), 2)
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
