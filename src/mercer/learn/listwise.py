"""The second rung: a weighted sum that makes what was chosen the likeliest of its list.

The chance that a listing is the one chosen is softmax(score) within its list, so whatever is the same
for all candidates of a request (a long query, a generous visitor) drops out and needs no weight; only
what tells candidates apart is learned. Few weights learn from few clicks.

What a listing is whoever asks (its rating, its own clicks) is many columns of much noise: with some
thousand clicks their weights are held back more strongly than those of how it answers who asked. Whether
it is the kind of thing that is wanted is few columns, and lists show little else, so that a penalty that
is right for the others takes most of their weights away: they are hardly held back
(docs/decisions/0011-models.md).

Source: Cao et al. 2007, "Learning to rank: from pairwise approach to listwise approach" (ListNet, top
one), doi:10.1145/1273496.1273513; with one choice per list it is the conditional logit of McFadden 1974.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import final

import numba as nb
import numpy as np

from mercer.learn.held_out import log_chance_of, ndcg_of, simplest
from mercer.learn.logistic import F4_TABLE, Standard, dot, minimised
from mercer.learn.penalty_path import trained_at, trained_like, unseen_scores
from mercer.learn.rung import OnRound, Rung, Trained, silent
from mercer.metrics.ragged import Floats, Ints
from mercer.rank.linear import LinearScorer
from mercer.rank.training_set import F32s, TrainingSet
from mercer.text.kernel_types import F8S, I8S


@dataclass(frozen=True, slots=True, kw_only=True)
class ListwiseParams:
    """How strongly the weights are held back is chosen by lists not learned from."""

    l2: tuple[float, ...] = (1.0, 0.3, 0.1, 0.03, 0.01)  # tried in this order, see `simplest`
    errors: float = 1.0  # standard errors that a stronger penalty may be behind, see `simplest`
    hold: float = 30.0  # times stronger for columns that are the same whoever asks for whatever
    hold_kind: float = 0.03  # the same for columns that say whether it is the kind of thing wanted
    reach: float = 3.0  # standard deviations: a value beyond counts as one there
    max_steps: int = 60  # of L-BFGS, for each
    k: int = 10  # of the nDCG that is told while it learns


@final
class Listwise:
    """ListNet on gains, linear in the features; nothing is drawn."""

    name = "listwise"

    def __init__(self, params: ListwiseParams | None = None) -> None:
        self._params = params or ListwiseParams()

    def train(
        self, data: TrainingSet, fold: Ints, *, seed: int, on_round: OnRound = silent
    ) -> Trained:
        """The weights under the L2 that is best on lists not learned from; `seed` changes nothing."""
        l2 = self._params.l2
        tried = unseen_scores(self._path, data, fold, l2)
        # By the chance of what was chosen, which is what is learned: the nDCG of a click or two is so
        # noisy that a far too strong penalty is within its error.
        chances = [log_chance_of(data, one) for one in tried]
        best = simplest(chances, errors=self._params.errors)
        on_round(len(l2), len(l2), ndcg_of(data, tried[best], k=self._params.k).mean)
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
        scale = Standard.of(data.features, reach=self._params.reach)
        chosen = data.take(np.flatnonzero(data.has_gain))
        rows = scale.rows(chosen.features)
        weights, hold = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
        for at, name in enumerate(data.columns.names):
            if name in data.columns.of_listing:
                hold[at] = self._params.hold
            elif name in data.columns.of_kind:
                hold[at] = self._params.hold_kind
        for one in l2:
            weights = fitted(
                rows, chosen.gain, chosen.offsets, chosen.weight, weights,
                l2=one * hold, max_steps=self._params.max_steps,
            )  # fmt: skip
            with_bias = np.append(weights, 0.0)
            yield scale.scorer(data.columns.names, with_bias), with_bias


@nb.njit(nb.f8(F4_TABLE, F8S, I8S, F8S, F8S, F8S, nb.f8[::1], nb.f8[::1]), cache=True, nogil=True)
def _list_loss(
    rows: F32s, gain: Floats, offsets: Ints, list_weight: Floats, weights: Floats,
    l2: Floats, scores: Floats, slope: Floats,
) -> float:  # fmt: skip
    """-sum over lists of w x sum over rows of share x log softmax, by weight; and its slope.

    Summed list by list, so that no thread changes a bit.
    """
    n_columns = rows.shape[1]
    slope[:] = 0.0
    total: float = 0.0
    whole: float = 0.0
    for one in range(offsets.size - 1):
        first, last = offsets[one], offsets[one + 1]
        top = -np.inf
        gains = 0.0
        for row in range(first, last):
            score = dot(rows, row, weights)
            scores[row] = score
            top = max(top, score)
            gains += gain[row]
        mass = 0.0
        for row in range(first, last):
            mass += np.exp(scores[row] - top)
        w = list_weight[one]
        whole += w
        for row in range(first, last):
            share = gain[row] / gains
            log_chance = scores[row] - top - np.log(mass)
            total -= w * share * log_chance
            rest = w * (np.exp(log_chance) - share)
            for column in range(n_columns):
                slope[column] += rest * rows[row, column]
    total /= whole
    for column in range(n_columns):
        slope[column] = slope[column] / whole + l2[column] * weights[column]
        total += 0.5 * l2[column] * weights[column] * weights[column]
    return total


def fitted(
    rows: F32s, gain: Floats, offsets: Ints, list_weight: Floats, start: Floats,
    *, l2: Floats, max_steps: int,
) -> Floats:  # fmt: skip
    """(n_columns,) weights of the least penalised list loss; `start` where there is no list.

    Args:
        rows: (n, n_columns) as `Standard.rows` gives them.
        gain: (n,) >= 0, above 0 somewhere in each list.
        offsets: (n_lists + 1,)
        list_weight: (n_lists,) > 0.
        l2: (n_columns,) of each weight.
        start: the weights to begin from.
    """
    if len(offsets) < 2:
        return start
    scores = np.empty(len(rows))

    def loss(weights: Floats) -> tuple[float, Floats]:
        slope = np.empty(len(weights))
        value = _list_loss(rows, gain, offsets, list_weight, weights, l2, scores, slope)
        return value, slope

    return minimised(loss, start, max_steps=max_steps)


_conforms: type[Rung] = Listwise
