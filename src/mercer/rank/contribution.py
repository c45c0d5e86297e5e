"""What each feature contributed to the score that a model gave, where the model can tell."""

from typing import Protocol, final

import numpy as np

from mercer.rank.anchored_trees import AnchoredTrees
from mercer.rank.linear import LinearScorer
from mercer.rank.scorer import F32s, F64s, Scorer, require_matrix
from mercer.rank.trees.contribution import Contributions
from mercer.rank.trees.scorer import TreeScorer


class Contributing(Protocol):
    """Divides the scores of rows among their features.

    Law: `expected` and a row's contributions sum to its score, up to rounding.
    """

    @property
    def expected(self) -> float:
        """What every row has before its features count."""

    def of_rows(self, matrix: F32s) -> F64s:
        """(n, n_features) of (n, n_features) values in C order."""


@final
class LinearContributions:
    """Of a weighted sum: its terms, which are also its Shapley values where features are independent."""

    def __init__(self, scorer: LinearScorer) -> None:
        self.expected = scorer.bias
        self._weight, self._centre = np.array(scorer.weight), np.array(scorer.centre)
        self._absent = np.array(scorer.absent)
        self._reach = np.array(scorer.reach or (np.inf,) * len(scorer.features))

    def of_rows(self, matrix: F32s) -> F64s:
        """(n, n_features) the terms.

        Raises:
            SchemaError: another shape or type of the matrix.
        """
        require_matrix(matrix, n_features=len(self._weight), at="linear contributions")
        values = matrix.astype(np.float64)
        is_number = np.isfinite(values)
        off = np.where(is_number, values, 0.0) - self._centre
        terms = np.clip(off, -self._reach, self._reach) * self._weight
        found: F64s = np.where(is_number, terms, self._absent)
        return found


@final
class SumOfContributions:
    """Of a sum of two models: the sums of theirs."""

    def __init__(self, one: Contributing, other: Contributing) -> None:
        self.expected = one.expected + other.expected
        self._parts = one, other

    def of_rows(self, matrix: F32s) -> F64s:
        """(n, n_features) of both together.

        Raises:
            SchemaError: another shape or type of the matrix.
        """
        one, other = self._parts
        return one.of_rows(matrix) + other.of_rows(matrix)


def contributing(scorer: Scorer) -> Contributing | None:
    """How the scores of a model are divided; None for a model whose inside is not known here.

    Raises:
        InputError: trees whose text lacks the counts that a division needs.
    """
    if isinstance(scorer, TreeScorer):
        return Contributions(scorer.forest)
    if isinstance(scorer, AnchoredTrees):
        return SumOfContributions(
            LinearContributions(scorer.anchor), Contributions(scorer.trees.forest)
        )
    return LinearContributions(scorer) if isinstance(scorer, LinearScorer) else None


_conforms: tuple[type[Contributing], ...] = (
    LinearContributions,
    Contributions,
    SumOfContributions,
)
