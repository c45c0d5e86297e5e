"""The cascade: each stage orders the best of the stage before it anew, and the rest follow as they were.

    first pass    all candidates, a fixed score (`rank/first_pass.py`)
    features      the best `candidates` of them
    trees         those with features: one score each; ties stay in the order of the first pass
    (the neural stage comes after the trees, over fewer)

A stage that fails, or for which no time is left, is left out, and the page says so.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from mercer.rank.scorer import F64s
from mercer.schema.errors import InputError

MAX_CANDIDATES: Final = 1_000  # that the trees may score
FEATURES, TREES = "features", "trees"

I64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeParams:
    """The limits of the cascade; `[rank]` of mercer.toml."""

    candidates: int = 600  # that get features and scores, in 1..MAX_CANDIDATES
    budget_ms: float = 20.0  # of features and trees together; > 0

    def __post_init__(self) -> None:
        if not (1 <= self.candidates <= MAX_CANDIDATES and self.budget_ms > 0):
            raise InputError(
                f"rank: candidates must lie in 1..{MAX_CANDIDATES} and budget_ms be above 0; "
                f"got {self.candidates}, {self.budget_ms:g}"
            )


class StageSkip(Enum):
    """Why a stage was not tried; the value is the sentence that a page shows."""

    REQUEST_OVER = "the time budget of the request, {detail}, was used up"
    STAGE_OVER = "the time budget of the stage, {detail}, was used up"
    NO_COLUMNS = "the index has no columns of plan {detail} yet"
    FEATURES_FAILED = "the features raised {detail}"

    def sentence(self, stage: str, detail: str) -> str:
        """What `degraded` says."""
        return f"{stage}: {self.value.format(detail=detail)}"


def reordered(n: int, scores: F64s) -> I64s:
    """(n,) places in their new order: those with scores by falling score, then the rest as they are.

    Args:
        n: candidates in the order of the stage before, >= len(scores).
        scores: of the first of them, finite; equal ones stay in their order.
    """
    order = np.arange(n)
    order[: len(scores)] = np.argsort(-scores, kind="stable")
    return order
