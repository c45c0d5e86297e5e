"""`mercer bench features`: plans over batches and requests, and the text part beside its rivals."""

import tempfile
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from mercer.bench.machine import provenance
from mercer.bench.worker import run_worker
from mercer.schema.errors import ConfigError

RIVALS: Final = {"sklearn": "scikit-learn", "polars": "polars", "pandas": "pandas"}
"""Module and package; they are extras, and what is not installed is not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturesBench:
    """What is measured."""

    rows: int = 200_000  # of the batch
    listings: int = 50_000
    rival_rows: int = 20_000  # of the text part, which rivals take seconds for
    candidates: int = 600
    requests: int = 200
    threads: int = 2
    seed: int = 1
    titles: str | None = None  # a Parquet file with a column "title"


def bench_features(bench: FeaturesBench) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    Raises:
        ConfigError: a number is out of range, or the file of titles is not there.
        MarketError: a measuring process failed.
    """
    _check(bench)
    given = asdict(bench)
    with tempfile.TemporaryDirectory(prefix="mercer-features-") as folder:
        job = given | {"folder": folder}
        batch = run_worker("mercer.bench.feature_batch", job)
        request = run_worker("mercer.bench.feature_request", job)
    there = [module for module in RIVALS if find_spec(module) is not None]
    rivals = run_worker("mercer.bench.feature_rivals", given | {"rivals": there})
    absent = [RIVALS[module] for module in RIVALS if module not in there]
    return {"bench": "features", **given, **batch, **request, **rivals, "absent": absent} | (
        provenance()
    )


def _check(bench: FeaturesBench) -> None:
    smallest = {
        "rows": 48, "listings": 48, "rival_rows": 24, "candidates": 1, "requests": 2, "threads": 1,
        "seed": 0,
    }  # fmt: skip
    given = asdict(bench)
    faults = [
        f"{name} is {given[name]}, must be at least {least}"
        for name, least in smallest.items()
        if given[name] < least
    ]
    if bench.candidates > bench.listings:
        faults.append(f"candidates is {bench.candidates}, must be at most listings")
    if bench.titles is not None and not Path(bench.titles).is_file():
        faults.append(f"titles is {bench.titles!r}, must be a Parquet file with a column 'title'")
    if faults:
        raise ConfigError("; ".join(faults))
