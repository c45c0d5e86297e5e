"""The third rung: gradient-boosted trees that move whole lists (LambdaMART, by LightGBM).

Source: Burges 2010, MSR-TR-2010-82; Ke et al. 2017 (LightGBM). LightGBM is imported here only, and
only when trees are trained; scoring them is `rank/trees`.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import lightgbm as lgb
import numpy as np

from mercer.learn.rung import OnRound, Rung, Trained, in_folds, silent
from mercer.metrics.ragged import Floats, Ints
from mercer.rank.scorer import Scorer
from mercer.rank.training_set import F32s, TrainingSet

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
MAX_LEVELS = 200  # distinct gains that trees tell apart


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaMartParams:
    """Slow steps on parts of the rows and columns: on few lists that generalises better than fewer
    large steps on all of them (docs/decisions/0011-models.md)."""

    n_trees: int = 400  # at most
    learning_rate: float = 0.02
    n_leaves: int = 15
    min_rows_in_leaf: int = 20
    min_hessian_in_leaf: float = 1.0
    l2: float = 10.0
    row_share: float = 0.5  # of each tree
    column_share: float = 0.2  # of each tree ...
    min_columns: int = 20  # ... but at least so many of them
    patience: int = 100  # trees without a better nDCG; only where one part says how long to learn
    k: int = 10  # of the nDCG that is improved
    n_threads: int = 1  # any number gives the same trees

    def to_lightgbm(self, *, seed: int, n_features: int) -> dict[str, Any]:
        """The words of LightGBM."""
        column_share = min(max(self.column_share, self.min_columns / max(n_features, 1)), 1.0)
        return {
            "objective": "lambdarank",
            "metric": "ndcg",
            "eval_at": [self.k],
            "lambdarank_truncation_level": self.k + 5,
            "learning_rate": self.learning_rate,
            "num_leaves": self.n_leaves,
            "min_data_in_leaf": self.min_rows_in_leaf,
            "min_sum_hessian_in_leaf": self.min_hessian_in_leaf,
            "lambda_l2": self.l2,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1 if self.row_share < 1 else 0,
            "feature_fraction": column_share,
            "seed": seed,
            "num_threads": self.n_threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


# What LightGBM's own example sets (examples/lambdarank/train.conf), for comparison.
_PUBLISHED = {
    "objective": "lambdarank",
    "metric": "ndcg",
    "eval_at": [1, 3, 5],
    "max_bin": 255,
    "learning_rate": 0.1,
    "num_leaves": 31,
    "feature_fraction": 1.0,
    "bagging_freq": 1,
    "bagging_fraction": 0.9,
    "min_data_in_leaf": 50,
    "min_sum_hessian_in_leaf": 5.0,
    "num_threads": 1,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
}
_PUBLISHED_TREES = 100


@final
class BoosterScorer:
    """LightGBM's own raw scores: the reference that `rank/trees` is held to."""

    def __init__(self, booster: lgb.Booster) -> None:
        self._booster = booster

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns, as the trees were grown."""
        return tuple(self._booster.feature_name())

    def score(self, matrix: F32s) -> Floats:
        """(n,) of (n, n_features)."""
        out: Floats = np.asarray(
            self._booster.predict(matrix, raw_score=True, num_threads=1), np.float64
        )
        return out


@final
class LambdaMart:
    """Trees that learn the order of whole lists."""

    name = "lambdamart"

    def __init__(self, params: LambdaMartParams | None = None) -> None:
        self._params = params or LambdaMartParams()

    def train(
        self, data: TrainingSet, fold: Ints, *, seed: int, on_round: OnRound = silent
    ) -> Trained:
        """As many trees as are best, on average, for lists not learned from."""
        words, level_gain = self._words(data, seed)
        grown = self._in_folds(data, fold, words, level_gain, on_round)
        n_trees = _best_length([one.history for one in grown])
        unseen = np.full(data.n_rows, np.nan)
        for one in grown:
            unseen[one.rows] = one.booster.predict(
                one.features, raw_score=True, num_iteration=n_trees, num_threads=1
            )
        return self._made(data, n_trees, unseen=unseen, seed=seed)

    def again(self, data: TrainingSet, like: Trained, *, seed: int) -> Trained:
        """As many trees."""
        unseen = np.full(data.n_rows, np.nan)
        return self._made(data, like.n_rounds, unseen=unseen, seed=seed)

    def _words(self, data: TrainingSet, seed: int) -> tuple[dict[str, Any], Floats]:
        """What LightGBM is told, and the levels of gain."""
        words = self._params.to_lightgbm(seed=seed, n_features=len(data.columns.names))
        level_gain = _levels(data.gain)
        return {**words, "label_gain": level_gain.tolist()}, level_gain

    def _made(self, data: TrainingSet, n_trees: int, *, unseen: Floats, seed: int) -> Trained:
        """The trees of all lists."""
        words, level_gain = self._words(data, seed)
        booster = lgb.train(words, _dataset(_telling(data), level_gain), n_trees)
        text = booster.model_to_string()
        kept = lgb.Booster(model_str=text)
        return Trained(
            kind="trees",
            data=text.encode(),
            scorer=BoosterScorer(kept),
            unseen=unseen,
            importance=np.asarray(kept.feature_importance("gain"), np.float64),
            importance_unit="gain of the splits",
            n_rounds=n_trees,
            params={**asdict(self._params), "seed": seed},
            versions={"numpy": np.__version__, "lightgbm": lgb.__version__},
        )

    def _in_folds(
        self,
        data: TrainingSet,
        fold: Ints,
        words: dict[str, Any],
        level_gain: Floats,
        on_round: OnRound,
    ) -> list["_Grown"]:
        """A booster for each fold, with its nDCG after each tree."""
        params, n_folds = self._params, int(fold.max(initial=0))
        out: list[_Grown] = []
        for learned, measured, rows in in_folds(data, fold):
            history: list[float] = []
            done = len(out) * params.n_trees

            def watch(env: Any, history: list[float] = history, done: int = done) -> None:
                history.append(float(env.evaluation_result_list[0][2]))
                on_round(done + env.iteration + 1, n_folds * params.n_trees, max(history))

            callbacks: list[Any] = [watch]
            if n_folds == 1:  # curves of several folds are averaged, so each has to be whole
                callbacks.append(lgb.early_stopping(params.patience, verbose=False))
            train = _dataset(_telling(learned), level_gain)
            valid = _dataset(_telling(measured), level_gain, reference=train)
            booster = lgb.train(
                words, train, params.n_trees, valid_sets=[valid], callbacks=callbacks
            )
            out.append(_Grown(booster, np.array(history), measured.features, rows))
        return out


@dataclass(frozen=True, slots=True)
class Published:
    """LambdaMART as LightGBM's example sets it: 100 trees, and nothing that says how many."""

    seed: int

    def train(self, data: TrainingSet) -> Trained:
        """The trees of all lists."""
        level_gain = _levels(data.gain)
        words = {**_PUBLISHED, "seed": self.seed, "label_gain": level_gain.tolist()}
        booster = lgb.train(words, _dataset(data, level_gain), _PUBLISHED_TREES)
        return Trained(
            kind="trees",
            data=booster.model_to_string().encode(),
            scorer=BoosterScorer(booster),
            unseen=np.full(data.n_rows, np.nan),
            importance=np.asarray(booster.feature_importance("gain"), np.float64),
            importance_unit="gain of the splits",
            n_rounds=_PUBLISHED_TREES,
            params={**_PUBLISHED, "seed": self.seed},
            versions={"lightgbm": lgb.__version__},
        )


