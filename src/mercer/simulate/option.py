"""Weighted choices as tables, so that a whole block of listings chooses at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NONE = -1  # "this listing has no such value"

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OptionTable:
    """For each of n contexts up to k weighted values; a short row is padded with its last value."""

    value: NDArray[np.int16]  # (n_contexts, k)
    upto: Floats  # (n_contexts, k) cumulative probability, the last is 1

    def draw(self, context: NDArray[Any], u: Floats) -> NDArray[np.int16]:
        """(n,) one value per row.

        Args:
            context: (n,) row numbers of the table.
            u: (n,) uniform in [0, 1).
        """
        if len(self.upto) == 1:  # long tables of one context: no (n, k) matrix
            chosen = np.searchsorted(self.upto[0], u, side="right")
        else:
            chosen = (u[:, None] >= self.upto[context]).sum(axis=1)
        drawn: NDArray[np.int16] = self.value[context, np.minimum(chosen, self.value.shape[1] - 1)]
        return drawn


def option_table(rows: Sequence[Sequence[tuple[int, float]]]) -> OptionTable:
    """A table from one list of (value number, weight > 0) per context; an empty list means NONE."""
    filled = [row or [(NONE, 1.0)] for row in rows]
    k = max(map(len, filled))
    value = np.zeros((len(filled), k), np.int16)
    weight = np.zeros((len(filled), k))
    for i, row in enumerate(filled):
        padded = [*row, *[(row[-1][0], 0.0)] * (k - len(row))]
        value[i], weight[i] = [v for v, _ in padded], [w for _, w in padded]
    upto = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
    upto[:, -1] = 1.0  # rounding must not leave a gap below 1
    return OptionTable(value, upto)


def parse_options(text: str, values: Sequence[str]) -> list[tuple[int, float]]:
    """`white*6 rose_gold none*2` -> (value number, weight) pairs; `none` is NONE."""
    pairs = []
    for word in text.split():
        name, _, weight = word.partition("*")
        name = name.replace("_", " ")
        pairs.append((NONE if name == "none" else values.index(name), float(weight or 1)))
    return pairs
