"""The routes that are asked most, answered before the framework looks for them.

They are the framework's routes too, with the same handlers: its reference describes them, and whatever
a short cut does not take as it stands goes there. Routing, dependencies and models of the framework cost
three times as much as everything else that HTTP costs a search.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mercer.schema.errors import MarketError
from mercer.serve.problem import Problem

Handler = Callable[[Request], Awaitable[Response | None]]
"""The answer; None, with nothing read of the body, sends the request the long way."""
Failed = Callable[[Request, Exception], Awaitable[Response]]


@final
class Hot:
    """Middleware, behind the gate.

    Args:
        handlers: by (method, path).
        failed: the answer to a Problem or MarketError.
    """

    def __init__(
        self, app: ASGIApp, *, handlers: Mapping[tuple[str, str], Handler], failed: Failed
    ) -> None:
        self._app, self._handlers, self._failed = app, handlers, failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        is_http = scope["type"] == "http"
        handler = self._handlers.get((scope["method"], scope["path"])) if is_http else None
        if handler is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        response: Response | None
        try:
            response = await handler(request)
        except (Problem, MarketError) as error:
            response = await self._failed(request, error)
        if response is None:
            await self._app(scope, receive, send)
        else:
            await response(scope, receive, send)
