"""The smallest request that still fails in the same way: what a person wants to look at."""

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from mercer.bench.fuzz_request import FuzzRequest

MAX_TRIES = 400
Fails = Callable[[FuzzRequest], Awaitable[bool]]


async def shrunk(request: FuzzRequest, fails: Fails, *, max_tries: int = MAX_TRIES) -> FuzzRequest:
    """Cut items, headers, pairs of the query and bytes for as long as the fault stays.

    Args:
        fails: whether a request fails in the same way.
    """
    tries, is_smaller = 0, True
    while is_smaller and tries < max_tries:
        is_smaller = False
        for candidate in _smaller(request):
            tries += 1
            if tries > max_tries:
                break
            if await fails(candidate):
                request, is_smaller = candidate, True
                break
    return request


def _smaller(request: FuzzRequest) -> Iterator[FuzzRequest]:
    """Requests with a part of this one left out, the largest parts first."""
    for body in _smaller_json(request.body):
        yield replace(request, body=body, n_items=None)
    path, mark, query = request.target.partition(b"?")
    pairs = query.split(b"&") if query else []
    for i in range(len(pairs)):
        yield replace(request, target=path + mark + b"&".join(pairs[:i] + pairs[i + 1 :]))
    for i in range(1, len(request.headers)):
        yield replace(request, headers=request.headers[:i] + request.headers[i + 1 :])
    for body in _smaller_bytes(request.body):
        yield replace(request, body=body, n_items=None)
    for rest in _smaller_bytes(query):
        yield replace(request, target=path + mark + rest)


def _smaller_json(body: bytes) -> Iterator[bytes]:
    """A JSON object with fewer items in its list, or fewer members in its only item."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict):
        return
    for name, items in value.items():
        if isinstance(items, list) and len(items) > 1:
            half = len(items) // 2
            for some in (items[:half], items[half:]):
                yield json.dumps({**value, name: some}).encode()
        elif isinstance(items, list) and items and isinstance(items[0], dict):
            for key in items[0]:
                less = {k: v for k, v in items[0].items() if k != key}
                yield json.dumps({**value, name: [less]}).encode()
        yield json.dumps({k: v for k, v in value.items() if k != name}).encode()


def _smaller_bytes(value: bytes) -> Iterator[bytes]:
    size = len(value) // 2
    while size >= 1:
        for at in range(0, len(value), size):
            yield value[:at] + value[at + size :]
        size //= 2
