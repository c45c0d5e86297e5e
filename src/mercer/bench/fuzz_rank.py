"""Fuzzed requests for the order, or the feature values, of named listings."""

import json
import random
from typing import Any, Final

from mercer.bench.fuzz_request import HOST, JSON, FuzzRequest
from mercer.bench.fuzz_text import Vocabulary, json_value, mutated_bytes, text

_MEMBERS: Final = ("q", "listing_ids", "visitor_id", "session_id", "buyer_id", "nothing")
_ACCEPTS: Final = (b"application/json", b"application/vnd.apache.arrow.stream", b"*/*", b"text/css")


def rank(rng: random.Random, known: Vocabulary) -> FuzzRequest:
    """`POST /v1/rank` or `POST /v1/features`: known and unknown ids, twice the same, too many, none."""
    n_listed = rng.choice((1, 5, 24, 24, 0, 600, 1_001))
    ids = rng.choices(known.listing_ids, k=n_listed)
    made: dict[str, Any] = {"q": text(rng, known), "listing_ids": ids}
    if ids and rng.random() < 0.3:
        ids[rng.randrange(len(ids))] = text(rng, known)
    if rng.random() < 0.3:
        made["session_id"] = made["visitor_id"] = f"v{rng.randrange(50)}"
    if rng.random() < 0.1:
        made[rng.choice(_MEMBERS)] = json_value(rng, known)
    body = json.dumps(made).encode()
    if rng.random() < 0.06:
        body = mutated_bytes(rng, body)
    path = rng.choice((b"/v1/rank", b"/v1/features"))
    headers = (HOST, JSON, (b"accept", rng.choice(_ACCEPTS)))
    return FuzzRequest("rank", "POST", path, headers, body)
