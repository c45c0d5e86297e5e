"""uvicorn's connection, with a bound on how long a request's head may take and on how many there are.

A client that opens a connection and says nothing, or a header a minute, costs nothing but itself.
"""

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


def guarded(*, head_timeout_s: float, max_connections: int) -> type[H11Protocol]:
    """A protocol class for uvicorn's `http=`.

    Args:
        head_timeout_s: from the first byte of a request, or the start of a connection, to the end of
            its head.
        max_connections: open in this process; one more is told 503 and closed.
    """

    class Guarded(H11Protocol):
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the class above
            super().connection_made(transport)
            if len(self.connections) > max_connections:
                transport.write(_FULL)
                transport.close()
                return
            self._late = self.loop.call_later(head_timeout_s, self._give_up)

        def connection_lost(self, exc: Exception | None) -> None:
            self._calm()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()

        def _watch(self) -> None:
            """The time runs while a head is begun and not complete."""
            is_waiting = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
            is_new = self.conn.their_state is h11.IDLE and self.cycle is None
            if not (is_waiting or is_new):
                self._calm()
            elif self._late is None:
                self._late = self.loop.call_later(head_timeout_s, self._give_up)

        def _calm(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def _give_up(self) -> None:
            self._late = None
            if not self.transport.is_closing():
                self.transport.close()

    return Guarded
