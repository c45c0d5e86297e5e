"""Every list judged once by a model that never saw its query: k folds over queries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mercer.learn.held_out import HeldOut, ndcg_of, simplest
from mercer.learn.ladder import OnStep, quiet
from mercer.learn.rung import Rung, Trained
from mercer.learn.split import MIN_QUERIES, SplitParams, shares_of, stopping_folds
from mercer.metrics.ragged import Floats, Ints
from mercer.rank.training_set import TrainingSet
from mercer.schema.errors import InputError

Fit = Callable[[TrainingSet], Trained]
"""Another way to train, that looks at nothing but the lists it is given."""


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """nDCG of every list that has a gain, by who ranked it."""

    ladder: HeldOut  # by the rung that was best, in each fold, on lists not learned from
    by_rung: dict[str, HeldOut]
    by_other: dict[str, HeldOut]
    chosen: tuple[str, ...]  # (n_folds,) the rung
    score: dict[str, Floats]  # (n_rows,) by a model that never saw the row; LADDER, rungs, others


LADDER = "ladder"


def folds_of(query: Sequence[str], *, n_folds: int, seed: int) -> Ints:
    """(n,) fold of each list, by a hash of its query: all lists of a query are in one fold."""
    text = sorted(set(query))
    order = np.argsort(shares_of(text, seed=seed, salt=b"fold"), kind="stable")
    fold = np.empty(len(text), np.int64)
    fold[order] = np.arange(len(text)) % n_folds  # equal sizes
    known = dict(zip(text, fold.tolist(), strict=True))
    return np.array([known[one] for one in query], np.int64)


def cross_validated(
    data: TrainingSet,
    rungs: Sequence[Rung],
    others: dict[str, Fit],
    *,
    n_folds: int = 5,
    seed: int = 0,
    k: int = 10,
    on_step: OnStep = quiet,
) -> CrossValidated:
    """Judge a ladder and other ways to train on the same folds.

    Args:
        data: all lists.
        rungs: simplest first; each fold keeps the one that is best on lists not learned from.
        others: name -> a training on the same lists.
        n_folds: >= 2.
        seed: of folds and trainings.
    Raises:
        InputError: fewer queries than folds need.
    """
    fold = folds_of(data.query, n_folds=n_folds, seed=seed)
    names = [rung.name for rung in rungs]
    scores = {name: np.empty(data.n_rows) for name in (LADDER, *names, *others)}
    chosen = []
    for i in range(n_folds):
        learn, test = data.take(np.flatnonzero(fold != i)), np.flatnonzero(fold == i)
        if min(learn.n_queries, len(test)) < MIN_QUERIES:
            raise InputError(f"{data.n_queries} lists are too few for {n_folds} folds")
        inner = stopping_folds(
            learn.query, SplitParams(seed=seed), n_telling=int(learn.has_gain.sum())
        )
        trained = {
            rung.name: rung.train(
                learn, inner, seed=seed, on_round=lambda *at, name=rung.name: on_step(name, *at)
            )
            for rung in rungs
        }
        unseen = [ndcg_of(learn, one.unseen, k=k).per_query for one in trained.values()]
        chosen.append(names[simplest(unseen)])
        trained |= {name: train(learn) for name, train in others.items()}
        trained[LADDER] = trained[chosen[-1]]
        _score(data, test, trained, scores)
    held = {name: ndcg_of(data, score, k=k) for name, score in scores.items()}
    return CrossValidated(
        ladder=held[LADDER],
        by_rung={name: held[name] for name in names},
        by_other={name: held[name] for name in others},
        chosen=tuple(chosen),
        score=scores,
    )


def _score(
    data: TrainingSet, test: Ints, trained: dict[str, Trained], scores: dict[str, Floats]
) -> None:
    """Write the scores of the tested lists to their rows."""
    length = np.diff(data.offsets)[test]
    starts = np.repeat(data.offsets[:-1][test], length)
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    part = data.take(test)
    for name, one in trained.items():
        scores[name][starts + within] = one.scorer.score(part.features)
