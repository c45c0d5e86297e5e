"""A ranker to measure with: LambdaMART on lists whose order is worth learning."""

from collections.abc import Sequence
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from mercer.rank.scorer import F32s

PER_QUERY: Final = 30
ROWS_PER_LEAF: Final = 100  # enough that every tree grows to its full size
N_GRADES: Final = 5


def rows_needed(n_leaves: int) -> int:
    """How many rows a forest is trained on."""
    return max(1_000, n_leaves * ROWS_PER_LEAF)


def random_rows(n: int, n_features: int, rng: np.random.Generator) -> F32s:
    """(n, n_features) a quarter of the columns each: smooth, skewed, counts with many zeros, gappy."""
    rows = rng.normal(size=(n, n_features))
    rows[:, 1::4] = np.exp(rows[:, 1::4])
    rows[:, 2::4] = np.maximum(np.round(rows[:, 2::4] * 2), 0)
    rows[:, 3::4][rng.random(rows[:, 3::4].shape) < 0.2] = np.nan
    return rows.astype(np.float32)


def ranker_text(
    rows: F32s, *, n_trees: int, n_leaves: int, seed: int, names: Sequence[str] = ()
) -> str:
    """The text of a forest with that many trees.

    The grades follow a sum over all columns and a product of two, with noise.

    Args:
        rows: (n, n_features) lists of PER_QUERY rows; what is left over is not used.
        names: of the columns; numbers by default.
    """
    rng = np.random.default_rng(seed)
    n_lists = len(rows) // PER_QUERY
    rows = rows[: n_lists * PER_QUERY]
    known = np.nan_to_num(rows.astype(np.float64), posinf=0.0, neginf=0.0)
    known = (known - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1e-9)
    utility = known @ rng.normal(size=rows.shape[1]) + 3 * np.sin(2 * known[:, 0]) * known[:, -1]
    order = (utility + rng.normal(size=len(rows))).reshape(-1, PER_QUERY).argsort(axis=1)
    grade = order.argsort(axis=1) * N_GRADES // PER_QUERY
    params: dict[str, Any] = {
        "objective": "lambdarank", "num_leaves": n_leaves, "seed": seed, "verbose": -1,
        "min_data_in_leaf": 5, "num_threads": 1,
    }  # fmt: skip
    data = lgb.Dataset(
        rows, grade.ravel(), group=[PER_QUERY] * n_lists,
        feature_name=list(names) if names else "auto",
    )  # fmt: skip
    return lgb.train(params, data, num_boost_round=n_trees).model_to_string()
