"""Laws of training: frozen splits, the same bytes for the same seed, and models that learn."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.engines.embedded.anchored_forest import AnchoredForest, AnchoredForestParams
from mercer.engines.embedded.lambdamart import LambdaMart, LambdaMartParams
from mercer.learn.cross_validation import cross_validated, folds_of
from mercer.learn.held_out import compared, ndcg_of, standard_error
from mercer.learn.ladder import climb
from mercer.learn.listwise import Listwise
from mercer.learn.logistic import Logistic
from mercer.learn.rung import Rung
from mercer.learn.split import SplitParams, split
from mercer.rank.anchored_trees import AnchoredTrees
from mercer.rank.contribution import contributing
from mercer.rank.training_set import TrainingSet, joined
from mercer.schema.errors import CorruptError, InputError
from support.rankings import made_lists

QUICK = LambdaMartParams(n_trees=40, min_rows_in_leaf=5, learning_rate=0.1, patience=20)
ANCHORED = AnchoredForest(AnchoredForestParams(anchor="f0", n_trees=60, learning_rate=0.05))
RUNGS = [ANCHORED, Logistic(), Listwise(), LambdaMart(QUICK)]


@pytest.fixture(params=RUNGS, ids=lambda rung: rung.name)
def rung(request: pytest.FixtureRequest) -> Rung:
    return request.param


def parts(data: TrainingSet, **words: float) -> tuple[TrainingSet, np.ndarray]:
    """What a rung is given: lists, and the folds that say how long to learn."""
    made = split(data, SplitParams(**words))
    return data.take(made.learn), made.fold


def test_the_same_seed_gives_the_same_bytes(rung: Rung) -> None:
    """The same lists and the same seed give the same model, bit for bit."""
    lists, fold = parts(made_lists())
    assert rung.train(lists, fold, seed=3).data == rung.train(lists, fold, seed=3).data


@pytest.mark.parametrize("few_lists", [0, 2_000], ids=["one part", "folds"])
def test_again_of_the_same_lists_is_the_same_model(rung: Rung, few_lists: int) -> None:
    """What a rung learns again from the same lists is the same model, bit for bit; of others it differs."""
    lists, fold = parts(made_lists(), few_lists=few_lists)
    trained = rung.train(lists, fold, seed=3)
    again = rung.again(lists, trained, seed=3)
    assert again.data == trained.data
    assert np.isnan(again.unseen).all()
    more = joined([lists, made_lists(seed=1)])
    assert rung.again(more, trained, seed=3).data != trained.data


def test_what_serves_learned_from_all_lists_and_what_is_judged_from_none_that_judge() -> None:
    """Other gains in the lists that judge change what serves, and no bit of what is measured on them."""
    data = made_lists(n_queries=150, days=20)
    made = climb(data, [Listwise()], split_params=SplitParams(), seed=0)
    judge = np.isin(data.owner, np.concatenate([made.split.by_query, made.split.by_time]))
    gain = np.where(judge, np.random.default_rng(0).permutation(data.gain), data.gain)
    other = climb(replace(data, gain=gain), [Listwise()], split_params=SplitParams(), seed=0)
    assert other.best.trained.data == made.best.trained.data
    assert other.whole.data != made.whole.data
    assert made.whole.data == Listwise().again(data, made.best.trained, seed=0).data


def test_threads_change_nothing() -> None:
    """Trees grown by two threads are the trees grown by one."""
    lists, fold = parts(made_lists())
    short = replace(QUICK, n_trees=6)
    two = LambdaMart(replace(short, n_threads=2)).train(lists, fold, seed=1)
    one = LambdaMart(short).train(lists, fold, seed=1)
    rows = made_lists(seed=9).features
    np.testing.assert_array_equal(one.scorer.score(rows), two.scorer.score(rows))


@pytest.mark.parametrize("few_lists", [0, 2_000], ids=["one part", "folds"])
def test_a_list_is_measured_by_a_model_that_did_not_see_it(rung: Rung, few_lists: int) -> None:
    """What chooses the rung is no better on noise than chance, whatever a rung could learn by heart."""
    data = made_lists(n_queries=120)
    noise = replace(data, gain=np.random.default_rng(5).permutation(data.gain))
    lists, fold = parts(noise, few_lists=few_lists)
    trained = rung.train(lists, fold, seed=0)
    assert (np.isnan(trained.unseen) == (fold[lists.owner] == 0)).all()
    unseen = ndcg_of(lists, trained.unseen, k=10)
    chance = ndcg_of(lists, np.where(np.isnan(trained.unseen), np.nan, 0.0), k=10)
    assert unseen.mean < chance.mean + 0.08
    assert unseen.n == np.count_nonzero((fold > 0) & lists.has_gain)


@pytest.mark.parametrize("seed", [0, 1])
def test_folds_judge_every_list_once(seed: int) -> None:
    """In k folds every list is ranked by models that never saw its query; folds are of one size."""
    data = joined([made_lists(n_queries=30), made_lists(n_queries=30, seed=1)])
    fold = folds_of(data.query, n_folds=5, seed=seed)
    assert (fold[:30] == fold[30:]).all()
    assert np.bincount(fold).tolist() == [12] * 5
    noise = replace(data, gain=np.random.default_rng(seed).permutation(data.gain))
    made = cross_validated(noise, [Logistic()], {}, n_folds=5, seed=seed)
    chance = ndcg_of(noise, np.zeros(noise.n_rows), k=10)
    assert made.ladder.n == chance.n
    assert made.ladder.mean < chance.mean + 0.15
    assert made.chosen == ("logistic",) * 5


def test_a_rung_learns(rung: Rung) -> None:
    """On lists whose order the features decide, a rung is far better than chance on unseen ones."""
    lists, fold = parts(made_lists(n_queries=120))
    test = made_lists(seed=1)
    trained = rung.train(lists, fold, seed=0)
    learned = ndcg_of(test, trained.scorer.score(test.features), k=10)
    chance = ndcg_of(test, np.zeros(test.n_rows), k=10)
    assert learned.mean > chance.mean + 0.15
    assert np.argsort(-trained.importance)[:2].tolist() in ([0, 1], [1, 0])


def test_nothing_to_learn_is_no_error(rung: Rung) -> None:
    """Constant columns and columns without any number are passed over."""
    data = made_lists()
    features = data.features.copy()
    features[:, 2], features[:, 3] = 7.0, np.nan
    lists, fold = parts(replace(data, features=features))
    trained = rung.train(lists, fold, seed=0)
    assert np.isfinite(trained.scorer.score(lists.features)).all()
    assert trained.importance[2:4].tolist() == [0.0, 0.0]


@given(seed=st.integers(0, 50), more=st.integers(1, 40))
def test_a_split_is_frozen(seed: int, more: int) -> None:
    """With more data, no query changes between the side that learns and the side that judges."""
    few, many = made_lists(n_queries=60), made_lists(n_queries=60 + more)
    params = SplitParams(seed=seed, by_query=0.3)
    a, b = split(few, params), split(many, params)
    judged = {few.query[i] for i in a.by_query}
    learned = {many.query[i] for i in b.learn}
    assert judged.isdisjoint(learned)


@given(seed=st.integers(0, 50))
def test_a_split_counts_no_list_twice(seed: int) -> None:
    """A list is in one part at most; judged days are later than all that was learned from."""
    data = made_lists(n_queries=100, days=30)
    made = split(data, SplitParams(seed=seed))
    taken = np.concatenate([made.learn, made.by_query, made.by_time])
    assert len(np.unique(taken)) == len(taken)
    assert data.served_ms[made.by_time].min() > data.served_ms[made.learn].max()


def test_pages_of_a_query_stay_together() -> None:
    """Two pages of the same query never lie on two sides of the split by query."""
    data = joined([made_lists(), made_lists(seed=1)])  # each query twice
    made = split(data, SplitParams())
    judged = {data.query[i] for i in made.by_query}
    assert judged.isdisjoint(data.query[i] for i in made.learn)
    fold = dict(zip((data.query[i] for i in made.learn), made.fold.tolist(), strict=True))
    assert [fold[data.query[i]] for i in made.learn] == made.fold.tolist()


def test_too_few_lists_are_told() -> None:
    """A split that leaves a part empty says how many lists there are and what to do."""
    with pytest.raises(InputError, match="3 lists, 3 of them with a gain, are too few"):
        split(made_lists(n_queries=3), SplitParams())


def test_ties_gain_nothing() -> None:
    """A score that says nothing is worth a random order, also where the rows come best first."""
    data = made_lists(n_queries=200)
    order = np.lexsort((-data.gain, data.owner))
    sorted_rows = replace(data, gain=data.gain[order], features=data.features[order])
    tied = ndcg_of(sorted_rows, np.zeros(data.n_rows), k=10).mean
    assert tied < ndcg_of(sorted_rows, sorted_rows.gain, k=10).mean - 0.2


def test_weights_make_the_mean() -> None:
    """The plain mean of `per_query` is the mean of nDCG by weight."""
    data = made_lists()
    weight = np.random.default_rng(0).random(data.n_queries)
    held = ndcg_of(replace(data, weight=weight), data.features[:, 0].astype(np.float64), k=5)
    want = np.average(held.ndcg[~np.isnan(held.ndcg)], weights=weight[~np.isnan(held.ndcg)])
    assert held.mean == pytest.approx(want)
    twin = compared(held, held, np.random.default_rng(0))
    assert twin.difference.mean == 0


def test_the_ladder_measures_every_rung() -> None:
    """Each rung is measured on both kinds of held-out lists, and the best is one of them."""
    made = climb(made_lists(n_queries=150, days=20), RUNGS, split_params=SplitParams(), seed=0)
    assert [step.name for step in made.steps] == [rung.name for rung in RUNGS]
    assert all(step.by_query.n > 10 and step.by_time.n > 10 for step in made.steps)
    assert made.best.unseen.mean == max(step.unseen.mean for step in made.steps)
    assert made.base_by_query is None


def test_a_simpler_rung_is_kept_unless_it_is_clearly_behind() -> None:
    """The first one is kept, and serves, while it is behind by no more than so many standard errors."""
    data, rungs = made_lists(n_queries=150, days=20), [LambdaMart(QUICK), Logistic()]
    made = climb(data, rungs, split_params=SplitParams(), seed=0, errors=0.0)
    behind = made.steps[1].unseen.per_query - made.steps[0].unseen.per_query
    n_errors = np.nanmean(behind) / standard_error(behind)
    assert n_errors > 1
    for errors, kept in ((n_errors * 1.01, rungs[0]), (n_errors * 0.99, rungs[1])):
        again = climb(data, rungs, split_params=SplitParams(), seed=0, errors=errors)
        assert again.best.name == kept.name
        assert again.whole.kind == again.best.trained.kind


def test_with_nothing_to_learn_the_order_stays() -> None:
    """Where nothing tells rows apart, lists lie as the anchor has them."""
    data = made_lists(n_queries=40)
    anchor = data.features[:, 0].astype(np.float64)
    same = replace(data, gain=np.ones(data.n_rows))
    score = ANCHORED.train(same, np.ones(same.n_queries, np.int64), seed=0).scorer.score(
        data.features
    )
    for first, last in zip(data.offsets[:-1], data.offsets[1:], strict=True):
        there = first + np.flatnonzero(~np.isnan(anchor[first:last]))
        np.testing.assert_array_equal(np.argsort(score[there]), np.argsort(anchor[there]))


def test_an_anchored_rung_moves_where_that_pays() -> None:
    """Where another feature tells, the rung leaves its anchor and ranks lists that it never saw better."""
    data = made_lists(n_queries=120)
    made = cross_validated(data, [ANCHORED], {}, seed=0)
    anchor = ndcg_of(data, np.nan_to_num(data.features[:, 0].astype(np.float64)), k=10)
    assert made.ladder.mean > anchor.mean + 0.02
    assert compared(made.ladder, anchor, np.random.default_rng(0)).p_greater < 0.01


def test_an_anchored_model_comes_back_as_it_was() -> None:
    """Read from its bytes it gives the same scores in every bit, and they are divided among features."""
    data = made_lists()
    made = ANCHORED.train(data, np.ones(data.n_queries, np.int64), seed=0)
    again = AnchoredTrees.from_bytes(made.data, at="here")
    score = again.score(data.features)
    np.testing.assert_array_equal(score, made.scorer.score(data.features))
    divided = contributing(again)
    assert divided is not None
    whole = divided.expected + divided.of_rows(data.features[:50]).sum(axis=1)
    np.testing.assert_allclose(whole, score[:50], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("cut", [10, 600, -200])
def test_an_anchored_model_that_was_cut_is_refused(cut: int) -> None:
    """A truncated file is named, wherever it was cut."""
    data = made_lists()
    made = ANCHORED.train(data, np.zeros(data.n_queries, np.int64), seed=0).data
    end = made.index(b"end of trees") - 20 if cut == -200 else cut
    with pytest.raises(CorruptError):
        AnchoredTrees.from_bytes(made[:end], at="here")


def test_an_anchor_that_is_not_there_is_named() -> None:
    """A set without the anchor's feature is refused with its name."""
    data = made_lists()
    with pytest.raises(InputError, match="'fp_first_pass'"):
        AnchoredForest().train(data, np.ones(data.n_queries, np.int64), seed=0)
