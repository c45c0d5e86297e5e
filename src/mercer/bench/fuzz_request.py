"""Requests made of fuzzed parts: one function for each kind of thing a client can ask."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_from_bytes

from mercer.bench.fuzz_text import (
    Vocabulary,
    filter_text,
    json_value,
    mutated,
    mutated_bytes,
    text,
)
from mercer.schema.event import EVENT_KINDS

BATCH_ITEMS: Final = 48  # of a batch, at most; each item is one input
JSON: Final = (b"content-type", b"application/json")
HOST: Final = (b"host", b"localhost")
_NOW_MS: Final = 1_770_000_000_000


@dataclass(frozen=True, slots=True)
class FuzzRequest:
    """One request as a server gets it."""

    kind: str
    method: str
    target: bytes  # path and query, percent-encoded
    headers: tuple[tuple[bytes, bytes], ...] = (HOST,)
    body: bytes = b""
    n_inputs: int = 1  # what it counts for
    n_items: int | None = (
        None  # verdicts that the answer must have; None where it is no whole batch
    )


def quoted(value: str, *, safe: str = "") -> bytes:
    """A text percent-encoded, halves of a pair as the bytes that no UTF-8 text has."""
    return quote_from_bytes(value.encode("utf-8", "surrogatepass"), safe=safe).encode()


def url_pairs(pairs: Mapping[str, Any]) -> bytes:
    """Members as the query of a URL, or as a form; what is no text as JSON."""
    return b"&".join(
        quoted(k) + b"=" + quoted(v if isinstance(v, str) else json.dumps(v))
        for k, v in pairs.items()
    )


def _search_params(rng: random.Random, known: Vocabulary) -> dict[str, Any]:
    """The members of a search; each may be left out, right, nearly right or nonsense."""
    made: dict[str, Any] = {"q": text(rng, known)} if rng.random() < 0.85 else {}
    if rng.random() < 0.5:
        made["filter"] = filter_text(rng, known)
    if rng.random() < 0.25:
        made["facets"] = rng.choice(
            (["*"], ["*"], rng.choices(known.fields, k=2), ["category", "price"])
        )
    for name, values in _CHOICES.items():
        if rng.random() < 0.06:
            made[name] = values[int(rng.random() ** 2 * len(values))]  # the first are right
    if rng.random() < 0.08 and known.seen:
        made["cursor"] = (
            rng.choice(known.seen) if rng.random() < 0.6 else mutated(rng, rng.choice(known.seen))
        )
    if rng.random() < 0.06:
        made[rng.choice((*_CHOICES, "q", "filter", "facets", "cursor", "nothing"))] = json_value(
            rng, known
        )
    return made


_CHOICES: Final[Mapping[str, tuple[Any, ...]]] = {
    "sort": ("relevance", "newest", "price_asc", "price_desc", "rating"),
    "mode": ("hybrid", "lexical", "semantic", ""),
    "page": (2, 1, 3, 400, 0, -1, 10**9, 10**30),
    "per_page": (5, 24, 1, 250, 251, 0),
    "per_seller": (1, 2, 250, 0),
    "max_facet_values": (3, 1, 1_000, 1_001),
    "budget_ms": (5, 0.001, 50, 0, 1e9),
    "visitor_id": ("v1", "v2", "v" * 201, ""),
    "session_id": ("s1",),
    "buyer_id": ("b1",),
}


def search_by_url(rng: random.Random, known: Vocabulary) -> FuzzRequest:
    """GET /v1/search."""
    params = _search_params(rng, known)
    if isinstance(facets := params.get("facets"), list):
        params["facets"] = ",".join(map(str, facets))
    query = url_pairs(params)
    if rng.random() < 0.05:
        query = (
            mutated(rng, query.decode())
            .encode("ascii", "ignore")
            .replace(b" ", b"%")
            .replace(b"\n", b"")
        )
    target = b"/v1/search?" + _printable(query)
    return FuzzRequest("search", "GET", target, n_inputs=_count(params))


def search_by_body(rng: random.Random, known: Vocabulary) -> FuzzRequest:
    """POST /v1/search."""
    params = _search_params(rng, known)
    body = _json(rng, params if rng.random() < 0.97 else json_value(rng, known))
    return FuzzRequest("search", "POST", b"/v1/search", (HOST, JSON), body, _count(params))


def _count(params: Mapping[str, Any]) -> int:
    """Inputs of a search: its query is one, its filter another."""
    return max(1, ("q" in params) + ("filter" in params))


def suggest(rng: random.Random, known: Vocabulary) -> FuzzRequest:
    """GET /v1/suggest."""
    pairs: dict[str, Any] = {"q": text(rng, known)[: rng.randint(0, 30)]}
    if rng.random() < 0.2:
        pairs["limit"] = rng.choice((1, 50, 51, 0, "x"))
    return FuzzRequest("suggest", "GET", b"/v1/suggest?" + url_pairs(pairs))


def listing_by_id(rng: random.Random, known: Vocabulary) -> FuzzRequest:
    """What is asked about one listing: similar ones, its pages, its deletion."""
    some_id = rng.choice(known.listing_ids) if rng.random() < 0.6 else text(rng, known)[:300]
    path, method = rng.choice(_BY_ID)
    if b"/explain/" in path and known.seen and rng.random() < 0.7:
        some_id = rng.choice(known.seen)
    target = path.replace(b"*", quoted(some_id, safe="/" if rng.random() < 0.1 else ""))
    if rng.random() < 0.2 and b"?" not in target:
        target += b"?" + rng.choice(
            (b"limit=3", b"limit=0", b"updated_ms=1", b"updated_ms=-1", b"updated_ms=9e9")
        )
    return FuzzRequest("listing", method, target)


_BY_ID: Final = (
    (b"/v1/listings/*/similar", "GET"),
    (b"/v1/listings/*/similar", "GET"),
    (b"/v1/listings/*", "DELETE"),
    (b"/v1/listings/*", "GET"),
    (b"/listing/*", "GET"),
    (b"/v1/explain/*", "GET"),
    (b"/v1/explain/*?listing_id=l1", "GET"),
    (b"/console/pages/*", "GET"),
    (b"/images/*", "GET"),
    (b"/images/sim:*?size=120", "GET"),
    (b"/static/*", "GET"),
)


def listings(rng: random.Random, known: Vocabulary) -> FuzzRequest:
    """PUT /v1/listings: a batch of which most items have one or two faults."""
    items = [_listing(rng, known) for _ in range(rng.randint(1, BATCH_ITEMS))]
    return _batch(rng, "put", "PUT", b"/v1/listings", {"listings": items}, len(items))


def _listing(rng: random.Random, known: Vocabulary) -> dict[str, Any]:
    item: dict[str, Any] = {
        "listing_id": f"f{rng.randrange(600)}",
        "title": text(rng, known),
        "attributes": {"color": [rng.choice(known.values)]},
        "category_path": ["Fuzz", rng.choice(known.values)],
        "price_micros": rng.randrange(90_000_000),
        "currency": "EUR",
        "updated_ms": _NOW_MS + rng.randrange(10**9),
    }
    for _ in range(rng.choice((0, 1, 1, 2))):
        name = rng.choice(_LISTING_FIELDS) if rng.random() < 0.95 else text(rng, known)
        item[name] = json_value(rng, known)
    return item


_LISTING_FIELDS: Final = (
    "listing_id", "title", "description", "tags", "category_path", "category", "attributes",
    "price", "price_micros", "currency", "quantity", "images", "created_ms", "updated_ms", "rating",
    "rating_count", "sold_count", "favourite_count", "is_hidden", "seller_id",
)  # fmt: skip


def events(rng: random.Random, known: Vocabulary) -> FuzzRequest:
    """POST /v1/events: a batch; some of the events repeat, some are signed, some are nonsense."""
    items = [_event(rng, known) for _ in range(rng.randint(1, 2 * BATCH_ITEMS))]
    body: dict[str, Any] = {"events": items}
    if rng.random() < 0.3:
        body["sent_ms"] = _NOW_MS if rng.random() < 0.7 else json_value(rng, known)
    return _batch(rng, "events", "POST", b"/v1/events", body, len(items))


def _event(rng: random.Random, known: Vocabulary) -> dict[str, Any]:
    item: dict[str, Any] = {
        "event_id": f"e{rng.getrandbits(32)}" if rng.random() < 0.9 else f"e{rng.randrange(99)}",
        "kind": rng.choice(EVENT_KINDS),
        "time_ms": _NOW_MS + rng.randrange(10**6),
        "listing_id": rng.choice(known.listing_ids),
        "visitor_id": f"v{rng.randrange(50)}",
    }
    if known.seen and rng.random() < 0.3:
        seen = rng.choice(known.seen)
        item[rng.choice(("token", "page_id"))] = seen if rng.random() < 0.7 else mutated(rng, seen)
    for _ in range(rng.choice((0, 0, 1, 2))):
        name = rng.choice(_EVENT_FIELDS) if rng.random() < 0.9 else text(rng, known)
        item[name] = json_value(rng, known)
    return item


_EVENT_FIELDS: Final = (
    "event_id", "kind", "time_ms", "listing_id", "visitor_id", "session_id", "buyer_id", "page_id",
    "token", "query", "position", "price_micros", "price", "currency", "quantity", "order_id",
    "standing", "is_sponsored", "client_ms", "received_ms", "source", "extra",
)  # fmt: skip


def door(rng: random.Random, known: Vocabulary) -> FuzzRequest:
    """Methods, paths and headers of all sorts."""
    method = rng.choice(
        ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "FOO")
    )
    path = (
        rng.choice(_PATHS) if rng.random() < 0.7 else b"/" + quoted(text(rng, known)[:80], safe="/")
    )
    headers = [HOST] if rng.random() < 0.9 else [(b"host", _header(rng, known))]
    headers += [
        (
            rng.choice(_HEADERS),
            rng.choice(_HEADER_VALUES) if rng.random() < 0.5 else _header(rng, known),
        )
        for _ in range(rng.choice((0, 1, 2, 3, 3, 120)))
    ]
    body = _json(rng, json_value(rng, known)) if method in ("POST", "PUT", "PATCH") else b""
    return FuzzRequest("door", method, path, tuple(headers), body)


_PATHS: Final = (
    b"/", b"/v1/search", b"/v1/suggest", b"/v1/listings", b"/v1/listings/x", b"/v1/events",
    b"/v1/explain/x", b"/health", b"/ready", b"/metrics", b"/openapi.json", b"/docs", b"/console",
    b"/console/events", b"/console/pages", b"/static/shop.js", b"/static/../app.py",
    b"/static/%2e%2e/app.py", b"/images/..%2f..%2fmercer.toml",
    b"/images/%2e%2e/%2e%2e/mercer.toml", b"/images//etc/passwd", b"/images/%00", b"//", b"/%ff",
    b"/listing/", b"/v1",
)  # fmt: skip
_HEADERS: Final = (
    b"content-type", b"accept", b"accept-language", b"x-request-id", b"if-none-match", b"cookie",
    b"authorization", b"origin", b"referer", b"x-forwarded-for", b"forwarded", b"range",
    b"content-length", b"expect", b"user-agent", b"x-forwarded-proto", b"sec-fetch-site",
    b"hx-request", b"if-modified-since", b"transfer-encoding",
)  # fmt: skip
_HEADER_VALUES: Final = (
    b"application/json", b"text/html", b"*/*", b"*", b"0", b"-1", b"chunked", b"bytes=0-",
    b"Bearer mercer_a_b", b"Bearer ", b"Basic eDp5", b"mercer_visitor=x; mercer_session=y",
    b"mercer_session=v1.a.b.c", b"https://evil.example", b"1.2.3.4, 5.6.7.8",
    b"for=\"[::1]:9\";proto=https", b"cross-site", b"100-continue", b'"abc"', b"",
)  # fmt: skip


def _header(rng: random.Random, known: Vocabulary) -> bytes:
    raw = text(rng, known).encode("utf-8", "surrogatepass")[:2_000]
    return raw.translate(None, b"\r\n\x00").strip()


def _printable(target: bytes) -> bytes:
    return bytes(c for c in target if 0x21 <= c <= 0x7E and c != 0x23)


def _json(rng: random.Random, value: Any) -> bytes:
    # Lone surrogates leave as \ud800 escapes, which a JSON text may hold; or as broken UTF-8.
    if rng.random() < 0.7:
        body = json.dumps(value).encode()
    else:
        body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return mutated_bytes(rng, body) if rng.random() < 0.06 else body


def _batch(
    rng: random.Random, kind: str, method: str, target: bytes, value: Any, n_items: int
) -> FuzzRequest:
    whole = json.dumps(value).encode()
    body = mutated_bytes(rng, whole) if rng.random() < 0.08 else whole
    n_answers = n_items if body is whole else None
    return FuzzRequest(kind, method, target, (HOST, JSON), body, n_items, n_answers)
