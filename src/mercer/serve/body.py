"""Request bodies, read with a limit and turned into what the core understands."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, final

import msgspec
from starlette.requests import Request

from mercer.schema.time import MAX_TIME_MS
from mercer.serve.problem import Fault, Problem, quoted

Result = TypeVar("Result")

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


@dataclass(frozen=True, slots=True)
class BatchShape:
    """What a batch of one kind of thing is called in its request."""

    field: str  # the member that holds the list
    noun: str  # one of its items
    has_sent_ms: bool = False  # the client's clock may stand beside the list

    @property
    def words(self) -> str:
        """What the body must be."""
        more = ', and "sent_ms" if you like' if self.has_sent_ms else ""
        return f'it must be {{"{self.field}": [...]}}{more}'


LISTINGS = BatchShape("listings", "listing")
EVENTS = BatchShape("events", "event", has_sent_ms=True)


class _Listings(msgspec.Struct, forbid_unknown_fields=True):
    listings: list[msgspec.Raw]  # each is decoded alone, so that its faults are its own


class _Events(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]
    sent_ms: Any = None


@final
class _NotJson:
    """Stands in an item for what JSON does not allow (NaN, a number of 5,000 digits)."""

    def __init__(self, text: str) -> None:
        self.text = text


@dataclass(frozen=True, slots=True)
class Batch:
    """The items of one request: what can go to the market, and what is refused already."""

    places: tuple[int, ...]  # in the request, of each of `items`
    items: tuple[Mapping[str, Any], ...]
    refused: Mapping[int, str]  # reason by place in the request
    sent_ms: int | None = None  # the client's clock when it sent; None if it did not say

    def merge(self, results: Sequence[Result], refuse: Callable[[str], Result]) -> list[Result]:
        """One result for each item of the request, in its order.

        Args:
            results: the market's, one for each of `items`.
            refuse: the result of an item that never reached it, of the reason.
        """
        merged = {place: refuse(reason) for place, reason in self.refused.items()}
        merged.update(zip(self.places, results, strict=True))
        return [merged[place] for place in range(len(merged))]


def read_batch(
    body: bytes, *, max_items: int, max_item_bytes: int, shape: BatchShape = LISTINGS
) -> Batch:
    """Split `{"listings": [...]}`, or what `shape` says, into items; each is read alone.

    Raises:
        Problem: the body as a whole is not such an object, or has too many items.
    """
    raw, sent = _split(body, shape)
    if len(raw) > max_items:
        detail = f"{len(raw)} {shape.field} were sent, {max_items} are allowed in one request"
        raise Problem("too-large", detail, faults=[Fault(f"body.{shape.field}", detail)])
    places, items = [], []
    refused: dict[int, str] = {}
    for place, item in enumerate(raw):
        read = _read_item(item, max_bytes=max_item_bytes, noun=shape.noun)
        if isinstance(read, str):
            refused[place] = read
        else:
            places.append(place)
            items.append(read)
    return Batch(tuple(places), tuple(items), refused, _sent_ms(sent))


def _sent_ms(value: object) -> int | None:
    """The client's clock. Raises Problem (`bad-request`): with a wrong one no time could be trusted."""
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= MAX_TIME_MS:  # type: ignore[operator]  # a number by now
        return round(value)  # type: ignore[call-overload,no-any-return]
    detail = "sent_ms must be a number of milliseconds since 1970, before the year 2100"
    raise Problem("bad-request", detail, faults=[Fault("body.sent_ms", detail, quoted(value))])


def _split(body: bytes, shape: BatchShape) -> tuple[Sequence[object], object]:
    """The items: raw JSON (bytes), or, where one of them is broken inside, what could be read."""
    try:
        if shape.has_sent_ms:
            events = msgspec.json.decode(body, type=_Events)
            return [bytes(item) for item in events.events], events.sent_ms
        return [bytes(item) for item in msgspec.json.decode(body, type=_Listings).listings], None
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        value = _split_leniently(body, shape)
        if value is None:
            raise _not_a_batch(error, shape) from None
        return value[shape.field], value.get("sent_ms")


def _split_leniently(body: bytes, shape: BatchShape) -> dict[str, Any] | None:
    """A batch in which an item holds half a character, bytes that are not UTF-8 or a number that JSON
    does not allow; None where the body is no batch at all."""

    def whole(digits: str) -> object:
        return int(digits) if len(digits) <= _MAX_DIGITS else _NotJson("a number of many digits")

    try:
        text = body.decode("utf-8", "surrogateescape")
        value = json.loads(text, parse_constant=_NotJson, parse_int=whole)
    except (ValueError, RecursionError):
        return None
    allowed = {shape.field, "sent_ms"} if shape.has_sent_ms else {shape.field}
    if not isinstance(value, dict) or not {shape.field} <= set(value) <= allowed:
        return None
    return value if isinstance(value[shape.field], list) else None


def _not_a_batch(error: Exception, shape: BatchShape) -> Problem:
    detail = "JSON nested too deep" if isinstance(error, RecursionError) else str(error)
    return Problem("bad-request", f"body: {detail}; {shape.words}", faults=[Fault("body", detail)])


def _read_item(item: object, *, max_bytes: int, noun: str) -> Mapping[str, Any] | str:
    """One item as an object, or why it is refused."""
    try:
        # Writing what was read leniently finds what no JSON text can hold.
        raw = item if isinstance(item, bytes) else msgspec.json.encode(item)
        if len(raw) > max_bytes:
            return f"the {noun} has {len(raw)} bytes of JSON, {max_bytes} are allowed"
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, TypeError) as error:
        return f"not valid JSON: {_why(error)}"
    if not isinstance(value, dict):
        article = "an" if noun[0] in "aeiou" else "a"
        return f"{article} {noun} is a JSON object, got {quoted(value)}"
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
