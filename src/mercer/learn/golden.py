"""Golden rows: what a model scored on the day it was made, checked wherever it is loaded."""

from typing import Final

import numpy as np

from mercer.metrics.ragged import Floats
from mercer.rank.training_set import F32s
from mercer.schema.errors import CorruptError

N_GOLDEN: Final = 1_000
_SHARE_DAMAGED: Final = 0.25  # of the rows, some values are taken away
_SHARE_MISSING: Final = 0.3  # of the values of such a row


def golden_rows(features: F32s, rng: np.random.Generator) -> F32s:
    """(N_GOLDEN, n_features) drawn from real rows, a quarter of them with missing values and zeros.

    Args:
        features: (n, n_features), n >= 1.
    """
    rows = features[rng.integers(len(features), size=N_GOLDEN)]
    is_damaged = rng.random(N_GOLDEN) < _SHARE_DAMAGED
    is_gone = (rng.random(rows.shape) < _SHARE_MISSING) & is_damaged[:, None]
    by = np.where(rng.random(rows.shape) < 0.5, np.float32(np.nan), np.float32(0.0))
    return np.ascontiguousarray(np.where(is_gone, by, rows), np.float32)


def check_golden(want: Floats, got: Floats, *, at: str, rtol: float = 0.0) -> None:
    """The same bits, or a sentence.

    Args:
        rtol: relative to the spread of the scores; what a model computed elsewhere than in our
            kernels may differ by from one processor to another. 0: not at all.
    Raises:
        CorruptError: says how many rows differ, and the first of them.
    """
    same = np.asarray(want, np.float64).view(np.int64) == np.asarray(got, np.float64).view(np.int64)
    if rtol and want.shape == got.shape:
        same |= np.abs(want - got) <= rtol * np.ptp(want)
    if want.shape != got.shape or not same.all():
        row = int((~same).argmax()) if want.shape == got.shape else 0
        raise CorruptError(
            f"{at}: {int((~same).sum())} of {len(want)} golden rows score differently than when the "
            f"model was made, the first is row {row}: {got[row]!r} in place of {want[row]!r}; "
            "train it anew with the installed versions, or install those that the manifest names"
        )
