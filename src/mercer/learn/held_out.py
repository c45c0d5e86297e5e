"""How good scores are on lists that were held out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mercer.metrics.ragged import Floats
from mercer.metrics.ranking import ndcg_at_k
from mercer.metrics.sampling import PairedTest, paired_test
from mercer.rank.training_set import TrainingSet

TIE_SEED = 20_190_211  # any number that never changes


@dataclass(frozen=True, slots=True)
class HeldOut:
    """nDCG of each list, and what it counts."""

    ndcg: Floats  # (n_queries,) in [0, 1], NaN where nothing has a gain
    weight: Floats  # (n_queries,) as in the training set

    @property
    def mean(self) -> float:
        """The mean, each list with its weight; NaN where nothing can be measured."""
        return float(np.nanmean(self.per_query)) if self.n else np.nan

    @property
    def n(self) -> int:
        """How many lists are measured."""
        return int(np.count_nonzero(~np.isnan(self.ndcg)))

    @property
    def per_query(self) -> Floats:
        """(n_queries,) nDCG times weight over the mean weight, so that their plain mean is `mean`."""
        is_measured = ~np.isnan(self.ndcg)
        total = self.weight[is_measured].sum()
        if total == 0:
            return np.full_like(self.ndcg, np.nan)
        out: Floats = self.ndcg * self.weight * (is_measured.sum() / total)
        return out


def ndcg_of(data: TrainingSet, score: Floats, *, k: int) -> HeldOut:
    """The nDCG@k of lists in the order of scores, higher first.

    Rows that tie stand in an order drawn once and for all, so that a score that says nothing gains
    nothing from the order in which its rows came. A list with a NaN among its scores is not measured.
    """
    drawn = np.random.default_rng(TIE_SEED).permutation(data.n_rows)
    order = np.lexsort((drawn, -score, data.owner))
    ndcg = ndcg_at_k(data.gain[order], data.offsets, data.gain, data.offsets, k=k)
    is_scored = np.bincount(data.owner, np.isnan(score), data.n_queries) == 0
    return HeldOut(np.where(is_scored, ndcg, np.nan), data.weight)


def compared(challenger: HeldOut, champion: HeldOut, rng: np.random.Generator) -> PairedTest:
    """Whether the challenger differs from the champion on the same lists; `difference` is its lead."""
    return paired_test(champion.per_query, challenger.per_query, rng)


def standard_error(differences: Floats) -> float:
    """Of the mean of some differences, one per list; NaNs are left out, and of none of them it is 0."""
    known = differences[~np.isnan(differences)]
    return float(known.std() / np.sqrt(known.size)) if known.size else 0.0


def log_chance_of(data: TrainingSet, score: Floats) -> Floats:
    """(n_queries,) mean ln of the chance that softmax(score) gives to what was chosen, by gain.

    Each times its weight over the mean weight, so that the plain mean is the weighted one; <= 0, and NaN
    for a list without a gain or with a NaN among its scores.
    """
    is_scored = np.bincount(data.owner, np.isnan(score), data.n_queries) == 0
    is_told = data.has_gain & is_scored
    out = np.full(data.n_queries, np.nan)
    if not is_told.any():
        return out
    rows = np.flatnonzero(is_told[data.owner])
    owner = (np.cumsum(is_told) - 1)[data.owner[rows]]  # of the lists that are told
    gain, score = data.gain[rows], score[rows]
    above = score - np.maximum.reduceat(score, np.flatnonzero(np.diff(owner, prepend=-1)))[owner]
    log_chance = above - np.log(np.bincount(owner, np.exp(above)))[owner]
    weight = data.weight[is_told]
    told = np.bincount(owner, gain * log_chance) / np.bincount(owner, gain)
    out[is_told] = told * weight / weight.mean()
    return out


def simplest(tried: Sequence[Floats], *, errors: float = 1.0) -> int:
    """The first of those that are not worse than the best by more than so many standard errors.

    The error is that of the difference on the same lists. Among many that were tried the best one owes
    part of its lead to chance, and what is simpler, which stands first, owes less.

    Source: the one standard error rule, Breiman et al. 1984, Classification and Regression Trees, 3.4.3.

    Args:
        tried: at least one, the simplest first: of each (n_queries,) how good it is on the same lists,
            more is better, NaN where that is not measured.
        errors: >= 0; 1 is the rule of the source.
    """
    means = np.array([np.nan if np.isnan(one).all() else np.nanmean(one) for one in tried])
    if np.isnan(means).all():
        return 0
    best = tried[int(np.nanargmax(means))]
    for i, one in enumerate(tried):
        behind = best - one
        if not np.isnan(behind).all() and np.nanmean(behind) <= errors * standard_error(behind):
            return i
    return int(np.nanargmax(means))
