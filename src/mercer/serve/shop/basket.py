"""What a visitor keeps: the cart, the favourites, the last order. Each lives in one cookie.

So the pages need neither an account nor a table, and work without JavaScript.
Cookies are small: of favourites the oldest give way, a cart that is full says so.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import msgspec

from mercer.schema.errors import InputError
from mercer.schema.money import MAX_MICROS

CART_COOKIE = "mercer_cart"
FAVOURITES_COOKIE = "mercer_favourites"
ORDER_COOKIE = "mercer_order"
CHECKOUT_COOKIE = "mercer_checkout"  # the number of the order that is about to be placed
MAX_LINES = 20  # different listings in a cart
MAX_FAVOURITES = 100
MAX_QUANTITY = 99
MAX_POSITION = 1_000_000  # the deepest that an event may name
MAX_CART_BYTES = 2_200  # together well below the 4,096 bytes that servers take of all cookies
MAX_FAVOURITES_BYTES = 1_200
MAX_ORDER_BYTES = 3_000  # goes to one path only
_MAX_PLAIN_BYTES = 65_536  # of a cookie once inflated; a larger one is not ours
_MAX_CHARS = 8_192  # of a cookie that is looked at
_MAX_ID_CHARS = 200


@dataclass(frozen=True, slots=True)
class Source:
    """The served page on which something was picked; empty where it was none."""

    page_id: str = ""
    position: int = 0  # 1 for the top of the page; 0 where not known
    token: str = ""


NOWHERE = Source()


@dataclass(frozen=True, slots=True)
class Line:
    """One listing in the cart."""

    listing_id: str
    quantity: int
    source: Source = NOWHERE


@dataclass(frozen=True, slots=True)
class Bought:
    """One line of an order, at the price that was agreed."""

    listing_id: str
    title: str
    quantity: int
    price_micros: int  # of one piece, in `currency`
    currency: str
    source: Source = NOWHERE


@dataclass(frozen=True, slots=True)
class Order:
    """What a checkout made."""

    order_id: str
    lines: tuple[Bought, ...]


def read_cart(cookie: str) -> tuple[Line, ...]:
    """The lines of a cart cookie; what cannot be read is an empty cart."""
    found = []
    for item in _list(_unpack(cookie))[:MAX_LINES]:
        match item:
            case [str(listing_id), int(quantity), str(page_id), int(position), str(token)] if (
                _is_id(listing_id) and quantity > 0
            ):
                at = min(max(0, int(position)), MAX_POSITION)
                source = Source(page_id[:64], at, token[:200])
                found.append(Line(listing_id, min(int(quantity), MAX_QUANTITY), source))
    return tuple(found)


def cart_cookie(lines: Sequence[Line]) -> str:
    """The cookie of a cart; "" where it is empty. Raises InputError where it is full."""
    kept = [
        [one.listing_id, one.quantity, one.source.page_id, one.source.position, one.source.token]
        for one in lines
    ]
    text = _encode(kept) if kept else ""
    if len(kept) > MAX_LINES or len(text) > MAX_CART_BYTES:
        raise InputError("the cart is full; check out, or take something out of it first")
    return text


def put_line(lines: Sequence[Line], line: Line, *, is_added: bool) -> tuple[Line, ...]:
    """The cart with one listing's quantity set, or raised (`is_added`); 0 takes it out."""
    have = {one.listing_id: one for one in lines}
    before = have.get(line.listing_id)
    quantity = line.quantity + (before.quantity if before and is_added else 0)
    quantity = min(quantity, MAX_QUANTITY)
    if quantity <= 0:
        have.pop(line.listing_id, None)
    else:
        # The page on which it was first picked keeps the credit.
        source = before.source if before and before.source.page_id else line.source
        have[line.listing_id] = replace(line, quantity=quantity, source=source)
    return tuple(have.values())


def read_favourites(cookie: str) -> tuple[str, ...]:
    """The ids of a favourites cookie, the newest last."""
    ids = [one for one in _list(_unpack(cookie)) if isinstance(one, str) and _is_id(one)]
    return tuple(dict.fromkeys(ids))[-MAX_FAVOURITES:]


def favourites_cookie(listing_ids: Sequence[str]) -> str:
    """The cookie of some favourites; "" where there are none."""
    kept = list(listing_ids)[-MAX_FAVOURITES:]
    while kept and len(text := _encode(kept)) > MAX_FAVOURITES_BYTES:
        kept = kept[1:]
    return text if kept else ""


def read_order(cookie: str) -> Order | None:
    """The last order; None where there is none."""
    match _unpack(cookie):
        case {"order_id": str(order_id), "lines": list(lines)}:
            try:
                return Order(order_id, tuple(_bought(line) for line in lines))
            except msgspec.ValidationError:
                return None
    return None


class _Kept(msgspec.Struct):
    """A line of an order as its cookie has it; a client may send anything in its place."""

    listing_id: Annotated[str, msgspec.Meta(min_length=1, max_length=_MAX_ID_CHARS)]
    title: str
    quantity: Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY)]
    price_micros: Annotated[int, msgspec.Meta(ge=0, le=MAX_MICROS)]
    currency: Annotated[str, msgspec.Meta(max_length=3)]


def _bought(line: object) -> Bought:
    kept = msgspec.convert(line, _Kept)
    return Bought(kept.listing_id, kept.title, kept.quantity, kept.price_micros, kept.currency)


def order_cookie(order: Order) -> str:
    """The cookie of an order, with titles cut so that it fits; "" where it never does."""
    for n_chars in (80, 40, 20):
        lines = [
            {k: v for k, v in asdict(line).items() if k != "source"}
            | {"title": line.title[:n_chars]}
            for line in order.lines
        ]
        text = _encode({"order_id": order.order_id, "lines": lines})
        if len(text) <= MAX_ORDER_BYTES:
            return text
    return ""


def _is_id(text: str) -> bool:
    return 1 <= len(text) <= _MAX_ID_CHARS and "\0" not in text


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _encode(value: object) -> str:
    raw = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(zlib.compress(raw, 9)).decode().rstrip("=")


def _unpack(cookie: str) -> object:
    """What a cookie holds; None where it is not ours. A client may send anything."""
    if not cookie or len(cookie) > _MAX_CHARS:
        return None
    try:
        raw = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
        plain = zlib.decompressobj().decompress(raw, _MAX_PLAIN_BYTES)
        # Stricter than the standard library's: halves of a pair are no text.
        return msgspec.json.decode(plain)
    except (binascii.Error, zlib.error, ValueError, msgspec.MsgspecError, RecursionError):
        return None
