"""The measuring process of `mercer bench scoring`: LightGBM and our kernels, in turns."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import lightgbm as lgb
import numpy as np

from mercer.bench.scoring_model import random_rows, ranker_text
from mercer.rank.trees.scorer import TreeScorer

WARM = 3  # calls before those that count


def measure(job: Mapping[str, int]) -> dict[str, Any]:
    """What `docs/reference/bench.md` lists; the job has the fields of `ScoringBench`."""
    text = ranker_text(
        n_features=job["features"], n_trees=job["trees"], n_leaves=job["leaves"], seed=job["seed"]
    )
    rows = random_rows(job["candidates"], job["features"], np.random.default_rng(job["seed"] + 1))
    began = time.perf_counter()
    scorer = TreeScorer.of_text(text)
    load_ms = (time.perf_counter() - began) * 1e3
    booster = lgb.Booster(model_str=text)
    theirs, ours = in_turns(
        lambda: booster.predict(rows, raw_score=True, num_threads=1),
        lambda: scorer.score(rows),
        repeats=job["repeats"],
    )
    differs = np.abs(
        np.asarray(booster.predict(rows, raw_score=True, num_threads=1)) - scorer.score(rows)
    )
    return {
        "lightgbm_ms": theirs["ms"],
        "mercer_ms": ours["ms"],
        "lightgbm_cpu_ms": theirs["cpu_ms"],
        "mercer_cpu_ms": ours["cpu_ms"],
        "vs_lightgbm": round(theirs["cpu_ms"] / ours["cpu_ms"], 2),
        "max_abs_diff": float(differs.max()),
        "leaves_mean": round(float(np.mean([len(t.leaf_value) for t in scorer.forest.trees])), 1),
        "load_ms": round(load_ms, 1),
        "path_candidates_per_s_core": round(job["candidates"] / ours["cpu_ms"] * 1e3),
        "path": "trees over a random matrix",
    }


def in_turns(*calls: Callable[[], object], repeats: int) -> list[dict[str, float]]:
    """Median `ms` and `cpu_ms` of each call, all on this thread, one after the other each round."""
    wall, cpu = np.empty((2, len(calls), repeats + WARM))
    for turn in range(repeats + WARM):
        for which, call in enumerate(calls):
            began, began_cpu = time.perf_counter(), time.thread_time()
            call()
            cpu[which, turn] = time.thread_time() - began_cpu
            wall[which, turn] = time.perf_counter() - began
    medians = np.median(wall[:, WARM:], axis=1), np.median(cpu[:, WARM:], axis=1)
    return [
        {"ms": round(ms * 1e3, 3), "cpu_ms": round(cpu_ms * 1e3, 3)}
        for ms, cpu_ms in zip(*(column.tolist() for column in medians), strict=True)
    ]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(json.load(sys.stdin))))
