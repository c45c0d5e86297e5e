"""The process that measures how soon an acknowledged event is among the features of a running server."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from uuid_utils import uuid7

from mercer.bench.events_http import N_LISTINGS, served
from mercer.bench.http_client import Pool, post
from mercer.demo import ensure_market
from mercer.engines.embedded.feature_market import fitted_plan
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.ranking.prepare import log_values
from mercer.features.declare import FeatureSet, feature
from mercer.schema.errors import MarketError

MAX_EVENTS: Final = 50
POLL_S: Final = 0.005
LONGEST_S: Final = 30.0
FEATURE: Final = "clicks"


def log_counts(market: Path) -> None:
    """Let the market compute one feature: the clicks of a listing."""
    clicks = feature(
        FEATURE, "listing", "counter", "listing.listing_id", doc="Decayed clicks.",
        whose="listing", kind="click", half_life_h=24.0,
    )  # fmt: skip
    folder = MarketFolder(market)
    config = folder.config()
    plan = fitted_plan(FeatureSet(name="counted", features=(clicks,)), folder, config)
    log_values(folder, config.rates, plan)


async def counted_ms(port: int, *, n: int) -> list[float]:
    """From the acknowledgement of a click until its listing's feature shows it, n listings in turn.

    Raises:
        MarketError: the server refuses what is sent, or a click is not counted within LONGEST_S.
    """
    pool = Pool(port, max_open=1)
    await pool.open(1)
    answer = await pool.ask(_posted("/v1/search", {"q": "", "per_page": n}))
    ids = [hit["listing_id"] for hit in json.loads(answer.body)["hits"]]
    found = [await _one(pool, one) for one in ids]
    pool.close()
    return found


async def _one(pool: Pool, listing_id: str) -> float:
    asked = _posted("/v1/features", {"q": "", "listing_ids": [listing_id]})
    before = await _value(pool, asked)
    click = {
        "event_id": str(uuid7()), "kind": "click", "time_ms": time.time_ns() // 1_000_000,
        "listing_id": listing_id, "visitor_id": f"v-{listing_id}", "session_id": "s",
    }  # fmt: skip
    answer = await pool.ask(_posted("/v1/events", {"events": [click]}))
    if answer.status != 200 or json.loads(answer.body)["accepted"] != 1:
        raise MarketError(f"the event was answered with {answer.status}: {answer.body[:300]!r}")
    until_s = answer.done_s + LONGEST_S
    while await _value(pool, asked) <= before:
        if time.perf_counter() > until_s:
            raise MarketError(f"a click on {listing_id} was not counted within {LONGEST_S:g} s")
        await asyncio.sleep(POLL_S)
    return (time.perf_counter() - answer.done_s) * 1e3


def _posted(path: str, body: dict[str, Any]) -> bytes:
    return post(path, json.dumps(body).encode())


async def _value(pool: Pool, asked: bytes) -> float:
    """Of the feature; below any count where it is missing still."""
    answer = await pool.ask(asked)
    if answer.status != 200:
        raise MarketError(f"/v1/features answered {answer.status}: {answer.body[:300]!r}")
    told = json.loads(answer.body)
    value = told["values"][0][told["names"].index(FEATURE)]
    return -1.0 if value is None else float(value)


def main() -> None:
    """One job from stdin, one answer to stdout."""
    job: dict[str, Any] = json.load(sys.stdin)
    market = Path(job["folder"]) / "market"
    ensure_market(
        market, n_listings=N_LISTINGS, seed=job["seed"], name="", progress=lambda step, n: None
    )
    log_counts(market)
    n = min(job["events"], MAX_EVENTS)
    with served(market) as port:
        asyncio.run(counted_ms(port, n=1))  # the learner has begun
        found = asyncio.run(counted_ms(port, n=n))
    answer = {
        "counted_events": n,
        "counted_p50_ms": round(float(np.median(found)), 1),
        "counted_max_ms": round(max(found), 1),
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
