"""Calls between the processes of one market, over unix sockets in its run folder.

    request  = u32 bytes of head, u32 bytes of blob, head (msgpack [name, args]), blob
    answer   = u32 bytes of head, u32 bytes of blob, head (msgpack [fault or null, value]), blob

What is large and in columns travels as the blob (Arrow IPC), everything else in the head.
A caller that loses its connection connects again and asks again until its time is over: all calls may
be made twice. Whoever can open the socket may call, so it is in a folder of this user alone.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, final

import msgspec

from mercer.schema import errors
from mercer.schema.errors import MarketError, UnavailableError
from mercer.serve.wire import plain

MAX_BYTES = 256 << 20  # of a head or a blob
_HEAD = struct.Struct(">II")
_MAX_PATH_BYTES = 100  # of a unix socket; the kernel takes a few more
_AGAIN_S = 0.05  # between two attempts to connect
_BACKLOG = 64

Handler = Callable[[Any, bytes], tuple[Any, bytes]]
"""(args, blob) -> (value, blob)"""

_encoder = msgspec.msgpack.Encoder(enc_hook=plain)


def send_frame(to: socket.socket, head: object, blob: bytes) -> None:
    """Write one frame."""
    raw = _encoder.encode(head)
    to.sendall(_HEAD.pack(len(raw), len(blob)) + raw)
    if blob:
        to.sendall(blob)


def read_frame(source: socket.socket) -> tuple[Any, bytes] | None:
    """The next frame; None where the other side has closed.

    Raises:
        ConnectionError: it broke in the middle, or is no frame of ours.
    """
    sizes = _read(source, _HEAD.size)
    if not sizes:
        return None
    n_head, n_blob = _HEAD.unpack(sizes)
    if max(n_head, n_blob) > MAX_BYTES:
        raise ConnectionError(f"a frame of {n_head} + {n_blob} bytes; {MAX_BYTES} are allowed")
    head, blob = _read(source, n_head), _read(source, n_blob)
    if len(head) < n_head or len(blob) < n_blob:
        raise ConnectionError("the connection broke in the middle of a frame")
    try:
        return msgspec.msgpack.decode(head), bytes(blob)
    except msgspec.DecodeError as fault:
        raise ConnectionError(f"no frame of ours: {fault}") from None


def _read(source: socket.socket, n: int) -> bytearray:
    """n bytes, or none where nothing came."""
    out = bytearray(n)
    view, at = memoryview(out), 0
    while at < n:
        got = source.recv_into(view[at:])
        if not got:
            if at:
                raise ConnectionError("the connection broke in the middle of a frame")
            return bytearray()
        at += got
    return out


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """A name of the socket that is short enough for the kernel."""
    name = str(path)
    if len(os.fsencode(name)) <= _MAX_PATH_BYTES or not Path("/proc/self/fd").exists():
        yield name
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@final
class RpcServer:
    """Answers calls, each connection in a thread of its own.

    Args:
        path: of the socket; what a dead process left there is removed.
    """

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._handlers = dict(handlers)
        self._is_closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._n_busy, self._idle = 0, threading.Condition()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _reachable(path) as name:
            self._listener.bind(name)
        os.chmod(path, 0o600)
        self._listener.listen(_BACKLOG)
        self._path = path
        threading.Thread(target=self._accept, name=f"rpc {path.name}", daemon=True).start()

    def _accept(self) -> None:
        while not self._is_closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
            threading.Thread(
                target=self._serve, args=(connection,), name="rpc call", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while (frame := read_frame(connection)) is not None:
                with self._idle:
                    self._n_busy += 1
                try:
                    send_frame(connection, *self._answer(*frame))
                finally:
                    with self._idle:
                        self._n_busy -= 1
                        self._idle.notify_all()
        except OSError:
            pass  # the caller is gone; whatever it asked for is done or not, and it may ask again
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _answer(self, head: Any, blob: bytes) -> tuple[Any, bytes]:
        try:
            name, args = head
            value, out = self._handlers[name](args, blob)
        except Exception as fault:  # told to the caller, whose request it belongs to
            return [[type(fault).__name__, str(fault)], None], b""
        return [None, value], out

    def close(self, *, wait_s: float = 5.0) -> None:
        """Take no more calls, answer those under way, hang up."""
        self._is_closing.set()
        self._path.unlink(missing_ok=True)
        _hang_up(self._listener)
        with self._idle:
            self._idle.wait_for(lambda: not self._n_busy, timeout=wait_s)
        with self._lock:
            for connection in self._open:
                _hang_up(connection)


def _hang_up(it: socket.socket) -> None:
    """Close a socket that another thread may be waiting at."""
    with suppress(OSError):
        it.shutdown(socket.SHUT_RDWR)
    it.close()


@final
class RpcClient:
    """Calls one process. Thread-safe: each call under way has a connection of its own.

    Args:
        path: of the other's socket; it need not be there yet.
        what: the other process, for messages.
        timeout_s: of a call, its new attempts included.
    """

    def __init__(self, path: Path, *, what: str, timeout_s: float) -> None:
        self._path, self._what, self._timeout_s = path, what, timeout_s
        self._free: list[socket.socket] = []
        self._lock = threading.Lock()

    def call(
        self, name: str, args: object = None, blob: bytes = b"", *,
        timeout_s: float | None = None, retry_s: float = 0.0,
    ) -> tuple[Any, bytes]:  # fmt: skip
        """The answer: (value, blob).

        Args:
            timeout_s: another one than the client's.
            retry_s: so long a process that is not there is tried again.
        Raises:
            UnavailableError: the process is not there, or does not answer in time.
            MarketError: what the call raised over there.
        """
        began = time.monotonic()
        until = began + (self._timeout_s if timeout_s is None else timeout_s)
        for n_tries in count(1):
            try:
                return self._once(name, args, blob, until)
            except TimeoutError:
                raise self._unavailable("did not answer in time") from None
            except OSError:
                if n_tries == 1:
                    continue  # a connection that was kept may lead to a process of before
                now = time.monotonic()
                if now >= min(until, began + retry_s):
                    raise self._unavailable("is not there") from None
                time.sleep(min(_AGAIN_S, max(0.0, until - now)))
        raise AssertionError("the loop has no end")

    def _unavailable(self, why: str) -> UnavailableError:
        return UnavailableError(f"the {self._what} {why}; it is being started again, try again")

    def _once(self, name: str, args: object, blob: bytes, until: float) -> tuple[Any, bytes]:
        connection = self._connected(until)
        try:
            connection.settimeout(_left(until))
            send_frame(connection, [name, args], blob)
            frame = read_frame(connection)
            if frame is None:
                raise ConnectionResetError("hung up before the answer")
        except BaseException:
            connection.close()
            self._hang_up()  # the others lead to the same process that is gone
            raise
        with self._lock:
            self._free.append(connection)
        (fault, value), out = frame
        if fault is not None:
            raise _raised(*fault)
        return value, out

    def _connected(self, until: float) -> socket.socket:
        with self._lock:
            if self._free:
                return self._free.pop()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_left(until))
            with _reachable(self._path) as name:
                connection.connect(name)
        except BaseException:
            connection.close()
            raise
        return connection

    def _hang_up(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    def close(self) -> None:
        """Close what is open and idle."""
        self._hang_up()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


# Errors that one sentence makes.
_SAME = (
    errors.ConfigError,
    errors.CorruptError,
    errors.InputError,
    errors.NotFoundError,
    errors.StorageError,
)


def _raised(name: str, text: str) -> Exception:
    """The error of the other process, as ours: of the same class where one sentence makes it."""
    found = getattr(errors, name, None)
    if found in _SAME:
        return found(text)  # type: ignore[no-any-return]  # found by its name
    if isinstance(found, type) and issubclass(found, errors.InputError):
        return errors.InputError(text)
    if isinstance(found, type) and issubclass(found, MarketError):
        return UnavailableError(text)
    return RuntimeError(f"{name}: {text}")
