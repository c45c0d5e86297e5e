"""`mercer bench counters`: how fast the counters of a market are written and read, in their real file."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mercer.bench.machine import provenance
from mercer.bench.worker import run_worker
from mercer.schema.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class CountersBench:
    """What is measured."""

    keys: int = 10_000_000  # that are counted, all of them there before the measurement
    updates: int = 20_000_000
    lookups: int = 20_000_000
    request: int = 6_000  # keys that are looked up at once: ten for each of 600 candidates
    threads: int = 2  # that look up at the same time; one thread writes
    seed: int = 1


def bench_counters(bench: CountersBench, *, cache: Path) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    Args:
        cache: the file of the counters lies below it and is removed again.
    Raises:
        ConfigError: a number is out of range.
        MarketError: the measuring process failed.
    """
    numbers = asdict(bench)
    if min(n for name, n in numbers.items() if name != "seed") < 1 or bench.seed < 0:
        raise ConfigError(
            "keys, updates, lookups, request and threads must be 1 or more and the seed 0 or more, "
            f"got {numbers}"
        )
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="counters-") as folder:
        found = run_worker("mercer.bench.counter_worker", {**numbers, "folder": folder})
    return {"bench": "counters", **numbers} | found | provenance()
