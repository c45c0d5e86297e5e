"""The way to every leaf of a forest, as flat arrays: which features it asks, and at which splits."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mercer.rank.trees.forest import Forest, Tree
from mercer.rank.trees.layout import starts

Array = npt.NDArray[Any]


class Paths(NamedTuple):
    """Arguments of `add_contributions`; a tree of one leaf has no path."""

    leaf_start: Array  # (n_paths + 1,) int32
    feature: Array  # (n_asked,) int32
    step_start: Array  # (n_asked + 1,) int32
    kept: Array  # (n_asked,) float64
    leaf_of: Array  # (n_paths,) int32
    split: Array  # (n_steps,) uint32
    is_left: Array  # (n_steps,) uint8


def paths_of(forest: Forest) -> Paths:
    """All paths, climbed from every leaf at once."""
    trees = forest.trees
    split_start = starts([len(tree.feature) for tree in trees], np.int64)
    leaf_start = starts([len(tree.leaf_value) for tree in trees], np.int64)
    steps = [_steps(tree) for tree in trees]
    leaf = np.concatenate([s[0] + at for s, at in zip(steps, leaf_start, strict=False)])
    split = np.concatenate([s[1] + at for s, at in zip(steps, split_start, strict=False)])
    is_left, share = (np.concatenate([s[part] for s in steps]) for part in (2, 3))
    feature = np.concatenate([tree.feature for tree in trees])[split]
    order = np.lexsort((feature, leaf))
    leaf, split, feature = leaf[order], split[order], feature[order]
    is_first = np.ones(len(leaf), bool)  # step of a feature on a path
    is_first[1:] = (leaf[1:] != leaf[:-1]) | (feature[1:] != feature[:-1])
    asked = np.flatnonzero(is_first)
    leaf_of, n_asked = np.unique(leaf[asked], return_counts=True)
    return Paths(
        leaf_start=starts(n_asked, np.int32),
        feature=feature[asked].astype(np.int32),
        step_start=np.append(asked, len(leaf)).astype(np.int32),
        kept=np.multiply.reduceat(share[order], asked) if len(asked) else np.zeros(0),
        leaf_of=leaf_of.astype(np.int32),
        split=split.astype(np.uint32),
        is_left=is_left[order].astype(np.uint8),
    )


def _steps(tree: Tree) -> tuple[Array, Array, Array, Array]:
    """(leaf, split, is_left, share of the split's training rows that go this way) of all steps."""
    n = len(tree.feature)
    node = np.concatenate([tree.left, tree.right]).astype(np.int64)
    by = np.tile(np.arange(n), 2)
    count = np.where(node >= 0, _at(tree.split_count, node), _at(tree.leaf_count, ~node))
    before = tree.split_count[by]
    share_in = np.divide(count, before, out=np.zeros(2 * n), where=before > 0)
    # Rows of what leads to each node: the leaves first, then the splits; the root has none.
    row_of = np.full(2 * n + 1, -1)
    row_of[np.where(node >= 0, n + 1 + node, ~node)] = np.arange(2 * n)
    leaf = np.arange(n + 1 if n else 0)
    row = row_of[leaf]
    found = []
    while len(leaf):
        found.append((leaf, by[row], row < n, share_in[row]))
        row = row_of[n + 1 + by[row]]
        leaf, row = leaf[row >= 0], row[row >= 0]
    if not found:
        none = np.zeros(0, np.int64)
        return none, none, none, np.zeros(0)
    leaves, splits, lefts, shares = (np.concatenate(part) for part in zip(*found, strict=True))
    return leaves, splits, lefts, shares


def _at(values: Array, places: Array) -> Array:
    """Values at places; whatever where those are out of range."""
    if not len(values):
        return np.zeros(len(places))
    taken: Array = values[np.clip(places, 0, len(values) - 1)]
    return taken
