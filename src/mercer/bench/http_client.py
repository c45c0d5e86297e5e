"""An HTTP/1.1 client that costs little: finished requests over kept connections, whole answers back.

It imports nothing heavy, so that what it takes of the machine is not taken from the server beside it.
Does not handle: chunked answers, pipelining, redirects.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import final

_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 where nothing did."""

    status: int
    body: bytes
    done_s: float  # time.perf_counter() when the last byte was there


@final
class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.is_open = True
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._parts: list[bytes] = []
        self._status, self._missing = 0, -1  # bytes of the body still to come; -1: head not read

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, request: bytes) -> "asyncio.Future[Answer]":
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._parts, self._missing = [], -1
        self._transport.write(request)
        return self._waiting

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            data = b"".join((*self._parts, data))
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._parts = [head]
                return
            self._status, self._missing = int(head[9:12]), _body_bytes(head)
            self._parts = []
        self._parts.append(data)
        self._missing -= len(data)
        if self._missing <= 0:
            self._settle(Answer(self._status, b"".join(self._parts), time.perf_counter()))

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._settle(Answer(0, b"", time.perf_counter()))

    def _settle(self, answer: Answer) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _body_bytes(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(_LENGTH)
    if at < 0:
        return 0
    return int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0])


@final
class Pool:
    """Connections to one server; a request takes one that is free, or waits for it.

    Args:
        max_open: connections at the same time.
    """

    def __init__(self, port: int, *, max_open: int) -> None:
        self._port, self._max_open, self._n_open = port, max_open, 0
        self._free: deque[_Connection] = deque()
        self._turn: deque[asyncio.Future[None]] = deque()

    async def ask(self, request: bytes) -> Answer:
        """The answer to one finished request; status 0 where the connection broke or was refused."""
        while not self._free and self._n_open >= self._max_open:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._turn.append(turn)
            await turn
        try:
            return await self._ask(request)
        finally:
            self._next_turn()

    async def _ask(self, request: bytes) -> Answer:
        is_kept = bool(self._free)
        connection = await self._connection()
        if connection is None:
            return Answer(0, b"", time.perf_counter())
        answer = await connection.ask(request)
        if not answer.status and is_kept:  # closed as unused in the moment in which it was taken
            self._n_open -= 1
            connection = await self._fresh()
            if connection is None:
                return answer
            answer = await connection.ask(request)
        if connection.is_open:
            self._free.append(connection)  # the longest unused is next, so all of them are used
        else:
            self._n_open -= 1
        return answer

    def _next_turn(self) -> None:
        while self._turn:
            turn = self._turn.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    async def _connection(self) -> _Connection | None:
        while self._free:
            connection = self._free.popleft()
            if connection.is_open:
                return connection
            self._n_open -= 1
        return await self._fresh()

    async def _fresh(self) -> _Connection | None:
        self._n_open += 1
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        except OSError:
            self._n_open -= 1
            return None
        return connection

    async def open(self, n: int) -> None:
        """Have so many connections before the first request."""
        made = [await self._connection() for _ in range(n)]
        self._free.extend(connection for connection in made if connection is not None)

    def close(self) -> None:
        """Close what is free."""
        while self._free:
            self._free.popleft().close()


def get(target: str) -> bytes:
    """A finished GET request."""
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def put(target: str, body: bytes) -> bytes:
    """A finished PUT request with a JSON body."""
    return _with_body("PUT", target, body)


def post(target: str, body: bytes) -> bytes:
    """A finished POST request with a JSON body."""
    return _with_body("POST", target, body)


def _with_body(method: str, target: str, body: bytes) -> bytes:
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
