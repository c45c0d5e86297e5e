"""What each feature contributed to the score of a row."""

from typing import final

import numpy as np

from mercer.rank.scorer import F32s, F64s, require_matrix
from mercer.rank.trees.coding_kernel import BLOCK, code_categories, code_numbers
from mercer.rank.trees.column import columns_of
from mercer.rank.trees.contribution_kernel import add_contributions
from mercer.rank.trees.forest import Forest, Tree
from mercer.rank.trees.layout import coding_arrays
from mercer.rank.trees.path import paths_of
from mercer.schema.errors import InputError


@final
class Contributions:
    """Shapley values (path-dependent TreeSHAP) of a forest, equal to LightGBM's `pred_contrib`.

    They take a few milliseconds a row, so they are for the rows that somebody asks about.

    Raises:
        InputError: the text of the model has no counts of training rows.
    """

    def __init__(self, forest: Forest) -> None:
        uncounted = [
            number
            for number, tree in enumerate(forest.trees)
            if len(tree.feature) and not (len(tree.split_count) and len(tree.leaf_count))
        ]
        if uncounted:
            raise InputError(
                f"model text, tree {uncounted[0]}: it has no internal_count or leaf_count, so what "
                "a feature contributes is not known; save the model again with LightGBM"
            )
        columns, splits = columns_of(forest)
        self.forest = forest
        self.expected = sum(_expected(tree) for tree in forest.trees)  # the mean score in training
        self._codings = coding_arrays(columns)
        self._n_columns = len(columns.codings) + len(columns.memberships)
        self._splits = splits.column.astype(np.uint32), splits.at_most
        self._paths = paths_of(forest)
        self._leaf_value = np.concatenate([tree.leaf_value for tree in forest.trees])

    def of_rows(self, matrix: F32s) -> F64s:
        """(n, n_features) of each row; with `expected` they sum to its score, up to rounding.

        Raises:
            SchemaError: another shape or type of the matrix.
        """
        n_features = len(self.forest.features)
        require_matrix(matrix, n_features=n_features, at="tree contributions")
        rows = np.ascontiguousarray(matrix)
        out = np.zeros((len(rows), n_features))
        codes = np.zeros((self._n_columns, BLOCK), np.uint8)
        numbers, sets = self._codings[:6], self._codings[6:]
        most = int(np.diff(self._paths.leaf_start).max(initial=0))
        for first in range(0, len(rows), BLOCK):
            n = min(BLOCK, len(rows) - first)
            code_numbers(rows, first, n, *numbers, codes)
            code_categories(rows, first, n, *sets, len(self._codings.fill), codes)
            add_contributions(
                codes,
                n,
                *self._splits,
                *self._paths,
                self._leaf_value,
                most,
                out[first : first + n],
            )
        return out


def _expected(tree: Tree) -> float:
    """The mean leaf over the training rows."""
    if not len(tree.feature):
        return float(tree.leaf_value[0])
    return float((tree.leaf_count / tree.split_count[0]) @ tree.leaf_value)
