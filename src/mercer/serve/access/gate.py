"""The gate: who calls, may they, and not too often. Stands before the routes, after the edge.

Plain ASGI, so that nothing behind it runs, and no body is read, for whoever is not let in.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mercer.schema.api_key import ApiKey, is_key_id, read_key_text
from mercer.schema.errors import MarketError
from mercer.serve.access.access import (
    NOBODY,
    OPEN,
    Caller,
    Need,
    Verifier,
    Visit,
    forbidden,
    need_of,
    unauthorized,
)
from mercer.serve.access.client import Proxies
from mercer.serve.access.limit import Buckets, Quota, Standing, caller_of_address
from mercer.serve.access.seal import Seal, SealedCookies
from mercer.serve.edge import is_loopback
from mercer.serve.problem import Problem, from_market
from mercer.serve.settings import ServeSettings

VISITOR_COOKIE: Final = "mercer_visitor"
SESSION_COOKIE: Final = "mercer_session"
CONSOLE_COOKIE: Final = "mercer_console"
WRONG_KEY_COST: Final = 10.0  # tokens: who tries keys is slowed ten times as fast
# Parts of a token: a page brings many pictures with it, and probes are no visitors.
_SHARES: Final = (("/static/", 0.0), ("/images/", 0.1), ("/health", 0.0), ("/ready", 0.0))
_MAX_FOUND: Final = 256  # routes that are remembered; there are fewer
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
Answer = Callable[[Request, Problem], Response]


@dataclass(frozen=True, slots=True)
class Access:
    """What decides about callers.

    Args:
        verifier: of keys.
        seal: of cookies; None where there is no market on disk to keep its key in: cookies then pass
            as they are, and open nothing where there are keys.
        proxies: whose X-Forwarded-For is believed.
        clock: seconds that never go back, for the limits.
    """

    verifier: Verifier
    seal: Seal | None
    proxies: Proxies
    clock: Callable[[], float] = time.monotonic


def open_access() -> Access:
    """Everything is allowed: a market in memory, a test."""
    return Access(Verifier(None), None, Proxies(()))


@final
class Gate:
    """Middleware; `scope["state"]` gets `caller`, `client_address`, `is_tls`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        settings: ServeSettings,
        routes: Sequence[BaseRoute],
        answer: Answer,
    ) -> None:
        self._app, self._access, self._settings = app, access, settings
        self._routes, self._answer = routes, answer
        self._found: dict[tuple[str, str], BaseRoute] = {}  # (method, path) as written -> its route
        self._buckets = Buckets()
        names = (VISITOR_COOKIE, SESSION_COOKIE, CONSOLE_COOKIE)
        self._cookies = SealedCookies(access.seal, names) if access.seal else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ours = self._open_cookies(scope)
        headers = Headers(scope=scope)
        state = scope["state"]
        state["client_address"], state["is_tls"] = self._access.proxies.client(scope, headers)
        if state["is_tls"]:
            scope["scheme"] = "https"
        extra: dict[str, str] = {}

        async def sealing_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._seal_cookies(message)
                if extra:
                    MutableHeaders(scope=message).update(extra)
            await send(message)

        try:
            standing = await self._admit(scope, headers, ours)
            if standing is not None:
                extra.update(standing.headers())
        except Problem as problem:
            response = self._refusal(scope, problem)
            await response(scope, receive, sealing_send)
            return
        await self._app(scope, receive, sealing_send)

    async def _admit(self, scope: Scope, headers: Headers, ours: dict[str, str]) -> Standing | None:
        """Name the caller, take a token, check the scope. Raises Problem."""
        state = scope["state"]
        state["caller"] = NOBODY
        need = self._need(scope)
        try:
            caller = await self._caller(headers, ours)
        except Problem:
            self._take(None, scope, cost=WRONG_KEY_COST)
            raise
        except MarketError as error:
            raise from_market(error) from error
        state["caller"] = caller
        standing = self._take(caller.key, scope, cost=1.0)
        if need is None or caller.may(need):
            if caller.kind in ("visit", "console") and need != "public":
                check_same_origin(scope["method"], headers)
            return standing
        if caller.kind in ("nobody", "visit"):
            raise unauthorized("send a key: Authorization: Bearer mercer_<id>_<secret>")
        raise forbidden(need)

    def _need(self, scope: Scope) -> Need | None:
        """What the route needs; None where there is no such route, which the router answers."""
        path, method = scope["path"], scope["method"]
        route = self._found.get((method, path)) or self._route(method, path)
        if route is None:
            return None
        scope["route"] = route  # so that a refusal is counted under its route
        return need_of(route.path, method)  # type: ignore[attr-defined]  # every route of ours has a path

    def _route(self, method: str, path: str) -> BaseRoute | None:
        """The first route that takes it; remembered where its path has no variable part."""
        for route in self._routes:
            methods = getattr(route, "methods", None)
            if (methods is None or method in methods) and route.path_regex.match(path):  # type: ignore[attr-defined]  # see above
                if route.path == path and len(self._found) < _MAX_FOUND:  # type: ignore[attr-defined]  # see above
                    self._found[method, path] = route
                return route
        return None

    async def _caller(self, headers: Headers, ours: dict[str, str]) -> Caller:
        """Who it is: a key comes first, then the console's cookie, then the shop's. Raises Problem."""
        verifier, visit = self._access.verifier, _visit(ours)
        is_open = verifier.is_open()
        if is_open is None:
            is_open = await asyncio.to_thread(verifier.look)
        if is_open:
            return Caller("open", visit=visit) if visit is not None else OPEN
        scheme, _, text = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            read = read_key_text(text.strip())
            if read is None:
                raise unauthorized("a key is mercer_<id>_<secret>", error="invalid_token")
            return Caller("key", await self._live(read[0], read[1]))
        if key_id := console_key_id(ours.get(CONSOLE_COOKIE, ""), now_s=int(time.time())):
            # The cookie of a key that is over opens nothing, and closes neither shop nor login.
            with suppress(Problem):
                return Caller("console", await self._live(key_id, None))
        return Caller("visit", visit=visit) if visit is not None else NOBODY

    async def _live(self, key_id: str, secret: bytes | None) -> ApiKey:
        verifier = self._access.verifier
        if not verifier.knows(key_id):
            await asyncio.to_thread(verifier.read, key_id)
        return verifier.live(key_id, secret=secret)

    def _take(self, key: ApiKey | None, scope: Scope, *, cost: float) -> Standing | None:
        """One request's tokens; None where no limit applies. Raises Problem (`too-many`)."""
        settings, address = self._settings, scope["state"]["client_address"]
        cost *= next((share for prefix, share in _SHARES if scope["path"].startswith(prefix)), 1.0)
        if key is not None:
            if key.rate_per_s is None and is_loopback(address):
                return None
            rate = key.rate_per_s or settings.key_rate_per_s
            name, quota = f"key:{key.key_id}", Quota("key", rate, max(1, math.ceil(2 * rate)))
        elif is_loopback(address):
            return None
        else:
            rate = settings.address_rate_per_s
            name = f"address:{caller_of_address(address)}"
            quota = Quota("address", rate, max(1, math.ceil(4 * rate)))
        standing = self._buckets.take(name, quota, now_s=self._access.clock(), cost=cost)
        if not standing.is_allowed:
            detail = (
                f"more than {quota.rate_per_s:g} requests a second for this {quota.name}; "
                f"try again in {standing.retry_s} s"
            )
            raise Problem("too-many", detail, headers=standing.headers())
        return standing

    def _open_cookies(self, scope: Scope) -> dict[str, str]:
        """Take the seals off our cookies, in the scope; what they say, by name."""
        if self._cookies is None:  # a market in memory: there is nobody to keep out
            return _plain_cookies(scope) if self._access.verifier.is_open() else {}
        found: dict[str, str] = {}
        headers = []
        for name, value in scope["headers"]:
            if name == b"cookie":
                value, ours = self._cookies.opened(value)
                found = {**ours, **found}
            headers.append((name, value))
        scope["headers"] = headers
        return found

    def _seal_cookies(self, message: Message) -> None:
        if self._cookies is not None:
            message["headers"] = [
                (name, self._cookies.sealed(value) if name.lower() == b"set-cookie" else value)
                for name, value in message["headers"]
            ]

    def _refusal(self, scope: Scope, problem: Problem) -> Response:
        """A person who looks for the console is shown the door to it; all others the problem."""
        request = Request(scope)
        wants_page = "text/html" in request.headers.get("accept", "")
        is_console = scope["path"].startswith("/console")
        if problem.status in (401, 403) and wants_page and is_console and scope["method"] == "GET":
            return RedirectResponse("/console/login", 303)
        return self._answer(request, problem)