@dataclass(frozen=True, slots=True)
class _Grown:
    """Trees of one fold, and the rows that they did not see."""

    booster: lgb.Booster
    history: Floats  # (n_trees,)
    features: F32s
    rows: Ints


def _telling(data: TrainingSet) -> TrainingSet:
    """The lists with a gain; in the others there is no pair to put right, and they are most of a log."""
    chosen = np.flatnonzero(data.has_gain)
    return data if len(chosen) in (0, data.n_queries) else data.take(chosen)


def _best_length(histories: Sequence[Floats]) -> int:
    """The number of trees with the best mean nDCG over the folds; the smaller of equals."""
    shortest = min(len(one) for one in histories)
    mean = np.mean([one[:shortest] for one in histories], axis=0)
    return int(np.argmax(mean)) + 1


def feature_names(names: Sequence[str]) -> list[str]:
    """Names that the text format of LightGBM can hold: ours where all of them fit, else c0, c1, ..."""
    if all(_PLAIN.fullmatch(name) for name in names):
        return list(names)
    return [f"c{i}" for i in range(len(names))]


def _levels(gain: Floats) -> Floats:
    """Rising gains that rows are sorted into, 0 first: LightGBM wants whole-numbered labels.

    Up to MAX_LEVELS distinct gains are exact; more (click / propensity) are cut at quantiles of the
    gains above 0, each level standing for the mean of its rows.
    """
    positive = np.unique(gain[gain > 0])
    if len(positive) >= MAX_LEVELS:
        parts = np.array_split(np.sort(gain[gain > 0]), MAX_LEVELS - 1)
        positive = np.unique([part.mean() for part in parts])
    return np.concatenate([[0.0], positive])


def _labels(gain: Floats, level_gain: Floats) -> Ints:
    """(n,) the nearest level; a gain above 0 never becomes 0."""
    middle = (level_gain[1:] + level_gain[:-1]) / 2
    label = np.searchsorted(middle, gain, side="left")
    out: Ints = np.where(gain > 0, np.maximum(label, 1), 0).astype(np.int64)
    return out


def _dataset(
    data: TrainingSet, level_gain: Floats, *, reference: lgb.Dataset | None = None
) -> lgb.Dataset:
    length = np.diff(data.offsets)
    has_weight = bool((data.weight != 1.0).any())
    return lgb.Dataset(
        data.features,
        _labels(data.gain, level_gain),
        group=length,
        weight=np.repeat(data.weight, length) if has_weight else None,
        feature_name=feature_names(data.columns.names),
        reference=reference,
        free_raw_data=False,
        params={"verbosity": -1, "num_threads": 1},
    )


_conforms: type[Rung] = LambdaMart
_scorer_conforms: type[Scorer] = BoosterScorer
