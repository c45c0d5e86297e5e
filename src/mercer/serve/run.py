"""Starting and stopping the server: where it may listen, and how it ends."""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from mercer.schema.errors import ConfigError
from mercer.serve.access.connection import guarded
from mercer.serve.access.gate import Access
from mercer.serve.edge import is_loopback
from mercer.serve.http import create_app
from mercer.serve.log import Bridge, Log
from mercer.serve.market import Market
from mercer.serve.meter import Others
from mercer.serve.picture import Draw, Stored
from mercer.serve.process.board import ReaderBoard
from mercer.serve.process.sharing import Sharing
from mercer.serve.settings import ServeSettings

_BACKLOG = 1_024  # connections that wait to be accepted
_GIVE_WAY_S = 0.004  # to a process that has fewer connections
_TELL_S = 0.5  # how often a process tells how many it has; of each new one it tells at once
_AGAIN_S = 0.05  # after a connection that could not be taken
_LIBRARY_LOGS = ("uvicorn.error", "asyncio")


def serve(
    market: Market,
    *,
    host: str = "127.0.0.1",
    port: int = 8100,
    listener: socket.socket | None = None,
    settings: ServeSettings | None = None,
    draw: Draw | None = None,
    stored: Stored | None = None,
    access: Access | None = None,
    log: Log | None = None,
    others: Others = dict,
    board: ReaderBoard | None = None,
    sharing: Sharing | None = None,
    on_ready: Callable[[str], None] | None = None,
    on_app: Callable[[FastAPI], None] = lambda app: None,
) -> None:
    """Serve a market until SIGINT or SIGTERM; returns after the requests under way have finished.

    Args:
        host: a loopback address or "localhost"; with keys any address of this machine.
        port: 0 takes a free one; `on_ready` is told.
        access: who may do what; None allows everything, to this machine.
        listener: a socket that listens already, in place of host and port; closed in the end.
        others: what the other processes that answer this address count, by their names.
        board: how many connections each process has open that shares the listener.
        sharing: the other processes, which are asked where they have less to do.
        on_app: called with the app before it serves.
        on_ready: called with the address once requests are answered.
    Raises:
        ConfigError: the host is not loopback, or the port is out of range or taken.
    """
    settings, log = settings or ServeSettings(), log or Log()
    is_open = access is None or access.verifier.look()
    listener = listener if listener is not None else listen(host, port, is_open=is_open)
    if access is not None and not is_loopback(listener.getsockname()[0]):
        access.verifier.close_for_good()  # whatever becomes of the keys
    url = url_of(listener)
    app = create_app(
        market, settings=settings, draw=draw, stored=stored, access=access, log=log, others=others,
        sharing=sharing,
    )  # fmt: skip
    on_app(app)
    server = server_of(
        app, settings, on_ready=lambda: on_ready(url) if on_ready else None, board=board
    )
    with _library_logs(log), _signals_return():
        log.info("serving", url=url)
        try:
            server.run(sockets=[listener])
        finally:
            listener.close()
        log.info("stopped")


def server_of(
    app: ASGIApp,
    settings: ServeSettings,
    *,
    on_ready: Callable[[], None] = lambda: None,
    board: ReaderBoard | None = None,
) -> uvicorn.Server:
    """The server of an app, with our limits; `run(sockets=[...])` starts it.

    Args:
        board: where several processes share the listening socket, how many connections each has.
    """
    config = uvicorn.Config(
        app,
        # h11 is the one whose limits are set here and tested.
        http=guarded(
            head_timeout_s=settings.head_timeout_s, max_connections=settings.max_connections
        ),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=settings.max_url_bytes + 65_536,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.stop_timeout_s,
    )
    return _Server(config, on_ready=on_ready, board=board)


def listen(host: str, port: int, *, is_open: bool = True) -> socket.socket:
    """A listening socket.

    Args:
        is_open: everything is allowed to whoever reaches it, so that only this machine may.
    Raises:
        ConfigError: the address may not be listened on, or cannot.
    """
    if is_open and not is_loopback(host):
        raise ConfigError(
            f"host {host!r} can be reached from other machines, and this market has no keys; only "
            "127.0.0.1, ::1 and localhost are allowed: make a key with mercer keys create, or put a "
            "proxy that authenticates before it"
        )
    if not 0 <= port <= 65_535:
        raise ConfigError(
            f"port {port} is out of range: 0 to 65535 is allowed (0 takes a free one)"
        )
    address = "127.0.0.1" if host.lower() == "localhost" else host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # With the protocol named asyncio switches Nagle's delay off; without it each answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another port"
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """The address of a listening socket, for people and clients."""
    address, port = listener.getsockname()[:2]
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


@final
class _Server(uvicorn.Server):
    """uvicorn's server that takes its connections itself, one at a time, and says when it is ready.

    Several processes take from the same listening socket; one that has more connections open than
    another waits a moment, in which the other may take the next one.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        on_ready: Callable[[], None],
        board: ReaderBoard | None,
    ) -> None:
        super().__init__(config)
        self._on_ready, self._board = on_ready, board
        self._taking: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])  # no sockets: uvicorn would take all that waits, in one go
        self._taking = [asyncio.create_task(self._take(one)) for one in sockets or ()]
        if self._board is not None:
            self._taking.append(asyncio.create_task(self._tell(self._board)))
        if self.started:
            self._on_ready()

    async def _take(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        while True:
            if self._board is not None and self._board.has_more_than_another():
                await asyncio.sleep(_GIVE_WAY_S)
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:  # too many open files, or a client that is gone already
                await asyncio.sleep(_AGAIN_S)
                continue
            await loop.connect_accepted_socket(self._protocol, connection)
            if self._board is not None:
                self._board.tell(len(self.server_state.connections))

    def _protocol(self) -> asyncio.Protocol:
        """As uvicorn's own startup makes one."""
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    async def _tell(self, board: ReaderBoard) -> None:
        while True:
            board.tell(len(self.server_state.connections))
            await asyncio.sleep(_TELL_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for task in self._taking:
            task.cancel()
        await asyncio.gather(*self._taking, return_exceptions=True)
        await super().shutdown(sockets)


@contextmanager
def _library_logs(log: Log) -> Iterator[None]:
    """What libraries log goes to our log, as long as the server runs."""
    bridge = Bridge(log)
    loggers = [logging.getLogger(name) for name in _LIBRARY_LOGS]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(bridge)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(bridge)
            logger.propagate = propagate


@contextmanager
def _signals_return() -> Iterator[None]:
    """uvicorn raises a signal again after it has stopped; here it was answered, so nothing follows.

    Without this SIGTERM would end the process before the caller can close the market.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stops = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: None) for number in stops]
    try:
        yield
    finally:
        for number, handler in zip(stops, before, strict=True):
            signal.signal(number, handler)