def _plain_cookies(scope: Scope) -> dict[str, str]:
    cookies = Request(scope).cookies
    return {name: cookies[name] for name in (VISITOR_COOKIE, SESSION_COOKIE) if name in cookies}


def _visit(ours: dict[str, str]) -> Visit | None:
    visitor_id = ours.get(VISITOR_COOKIE, "")
    return Visit(visitor_id, ours.get(SESSION_COOKIE)) if visitor_id else None


def console_value(key_id: str, *, expires_s: int) -> str:
    """What the console's cookie says: which key opened it, and until when."""
    return f"{key_id}.{expires_s}"


def console_key_id(value: str, *, now_s: int) -> str:
    """The key that opened the console; "" where the cookie is none or has run out."""
    key_id, _, expires = value.partition(".")
    is_good = is_key_id(key_id) and expires.isascii() and expires.isdigit() and len(expires) < 12
    return key_id if is_good and now_s < int(expires) else ""


def check_same_origin(method: str, headers: Headers) -> None:
    """Refuse a change that another site made a browser send with our cookies in it.

    What browsers say of the origin is believed; a client that says nothing is no browser, and has no
    cookies that somebody else could use.

    Raises:
        Problem: `foreign-origin`.
    """
    if method in _SAFE_METHODS:
        return
    site, origin = headers.get("sec-fetch-site", ""), headers.get("origin", "")
    is_foreign = site not in ("", "same-origin", "none")
    if not site and origin:
        is_foreign = urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    if is_foreign:
        raise Problem("foreign-origin", "another site made the browser send this with our cookie")
