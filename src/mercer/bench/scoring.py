"""`mercer bench scoring`: trees in the request, side by side with LightGBM itself."""

from dataclasses import asdict, dataclass
from typing import Any

from mercer.bench.machine import provenance
from mercer.bench.worker import run_worker
from mercer.schema.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringBench:
    """What is measured: a LambdaMART forest over a request's candidates."""

    candidates: int = 600
    features: int = 60
    trees: int = 300
    leaves: int = 63
    repeats: int = 101  # of each side, in turns
    listings: int = 20_000  # of the market along whose path is measured too
    seed: int = 1


def bench_scoring(bench: ScoringBench) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    Raises:
        ConfigError: a number is out of range.
        MarketError: the measuring process failed.
    """
    smallest = {
        "candidates": 1, "features": 2, "trees": 1, "leaves": 2, "repeats": 1, "listings": 1_000,
        "seed": 0,
    }  # fmt: skip
    given = asdict(bench)
    if low := [name for name, least in smallest.items() if given[name] < least]:
        raise ConfigError(
            "; ".join(f"{name} is {given[name]}, must be at least {smallest[name]}" for name in low)
        )
    line = {"bench": "scoring", **given}
    return line | run_worker("mercer.bench.scoring_turns", given) | provenance()
