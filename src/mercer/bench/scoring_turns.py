"""The measuring process of `mercer bench scoring`: LightGBM and our kernels, in turns, then the path."""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from mercer.bench.scoring_model import random_rows, ranker_text, rows_needed
from mercer.bench.scoring_path import RequestPath, made_path
from mercer.rank.trees.scorer import TreeScorer

WARM: Final = 3  # calls before those that count
N_REQUESTS: Final = 40  # different ones, along the whole path


def measure(job: Mapping[str, int]) -> dict[str, Any]:
    """What `docs/reference/bench.md` lists; the job has the fields of `ScoringBench`."""
    with tempfile.TemporaryDirectory(prefix="mercer-bench-") as folder:
        return _in_turns(job) | _along_the_path(job, Path(folder))


def _in_turns(job: Mapping[str, int]) -> dict[str, Any]:
    """One thread each, on a random matrix."""
    rng = np.random.default_rng(job["seed"])
    text = ranker_text(
        random_rows(rows_needed(job["leaves"]), job["features"], rng),
        n_trees=job["trees"], n_leaves=job["leaves"], seed=job["seed"],
    )  # fmt: skip
    rows = random_rows(job["candidates"], job["features"], rng)
    began = time.perf_counter()
    scorer = TreeScorer.of_text(text)
    load_ms = (time.perf_counter() - began) * 1e3
    booster = lgb.Booster(model_str=text)
    wall_ms, cpu_ms = timed(
        lambda _: booster.predict(rows, raw_score=True, num_threads=1),
        lambda _: scorer.score(rows),
        repeats=job["repeats"],
    )
    theirs = np.asarray(booster.predict(rows, raw_score=True, num_threads=1))
    return {
        "lightgbm_ms": round(wall_ms[0], 3),
        "mercer_ms": round(wall_ms[1], 3),
        "lightgbm_cpu_ms": round(cpu_ms[0], 3),
        "mercer_cpu_ms": round(cpu_ms[1], 3),
        "vs_lightgbm": round(cpu_ms[0] / cpu_ms[1], 2),
        "max_abs_diff": float(np.abs(theirs - scorer.score(rows)).max()),
        "leaves_mean": round(float(np.mean([len(t.leaf_value) for t in scorer.forest.trees])), 1),
        "load_ms": round(load_ms, 1),
    }


def _along_the_path(job: Mapping[str, int], folder: Path) -> dict[str, Any]:
    """Features of the default set and then trees, as in a request."""
    path = made_path(
        folder, n_listings=job["listings"], n_requests=N_REQUESTS, n_candidates=job["candidates"],
        seed=job["seed"],
    )  # fmt: skip
    scorer = TreeScorer.of_text(_ranker_of(path, job))
    made = [path.features(asked).dense for asked in path.asked]
    _, (features_ms, trees_ms) = timed(
        lambda turn: path.features(path.asked[turn % N_REQUESTS]),
        lambda turn: scorer.score(made[turn % N_REQUESTS]),
        repeats=job["repeats"],
    )
    n = float(np.mean([len(rows) for rows in made]))
    return {
        "path_features": len(path.plan.names),
        "path_features_cpu_ms": round(features_ms, 3),
        "path_trees_cpu_ms": round(trees_ms, 3),
        "path_candidates_per_s_core": round(n / (features_ms + trees_ms) * 1e3),
    }


def _ranker_of(path: RequestPath, job: Mapping[str, int]) -> str:
    per_request = -(-rows_needed(job["leaves"]) // N_REQUESTS)
    rows = path.training_rows(per_request=per_request, seed=job["seed"])
    return ranker_text(
        rows, n_trees=job["trees"], n_leaves=job["leaves"], seed=job["seed"], names=path.plan.names
    )


def timed(*calls: Callable[[int], object], repeats: int) -> tuple[list[float], list[float]]:
    """Median milliseconds of each call by the clock, and of this thread's core.

    They take turns, so that a busy moment falls on all of them; a call gets the number of its turn.
    """
    wall, cpu = np.empty((2, len(calls), repeats + WARM))
    for turn in range(repeats + WARM):
        for which, call in enumerate(calls):
            began, began_cpu = time.perf_counter(), time.thread_time()
            call(turn)
            cpu[which, turn] = time.thread_time() - began_cpu
            wall[which, turn] = time.perf_counter() - began
    wall_ms, cpu_ms = (np.median(t[:, WARM:], axis=1) * 1e3 for t in (wall, cpu))
    return wall_ms.tolist(), cpu_ms.tolist()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(json.load(sys.stdin))))
