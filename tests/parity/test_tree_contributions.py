"""What each feature contributes, against LightGBM's own Shapley values."""

from itertools import combinations
from math import factorial

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.bench.scoring_model import random_rows, ranker_text
from mercer.rank.trees.contribution import Contributions
from mercer.rank.trees.forest import Forest, Tree
from mercer.rank.trees.model_text import parse_forest
from mercer.rank.trees.scorer import TreeScorer
from mercer.schema.errors import InputError
from support.forest_text import ForestShape, forest_text, nasty_rows

DECISIONS = (0, 2, 4, 6, 8, 10, 1, 9)


def assert_contributes_as_lightgbm(text: str, rows: np.ndarray) -> None:
    """Within 1e-9, and with the expected score they sum to the score."""
    forest = parse_forest(text)
    ours = Contributions(forest)
    theirs = np.asarray(lgb.Booster(model_str=text).predict(rows, pred_contrib=True, num_threads=1))
    found = ours.of_rows(rows)
    np.testing.assert_allclose(found, theirs[:, :-1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.expected, theirs[0, -1], rtol=0, atol=1e-9)
    scores = TreeScorer(forest).score(rows)
    np.testing.assert_allclose(found.sum(axis=1) + ours.expected, scores, rtol=0, atol=1e-9)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_leaves=st.lists(st.sampled_from([1, 2, 3, 8, 40, 300]), min_size=1, max_size=3),
    n_features=st.integers(1, 9),
)
def test_any_forest_contributes_as_lightgbm(
    seed: int, n_leaves: list[int], n_features: int
) -> None:
    """Of every kind of split, features that come again on a path, and trees of one leaf."""
    rng = np.random.default_rng(seed)
    shape = ForestShape(n_features, tuple(n_leaves), DECISIONS)
    assert_contributes_as_lightgbm(forest_text(shape, rng), nasty_rows(9, n_features, rng))


def test_a_trained_ranker_contributes_as_lightgbm() -> None:
    """Long paths of many features; more rows than fit one block."""
    rows = random_rows(6_300, 24, np.random.default_rng(2))
    text = ranker_text(rows, n_trees=8, n_leaves=63, seed=2)
    assert_contributes_as_lightgbm(text, random_rows(150, 24, np.random.default_rng(3)))


def by_definition(tree: Tree, row: np.ndarray) -> np.ndarray:
    """Shapley values as they are defined: the mean over all orders in which features become known."""

    def worth(known: frozenset[int], node: int = 0) -> float:
        if node < 0:
            return float(tree.leaf_value[~node])
        children = (int(tree.left[node]), int(tree.right[node]))
        if int(tree.feature[node]) in known:
            is_left = row[tree.feature[node]] <= tree.threshold[node]
            return worth(known, children[0 if is_left else 1])
        counts = [tree.split_count[c] if c >= 0 else tree.leaf_count[~c] for c in children]
        return sum(n * worth(known, c) for n, c in zip(counts, children, strict=True)) / sum(counts)

    n = len(row)
    out = np.zeros(n)
    for feature in range(n):
        for size in range(n):
            weight = factorial(size) * factorial(n - 1 - size) / factorial(n)
            for others in combinations(set(range(n)) - {feature}, size):
                known = frozenset(others)
                out[feature] += weight * (worth(known | {feature}) - worth(known))
    return out


def test_contributions_are_shapley_values() -> None:
    """The kernel gives what the definition gives, summed over all sets of features."""
    rng = np.random.default_rng(8)
    forest = parse_forest(forest_text(ForestShape(4, (12,), (0,)), rng))
    rows = rng.normal(size=(5, 4)).astype(np.float32)
    found = Contributions(forest).of_rows(rows)
    expected = [by_definition(forest.trees[0], row) for row in rows]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_leaves_that_no_row_reached_are_no_trouble() -> None:
    """A share of zero gives finite values that still sum to the score."""
    rng = np.random.default_rng(8)
    (tree,) = parse_forest(forest_text(ForestShape(3, (9,), (2,)), rng)).trees
    counts = np.where(np.arange(9) % 3, tree.leaf_count, 0)
    splits = np.zeros(8, np.int64)
    for at in range(7, -1, -1):
        sides = (int(tree.left[at]), int(tree.right[at]))
        splits[at] = sum(splits[c] if c >= 0 else counts[~c] for c in sides)
    bare = Tree(
        tree.feature, tree.threshold, tree.decision, tree.left, tree.right, splits,
        tree.leaf_value, counts, tree.set_start, tree.set_bits,
    )  # fmt: skip
    forest = Forest(("a", "b", "c"), "", (bare,))
    rows = nasty_rows(40, 3, rng)
    ours = Contributions(forest)
    total = ours.of_rows(rows).sum(axis=1) + ours.expected
    np.testing.assert_allclose(total, TreeScorer(forest).score(rows), rtol=0, atol=1e-12)


def test_a_model_without_counts_says_so() -> None:
    """What cannot be known is not made up."""
    text = forest_text(ForestShape(2, (3, 4), (2,)), np.random.default_rng(1))
    cut = text.replace("internal_count=", "internal_cound=", 2)
    with pytest.raises(InputError, match="tree 0: it has no internal_count"):
        Contributions(parse_forest(cut))
