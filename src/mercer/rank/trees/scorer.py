"""LightGBM's raw scores in the request."""

from typing import Self, final

import numpy as np

from mercer.rank.scorer import F32s, F64s, Scorer, require_matrix
from mercer.rank.trees.forest import Forest
from mercer.rank.trees.layout import laid_out
from mercer.rank.trees.model_text import parse_forest
from mercer.rank.trees.score_kernel import score_rows


@final
class TreeScorer:
    """Raw scores of a forest, equal to `Booster.predict(raw_score=True)` in every bit.

    Source: the idea of scoring all splits of a tree without a branch, for a block of rows, is that
    of QuickScorer (Lucchese et al. 2015, doi:10.1145/2766462.2767733) and RapidScorer (Ye et al.
    2018, doi:10.1145/3219819.3219857); how it is done here is in docs/decisions.
    """

    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self._codings, self._trees = laid_out(forest)

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Of a model in LightGBM's text format.

        Raises:
            CorruptError, InputError: as `parse_forest`.
        """
        return cls(parse_forest(text))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns, as the model was trained."""
        return self.forest.features

    def score(self, matrix: F32s) -> F64s:
        """(n,) raw scores, the higher the better.

        Args:
            matrix: (n, n_features) NaN where missing; infinite values are values.
        Raises:
            SchemaError: another shape or type.
        """
        require_matrix(matrix, n_features=len(self.features), at="tree scores")
        scores = np.zeros(len(matrix))
        score_rows(np.ascontiguousarray(matrix), *self._codings, *self._trees, scores)
        return scores


_conforms: type[Scorer] = TreeScorer
