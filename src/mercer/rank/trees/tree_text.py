"""One tree of LightGBM's text format, and what has to hold for it to be a tree."""

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from mercer.rank.trees.forest import MISSING_NAN, Tree
from mercer.schema.errors import CorruptError, InputError


def parse_tree(body: str, *, number: int, n_features: int) -> Tree:
    """A tree from its lines `key=value`.

    Raises:
        CorruptError: a field is missing, has the wrong length, or the splits do not form a tree.
        InputError: a linear tree.
    """
    text = _TreeText(dict(line.partition("=")[::2] for line in body.splitlines() if line), number)
    if text.fields.get("is_linear", "0").strip() not in {"", "0"}:
        raise InputError(
            f"model text, tree {number}: it has linear models in its leaves, which are not served; "
            "train with linear_tree=false"
        )
    n_leaves, n_sets = text.one("num_leaves"), text.one("num_cat")
    if n_leaves < 1:
        text.fault(f"num_leaves is {n_leaves}, must be at least 1")
    n = n_leaves - 1
    sets = text.many("cat_boundaries", n_sets + 1, np.int64) if n_sets else np.zeros(1, np.int64)
    if sets[0] != 0 or (np.diff(sets) <= 0).any():
        text.fault("cat_boundaries does not begin at 0 and rise")
    tree = Tree(
        feature=text.many("split_feature", n, np.int32),
        threshold=text.many("threshold", n, np.float64),
        decision=text.many("decision_type", n, np.int32),
        left=text.many("left_child", n, np.int32),
        right=text.many("right_child", n, np.int32),
        split_count=text.optional("internal_count", n),
        leaf_value=text.many("leaf_value", n_leaves, np.float64),
        leaf_count=text.optional("leaf_count", n_leaves) if n else np.zeros(0, np.int64),
        set_start=sets,
        set_bits=text.many("cat_threshold", int(sets[-1]), np.uint32),
    )
    _require_tree(tree, text, n_features)
    return tree


class _TreeText:
    """The fields of a tree as text."""

    def __init__(self, fields: dict[str, str], number: int) -> None:
        self.fields, self.number = fields, number

    def one(self, key: str) -> int:
        return int(self.many(key, 1, np.int64)[0])

    def many(self, key: str, n: int, dtype: type[np.generic]) -> npt.NDArray[Any]:
        """(n,) numbers of a field; one that would be empty may be absent."""
        if key not in self.fields and n:
            self.fault(f"{key} is missing")
        words = self.fields.get(key, "").split()
        if len(words) != n:
            self.fault(f"{key} has {len(words)} numbers, must have {n}")
        try:
            return np.array(words, dtype=object).astype(dtype)
        except (ValueError, OverflowError):
            self.fault(f"{key} has something that is not a number of type {dtype.__name__}")

    def optional(self, key: str, n: int) -> npt.NDArray[Any]:
        return self.many(key, n, np.int64) if self.fields.get(key) else np.zeros(0, np.int64)

    def fault(self, fault: str) -> NoReturn:
        raise CorruptError(
            f"model text, tree {self.number}: {fault}; the file was cut or edited; "
            "save the model again"
        )


def _require_tree(tree: Tree, text: _TreeText, n_features: int) -> None:
    n = len(tree.feature)
    if not np.isfinite(tree.leaf_value).all():
        text.fault("leaf_value has a value that is not finite")
    if np.isnan(tree.threshold).any():
        text.fault("threshold has a value that is not a number")
    if n and not (tree.feature.min() >= 0 and tree.feature.max() < n_features):
        text.fault(f"split_feature has a value outside 0..{n_features - 1}")
    if n and not (tree.decision.min() >= 0 and tree.missing.max() <= MISSING_NAN):
        text.fault("decision_type has a value that no version of LightGBM writes")
    children = np.concatenate([tree.left, tree.right])
    expected = np.concatenate([np.arange(-n - 1, 0), np.arange(1, n)]) if n else children
    if not np.array_equal(np.sort(children), expected):
        text.fault("left_child and right_child do not name each split and each leaf once")
    if (children[children >= 0] <= np.tile(np.arange(n), 2)[children >= 0]).any():
        text.fault("a split comes before its parent")
    numbers = tree.threshold[tree.is_categorical]
    n_sets = len(tree.set_start) - 1
    if len(numbers) and not ((numbers >= 0) & (numbers < n_sets) & (numbers % 1 == 0)).all():
        text.fault(f"a categorical split names a set outside 0..{n_sets - 1}")
