"""A weighted sum of standardised features: the first rung of the ladder, and a floor for the rest."""

import json
from dataclasses import asdict, dataclass

import numba as nb
import numpy as np

from mercer.metrics.ragged import Floats
from mercer.rank.scorer import Scorer, require_matrix
from mercer.rank.training_set import F32s
from mercer.schema.errors import CorruptError


@nb.njit(
    "void(f4[:, ::1], f8[::1], f8[::1], f8[::1], f8[::1], f8, f8[::1])", cache=True, nogil=True
)
def _weighted_sum(
    matrix: F32s, weight: Floats, centre: Floats, reach: Floats, absent: Floats, bias: float,
    out: Floats,
) -> None:  # fmt: skip
    for row in range(matrix.shape[0]):
        total = bias
        for column in range(matrix.shape[1]):
            value = np.float64(matrix[row, column])
            if np.isfinite(value):
                off = min(max(value - centre[column], -reach[column]), reach[column])
                total += off * weight[column]
            else:
                total += absent[column]
        out[row] = total


@dataclass(frozen=True, slots=True)
class LinearScorer:
    """bias + sum over columns of (value - centre) x weight, or `absent` where there is no number.

    A value further than `reach` from the centre counts as one that is just so far.

    The sum runs over the columns in their order, so that a row scores the same bits in any batch.
    """

    features: tuple[str, ...]  # (n_features,) names of the columns
    weight: tuple[float, ...]  # (n_features,) per unit of the feature
    centre: tuple[float, ...]  # (n_features,) the mean in training
    absent: tuple[float, ...]  # (n_features,) what a missing or infinite value adds
    bias: float = 0.0
    reach: tuple[float, ...] = ()  # (n_features,) >= 0; empty: without end

    def score(self, matrix: F32s) -> Floats:
        """(n,) scores of (n, n_features) values in C order.

        Raises:
            SchemaError: another shape or type.
        """
        require_matrix(matrix, n_features=len(self.features), at="linear scores")
        out = np.empty(len(matrix))
        rows = np.ascontiguousarray(matrix)
        weight, centre = np.array(self.weight), np.array(self.centre)
        reach = np.array(self.reach or (np.inf,) * len(self.features))
        _weighted_sum(rows, weight, centre, reach, np.array(self.absent), self.bias, out)
        return out

    def to_bytes(self) -> bytes:
        """JSON; floats are written so that they come back as the same bits."""
        return json.dumps(asdict(self), allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes, *, at: str) -> "LinearScorer":
        """Raises CorruptError where it is not what `to_bytes` wrote."""
        try:
            read = json.loads(data)
            lists = {k: tuple(float(v) for v in read[k]) for k in ("weight", "centre", "absent")}
            names = tuple(str(name) for name in read["features"])
            reach = tuple(float(v) for v in read.get("reach", ()))
            made = cls(names, **lists, bias=float(read["bias"]), reach=reach)
        except (ValueError, KeyError, TypeError) as fault:
            raise CorruptError(f"{at}: is no linear model: {fault!r}") from None
        widths = {len(made.features), len(made.weight), len(made.centre), len(made.absent)}
        if len(widths | ({len(made.reach)} if made.reach else set())) != 1:
            raise CorruptError(f"{at}: the lists of a linear model differ in length")
        return made


_conforms: type[Scorer] = LinearScorer
