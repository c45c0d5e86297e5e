"""Asking an app directly, without a socket between: the fastest true request."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

from mercer.bench.fuzz_request import FuzzRequest


@dataclass(slots=True)
class FuzzAnswer:
    """What came back; status 0 where nothing did."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    raised: BaseException | None = None


async def ask(app: ASGIApp, request: FuzzRequest) -> FuzzAnswer:
    """The app's answer to one request; what it raises is part of the answer."""
    answer, chunks = FuzzAnswer(), []
    parts = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> Message:
        if parts:
            return parts.pop()
        await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {bytes(k).lower(): bytes(v) for k, v in message["headers"]}
        else:
            chunks.append(message.get("body", b""))

    try:
        await app(_scope(request), receive, send)
    except Exception as error:  # an app that raises is what is looked for
        answer.raised = error
    answer.body = b"".join(chunks)
    return answer


def _scope(request: FuzzRequest) -> dict[str, Any]:
    raw_path, _, query = request.target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(raw_path.decode("ascii")),
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": list(request.headers),
        "client": ("127.0.0.1", 40_000),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
