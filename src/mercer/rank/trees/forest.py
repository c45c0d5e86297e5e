"""A LightGBM model as its text says it: trees of splits and leaves, in the order of training."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

F64s: TypeAlias = npt.NDArray[np.float64]
I32s: TypeAlias = npt.NDArray[np.int32]
I64s: TypeAlias = npt.NDArray[np.int64]
U32s: TypeAlias = npt.NDArray[np.uint32]

CATEGORICAL, DEFAULT_LEFT = 1, 2  # bits of `Tree.decision`; the two above them are the missing type
MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2
ZERO = float(np.float32(1e-35))  # LightGBM's kZeroThreshold: what is nearer to zero is zero


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree. A child >= 0 is a split, which always comes after its parent; below 0 leaf ~child.

    A numeric split sends a value to the left where it is <= threshold, a categorical one where its
    set has it; the threshold of that is the number of the set.
    """

    feature: I32s  # (n_splits,)
    threshold: F64s  # (n_splits,)
    decision: I32s  # (n_splits,) bits
    left: I32s  # (n_splits,)
    right: I32s  # (n_splits,)
    split_count: I64s  # (n_splits,) training rows that came by; empty where the text has none
    leaf_value: F64s  # (n_leaves,)
    leaf_count: I64s  # (n_leaves,); empty where the text has none
    set_start: I64s  # (n_sets + 1,) in set_bits
    set_bits: U32s  # 32 categories in a word

    @property
    def is_categorical(self) -> npt.NDArray[np.bool_]:
        """(n_splits,)"""
        return (self.decision & CATEGORICAL) > 0

    @property
    def missing(self) -> I32s:
        """(n_splits,) MISSING_NONE, MISSING_ZERO or MISSING_NAN."""
        kind: I32s = (self.decision >> 2) & 3
        return kind


@dataclass(frozen=True, slots=True)
class Forest:
    """The raw score of a row is the sum of one leaf of each tree, added up in this order."""

    features: tuple[str, ...]  # names, as the model was trained
    objective: str
    trees: tuple[Tree, ...]
