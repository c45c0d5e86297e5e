"""Laws of the listwise rung: where its weights come to rest, and what holding back own numbers gains."""

from dataclasses import replace

import numpy as np
import pytest

from mercer.engines.embedded.training_ranker import ERRORS_OF_LOG, ladder
from mercer.learn.held_out import compared, ndcg_of
from mercer.learn.listwise import Listwise, ListwiseParams
from mercer.learn.logistic import Standard
from mercer.rank.training_set import FeatureColumns, TrainingSet
from support.rankings import made_lists

N_KIND, N_PAIR, N_OWN = 1, 4, 40  # the pairs' first columns are of kind


def lists(*, seed: int, n_queries: int) -> TrainingSet:
    """The first columns say how a row answers its query, the others what it is: those tell nothing."""
    made = made_lists(seed=seed, n_queries=n_queries, n_features=N_PAIR + N_OWN)
    names = made.columns.names
    columns = FeatureColumns(
        names, made.columns.set_hash, made.columns.missing, frozenset(names[N_PAIR:]),
        frozenset(names[:N_KIND]),
    )  # fmt: skip
    return replace(made, columns=columns)


def trained(data: TrainingSet, **params: object) -> Listwise:
    return Listwise(ListwiseParams(**params))  # type: ignore[arg-type]


@pytest.mark.parametrize(("hold", "hold_kind"), [(1.0, 1.0), (30.0, 0.03)])
def test_at_the_weights_the_pull_of_the_clicks_is_that_of_the_penalty(
    hold: float, hold_kind: float
) -> None:
    """The slope of the plain loss, worked out in numpy, is -l2 x hold x weight in each column."""
    data, l2 = lists(seed=1, n_queries=50), 0.1
    data = data.take(np.flatnonzero(data.has_gain))
    rung = trained(data, l2=(l2,), hold=hold, hold_kind=hold_kind, max_steps=500)
    made = rung.train(data, np.arange(data.n_queries) % 2, seed=0)
    scale = Standard.of(data.features, reach=3.0)
    rows = scale.rows(data.features).astype(np.float64)
    weights = np.array(made.scorer.weight) * scale.spread
    absent = np.array(made.scorer.absent)[scale.gaps]
    score = rows @ np.concatenate([weights, absent])
    slope = np.zeros(rows.shape[1])
    for first, last in zip(data.offsets[:-1], data.offsets[1:], strict=True):
        chance = np.exp(score[first:last] - score[first:last].max())
        share = data.gain[first:last] / data.gain[first:last].sum()
        slope += (chance / chance.sum() - share) @ rows[first:last]
    slope /= data.n_queries
    held = np.ones(len(slope))
    held[:N_KIND] = hold_kind
    held[N_PAIR : N_PAIR + N_OWN] = hold
    np.testing.assert_allclose(
        slope, -l2 * held * np.concatenate([weights, absent]), atol=2e-4
    )  # fmt: skip


def test_the_penalty_is_chosen_by_the_chance_of_what_was_chosen() -> None:
    """With one column every penalty gives the same order, so no nDCG could tell: the chance can."""
    data = made_lists(n_queries=200, n_features=2)
    one_column = np.nan_to_num(data.features[:, :1])
    data = replace(data, columns=FeatureColumns.of_file(["f0"]), features=one_column)
    fold = np.arange(data.n_queries) % 5 + 1
    made = trained(data, l2=(1e3, 1e-3)).train(data, fold, seed=0)
    assert made.params["chosen_l2"] == 1e-3
    strong = trained(data, l2=(1e3,)).train(data, fold, seed=0)
    same = [ndcg_of(data, one.unseen, k=10).mean for one in (made, strong)]
    assert same[0] == pytest.approx(same[1])


def test_a_stronger_penalty_is_kept_where_it_is_behind_by_less_than_is_allowed() -> None:
    """Of the penalties the first that is behind by no more than so many standard errors: 0 takes the
    best, any number of them the first. From a log more are allowed than from judgments."""
    data = made_lists(n_queries=200)
    fold = np.arange(data.n_queries) % 5 + 1
    for errors, want in ((0.0, 1e-3), (1e6, 1e3)):
        made = trained(data, l2=(1e3, 1e-3), errors=errors).train(data, fold, seed=0)
        assert made.params["chosen_l2"] == want
    of_log, of_judgments = ladder(k=10, is_log=True)[0], ladder(k=10)[1]
    kept = [one.train(data, fold, seed=0).params["errors"] for one in (of_log, of_judgments)]
    assert kept == [ERRORS_OF_LOG, 1.0]


def test_columns_that_nobody_told_of_are_held_alike() -> None:
    """Lists of a file, whose columns may mean anything, are learned from as without it."""
    data = made_lists()
    fold = np.arange(data.n_queries) % 3
    one, other = (trained(data, hold=hold).train(data, fold, seed=0) for hold in (1.0, 30.0))
    assert one.data == other.data


def test_holding_back_what_a_listing_is_ranks_new_lists_better() -> None:
    """With few lists and many numbers of the listing alone, new lists are ranked better than without."""
    for seed in range(3):
        data, new = lists(seed=seed, n_queries=60), lists(seed=100 + seed, n_queries=300)
        held, free = (
            trained(data, l2=(0.1, 0.03), hold=hold, hold_kind=1.0).train(
                data, np.arange(data.n_queries) % 2, seed=0
            )
            for hold in (30.0, 1.0)
        )
        a, b = (ndcg_of(new, one.scorer.score(new.features), k=10) for one in (held, free))
        assert a.mean > b.mean + 0.01
        assert compared(a, b, np.random.default_rng(0)).p_greater < 0.05


def of_kinds(*, seed: int, n_queries: int, share: float) -> TrainingSet:
    """Lists of which a share of the rows is of another kind, which nobody wants; one row is chosen."""
    made = made_lists(seed=seed, n_queries=n_queries, n_features=6)
    rng = np.random.default_rng(seed)
    features = np.nan_to_num(made.features)
    features[:, 0] = rng.random(made.n_rows) >= share
    worth = 5.0 * features[:, 0] + features[:, 1:4].sum(axis=1) + rng.gumbel(size=made.n_rows)
    best = np.maximum.reduceat(worth, made.offsets[:-1])[made.owner]
    columns = FeatureColumns(
        made.columns.names, made.columns.set_hash, made.columns.missing, of_kind=frozenset({"f0"})
    )
    return replace(
        made, columns=columns, features=features, gain=(worth == best).astype(np.float64)
    )


def test_hardly_holding_back_what_kind_it_is_ranks_lists_of_all_kinds_better() -> None:
    """Learned from lists with little of another kind, lists with much of it are ranked better."""
    for seed in range(3):
        data = of_kinds(seed=seed, n_queries=300, share=0.05)
        new = of_kinds(seed=100 + seed, n_queries=300, share=0.7)
        free, held = (
            trained(data, l2=(0.1,), hold_kind=hold).train(
                data, np.arange(data.n_queries) % 2, seed=0
            )
            for hold in (0.03, 1.0)
        )
        a, b = (ndcg_of(new, one.scorer.score(new.features), k=10) for one in (free, held))
        assert a.mean > b.mean
        assert compared(b, a, np.random.default_rng(0)).p_less < 0.05
