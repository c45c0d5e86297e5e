"""What a browser in the shop can ask: pages with any state in their address, forms, its own cookies."""

import base64
import json
import random
import zlib
from typing import Any, Final

from mercer.bench.fuzz_request import HOST, FuzzRequest, quoted, url_pairs
from mercer.bench.fuzz_text import Vocabulary, json_value, mutated_bytes, text

_FORM: Final = (b"content-type", b"application/x-www-form-urlencoded")


def page(rng: random.Random, known: Vocabulary) -> FuzzRequest:
    """The pages that a browser asks for, with any state in their address."""
    pairs: list[bytes] = [b"q=" + quoted(text(rng, known))] if rng.random() < 0.8 else []
    for _ in range(rng.choice((0, 0, 1, 2))):
        field = rng.choice(known.fields) if rng.random() < 0.9 else text(rng, known)
        value = rng.choice(known.values) if rng.random() < 0.7 else text(rng, known)
        pairs.append(b"f=" + quoted(field + ":" + value))
    for name, values in (("min", ("1", "x", "-1", "1e99", "9" * 30)), ("max", ("50", "NaN", "0")),
                         ("page", ("2", "0", "-1", "9999999999")), ("sort", ("newest", "x"))):  # fmt: skip
        if rng.random() < 0.15:
            pairs.append(name.encode() + b"=" + quoted(rng.choice(values)))
    path = rng.choice(
        (
            b"/",
            b"/",
            b"/",
            b"/",
            b"/docs",
            b"/console",
            b"/cart",
            b"/favourites",
            b"/suggest",
            b"/checkout",
        )
    )
    headers = (HOST, (b"accept", b"text/html"))
    return FuzzRequest("page", "GET", path + b"?" + b"&".join(pairs), headers)


def form(rng: random.Random, known: Vocabulary) -> FuzzRequest:
    """A form of one of the pages, with the cookies that carry cart and favourites."""
    some_id = rng.choice(known.listing_ids) if rng.random() < 0.7 else text(rng, known)
    fields: dict[str, Any] = {"listing_id": some_id}
    for name, values in _FIELDS.items():
        if rng.random() < 0.3:
            fields[name] = rng.choice(values) if rng.random() < 0.6 else text(rng, known)
    if known.seen and rng.random() < 0.4:
        fields |= {"page": rng.choice(known.seen), "token": rng.choice(known.seen)}
    body = url_pairs(fields)
    headers = [HOST, _FORM, (b"cookie", _cookies(rng, known))]
    if rng.random() < 0.3:
        headers.append((b"hx-request", b"true"))
    if rng.random() < 0.1:
        headers.append((b"sec-fetch-site", rng.choice((b"cross-site", b"same-origin"))))
    path, method = rng.choice(_FORMS)
    body = mutated_bytes(rng, body) if rng.random() < 0.1 else body
    return FuzzRequest("form", method, path, tuple(headers), body if method == "POST" else b"")


_ORDER_ID: Final = "0198c7a05b7c7d319f6e6f0f2a3c4d5e"  # of the cookie and of its page
_BOUGHT: Final = ("listing_id", "title", "quantity", "price_micros", "currency")
_FORMS: Final = (
    (b"/favourites", "POST"),
    (b"/cart", "POST"),
    (b"/cart/line", "POST"),
    (b"/checkout", "POST"),
    (b"/theme", "POST"),
    (b"/console/login", "POST"),
    (b"/cart", "GET"),
    (b"/checkout", "GET"),
    (b"/favourites", "GET"),
    (b"/kept", "GET"),
    (b"/order/" + _ORDER_ID.encode(), "GET"),
)
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "quantity": ("1", "2", "0", "-1", "99", "100", "9" * 30, "x"),
    "keep": ("1", "0"),
    "key": ("heart-1", "mercer_a_b"),
    "title": ("A mug",),
    "page": ("0198c7a0-5b7c-7d31-9f6e-6f0f2a3c4d5e", "x" * 80),
    "position": ("1", "0", "9999999", "-1"),
    "token": ("A" * 48, "x"),
    "order_id": ("0198c7a05b7c7d319f6e6f0f2a3c4d5e", "x"),
    "remove": ("1",),
    "wide": ("1",),
    "once": ("abc", "x" * 200),
    "theme": ("dark", "light", ""),
    "back": ("/", "//evil.example", "https://evil.example/"),
}


def _cookies(rng: random.Random, known: Vocabulary) -> bytes:
    """Cookies as the shop packs them, with nearly right and with arbitrary content."""
    parts = []
    line: list[Any] = [rng.choice(known.listing_ids), rng.choice((1, 3, -1, 10**9)), "", 1, ""]
    if rng.random() < 0.5:
        line[rng.randrange(5)] = json_value(rng, known)
    bought = dict(zip(_BOUGHT, (line[0], "A mug", 1, 5_000_000, "EUR"), strict=True))
    if rng.random() < 0.5:
        bought[rng.choice(_BOUGHT)] = json_value(rng, known)
    order = {"order_id": _ORDER_ID, "lines": [bought]}
    for name, right in (("cart", [line]), ("favourites", [line[0]]), ("order", order)):
        if rng.random() < 0.5:
            value = right if rng.random() < 0.6 else json_value(rng, known)
            packed = zlib.compress(json.dumps(value).encode())
            packed = mutated_bytes(rng, packed) if rng.random() < 0.1 else packed
            coded = base64.urlsafe_b64encode(packed).rstrip(b"=")
            parts.append(b"mercer_" + name.encode() + b"=" + coded[:6_000])
    if rng.random() < 0.3:
        parts.append(b"mercer_visitor=" + quoted(text(rng, known))[:300])
    return b"; ".join(parts)
