"""The clients of `mercer bench crash`: they send until they are answered, and keep what was acknowledged.

What has no answer is sent again, the same bytes: the server must count it once, whether the first
attempt was lost before or after it was written.
"""

import http.client
import json
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, final
from urllib.parse import quote, urlsplit

import numpy as np

TIMEOUT_S = 20.0
RETRY_S = 0.05
EVENTS_A_BATCH, LISTINGS_A_BATCH = 40, 3
HOT_LISTINGS = 60  # so few ids are changed again and again that the last version has to win


@dataclass(slots=True)
class Acknowledged:
    """What the server said it has; guarded by `lock`."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    event_ids: set[str] = field(default_factory=set)
    billable: set[str] = field(default_factory=set)  # event ids of clicks with a good token
    listings: dict[str, tuple[int, str]] = field(default_factory=dict)  # id -> updated_ms, title
    deleted: dict[str, int] = field(default_factory=dict)  # id -> updated_ms
    page_ids: list[str] = field(default_factory=list)
    n_retries: int = 0
    n_answers: int = 0
    faults: list[str] = field(default_factory=list)  # answers that no client should get


@final
class Caller:
    """One keep-alive connection that survives the server's deaths."""

    def __init__(self, url: str, known: Acknowledged, stop: threading.Event) -> None:
        self._host = urlsplit(url).netloc
        self._known, self._stop = known, stop
        self._connection: http.client.HTTPConnection | None = None

    def until_answered(self, method: str, path: str, body: Any = None) -> Mapping[str, Any] | None:
        """The answer as JSON, however often it has to be asked for; None once the load has ended."""
        while not self._stop.is_set():
            answer = self._once(method, path, body)
            if answer is not None:
                return answer
            with self._known.lock:
                self._known.n_retries += 1
            time.sleep(RETRY_S)
        return None

    def _once(self, method: str, path: str, body: Any) -> Mapping[str, Any] | None:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        data = json.dumps(body).encode() if body is not None else None
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._host, timeout=TIMEOUT_S)
            self._connection.request(method, path, data, headers)
            with self._connection.getresponse() as response:
                raw = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        with self._known.lock:
            self._known.n_answers += 1
        if response.status == 503:  # it says itself that it may be asked again
            return None
        if response.status >= 400:
            with self._known.lock:
                self._known.faults.append(f"{method} {path}: {response.status} {raw[:300]!r}")
            return None
        return dict(json.loads(raw))

    def close(self) -> None:
        """Forget the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def searcher(url: str, known: Acknowledged, stop: threading.Event, *, seed: int) -> None:
    """Searches, and sends events about what it was shown."""
    rng, n = np.random.default_rng(seed), 0
    words = ("mug", "ring", "wool scarf", "wooden bowl", "gift for mom", "ceramic", "vintage lamp")
    with closing(Caller(url, known, stop)) as caller:
        while not stop.is_set():
            q = words[int(rng.integers(len(words)))]
            who = f"v{seed}-{int(rng.integers(200))}"
            path = (
                f"/v1/search?q={quote(q)}&per_page=12&visitor_id={who}&session_id={who}-{n // 20}"
            )
            found = caller.until_answered("GET", path)
            if found is None:
                return
            if not any(part.startswith("page log") for part in found["degraded"]):
                with known.lock:  # else the answer says itself that the page was not written
                    known.page_ids.append(found["page_id"])
            batch = [
                _event(f"e{seed}-{n}-{i}", hit, found["page_id"], who, rng)
                for i, hit in enumerate(found["hits"][:EVENTS_A_BATCH])
            ]
            n += 1
            if batch:
                _send(caller, known, batch, again=bool(rng.random() < 0.2))
            time.sleep(0.01)


def _event(
    event_id: str, hit: Mapping[str, Any], page_id: str, who: str, rng: np.random.Generator
) -> dict[str, Any]:
    kind = ("impression", "click", "purchase")[int(rng.choice(3, p=[0.7, 0.2, 0.1]))]
    event = {
        "event_id": event_id,
        "kind": kind,
        "time_ms": time.time_ns() // 1_000_000,
        "listing_id": hit["listing_id"],
        "visitor_id": who,
        "session_id": f"{who}-s",
        "page_id": page_id,
        **({"token": hit["token"]} if hit["token"] else {}),
    }
    if kind == "purchase":  # a checkout that knows nothing of the page
        event |= {"order_id": f"o-{event_id}", "price_micros": 5_000_000, "currency": "USD"}
        del event["page_id"]
        event.pop("token", None)
    return event


def _send(caller: Caller, known: Acknowledged, batch: list[dict[str, Any]], *, again: bool) -> None:
    for _ in range(1 + again):  # a client may well repeat what was acknowledged
        answer = caller.until_answered("POST", "/v1/events", {"events": batch})
        if answer is None:
            return
        with known.lock:
            for event, result in zip(batch, answer["results"], strict=True):
                if result["verdict"] == "rejected":
                    known.faults.append(f"event rejected: {result}")
                else:
                    known.event_ids.add(event["event_id"])
                    if event["kind"] == "click" and event.get("token"):
                        known.billable.add(event["event_id"])


def seller(url: str, known: Acknowledged, stop: threading.Event, *, seed: int) -> None:
    """Puts and deletes listings; each id belongs to one seller, so its versions have an order."""
    rng, n = np.random.default_rng(seed), 0
    with closing(Caller(url, known, stop)) as caller:
        while not stop.is_set():
            numbers = rng.choice(HOT_LISTINGS, LISTINGS_A_BATCH, replace=False)
            ids = [f"crash-{seed}-{i}" for i in numbers]
            n += 1
            updated_ms = 1_767_225_600_000 + n
            if rng.random() < 0.2:
                path = f"/v1/listings/{ids[0]}?updated_ms={updated_ms}"
                if caller.until_answered("DELETE", path) is None:
                    return
                with known.lock:
                    known.deleted[ids[0]] = updated_ms
                    known.listings.pop(ids[0], None)
            else:
                items = [
                    {
                        "listing_id": one,
                        "title": f"crash mug {seed} version {n}",
                        "updated_ms": updated_ms,
                        "price_micros": 1_000_000 * (n % 50 + 1),
                        "currency": "USD",
                    }
                    for one in ids
                ]
                answer = caller.until_answered("PUT", "/v1/listings", {"listings": items})
                if answer is None:
                    return
                with known.lock:
                    for item in items:
                        known.listings[str(item["listing_id"])] = (updated_ms, str(item["title"]))
                        known.deleted.pop(str(item["listing_id"]), None)
            time.sleep(0.02)
