"""Asking a server over a real socket, in bytes that may be no HTTP at all."""

import socket

from mercer.bench.fuzz_asgi import FuzzAnswer
from mercer.bench.fuzz_request import FuzzRequest

TIMEOUT_S = 30.0


def wire_bytes(request: FuzzRequest) -> bytes:
    """The request as it goes over the wire."""
    headers = dict(request.headers)
    headers.setdefault(b"content-length", str(len(request.body)).encode())
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers.items())
    head = request.method.encode() + b" " + request.target + b" HTTP/1.1\r\n"
    return head + lines + b"connection: close\r\n\r\n" + request.body


def ask_socket(port: int, sent: bytes, *, is_whole: bool) -> FuzzAnswer:
    """What the server says to these bytes; a connection that it closes without a word is status 0.

    Args:
        is_whole: nothing is missing that the server might wait for.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
        received = b""
        try:
            connection.sendall(sent)
            if not is_whole:
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65_536):
                received += chunk
        except (ConnectionResetError, BrokenPipeError):
            pass  # it had enough before we had said everything
        except TimeoutError:
            return FuzzAnswer(raised=TimeoutError(f"no answer within {TIMEOUT_S:g} s"))
    return _answer(received)


def _answer(received: bytes) -> FuzzAnswer:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ")
    if len(words) < 2 or not words[1].isdigit():
        return FuzzAnswer()
    pairs = [line.partition(b":") for line in lines]
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return FuzzAnswer(int(words[1]), headers, body)
