"""A small log with listings and events, and counters over it, for the tests of the counters."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mercer.engines.embedded.counters.params import CounterParams
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.features.counter_decay import HalfLives
from mercer.features.counter_keys import CounterRules
from mercer.schema.money import Rates
from support.log_kit import T0, change_of

HOUR = 3_600_000
PARAMS = CounterParams(
    half_lives=HalfLives((HOUR, 24 * HOUR)),
    rules=CounterRules(("color",)),
    rates=Rates("USD", "", {}),
    max_keys=4_000,
)


def listing(i: int, **values: Any) -> dict[str, Any]:
    """A listing whose facets follow from its number, unless they are given."""
    plain = {
        "listing_id": f"l{i}",
        "seller_id": f"s{i % 3}",
        "category_path": ["home", f"c{i % 2}"],
        "attributes": [("color", [("red", "blue")[i % 2]])],
        "price_micros": 10_000_000,
        "currency": "USD",
    }
    return plain | values


def events(seed: int, n: int, *, first: int = 0, at_ms: int = T0) -> list[dict[str, Any]]:
    """Events of a few visitors on five listings, most of them late by up to an hour."""
    rng = np.random.default_rng(seed)
    return [
        {
            "event_id": f"e{first + i}",
            "kind": ("impression", "click", "cart", "purchase")[rng.integers(4)],
            "listing_id": f"l{rng.integers(5)}",
            "visitor_id": f"v{rng.integers(4)}",
            "session_id": f"x{rng.integers(6)}",
            "query": ("Red  Mug", "red mug", "lamp", None)[rng.integers(4)],
            "time_ms": at_ms + 1_000 * i - int(rng.integers(HOUR)),
            "received_ms": at_ms + 1_000 * i,
            "standing": "none" if rng.random() < 0.9 else "forged",
        }
        for i in range(n)
    ]


def log_with(folder: Path, parts: Sequence[tuple[str, list[dict[str, Any]]]]) -> EmbeddedLog:
    """An owned log to which rows of those kinds were appended, each part a record."""
    log = EmbeddedLog(folder)
    for kind, rows in parts:
        log.append([change_of(kind, *rows)])  # type: ignore[arg-type]
    return log


def ids(*texts: str) -> npt.NDArray[np.uint64]:
    """Hashes of ids, as the keys of counters have them."""
    from mercer.features.hash import hash_text

    return np.array([hash_text(one) for one in texts], np.uint64)
