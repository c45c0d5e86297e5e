"""A measuring process of `mercer bench features`: the plan of 50 columns over a batch.

It leaves the plan of 100 columns and its listing columns in a folder, for a process that is fresh.
"""

import json
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from mercer.bench.feature_files import save_columns
from mercer.bench.feature_rows import NOW_MS, PER_QUERY, Rows, make_rows
from mercer.bench.feature_sets import fifty, hundred
from mercer.features.declare import FeatureSet
from mercer.features.fit import fit
from mercer.features.plan import Candidates, Plan, compile_plan

REPEATS = 5
GROUPS = 40  # whose rows are compared bit by bit


def measure(job: Mapping[str, Any]) -> dict[str, Any]:
    """What `docs/reference/bench.md` lists; the job has the fields of `FeaturesBench`."""
    rows = make_rows(
        n=job["rows"], n_listings=job["listings"], seed=job["seed"], titles=job["titles"]
    )
    began = time.process_time()
    plan = _fitted(fifty(), rows)
    fit_cpu_s = time.process_time() - began
    wall_s, cpu_s = _timed(plan, rows, job["threads"])
    request_plan = _fitted(hundred(), rows)
    columns = request_plan.listing_columns(rows.listings)
    folder = Path(job["folder"])
    (folder / "state").write_bytes(request_plan.state.to_bytes())
    save_columns(columns, folder)
    (folder / "queries.json").write_text(
        json.dumps(list(zip(rows.queries, rows.price_max_micros, strict=True)))
    )
    return {
        "columns": len(plan.names) + len(plan.hashed_names),
        "rows_per_s": round(job["rows"] / wall_s),
        "rows_per_cpu_s": round(job["rows"] / cpu_s),
        "title_bytes": round(_mean_bytes(rows), 1),
        "fit_cpu_s": round(fit_cpu_s, 2),
        "bit_equal": all(_is_bit_equal(one, rows) for one in (plan, request_plan)),
    }


def _fitted(feature_set: FeatureSet, rows: Rows) -> Plan:
    flat = rows.flat.slice(0, 50_000)
    state = fit(feature_set, lambda: [flat], sources={"listing": lambda: [rows.listings]})
    return compile_plan(feature_set, state)


def _timed(plan: Plan, rows: Rows, threads: int) -> tuple[float, float]:
    """Seconds by the clock and of all cores; the median of some runs."""
    walls, cpus = [], []
    with ThreadPoolExecutor(threads) as pool:
        plan.run(rows.flat.slice(0, 10_000), now_ms=NOW_MS, pool=pool)
        for _ in range(REPEATS):
            wall, cpu = time.perf_counter(), time.process_time()
            plan.run(rows.flat, now_ms=NOW_MS, pool=pool)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
    return float(np.median(walls)), float(np.median(cpus))


def _mean_bytes(rows: Rows) -> float:
    titles = rows.listings.column("listing.title")
    return float(np.mean([len(title.encode()) for title in titles.to_pylist()]))


def _is_bit_equal(plan: Plan, rows: Rows) -> bool:
    """Whether a batch, another slice of it and requests give the same bits for the same rows."""
    n = min(GROUPS * PER_QUERY, rows.flat.num_rows // PER_QUERY * PER_QUERY)
    flat = rows.flat.slice(0, n)
    whole = plan.run(flat, now_ms=NOW_MS)
    listings = plan.listing_columns(
        flat.select([name for name in flat.schema.names if name.startswith("listing.")])
    )
    for first in range(0, n, PER_QUERY):
        row = flat.slice(first, PER_QUERY)
        one = plan.run(row, now_ms=NOW_MS)
        asked = plan.run_request(
            {name: row.column(name)[0].as_py() for name in row.schema.names if "query." in name},
            Candidates(
                listings=[listings],
                part=np.zeros(PER_QUERY, np.int32),
                rows=np.arange(first, first + PER_QUERY),
            ),
            now_ms=NOW_MS,
        )
        here = slice(first, first + PER_QUERY)
        for other in (one, asked):
            if whole.dense[here].tobytes() != other.dense.tobytes():
                return False
            if whole.hashed[here].tobytes() != other.hashed.tobytes():
                return False
    return True


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(json.load(sys.stdin))))
