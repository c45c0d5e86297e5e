"""The process that makes the load of `mercer bench http`: searches at drawn times, changes beside them.

It is told of one window after another, one JSON object a line on stdin, and answers each with one line;
the first line says what all windows share. It imports nothing heavy: what it takes of the machine would
be missing to the server.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final
from urllib.parse import urlencode

from mercer.bench.http_client import Answer, Pool, get, put

CONNECTIONS: Final = 16  # open before the first request; more are opened where all are busy
MAX_CONNECTIONS: Final = 512
POLL_S: Final = 0.05
LONGEST_S: Final = 10.0  # a change is looked for so long
GONE_POLLS: Final = 4  # searches in a row that do not show a sold listing: it is gone
DRAIN_S: Final = 30.0  # requests under way at the end of a window


@dataclass(slots=True)
class Seen:
    """What one window saw; times in ms."""

    search_ms: list[float] = field(default_factory=list)
    put_ms: list[float] = field(default_factory=list)
    found_ms: list[float] = field(default_factory=list)
    gone_ms: list[float] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    degraded: int = 0
    behind_ms: float = 0.0  # the most that a request was sent later than intended
    unfinished: int = 0

    def fault(self, what: str) -> None:
        """Count something that must not happen."""
        self.faults[what] = self.faults.get(what, 0) + 1


@dataclass(frozen=True, slots=True)
class Shared:
    """What all windows share."""

    port: int
    searches: Sequence[bytes]  # finished requests
    listings: Sequence[dict[str, Any]]  # JSON objects that are changed, in turn


@final
class Window:
    """One stretch of load."""

    def __init__(self, shared: Shared, job: dict[str, Any], pool: Pool) -> None:
        self._shared, self._job, self._pool = shared, job, pool
        self._rng = random.Random(job["seed"])
        self._tasks: set[asyncio.Task[None]] = set()
        self.seen = Seen()

    async def run(self) -> Seen:
        """Send everything at its time, then wait for what is under way."""
        job, began = self._job, time.perf_counter()
        first, change = job["first_search"], job["first_change"]
        searches, changes = self._shared.searches, self._shared.listings
        await asyncio.gather(
            self._arrivals(
                began, job["rate"], lambda i, at: self._search(searches[(first + i) % len(searches)], at)
            ),
            self._arrivals(
                began, job["changes"],
                lambda i, at: self._change(change + i, changes[(change + i) % len(changes)], at),
            ),
        )  # fmt: skip
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=DRAIN_S)
            self.seen.unfinished = len(late)
            for task in late:
                task.cancel()
        return self.seen

    async def _arrivals(
        self, began: float, rate: float, make: Callable[[int, float], Awaitable[None]]
    ) -> None:
        """Poisson arrivals for as long as the window lasts, whatever becomes of those before."""
        at, i, end = 0.0, 0, self._job["seconds"]
        while rate and (at := at + self._rng.expovariate(rate)) < end:
            intended = began + at
            if (left := intended - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            behind = (time.perf_counter() - intended) * 1e3
            self.seen.behind_ms = max(self.seen.behind_ms, behind)
            task = asyncio.ensure_future(make(i, intended))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            i += 1

    async def _search(self, request: bytes, intended: float) -> None:
        answer = await self._pool.ask(request)
        self.seen.search_ms.append((answer.done_s - intended) * 1e3)
        if answer.status != 200:
            self.seen.fault(f"search: status {answer.status}")
        elif b'"degraded":[]' not in answer.body:
            self.seen.degraded += 1

    async def _put(self, listing: dict[str, Any]) -> Answer:
        answer = await self._pool.ask(
            put("/v1/listings", json.dumps({"listings": [listing]}).encode())
        )
        if answer.status != 200:
            self.seen.fault(f"change: status {answer.status}")
        elif b'"accepted":1' not in answer.body:
            self.seen.fault("change: not accepted")
        return answer

    async def _change(self, n: int, listing: dict[str, Any], intended: float) -> None:
        """Give a listing a word that no other has; every so often follow it until it is sold."""
        word = unique_word(n)
        changed = {**listing, "title": f"{listing['title']} {word}"}
        is_tracked = n % self._job["track_each"] == 0
        query = get("/v1/search?" + urlencode({"q": word, "mode": "lexical", "per_page": 5}))
        shown = f'"listing_id":"{listing["listing_id"]}"'.encode()
        looking = asyncio.ensure_future(self._until_found(query, shown)) if is_tracked else None
        answer = await self._put(changed)
        self.seen.put_ms.append((answer.done_s - intended) * 1e3)
        if looking is None:
            return
        found_s = await looking
        if found_s is None:
            self.seen.fault("change: never found")
            return
        self.seen.found_ms.append((found_s - intended) * 1e3)
        sold = await self._put({**changed, "quantity": 0})
        gone_s = await self._until_gone(query, shown)
        if gone_s is None:
            self.seen.fault("sold: never gone")
            return
        self.seen.gone_ms.append(max(0.0, gone_s - sold.done_s) * 1e3)

    async def _until_found(self, query: bytes, shown: bytes) -> float | None:
        """When the first answer with the listing was complete."""
        until = time.perf_counter() + LONGEST_S
        while time.perf_counter() < until:
            answer = await self._pool.ask(query)
            if shown in answer.body:
                return answer.done_s
            await asyncio.sleep(POLL_S)
        return None

    async def _until_gone(self, query: bytes, shown: bytes) -> float | None:
        """When the first of some searches in a row began that all do not show the listing.

        They go over different connections, so over all processes that answer.
        """
        until, n_gone, gone_s = time.perf_counter() + LONGEST_S, 0, 0.0
        while time.perf_counter() < until:
            asked_s = time.perf_counter()
            answer = await self._pool.ask(query)
            if answer.status != 200 or shown in answer.body:
                n_gone = 0
            else:
                gone_s = asked_s if not n_gone else gone_s
                n_gone += 1
                if n_gone == GONE_POLLS:
                    return gone_s
            await asyncio.sleep(POLL_S)
        return None


def unique_word(n: int) -> str:
    """A word of letters that no text has, another one for each number."""
    letters = ""
    for _ in range(6):
        n, at = divmod(n, 26)
        letters += chr(ord("a") + at)
    return f"zq{letters}xv"


async def _run(shared: Shared, job: dict[str, Any]) -> dict[str, Any]:
    pool = Pool(shared.port, max_open=MAX_CONNECTIONS)
    await pool.open(CONNECTIONS)
    cpu_s, began = time.process_time(), time.perf_counter()
    seen = await Window(shared, job, pool).run()
    took_s = time.perf_counter() - began
    pool.close()
    return {
        "search_ms": [round(ms, 3) for ms in seen.search_ms],
        "put_ms": [round(ms, 3) for ms in seen.put_ms],
        "found_ms": [round(ms, 3) for ms in seen.found_ms],
        "gone_ms": [round(ms, 3) for ms in seen.gone_ms],
        "faults": seen.faults,
        "degraded": seen.degraded,
        "unfinished": seen.unfinished,
        "behind_ms": round(seen.behind_ms, 1),
        "took_s": round(took_s, 2),
        "load_cpu": round((time.process_time() - cpu_s) / took_s, 3),
    }


def main() -> None:
    """Windows from stdin, results to stdout."""
    first = json.loads(sys.stdin.readline())
    searches = [
        get("/v1/search?" + urlencode({"q": q, "filter": f, "facets": "*", "per_page": 24}))
        for q, f in first["queries"]
    ]
    shared = Shared(first["port"], searches, first["listings"])
    for line in sys.stdin:
        result = asyncio.run(_run(shared, json.loads(line)))
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
