"""A rung for few lists: trees that share no errors, averaged, beside the order without a model.

Each tree sees a part of the rows and, at each split, a part of the columns with one random threshold
each, so that they err in different directions and their mean does not (Breiman 2001,
doi:10.1023/A:1010933404324; Geurts et al. 2006, doi:10.1007/s10994-006-6226-1). On few lists that
ranks better than boosting does, and what learns single gains better than what learns whole lists.
The forest is grown as many small steps of LightGBM, so what serves boosted trees serves it.
"""

from dataclasses import asdict, dataclass
from typing import Any, final

import lightgbm as lgb
import numpy as np

from mercer.engines.embedded.lambdamart import feature_names
from mercer.learn.held_out import ndcg_of
from mercer.learn.rung import OnRound, Rung, Trained, in_folds, silent
from mercer.metrics.ragged import Floats, Ints
from mercer.rank.anchored_trees import AnchoredTrees, written
from mercer.rank.linear import LinearScorer
from mercer.rank.training_set import TrainingSet
from mercer.schema.errors import InputError

FIRST_PASS = "fp_first_pass"  # of the default feature set


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredForestParams:
    """The forest has as much to say as the anchor: their spreads within a list are made equal."""

    anchor: str = FIRST_PASS  # the feature that the order without a model goes by
    depth: int = 60  # the best of each list by the anchor, that are learned from
    n_trees: int = 300
    learning_rate: float = 0.01
    n_leaves: int = 63
    min_rows_in_leaf: int = 10
    row_share: float = 0.63  # of each tree
    column_share: float = 0.4  # of each split
    k: int = 10  # of the nDCG that is told
    n_threads: int = 1  # any number gives the same trees

    def to_lightgbm(self, *, seed: int) -> dict[str, Any]:
        """The words of LightGBM."""
        return {
            "objective": "regression",
            "extra_trees": True,
            "learning_rate": self.learning_rate,
            "num_leaves": self.n_leaves,
            "min_data_in_leaf": self.min_rows_in_leaf,
            "min_sum_hessian_in_leaf": 0.0,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "feature_fraction_bynode": self.column_share,
            "seed": seed,
            "num_threads": self.n_threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


@final
class AnchoredForest:
    """Regression of the gain by extremely randomised trees, added to the anchor."""

    name = "anchored"

    def __init__(self, params: AnchoredForestParams | None = None) -> None:
        self._params = params or AnchoredForestParams()

    def train(
        self, data: TrainingSet, fold: Ints, *, seed: int, on_round: OnRound = silent
    ) -> Trained:
        """The forest of all lists; how far it spreads is read off lists not learned from.

        Raises:
            InputError: the lists do not have the anchor.
        """
        params = self._params
        if params.anchor not in data.columns.names:
            raise InputError(f"anchored: the feature set has no {params.anchor!r} to begin from")
        top_gain = max(float(data.gain.max(initial=0.0)), 1e-12)
        unseen, n_folds = np.full(data.n_rows, np.nan), int(fold.max(initial=0))
        for done, (learned, measured, rows) in enumerate(in_folds(data, fold), start=1):
            unseen[rows] = _predicted(self._grown(learned, seed, top_gain), measured)
            so_far = ndcg_of(data, unseen, k=params.k).mean
            on_round(done * params.n_trees, n_folds * params.n_trees, so_far)
        booster = self._grown(data, seed, top_gain)
        told = unseen if n_folds else _predicted(booster, data)
        anchor = self._anchor(data, told)
        unseen = unseen + anchor.score(data.features)
        return self._made(booster, anchor, unseen=unseen, seed=seed, top_gain=top_gain)

    def again(self, data: TrainingSet, like: Trained, *, seed: int) -> Trained:
        """As many trees, beside the same anchor: how far they spread where nothing was learned by heart."""
        anchor = AnchoredTrees.from_bytes(like.data, at="anchored").anchor
        unseen, top_gain = np.full(data.n_rows, np.nan), like.params["top_gain"]
        booster = self._grown(data, seed, top_gain)
        return self._made(booster, anchor, unseen=unseen, seed=seed, top_gain=top_gain)

    def _made(
        self,
        booster: lgb.Booster,
        anchor: LinearScorer,
        *,
        unseen: Floats,
        seed: int,
        top_gain: float,
    ) -> Trained:
        """The forest beside its anchor."""
        params = self._params
        file = written(anchor, booster.model_to_string())
        gain = np.asarray(booster.feature_importance("gain"), np.float64)
        place = anchor.features.index(params.anchor)
        return Trained(
            kind="anchored_trees",
            data=file,
            scorer=AnchoredTrees.from_bytes(file, at="anchored"),
            unseen=unseen,
            importance=gain / max(gain.sum(), 1e-12) + (np.arange(len(gain)) == place),
            importance_unit="share of the splits' gain; 1 more for what they are added to",
            n_rounds=params.n_trees,
            params={**asdict(params), "seed": seed, "top_gain": top_gain},
            versions={"numpy": np.__version__, "lightgbm": lgb.__version__},
        )

    def _grown(self, data: TrainingSet, seed: int, top_gain: float) -> lgb.Booster:
        """The forest of the best rows of the lists that have a gain, as a share of `top_gain`."""
        params, anchor = self._params, _column(data, self._params.anchor)
        order = np.lexsort((np.where(np.isnan(anchor), np.inf, -anchor), data.owner))
        place = np.empty(data.n_rows, np.int64)
        place[order] = np.arange(data.n_rows) - data.offsets[data.owner[order]]
        rows = np.flatnonzero((place < params.depth) & data.has_gain[data.owner])
        target = data.gain / top_gain
        lists = lgb.Dataset(
            data.features[rows],
            target[rows],
            weight=data.weight[data.owner[rows]],
            feature_name=feature_names(data.columns.names),
            params={"verbosity": -1, "num_threads": 1},
        )
        return lgb.train(params.to_lightgbm(seed=seed), lists, params.n_trees)

    def _anchor(self, data: TrainingSet, forest: Floats) -> LinearScorer:
        """The anchor with the spread that the forest has within a list."""
        names, anchor = data.columns.names, _column(data, self._params.anchor)
        spreads = _spread_within(data, forest), _spread_within(data, anchor)
        weight = spreads[0] / spreads[1] if min(spreads) > 0.0 else 1.0
        is_anchor = np.array(names) == self._params.anchor
        centre = float(np.nanmean(anchor)) if not np.isnan(anchor).all() else 0.0
        return LinearScorer(
            features=names,
            weight=tuple(np.where(is_anchor, weight, 0.0).tolist()),
            centre=tuple(np.where(is_anchor, centre, 0.0).tolist()),
            absent=(0.0,) * len(names),
        )


def _predicted(booster: lgb.Booster, data: TrainingSet) -> Floats:
    found: Floats = np.asarray(booster.predict(data.features, num_threads=1), np.float64)
    return found


def _column(data: TrainingSet, name: str) -> Floats:
    column: Floats = data.features[:, data.columns.names.index(name)].astype(np.float64)
    return column


def _spread_within(data: TrainingSet, values: Floats) -> float:
    """The root mean square distance of a row from the mean of its list; rows without a value not counted."""
    there = np.flatnonzero(np.isfinite(values))
    owner = data.owner[there]
    count = np.maximum(np.bincount(owner, minlength=data.n_queries), 1)
    mean = np.bincount(owner, values[there], data.n_queries) / count
    away = values[there] - mean[owner]
    return float(np.sqrt(np.mean(away * away))) if there.size else 0.0


_conforms: type[Rung] = AnchoredForest
