"""Random forests in LightGBM's text format: every kind of split, at values where it matters."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NASTY = (
    0.0, -0.0, 1e-35, -1e-35, float(np.float32(1e-35)), -float(np.float32(1e-35)), 5e-36, -5e-36,
    1e-300, -1e-300, 1.0000000180025095e-35, -1.0000000180025095e-35, 1e-45, 0.1, 0.3, -0.1, 1.0,
    16777217.0, 3.4028234663852886e38, 3.5e38, -3.5e38, 1e300, -1e300,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ForestShape:
    """What a random forest is like."""

    n_features: int
    n_leaves: tuple[int, ...]  # of each tree
    decisions: tuple[int, ...]  # of which each split has one; those with bit 1 are categorical
    n_values: int = 40  # distinct thresholds to choose from
    is_chain: bool = False  # each split below the last one


def forest_text(shape: ForestShape, rng: np.random.Generator) -> str:
    """A model as LightGBM would write it."""
    values = np.concatenate([NASTY, rng.normal(size=shape.n_values)])
    blocks = []
    for number, n_leaves in enumerate(shape.n_leaves):
        lines = [f"Tree={number}", *_tree(n_leaves, shape, values, rng), "", "", ""]
        blocks.append("\n".join(lines))
    names = " ".join(f"f{i}" for i in range(shape.n_features))
    head = [
        "tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0",
        f"max_feature_idx={shape.n_features - 1}", "objective=regression",
        f"feature_names={names}", f"feature_infos={' '.join(['[-1:1]'] * shape.n_features)}",
        f"tree_sizes={' '.join(str(len(block)) for block in blocks)}", "", "",
    ]  # fmt: skip
    return "\n".join(head) + "".join(blocks) + "end of trees\n\nfeature_importances:\n"


def _tree(
    n_leaves: int, shape: ForestShape, values: npt.NDArray[np.float64], rng: np.random.Generator
) -> list[str]:
    n = n_leaves - 1
    left, right = _grown(n, rng, is_chain=shape.is_chain)
    decision = rng.choice(shape.decisions, size=n)
    threshold = rng.choice(values, size=n)
    is_set = (decision & 1) > 0
    n_sets = int(is_set.sum())
    threshold[is_set] = np.arange(n_sets)
    n_words = rng.integers(1, 4, size=n_sets)
    bits = rng.integers(0, 2**32, size=int(n_words.sum()), dtype=np.uint32)
    leaf_count = rng.integers(1, 50, size=n_leaves)
    split_count = np.zeros(n, np.int64)
    for at in range(n - 1, -1, -1):
        sides = [left[at], right[at]]
        split_count[at] = sum(split_count[c] if c >= 0 else leaf_count[~c] for c in sides)
    fields: dict[str, object] = {
        "num_leaves": n_leaves, "num_cat": n_sets, "split_feature": rng.integers(0, shape.n_features, n),
        "threshold": threshold, "decision_type": decision, "left_child": left, "right_child": right,
        "leaf_value": rng.normal(size=n_leaves), "leaf_count": leaf_count,
        "internal_count": split_count,
    }  # fmt: skip
    if n_sets:
        fields |= {
            "cat_boundaries": np.concatenate([[0], np.cumsum(n_words)]),
            "cat_threshold": bits,
        }
    fields |= {"is_linear": 0, "shrinkage": 1}
    return [f"{key}={_words(value)}" for key, value in fields.items()]


def _grown(
    n_splits: int, rng: np.random.Generator, *, is_chain: bool
) -> tuple[list[int], list[int]]:
    """Children as LightGBM numbers them: a split keeps the left leaf's number and adds one."""
    left, right = [0] * n_splits, [0] * n_splits
    owner: dict[int, tuple[list[int], int]] = {}
    for split in range(n_splits):
        leaf = split if is_chain else int(rng.integers(0, split + 1))
        if leaf in owner:
            side, at = owner[leaf]
            side[at] = split
        left[split], right[split] = ~leaf, ~(split + 1)
        owner[leaf], owner[split + 1] = (left, split), (right, split)
    return left, right


def _words(value: object) -> str:
    if isinstance(value, np.ndarray | list):
        return " ".join(repr(float(v)) if isinstance(v, float) else str(v) for v in value)
    return str(value)


def nasty_rows(
    n: int, n_features: int, rng: np.random.Generator, *, values: tuple[float, ...] = NASTY
) -> npt.NDArray[np.float32]:
    """(n, n_features) values beside, on and far from every threshold, and categories of all kinds."""
    with np.errstate(over="ignore", under="ignore"):
        near = np.array(values).astype(np.float32)
        sides = [np.nextafter(near, np.float32(side)) for side in (np.inf, -np.inf)]
    around = np.concatenate([near, *sides])
    categories = [0, 1, 31, 32, 63, 64, 95, 96, 127, -1, -0.5, 0.5, 31.7, 2**24, 2**31, 1e30]
    pool = np.concatenate(
        [around, np.array([*categories, np.nan, np.inf, -np.inf], np.float32),
         rng.normal(size=60).astype(np.float32)]
    )  # fmt: skip
    return rng.choice(pool, size=(n, n_features)).astype(np.float32)
