"""The first rung: logistic regression on single rows."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numba as nb
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from mercer.learn.held_out import ndcg_of
from mercer.learn.penalty_path import trained_at, trained_like, unseen_scores
from mercer.learn.rung import OnRound, Rung, Trained, silent
from mercer.metrics.ragged import Floats, Ints
from mercer.rank.linear import LinearScorer
from mercer.rank.training_set import F32s, TrainingSet
from mercer.text.kernel_types import F8S, read_only

F4_TABLE = read_only(nb.f4, ndim=2)
_ROWS_AT_ONCE = 1 << 14


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticParams:
    """How strongly the weights are held back is chosen by lists not learned from."""

    l2: tuple[float, ...] = (
        1.0,
        0.3,
        0.1,
        0.03,
        0.01,
    )  # tried in this order, the first best is kept
    max_steps: int = 60  # of L-BFGS, for each
    k: int = 10  # of the nDCG that chooses


@final
class Logistic:
    """Log loss of `gain / top gain` per row; L2; L-BFGS from zero, so nothing is drawn.

    The target of a row may be any number >= 0: with a gain of click / propensity its mean is the
    relevance, and the loss stays convex (Saito et al. 2020, doi:10.1145/3336191.3371783, equation 9).
    """

    name = "logistic"

    def __init__(self, params: LogisticParams | None = None) -> None:
        self._params = params or LogisticParams()

    def train(
        self, data: TrainingSet, fold: Ints, *, seed: int, on_round: OnRound = silent
    ) -> Trained:
        """The weights under the L2 that is best on lists not learned from; `seed` changes nothing."""
        l2 = self._params.l2
        tried = unseen_scores(self._path, data, fold, l2)
        quality = [ndcg_of(data, one, k=self._params.k).mean for one in tried]
        best = int(np.nanargmax(quality)) if not np.isnan(quality).all() else 0
        on_round(len(tried), len(tried), quality[best])
        params = asdict(self._params)
        return trained_at(self._path, data, best, l2=l2, params=params, unseen=tried[best])

    def again(self, data: TrainingSet, like: Trained, *, seed: int) -> Trained:
        """Under the same L2; `seed` changes nothing."""
        params = asdict(self._params)
        return trained_like(self._path, data, like, l2=self._params.l2, params=params)

    def _path(
        self, data: TrainingSet, l2: Sequence[float]
    ) -> Iterator[tuple[LinearScorer, Floats]]:
        """For each L2 (the scorer, its weights per standard deviation); each goes on from the one before."""
        scale = Standard.of(data.features)
        rows = scale.rows(data.features)
        target = data.gain / max(float(data.gain.max(initial=0.0)), 1e-12)
        weights = np.zeros(rows.shape[1] + 1)
        for one in l2:
            weights = fitted(rows, target, weights, l2=one, max_steps=self._params.max_steps)
            yield scale.scorer(data.columns.names, weights), weights


@dataclass(frozen=True, slots=True)
class Standard:
    """What makes a column one of mean 0 and spread 1, and says which columns ever miss a value."""

    centre: Floats  # (n_features,)
    spread: Floats  # (n_features,) > 0; inf where there is nothing to tell
    gaps: Ints  # (n_gaps,) columns that have a missing value somewhere
    reach: float = np.inf  # spreads from the centre: a value beyond counts as one there

    @classmethod
    def of(cls, features: F32s, *, reach: float = np.inf) -> "Standard":
        """Of the finite values of each column of (n, n_features)."""
        n, n_features = features.shape
        known, total, squares = (np.zeros(n_features) for _ in range(3))
        for part in _parts(n):
            values, is_there = _known(features[part])
            known += is_there.sum(axis=0)
            total += values.sum(axis=0)
        count = np.maximum(known, 1.0)
        centre = total / count
        for part in _parts(n):
            values, is_there = _known(features[part])
            squares += np.where(is_there, (values - centre) ** 2, 0.0).sum(axis=0)
        spread = np.sqrt(squares / count)
        tells = spread > 1e-12 * np.maximum(np.abs(centre), 1.0)
        return cls(centre, np.where(tells, spread, np.inf), np.flatnonzero(known < n), reach)

    def rows(self, features: F32s) -> F32s:
        """(n, n_features + n_gaps): values in standard deviations, then whether each gap is one."""
        n, n_features = features.shape
        out = np.empty((n, n_features + len(self.gaps)), np.float32)
        for part in _parts(n):
            values, is_there = _known(features[part])
            values = np.clip((values - self.centre) / self.spread, -self.reach, self.reach)
            out[part, :n_features] = np.where(is_there, values, 0.0)
            out[part, n_features:] = ~is_there[:, self.gaps]
        return out

    def scorer(self, names: tuple[str, ...], weights: Floats) -> LinearScorer:
        """The scorer of (n_features + n_gaps + 1,) weights for rows as they come."""
        n = len(self.centre)
        absent = np.zeros(n)
        absent[self.gaps] = weights[n:-1]
        return LinearScorer(
            features=names,
            weight=tuple((weights[:n] / self.spread).tolist()),
            centre=tuple(self.centre.tolist()),
            absent=tuple(absent.tolist()),
            reach=tuple(np.where(np.isinf(self.spread), 0.0, self.reach * self.spread).tolist())
            if np.isfinite(self.reach)
            else (),
            bias=float(weights[-1]),
        )


def _parts(n: int) -> Iterator[slice]:
    """Rows a few at a time: what is made of them in double precision stays small."""
    return (slice(start, start + _ROWS_AT_ONCE) for start in range(0, n, _ROWS_AT_ONCE))


def _known(features: F32s) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Values, 0 where there is no finite one, and where there is one."""
    is_there = np.isfinite(features)
    return np.where(is_there, features, np.float32(0)).astype(np.float64), is_there


