"""The process that `mercer bench search` measures: opens a market and searches, nothing else."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mercer.app import open_market
from mercer.bench.machine import peak_rss_mib, rss_parts_mib
from mercer.retrieve.request import SearchRequest
from mercer.serve.embedded_market import EmbeddedMarket


@dataclass(frozen=True, slots=True)
class Answer:
    """What is kept of one measured search."""

    us: float
    found: int
    is_degraded: bool
    stages_us: Mapping[str, int]


def measure(
    market: EmbeddedMarket, requests: Sequence[SearchRequest], threads: int
) -> list[Answer]:
    """Each search timed by itself, from the call to the page; in the order of the requests."""

    def one(request: SearchRequest) -> Answer:
        began = time.perf_counter_ns()
        response = market.search(request)
        us = (time.perf_counter_ns() - began) / 1e3
        # The page itself is let go, as a server does; keeping all would count as memory.
        stages = dict(response.timings_us)
        stages["other"] = round(us) - sum(stages.values())
        return Answer(us, response.found, bool(response.degraded), stages)

    if threads == 1:
        return [one(request) for request in requests]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, requests))


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Open, warm up, measure; the job and the answer are those of `mercer.bench.search`."""

    def requests(pairs: list[tuple[str, str]]) -> list[SearchRequest]:
        # No cursor: each search is made from nothing, and no query comes twice.
        return [
            SearchRequest(
                q=text, filter=filter_text, facets=tuple(job["facets"]), mode=job["mode"],
                per_page=job["per_page"],
            )
            for text, filter_text in pairs
        ]  # fmt: skip

    began = time.perf_counter()
    market = open_market(Path(job["market"]))
    open_s = time.perf_counter() - began
    try:
        measure(market, requests(job["warm_up"]), job["threads"])
        asked = requests(job["queries"])
        began = time.perf_counter()
        answers = measure(market, asked, job["threads"])
        wall_s = time.perf_counter() - began
    finally:
        market.close()
    stages = dict.fromkeys(name for answer in answers for name in answer.stages_us)
    return {
        "us": [round(answer.us, 1) for answer in answers],
        "found": [answer.found for answer in answers],
        "degraded": sum(answer.is_degraded for answer in answers),
        "stages_us": {
            name: [a.stages_us[name] for a in answers if name in a.stages_us] for name in stages
        },
        "open_s": open_s,
        "wall_s": wall_s,
        "peak_rss_mib": peak_rss_mib(),
        "rss_parts_mib": rss_parts_mib(),
    }


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
