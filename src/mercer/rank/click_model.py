"""The position-based click model, fitted by regression-EM: looks and relevance from clicks alone.

Needs no randomised page. What it cannot tell apart: where the place is a function of the features (the
score of the ranker that served is one of them), a good place and a good listing look alike, so such
features are left out of the regression.

Source: Wang et al. 2018, doi:10.1145/3159652.3159732, equations 2 to 4 and algorithm 1; the regression
here fits the expected relevance itself in place of a sample of it, which has the same mean and no noise.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mercer.metrics.ragged import Bools, Floats, Ints
from mercer.rank.examination import Examination

Regress = Callable[[Floats], Floats]
"""(n,) expected relevance of the rows -> (n,) what their features say of it, in (0, 1)."""

EDGE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class EmParams:
    """When the iteration ends."""

    max_steps: int = 100
    tolerance: float = 1e-3  # largest change of a chance that ends it


def fit_clicks(
    position: Ints,
    is_clicked: Bools,
    regress: Regress,
    *,
    n_places: int,
    params: EmParams | None = None,
) -> Examination:
    """The curve under which the clicks are most likely.

    Args:
        position: (n,) from 1; rows below `n_places` are passed over by the caller.
        is_clicked: (n,).
        regress: fits relevance to features; called once per step, so that it may go on from its last fit.
        n_places: of the curve.
        params: when to stop.
    Returns:
        Chances relative to the first place; a place that was never shown has that of the place above.
    """
    steps = params or EmParams()
    place = position - 1
    shown = np.bincount(place, minlength=n_places).astype(np.float64)
    rate = float(is_clicked.mean())
    look = 0.9 / np.sqrt(np.arange(1, n_places + 1))
    like = np.full(len(place), min(max(2.0 * rate, EDGE), 0.5))
    for _ in range(steps.max_steps):
        # Of a row that was not clicked: looked at, and relevant, given that not both were true.
        at = look[place]
        neither = np.maximum(1.0 - at * like, EDGE)
        looked = np.where(is_clicked, 1.0, at * (1.0 - like) / neither)
        relevant = np.where(is_clicked, 1.0, like * (1.0 - at) / neither)
        before = look
        look = np.bincount(place, looked, minlength=n_places) / np.maximum(shown, 1.0)
        look = np.clip(look, EDGE, 1.0 - EDGE)
        like = np.clip(regress(relevant), EDGE, 1.0 - EDGE)
        relative = look / look[0]
        if np.abs(relative - before / before[0]).max() < steps.tolerance:
            break
    chance = look / look[0]
    for k in np.flatnonzero(shown == 0):
        chance[k] = chance[k - 1] if k else 1.0
    return Examination(chance, int(is_clicked.sum()), 0)