@nb.njit(nb.f8(F4_TABLE, nb.i8, F8S), cache=True, nogil=True, inline="always")
def dot(rows: Any, row: Any, weights: Any) -> Any:
    """The sum of a row's columns times their weights, in four sums that a core adds up at once."""
    n = rows.shape[1]
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for column in range(0, n - 3, 4):
        a += rows[row, column] * weights[column]
        b += rows[row, column + 1] * weights[column + 1]
        c += rows[row, column + 2] * weights[column + 2]
        d += rows[row, column + 3] * weights[column + 3]
    for column in range(n - n % 4, n):
        a += rows[row, column] * weights[column]
    return (a + b) + (c + d)


@nb.njit(nb.f8(F4_TABLE, F8S, F8S, nb.f8, nb.f8[::1]), cache=True, nogil=True)
def _log_loss(rows: F32s, target: Floats, weights: Floats, l2: float, slope: Floats) -> float:
    """The penalised mean log loss, and its slope; summed row by row, so that no thread changes a bit."""
    n, n_columns = rows.shape
    slope[:] = 0.0
    total: float = 0.0
    for row in range(n):
        logit = weights[n_columns] + dot(rows, row, weights)
        # log(1 + e^z) - t z, by the side that does not overflow.
        total += (
            (logit if logit > 0.0 else 0.0)
            + math.log1p(math.exp(-abs(logit)))
            - target[row] * logit
        )
        if logit >= 0:
            rest = 1.0 / (1.0 + math.exp(-logit)) - target[row]
        else:
            rest = math.exp(logit) / (1.0 + math.exp(logit)) - target[row]
        for column in range(n_columns):
            slope[column] += rest * rows[row, column]
        slope[n_columns] += rest
    total /= n
    for column in range(n_columns + 1):
        slope[column] /= n
        if column < n_columns:
            slope[column] += l2 * weights[column]
            total += 0.5 * l2 * weights[column] * weights[column]
    return total


def fitted(rows: F32s, target: Floats, start: Floats, *, l2: float, max_steps: int) -> Floats:
    """(n_columns + 1,) weights and bias of the least penalised log loss.

    Args:
        rows: (n, n_columns) as `Standard.rows` gives them.
        target: (n,) >= 0.
        start: the weights to begin from.
    """

    rows, target = np.ascontiguousarray(rows), np.ascontiguousarray(target)

    def loss(weights: Floats) -> tuple[float, Floats]:
        slope = np.empty(len(weights))
        value = _log_loss(rows, target, weights, l2, slope)
        return value, slope

    return minimised(loss, start, max_steps=max_steps)


def minimised(
    loss: Callable[[Floats], tuple[float, Floats]], start: Floats, *, max_steps: int
) -> Floats:
    """Where a loss is least, by L-BFGS from `start`; `loss` gives its value and its slope."""
    with np.errstate(under="ignore"):
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": max_steps})
    out: Floats = found.x
    return out


_conforms: type[Rung] = Logistic
