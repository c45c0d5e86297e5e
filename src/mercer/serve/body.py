"""Request bodies, read with a limit and turned into what the core understands."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import msgspec
from starlette.requests import Request

from mercer.serve.market import ItemResult
from mercer.serve.problem import Fault, Problem, quoted

_MAX_DIGITS = 400  # of a whole number; Python refuses to read 4,300
_DRAIN = 4  # times the limit: so much of a too large body is still taken, that the answer is heard


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """The body of a JSON request; counted while it comes, so that no more than the limit is held.

    Raises:
        Problem: `unsupported-media-type`, `too-large`.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        got = quoted(media_type) if media_type else "none"
        raise Problem("unsupported-media-type", f"Content-Type must be application/json, got {got}")
    chunks: list[bytes] = []
    n_bytes = 0
    async for chunk in request.stream():
        n_bytes += len(chunk)
        if n_bytes <= max_bytes:
            chunks.append(chunk)
        else:
            chunks.clear()
            if n_bytes > max_bytes * _DRAIN:
                break
    if n_bytes > max_bytes:
        # The rest of an endless body is not ours to read: the connection closes after the answer.
        raise Problem(
            "too-large",
            f"the body has more than {max_bytes} bytes, the most that is allowed",
            faults=[Fault("body", f"at most {max_bytes} bytes are allowed")],
            headers={"Connection": "close"},
        )
    return b"".join(chunks)


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    listings: list[msgspec.Raw]  # each is decoded alone, so that its faults are its own


@final
class _NotJson:
    """Stands in an item for what JSON does not allow (NaN, a number of 5,000 digits)."""

    def __init__(self, text: str) -> None:
        self.text = text


@dataclass(frozen=True, slots=True)
class Batch:
    """The items of one PUT: what can go to the market, and what is refused already."""

    places: tuple[int, ...]  # in the request, of each of `items`
    items: tuple[Mapping[str, Any], ...]
    refused: Mapping[int, ItemResult]  # by place in the request

    def merge(self, results: Sequence[ItemResult]) -> list[ItemResult]:
        """One result for each item of the request, in its order.

        Args:
            results: the market's, one for each of `items`.
        """
        merged = dict(self.refused)
        merged.update(zip(self.places, results, strict=True))
        return [merged[place] for place in range(len(merged))]


def read_batch(body: bytes, *, max_items: int, max_item_bytes: int) -> Batch:
    """Split `{"listings": [...]}` into items; each is read alone.

    Raises:
        Problem: the body as a whole is not such an object, or has too many items.
    """
    raw = _split(body)
    if len(raw) > max_items:
        detail = f"{len(raw)} listings were sent, {max_items} are allowed in one request"
        raise Problem("too-large", detail, faults=[Fault("body.listings", detail)])
    places, items = [], []
    refused: dict[int, ItemResult] = {}
    for place, item in enumerate(raw):
        read = _read_item(item, max_bytes=max_item_bytes)
        if isinstance(read, ItemResult):
            refused[place] = read
        else:
            places.append(place)
            items.append(read)
    return Batch(tuple(places), tuple(items), refused)


def _split(body: bytes) -> Sequence[object]:
    """The items: raw JSON (bytes), or, where one of them is broken inside, what could be read."""
    try:
        return [bytes(item) for item in msgspec.json.decode(body, type=_Batch).listings]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        items = _split_leniently(body)
        if items is None:
            raise _not_a_batch(error) from None
        return items


def _split_leniently(body: bytes) -> list[object] | None:
    """The items of a batch in which a neighbour holds half a character, bytes that are not UTF-8 or a
    number that JSON does not allow; None where the body is no batch at all."""

    def whole(digits: str) -> object:
        return int(digits) if len(digits) <= _MAX_DIGITS else _NotJson("a number of many digits")

    try:
        text = body.decode("utf-8", "surrogateescape")
        value = json.loads(text, parse_constant=_NotJson, parse_int=whole)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or set(value) != {"listings"}:
        return None
    items = value["listings"]
    return items if isinstance(items, list) else None


def _not_a_batch(error: Exception) -> Problem:
    detail = "JSON nested too deep" if isinstance(error, RecursionError) else str(error)
    return Problem(
        "bad-request",
        f'body: {detail}; it must be {{"listings": [...]}}',
        faults=[Fault("body", detail)],
    )


def _read_item(item: object, *, max_bytes: int) -> Mapping[str, Any] | ItemResult:
    """One item as an object, or why it is refused."""
    try:
        # Writing what was read leniently finds what no JSON text can hold.
        raw = item if isinstance(item, bytes) else msgspec.json.encode(item)
        if len(raw) > max_bytes:
            reason = f"the listing has {len(raw)} bytes of JSON, {max_bytes} are allowed"
            return ItemResult("", "rejected", reason)
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, TypeError) as error:
        return ItemResult("", "rejected", f"not valid JSON: {_why(error)}")
    if not isinstance(value, dict):
        return ItemResult("", "rejected", f"a listing is a JSON object, got {quoted(value)}")
    return value


def _why(error: Exception) -> str:
    match error:
        case RecursionError():
            return "nested too deep"
        case UnicodeError():
            return "a text is not valid Unicode (UTF-8, no halves of a pair)"
        case TypeError():
            return "NaN, Infinity and numbers of very many digits are not allowed"
        case _:
            return str(error)
