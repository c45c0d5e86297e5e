"""What every request passes first and last: its id, the host check, limits, headers, metrics, log.

`Edge` is plain ASGI and stands outside all routes, so that an answer made by the framework (404, 405)
or by a crash is guarded, counted and logged like any other.
"""

import asyncio
import ipaddress
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from mercer.serve.log import Log
from mercer.serve.meter import Meter
from mercer.serve.problem import Problem, quoted, unexpected
from mercer.serve.settings import ServeSettings

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<name>[^:\[\]]+))(?::[0-9]{1,5})?")


@lru_cache(maxsize=1_024)
def is_loopback(host: str) -> bool:
    """Whether a host name or address to bind can be reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_host(header: str, *, allowed: tuple[str, ...]) -> None:
    """Refuse a Host that is not ours: a foreign page that re-points its own name at this machine
    (DNS rebinding) still sends its own name.

    Raises:
        Problem: `wrong-host`.
    """
    match = _HOST.fullmatch(header.strip())
    name = (match["v6"] or match["name"]).lower().rstrip(".") if match else ""
    if name not in allowed:
        allowed_text = ", ".join(allowed)
        raise Problem("wrong-host", f"Host is {quoted(header)}; allowed are {allowed_text}")


def check_url(scope: Scope, *, max_bytes: int) -> None:
    """Refuse a URL above the limit. Raises Problem (`url-too-long`)."""
    n_bytes = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    if n_bytes > max_bytes:
        raise Problem("url-too-long", f"the URL has {n_bytes} bytes, {max_bytes} are allowed")


def check_headers(headers: Headers, *, max_headers: int, max_bytes: int) -> None:
    """Refuse a head that is larger than any honest one. Raises Problem (`too-many-headers`)."""
    raw = headers.raw
    n_bytes = sum(len(name) + len(value) for name, value in raw)
    if len(raw) > max_headers or n_bytes > max_bytes:
        detail = (
            f"{len(raw)} headers of {n_bytes} bytes; {max_headers} of {max_bytes} bytes are allowed"
        )
        raise Problem("too-many-headers", detail)


def timed_receive(receive: Receive, headers: Headers, *, timeout_s: float) -> Receive:
    """`receive` that gives up on a body which is not there after `timeout_s`; a client that sends a
    byte a minute would else keep its place for ever."""
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return receive
    until_s = 0.0

    async def timed() -> Message:
        nonlocal until_s
        loop = asyncio.get_running_loop()
        until_s = until_s or loop.time() + timeout_s
        try:
            async with asyncio.timeout_at(until_s) as deadline:
                return await receive()
        except TimeoutError:
            if not deadline.expired():
                raise
            detail = f"the body was not complete within {timeout_s:g} s"
            raise Problem("slow-body", detail, headers={"Connection": "close"}) from None

    return timed


@final
class Edge:
    """Outermost middleware; `scope["state"]` gets `request_id` and `log`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: ServeSettings,
        meter: Meter,
        log: Log,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._app, self._settings = app, settings
        self._meter, self._log, self._clock_ns = meter, log, clock_ns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an unexpected exception becomes a problem document, never a stack."""
        if scope["type"] != "http":  # lifespan; websockets find no route
            await self._app(scope, receive, send)
            return
        began_ns = self._clock_ns()
        headers = Headers(scope=scope)
        given_id = headers.get("x-request-id", "")
        request_id = given_id if _REQUEST_ID.fullmatch(given_id) else str(uuid7())
        log = self._log.bind(request_id=request_id)
        state: dict[str, Any] = scope.setdefault("state", {})
        state.update(request_id=request_id, log=log)
        status = 0

        async def guarded_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                is_tls = bool(state.get("is_tls"))
                _finish_headers(message, request_id, is_tls=is_tls)
            await send(message)

        try:
            check_host(headers.get("host", ""), allowed=self._settings.allowed_hosts)
            settings = self._settings
            check_url(scope, max_bytes=settings.max_url_bytes)
            check_headers(
                headers, max_headers=settings.max_headers, max_bytes=settings.max_header_bytes
            )
            timed = timed_receive(receive, headers, timeout_s=settings.body_timeout_s)
            await self._app(scope, timed, guarded_send)
        except Problem as problem:
            await problem.response(request_id)(scope, receive, guarded_send)
        except ClientDisconnect:
            status = status or 499  # nobody is there to answer
        except Exception as error:  # the last edge: logged, and answered without internals
            log.error("request_failed", error=error, method=scope["method"])
            if status:  # half an answer is out: only closing the connection tells the truth
                raise
            await unexpected().response(request_id)(scope, receive, guarded_send)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            took_us = (self._clock_ns() - began_ns) // 1_000
            method = scope["method"]
            self._meter.request_done(route=route, method=method, status=status, took_us=took_us)
            log.info("request_done", method=method, route=route, status=status, took_us=took_us)


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_ALWAYS = _raw({**SECURITY_HEADERS, "Cache-Control": "no-store"})
# Over plain HTTP browsers ignore it, and a name that has no TLS would be locked out.
_OVER_TLS = _raw({"Strict-Transport-Security": "max-age=31536000"})


def _finish_headers(message: Message, request_id: str, *, is_tls: bool) -> None:
    """Add what every answer has; what a handler has set itself stays."""
    headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"x-request-id"]
    said = {name.lower() for name, _ in headers}
    headers.append((b"x-request-id", request_id.encode()))
    headers += [pair for pair in _ALWAYS if pair[0] not in said]
    if is_tls:
        headers += [pair for pair in _OVER_TLS if pair[0] not in said]
    message["headers"] = headers
