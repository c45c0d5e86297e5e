"""Trees beside the order that was there before them: a weighted sum, mostly of one feature, plus trees."""

from typing import Self, final

from mercer.rank.linear import LinearScorer
from mercer.rank.scorer import F32s, F64s, Scorer
from mercer.rank.trees.scorer import TreeScorer
from mercer.schema.errors import CorruptError

_END_OF_ANCHOR = b"\n"  # JSON without line breaks stands before the trees


@final
class AnchoredTrees:
    """The sum of a linear model and of trees over the same columns."""

    def __init__(self, anchor: LinearScorer, trees: TreeScorer) -> None:
        self.anchor, self.trees = anchor, trees

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.anchor.features

    def score(self, matrix: F32s) -> F64s:
        """(n,) scores of (n, n_features) values in C order.

        Raises:
            SchemaError: another shape or type.
        """
        return self.anchor.score(matrix) + self.trees.score(matrix)

    @classmethod
    def from_bytes(cls, data: bytes, *, at: str) -> Self:
        """Of what `written` wrote.

        Raises:
            CorruptError, InputError: it is something else, or was cut or edited.
        """
        line, _, text = data.partition(_END_OF_ANCHOR)
        anchor = LinearScorer.from_bytes(line, at=at)
        try:
            trees = TreeScorer.of_text(text.decode())
        except UnicodeDecodeError as fault:
            raise CorruptError(f"{at}: its trees are no text: {fault}") from None
        if len(trees.features) != len(anchor.features):
            raise CorruptError(
                f"{at}: its trees read {len(trees.features)} columns, what they are added to "
                f"{len(anchor.features)}"
            )
        return cls(anchor, trees)


def written(anchor: LinearScorer, trees: str) -> bytes:
    """A model file: the linear part as one line, then LightGBM's text."""
    return anchor.to_bytes() + _END_OF_ANCHOR + trees.encode()


_conforms: type[Scorer] = AnchoredTrees
