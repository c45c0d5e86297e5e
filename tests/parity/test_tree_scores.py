"""Tree scores against LightGBM itself, bit for bit."""

from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.rank.trees.scorer import TreeScorer
from support.forest_text import ForestShape, forest_text, nasty_rows

NUMERIC = (0, 2, 4, 6, 8, 10)  # missing none, zero, NaN; default right, default left
CATEGORICAL = (1, 9)

F32s = npt.NDArray[np.float32]


def theirs(text: str, rows: F32s) -> npt.NDArray[np.float64]:
    """LightGBM's raw scores on one thread."""
    booster = lgb.Booster(model_str=text)
    return np.asarray(booster.predict(rows, raw_score=True, num_threads=1))


def assert_same_bits(text: str, rows: F32s) -> None:
    """Scores of both are one."""
    ours, expected = TreeScorer.of_text(text).score(rows), theirs(text, rows)
    differs = np.flatnonzero(ours.view(np.int64) != expected.view(np.int64))
    assert not len(differs), (rows[differs[:3]], ours[differs[:3]], expected[differs[:3]])


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    decisions=st.lists(st.sampled_from(NUMERIC + CATEGORICAL), min_size=1, max_size=8),
    n_leaves=st.lists(st.sampled_from([1, 2, 3, 8, 31, 64, 256]), min_size=1, max_size=5),
    n_features=st.integers(1, 6),
)
def test_any_forest_scores_as_lightgbm(
    seed: int, decisions: list[int], n_leaves: list[int], n_features: int
) -> None:
    """Forests of every kind of split, read from text, give LightGBM's bits on nasty rows."""
    rng = np.random.default_rng(seed)
    shape = ForestShape(n_features, tuple(n_leaves), tuple(decisions))
    assert_same_bits(forest_text(shape, rng), nasty_rows(150, n_features, rng))


@pytest.mark.parametrize("is_chain", [False, True])
@pytest.mark.parametrize("n_leaves", [257, 700, 3000])
def test_large_trees_score_as_lightgbm(n_leaves: int, is_chain: bool) -> None:
    """Trees of more leaves than a byte can number, of any shape, give LightGBM's bits."""
    rng = np.random.default_rng(n_leaves)
    shape = ForestShape(
        3, (5, n_leaves, 1, n_leaves, 40), NUMERIC + CATEGORICAL, n_values=600, is_chain=is_chain
    )
    assert_same_bits(forest_text(shape, rng), nasty_rows(300, 3, rng))


def trained(seed: int, *, n_categorical: int, **params: Any) -> tuple[str, F32s]:
    """A model fitted on random data with gaps, zeros, infinities and categories, and that data."""
    rng = np.random.default_rng(seed)
    n, n_features = 400, 6
    rows = rng.normal(size=(n, n_features)).astype(np.float32)
    rows[:, 1] = np.round(rows[:, 1])  # many zeros
    rows[rng.random((n, n_features)) < 0.1] = np.nan
    rows[rng.random((n, n_features)) < 0.02] = np.inf
    rows[:, 2] *= np.float32(1e-35)
    for column in range(n_features - n_categorical, n_features):
        rows[:, column] = rng.integers(0, 50, n) * rng.choice([1, 1000])
    signal = np.nan_to_num(rows[:, [0, -1]].astype(float), nan=0.0, posinf=3.0)
    label = signal[:, 0] + signal[:, 1] % 7 + rng.normal(size=n)
    columns = list(range(n_features - n_categorical, n_features))
    options = {
        "verbose": -1, "num_threads": 1, "min_data_in_leaf": 1, "min_data_per_group": 1,
        "num_leaves": 31, "objective": "regression", **params,
    }  # fmt: skip
    if options["objective"] == "lambdarank":
        label = np.clip(np.round(label), 0, 4)
    data = lgb.Dataset(
        rows, label, categorical_feature=columns,
        group=[20] * (n // 20) if options["objective"] == "lambdarank" else None,
    )  # fmt: skip
    return lgb.train(options, data, num_boost_round=12).model_to_string(), rows


@pytest.mark.parametrize("objective", ["regression", "lambdarank"])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"num_leaves": 3, "max_bin": 7},
        {"num_leaves": 400, "max_bin": 1023},
        {"boosting": "dart"},
        {"max_cat_to_onehot": 64},
    ],
    ids=str,
)
@pytest.mark.parametrize("n_categorical", [0, 2])
def test_trained_models_score_as_lightgbm(
    objective: str, params: dict[str, Any], n_categorical: int
) -> None:
    """What LightGBM fits gives its bits, on what it was fitted on and on rows it never saw."""
    text, rows = trained(
        len(params) + 7, n_categorical=n_categorical, objective=objective, **params
    )
    assert_same_bits(text, rows)
    assert_same_bits(text, nasty_rows(200, rows.shape[1], np.random.default_rng(5)))
