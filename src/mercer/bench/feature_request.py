"""A measuring process of `mercer bench features`: the first request after a start, then many."""

import time

BEGAN = time.perf_counter()  # before anything of ours is loaded

import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Mapping  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from mercer.bench.feature_files import load_columns  # noqa: E402
from mercer.bench.feature_rows import NOW_MS  # noqa: E402
from mercer.bench.feature_sets import hundred  # noqa: E402
from mercer.features.plan import Candidates, compile_plan  # noqa: E402
from mercer.features.state import FittedState  # noqa: E402


def measure(job: Mapping[str, Any]) -> dict[str, Any]:
    """What `docs/reference/bench.md` lists; the job has the fields of `FeaturesBench`."""
    folder = Path(job["folder"])
    queries = json.loads((folder / "queries.json").read_text())
    columns = load_columns(folder)
    plan = compile_plan(hundred(), FittedState.from_bytes((folder / "state").read_bytes()))
    start_ms = (time.perf_counter() - BEGAN) * 1e3
    rng = np.random.default_rng(job["seed"])
    n, wall_ms, cpu_ms = job["candidates"], [], []
    for i in range(job["requests"] + 1):
        query, limit = queries[i % len(queries)]
        candidates = Candidates(
            listings=[columns],
            part=np.zeros(n, np.int32),
            rows=rng.choice(columns.n, n, replace=False),
        )
        request = {"query.q": query, "query.price_max_micros": limit}
        wall, cpu = time.perf_counter(), time.process_time()
        matrix = plan.run_request(request, candidates, now_ms=NOW_MS)
        wall_ms.append((time.perf_counter() - wall) * 1e3)
        cpu_ms.append((time.process_time() - cpu) * 1e3)
    return {
        "request_columns": matrix.dense.shape[1] + matrix.hashed.shape[1],
        "request_600x100_ms": _quantiles(wall_ms[1:]),
        "request_600x100_cpu_ms": _quantiles(cpu_ms[1:]),
        "first_request_ms": round(wall_ms[0], 2),
        "start_ms": round(start_ms, 1),
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    return {
        name: round(float(np.quantile(values, share, method="higher")), 3)
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(json.load(sys.stdin))))
