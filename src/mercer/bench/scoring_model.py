"""A ranker to measure with: LambdaMART on random queries whose order is worth learning."""

from typing import Any

import lightgbm as lgb
import numpy as np

from mercer.rank.scorer import F32s

PER_QUERY = 30
ROWS_PER_LEAF = 100  # enough that every tree grows to its full size


def random_rows(n: int, n_features: int, rng: np.random.Generator) -> F32s:
    """(n, n_features) a quarter of the columns each: smooth, skewed, counts with many zeros, gappy."""
    rows = rng.normal(size=(n, n_features))
    rows[:, 1::4] = np.exp(rows[:, 1::4])
    rows[:, 2::4] = np.maximum(np.round(rows[:, 2::4] * 2), 0)
    rows[:, 3::4][rng.random(rows[:, 3::4].shape) < 0.2] = np.nan
    return rows.astype(np.float32)


def ranker_text(*, n_features: int, n_trees: int, n_leaves: int, seed: int) -> str:
    """The text of a forest with that many trees."""
    rng = np.random.default_rng(seed)
    n_queries = -(-max(1_000, n_leaves * ROWS_PER_LEAF) // PER_QUERY)
    rows = random_rows(n_queries * PER_QUERY, n_features, rng)
    known = np.nan_to_num(rows.astype(np.float64))
    utility = known @ rng.normal(size=n_features) + 3 * np.sin(2 * known[:, 0]) * known[:, -1]
    order = (utility + rng.normal(size=len(rows))).reshape(-1, PER_QUERY).argsort(axis=1)
    grade = order.argsort(axis=1) * 5 // PER_QUERY  # 0..4, as many of each in every query
    params: dict[str, Any] = {
        "objective": "lambdarank", "num_leaves": n_leaves, "seed": seed, "verbose": -1,
        "min_data_in_leaf": 5, "num_threads": 1,
    }  # fmt: skip
    data = lgb.Dataset(rows, grade.ravel(), group=[PER_QUERY] * n_queries)
    return lgb.train(params, data, num_boost_round=n_trees).model_to_string()
