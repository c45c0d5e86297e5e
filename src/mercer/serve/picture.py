"""Pictures that this server draws itself, or that lie in the market's own folder.

A reference that is neither is never fetched.
"""

import re
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

Stored: TypeAlias = Callable[[str], bytes]
"""The name of a picture in the market's folder -> its bytes. Raises NotFoundError."""

DRAWN_PREFIX = "sim:"
SIZES = (120, 240, 360, 480, 720)  # a closed list: nobody can fill the cache with 1,000 variants
MAX_REF_CHARS = 500
_MAGIC = (
    (b"\x89PNG", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"WEBP", 8, "image/webp"),
    (b"GIF8", 0, "image/gif"),
    (b"ftypavif", 4, "image/avif"),
)
_LOCAL_NAME = re.compile(
    r"[^\s:\\?#%./][^\s:\\?#%]{0,400}\.(?:png|jpe?g|webp|gif|avif)", re.IGNORECASE
)


def drawn_url(ref: str, *, size: int) -> str:
    """Where the picture of a reference is."""
    return f"/images/{quote(ref, safe=':')}?size={size}"


def picture_url(ref: str, *, size: int) -> str:
    """Where the picture of a reference of a listing is; "" where this server cannot have it.

    A drawn picture, or a plain name below MARKET/images such as `mugs/17.jpg`; an address of another
    server is neither.
    """
    if ref.startswith(DRAWN_PREFIX):
        return drawn_url(ref, size=size)
    return f"/images/{quote(ref)}" if _LOCAL_NAME.fullmatch(ref) else ""


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


def add_routes(
    app: FastAPI,
    draw: Draw | None,
    *,
    stored: Stored | None = None,
    workers: Workers,
    cache_bytes: int,
) -> None:
    """GET /images/{ref}?size= of drawn pictures, GET /images/{name} of those in the folder."""
    cache = ByteCache(max_bytes=cache_bytes)

    async def image(request: Request) -> Response:
        ref = request.path_params["ref"]
        if stored is not None and not ref.startswith(DRAWN_PREFIX):
            return _answer(request, await workers.run(partial(_sniffed, stored, ref)))
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
    return Response(
        picture, media_type=_media_type(picture) or "application/octet-stream", headers=headers
    )


def _sniffed(stored: Stored, name: str) -> bytes:
    """A picture of the folder; a file that is no picture, whatever its name says, is not shown."""
    content = stored(name)
    if not _media_type(content):
        raise Problem("not-found", f"there is no picture {quoted(name)}")
    return content


def _media_type(picture: bytes) -> str:
    """By its first bytes; "" for what is no picture of ours. SVG is none: it can hold scripts."""
    return next((kind for magic, at, kind in _MAGIC if picture[at:].startswith(magic)), "")
