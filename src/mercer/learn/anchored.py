"""A rung for few lists: it starts from the order without a model and leaves it only as far as that pays."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import final

import numpy as np
import scipy

from mercer.learn.held_out import ndcg_of, simplest
from mercer.learn.listwise import fitted
from mercer.learn.logistic import Standard
from mercer.learn.rung import OnRound, Rung, Trained, in_folds, silent
from mercer.metrics.ragged import Floats, Ints
from mercer.rank.linear import LinearScorer
from mercer.rank.training_set import TrainingSet
from mercer.schema.errors import InputError

FIRST_PASS = "fp_first_pass"  # of the default feature set


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredParams:
    """How far the weights may leave the first pass is chosen by lists not learned from."""

    anchor: str = FIRST_PASS  # the feature that the order without a model goes by
    # Tried in this order after the anchor alone, see `simplest`.
    l2: tuple[float, ...] = (100.0, 30.0, 10.0, 3.0)
    max_steps: int = 100  # of L-BFGS, for each
    k: int = 10  # of the nDCG that chooses


@final
class Anchored:
    """ListNet on gains, linear in the features, held to the order of one of them; nothing is drawn.

    The penalty is the squared distance to the anchor alone, at the scale that fits best, and not to
    zero: with too few lists to tell anything, the order without a model is what is left.
    """

    name = "anchored"

    def __init__(self, params: AnchoredParams | None = None) -> None:
        self._params = params or AnchoredParams()

    def train(
        self, data: TrainingSet, fold: Ints, *, seed: int, on_round: OnRound = silent
    ) -> Trained:
        """The weights under the L2 that is best on lists not learned from; `seed` changes nothing.

        Raises:
            InputError: the lists do not have the anchor.
        """
        params = self._params
        if params.anchor not in data.columns.names:
            raise InputError(f"anchored: the feature set has no {params.anchor!r} to begin from")
        tried = [np.full(data.n_rows, np.nan) for _ in range(len(params.l2) + 1)]
        for learned, measured, rows in in_folds(data, fold):
            for i, (scorer, _) in enumerate(self._path(learned, params.l2)):
                tried[i][rows] = scorer.score(measured.features)
        measured_by = [ndcg_of(data, one, k=params.k) for one in tried]
        best = simplest(measured_by)
        on_round(len(tried), len(tried), measured_by[best].mean)
        *_, (scorer, weights) = self._path(data, params.l2[:best])
        return Trained(
            kind="linear",
            data=scorer.to_bytes(),
            scorer=scorer,
            unseen=tried[best],
            importance=np.abs(weights[: len(scorer.features)]),
            importance_unit="weight per standard deviation",
            n_rounds=len(tried),
            params={**asdict(params), "chosen_l2": params.l2[best - 1] if best else None},
            versions={"numpy": np.__version__, "scipy": scipy.__version__},
        )

    def _path(
        self, data: TrainingSet, l2: Sequence[float]
    ) -> Iterator[tuple[LinearScorer, Floats]]:
        """The anchor alone, then for each L2 (the scorer, its weights per standard deviation)."""
        names, steps = data.columns.names, self._params.max_steps
        scale = Standard.of(data.features)
        chosen = data.take(np.flatnonzero(data.has_gain))
        rows = np.ascontiguousarray(scale.rows(chosen.features))
        lists = chosen.gain, chosen.offsets, chosen.weight
        place = names.index(self._params.anchor)
        alone = np.ascontiguousarray(rows[:, place : place + 1])
        anchor = np.zeros(rows.shape[1])
        (scale_of_anchor,) = fitted(alone, *lists, np.ones(1), l2=0.0, max_steps=steps)
        anchor[place] = max(scale_of_anchor, MIN_WEIGHT)
        weights = anchor
        for one in (None, *l2):
            if one is not None:
                weights = fitted(rows, *lists, weights, l2=one, max_steps=steps, held_to=anchor)
            with_bias = np.append(weights, 0.0)
            yield scale.scorer(names, with_bias), with_bias


MIN_WEIGHT = 1e-6  # of the anchor: its order stands, also where it is the wrong way round

_conforms: type[Rung] = Anchored
