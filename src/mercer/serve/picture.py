"""Pictures that this server draws itself. A reference that it cannot draw is never fetched."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import TypeAlias, final
from urllib.parse import quote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from mercer.serve.problem import Fault, Problem, quoted
from mercer.serve.workers import Workers

Draw: TypeAlias = Callable[[str, int], bytes]
"""(image reference, side in pixels) -> an encoded picture.

Raises NotFoundError where the reference names nothing that can be drawn."""

DRAWN_PREFIX = "sim:"
SIZES = (120, 240, 360, 480, 720)  # a closed list: nobody can fill the cache with 1,000 variants
MAX_REF_CHARS = 500
_MAGIC = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"))


def drawn_url(ref: str, *, size: int) -> str:
    """Where the picture of a reference is."""
    return f"/images/{quote(ref, safe=':')}?size={size}"


@final
class ByteCache:
    """The most recently used byte strings, bounded by the sum of their sizes. Thread-safe."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes, self._n_bytes = max_bytes, 0
        self._kept: OrderedDict[object, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """What is held now."""
        return self._n_bytes

    def get(self, key: object) -> bytes | None:
        """What is kept under the key, which becomes the most recent one."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def put(self, key: object, value: bytes) -> None:
        """Keep it and let the oldest go; what is larger than the whole cache is not kept."""
        with self._lock:
            if (old := self._kept.pop(key, None)) is not None:
                self._n_bytes -= len(old)
            if len(value) > self._max_bytes:
                return
            self._kept[key] = value
            self._n_bytes += len(value)
            while self._n_bytes > self._max_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._n_bytes -= len(dropped)


def add_routes(app: FastAPI, draw: Draw | None, *, workers: Workers, cache_bytes: int) -> None:
    """GET /images/{ref}?size=, where something can be drawn."""
    cache = ByteCache(max_bytes=cache_bytes)

    async def image(request: Request) -> Response:
        ref = request.path_params["ref"]
        size = _size(request)
        if draw is None or not ref.startswith(DRAWN_PREFIX) or len(ref) > MAX_REF_CHARS:
            raise Problem("not-found", f"no picture can be drawn for {quoted(ref)}")
        key = (ref, size)
        picture = cache.get(key)
        if picture is None:
            picture = await workers.run(partial(draw, ref, size))
            cache.put(key, picture)
        return _answer(request, picture)

    app.add_api_route(
        "/images/{ref:path}",
        image,
        methods=["GET", "HEAD"],
        include_in_schema=False,
        response_class=Response,
        response_model=None,
    )


def _size(request: Request) -> int:
    text = request.query_params.get("size", "360")
    if text in map(str, SIZES):
        return int(text)
    shown = ", ".join(map(str, SIZES))
    fault = Fault("query.size", f"allowed are {shown}", quoted(text))
    raise Problem("bad-request", f"size: allowed are {shown}, got {fault.got}", faults=[fault])


def _answer(request: Request, picture: bytes) -> Response:
    tag = f'"{blake2b(picture, digest_size=12).hexdigest()}"'
    headers = {"Cache-Control": "public, max-age=3600", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    kinds = [kind for magic, kind in _MAGIC if picture.startswith(magic)]
    media_type = kinds[0] if kinds else "application/octet-stream"
    return Response(picture, media_type=media_type, headers=headers)
