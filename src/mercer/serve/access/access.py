"""Who may do what: the scope of every route in one table, and the keys that open it.

A market without any key is for this machine alone: it listens on loopback, and everything is allowed.
From its first key on, the shop stays public and everything else needs a key with the right scope.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol, final

from mercer.schema.api_key import ApiKey, Scope
from mercer.serve.problem import Problem

Need = Scope | Literal["public", "console"]
"""What a route asks of its caller: nothing, a scope, or (a page of the console) admin by cookie too."""

NEEDS: Mapping[str, Mapping[str, Need]] = MappingProxyType(
    {
        # The shop: whoever finds the address may look and buy.
        "/": {"*": "public"},
        "/listing/{listing_id:path}": {"*": "public"},
        "/suggest": {"*": "public"},
        "/favourites": {"*": "public"},
        "/kept": {"*": "public"},
        "/cart": {"*": "public"},
        "/cart/line": {"*": "public"},
        "/checkout": {"*": "public"},
        "/order/{order_id}": {"*": "public"},
        "/theme": {"*": "public"},
        "/docs": {"*": "public"},
        "/openapi.json": {"*": "public"},
        "/static/{name}": {"*": "public"},
        "/favicon.ico": {"*": "public"},
        "/images/{ref:path}": {"*": "public"},
        # For machines.
        "/v1/search": {"*": "search"},
        "/v1/suggest": {"*": "search"},
        "/v1/listings/{listing_id:path}/similar": {"*": "search"},
        "/v1/rank": {"*": "search"},
        "/v1/features": {"*": "admin"},
        "/v1/events": {"*": "events"},
        "/v1/events/schema.json": {"*": "public"},
        "/v1/listings": {"*": "catalogue"},
        "/v1/listings/{listing_id:path}": {"GET": "search", "*": "catalogue"},
        "/v1/explain/{page_id}": {"*": "console"},
        # For those who run it. `health` and `ready` tell strangers one word only.
        "/health": {"*": "public"},
        "/ready": {"*": "public"},
        "/metrics": {"*": "admin"},
        "/console": {"*": "console"},
        "/console/login": {"*": "public"},
        "/console/logout": {"*": "public"},
    }
)
# A route below one of these that has no line of its own; any other needs admin.
_BELOW: tuple[tuple[str, Need], ...] = (("/console/", "console"),)


def need_of(path: str, method: str) -> Need:
    """What a route needs, by its path as it is written in the code; admin where nobody said."""
    by_method = NEEDS.get(path)
    if by_method is not None:
        return by_method.get("GET" if method == "HEAD" else method) or by_method.get("*", "admin")
    return next((need for prefix, need in _BELOW if path.startswith(prefix)), "admin")


class Keys(Protocol):
    """The keys of a market. Thread-safe; a change by any process is seen by the next call."""

    def find(self, key_id: str) -> ApiKey | None:
        """The key of an id, also one that no longer counts."""
        ...

    def is_empty(self) -> bool:
        """Whether there never was a key."""
        ...


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser that the shop knows by its sealed cookies."""

    visitor_id: str
    session_id: str | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from, and what that opens."""

    kind: Literal["open", "key", "console", "visit", "nobody"]
    key: ApiKey | None = None
    visit: Visit | None = None  # where no key came: whose events these are, whatever they say

    def may(self, need: Need) -> bool:
        """Whether this caller may use a route that needs this."""
        if need == "public" or self.kind == "open":
            return True
        if self.kind == "console":
            return need in ("console", "admin")
        if self.key is not None:
            return self.key.may("admin" if need == "console" else need)
        return self.visit is not None and need in ("search", "events")

    @property
    def is_operator(self) -> bool:
        """Whether details of the process may be told."""
        return self.may("admin")


OPEN = Caller("open")
NOBODY = Caller("nobody")


@final
class Verifier:
    """Keys as they were a moment ago: what was read counts for `fresh_s`, and no longer.

    Memory is answered at once; `look` and `read` ask the tables, and belong on a thread.

    Args:
        keys: of the market; None where everything is allowed.
        fresh_s: a revocation takes effect within this time, in every process.
        max_kept: keys in memory; unknown ids count, so that guessing costs no memory.
    """

    def __init__(
        self,
        keys: Keys | None,
        *,
        fresh_s: float = 2.0,
        max_kept: int = 4_096,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._keys, self._fresh_s, self._max_kept = keys, fresh_s, max_kept
        self._clock, self._now_ms = clock, now_ms
        self._kept: OrderedDict[str, tuple[float, ApiKey | None]] = OrderedDict()
        self._is_open, self._looked_s = keys is None, -float("inf")
        self._lock = threading.Lock()

    def is_open(self) -> bool | None:
        """Whether there never was a key, so that everything is allowed; None: `look` first."""
        if self._keys is None or self._looked_s == float("inf"):
            return self._is_open
        return self._is_open if self._clock() - self._looked_s < self._fresh_s else None

    def look(self) -> bool:
        """Ask the tables whether there never was a key."""
        if self._keys is not None and self._looked_s != float("inf"):
            self._is_open = self._keys.is_empty()
            # A market that has a key is never again one without any.
            self._looked_s = self._clock() if self._is_open else float("inf")
        return self._is_open

    def close_for_good(self) -> None:
        """Ask for keys from now on, also if the tables say that there are none."""
        self._is_open, self._looked_s = False, float("inf")

    def knows(self, key_id: str) -> bool:
        """Whether memory can answer for this id; else `read` first."""
        with self._lock:
            kept = self._kept.get(key_id)
        return kept is not None and self._clock() - kept[0] < self._fresh_s

    def read(self, key_id: str) -> None:
        """Ask the tables for a key."""
        now_s = self._clock()
        key = self._keys.find(key_id) if self._keys is not None else None
        with self._lock:
            self._kept[key_id] = (now_s, key)
            self._kept.move_to_end(key_id)
            while len(self._kept) > self._max_kept:
                self._kept.popitem(last=False)

    def live(self, key_id: str, *, secret: bytes | None) -> ApiKey:
        """The key of an id, as memory has it.

        Args:
            secret: what came with the id; None where a cookie of ours proved the id.
        Raises:
            Problem: `unauthorized`: no such key, another secret, or one that no longer counts.
        """
        with self._lock:
            _, key = self._kept.get(key_id, (0.0, None))
        if key is None or (secret is not None and not key.is_of(secret)):
            raise unauthorized("this is no key of this market", error="invalid_token")
        state = key.state(now_ms=self._now_ms())
        if state != "live":
            detail = f"the key {key_id} is {state}; ask for another one"
            raise unauthorized(detail, error="invalid_token")
        return key


def unauthorized(detail: str, *, error: str = "") -> Problem:
    """A 401 with the challenge that RFC 6750 asks for."""
    challenge = 'Bearer realm="mercer"' + (f', error="{error}"' if error else "")
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": challenge})


def forbidden(need: Need) -> Problem:
    """A 403 that names the scope."""
    scope = "admin" if need == "console" else need
    challenge = f'Bearer realm="mercer", error="insufficient_scope", scope="{scope}"'
    detail = f"this needs a key with the scope {scope}"
    return Problem("forbidden", detail, headers={"WWW-Authenticate": challenge})
