"""What a model of the cascade is: features in, scores out, and what happens when it fails."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias, final

import numpy as np
import numpy.typing as npt

from mercer.schema.errors import SchemaError

F32s: TypeAlias = npt.NDArray[np.float32]
F64s: TypeAlias = npt.NDArray[np.float64]


class Scorer(Protocol):
    """Scores candidates; the higher, the better.

    1. `score` gives one float64 for each row, also for no rows at all.
    2. The same matrix gives the same bits, from any thread, also from several at once.
    3. The caller's matrix is neither written nor kept.
    4. A missing value is NaN; what that means is the model's own business.
    """

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of the matrix, in their order."""

    def score(self, matrix: F32s) -> F64s:
        """(n,) scores of (n, n_features) values in C order."""


class SkipReason(Enum):
    """Why a stage gave no scores; the value is the sentence that a page shows."""

    FAILED = "the model raised {detail}"
    OVERRAN = "the model took longer than its {detail}"
    BUSY = "the model still works on earlier requests that overran"
    WRONG = "the model gave {detail}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A stage that gave no scores; the page is served in the order of the stage before."""

    reason: SkipReason
    detail: str = ""

    @property
    def sentence(self) -> str:
        """What `degraded` says."""
        return self.reason.value.format(detail=self.detail)


class Attempt(Protocol):
    """A scorer within a time budget: it never raises and never takes much longer than that."""

    @property
    def features(self) -> tuple[str, ...]:
        """As of the scorer."""

    def attempt(self, matrix: F32s, *, within_ms: float = math.inf) -> F64s | Skipped:
        """Scores of all rows, or why there are none.

        Args:
            within_ms: what is left of the time for features and model together; a model that would have
                to be waited for gets no more.
        """


@final
@dataclass(frozen=True, slots=True)
class PromptScorer:
    """A scorer whose time is bounded by its work, such as our kernels: it runs where it is asked."""

    scorer: Scorer

    @property
    def features(self) -> tuple[str, ...]:
        """As of the scorer."""
        return self.scorer.features

    def attempt(self, matrix: F32s, *, within_ms: float = math.inf) -> F64s | Skipped:
        """Scores of all rows, or why there are none; what has begun is finished, it is soon done."""
        return attempted(self.scorer.score, matrix)


def attempted(score: Callable[[F32s], F64s], matrix: F32s) -> F64s | Skipped:
    """The scores, or why there are none: whatever a model raises or returns, the page is served."""
    try:
        scores = score(matrix)
    except Exception as error:  # a model of another team may raise anything
        return Skipped(SkipReason.FAILED, f"{type(error).__name__}: {error}"[:200])
    fault = _fault(scores, len(matrix))
    return scores if fault is None else Skipped(SkipReason.WRONG, fault)


def _fault(scores: object, n: int) -> str | None:
    """What keeps whatever a model returned from being the scores of n rows."""
    if not isinstance(scores, np.ndarray) or scores.dtype != np.float64:
        kind = scores.dtype if isinstance(scores, np.ndarray) else type(scores).__name__
        return f"{kind}, not an array of float64"
    if scores.shape != (n,):
        return f"scores of shape {scores.shape}, not ({n},)"
    n_bad = n - int(np.isfinite(scores).sum())
    return f"{n_bad} of {n} scores that are not finite" if n_bad else None


def require_matrix(matrix: F32s, *, n_features: int, at: str) -> None:
    """Raise unless the matrix has the type and the columns that a model was trained on.

    Raises:
        SchemaError: it names all that is wrong.
    """
    faults = []
    if matrix.dtype != np.float32:
        faults.append(f"values are {matrix.dtype}, must be float32")
    if matrix.ndim != 2 or matrix.shape[1] != n_features:
        faults.append(f"shape is {matrix.shape}, must be (n, {n_features}), a column per feature")
    if faults:
        raise SchemaError(at, faults)


_conforms: type[Attempt] = PromptScorer
