"""The ladder: every rung learns from the same frozen split, and each has to beat the one below.

Once the best rung is known and measured, what was held out has told all that it can. So what serves
learns again, from all lists, those that judged and those of the latest days among them, for as long and
as strongly held back as the rung that was measured (scikit-learn's `GridSearchCV` calls that `refit`).
The measured one is kept beside it: no comparison is ever made on lists that a model learned from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mercer.learn.held_out import HeldOut, compared, ndcg_of, simplest
from mercer.learn.rung import Rung, Trained
from mercer.learn.split import Split, SplitParams, split
from mercer.metrics.ragged import Floats, Ints
from mercer.metrics.sampling import PairedTest
from mercer.rank.training_set import TrainingSet

BASE = "as_served"  # the order without a model
OnStep = Callable[[str, int, int, float], None]
"""How far it is: (rung, rounds done, rounds at most, best nDCG on lists not learned from)."""


def quiet(rung: str, done: int, most: int, ndcg: float) -> None:
    """An OnStep that says nothing."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rung, trained and measured."""

    name: str
    trained: Trained
    unseen: HeldOut  # on lists it learned from in the end, by models that had not: chooses the rung
    by_query: HeldOut
    by_time: HeldOut  # of no lists where times are unknown


@dataclass(frozen=True, slots=True)
class Climbed:
    """All rungs on one split."""

    data: TrainingSet
    split: Split
    split_params: SplitParams
    seed: int
    k: int
    steps: tuple[Step, ...]
    errors: float  # by which a simpler rung may be behind, see `climb`
    whole: Trained  # the best rung learned from all lists: what serves
    base_by_query: HeldOut | None  # None where the order without a model is unknown
    base_by_time: HeldOut | None

    @property
    def best(self) -> Step:
        """The simplest rung that is about as good as the best on lists not learned from (`simplest`).

        The judging parts are not asked, so that what they say of it stays true.
        """
        return self.steps[best_of(self.steps, errors=self.errors)]

    def against(self, other: HeldOut | None, rng: np.random.Generator) -> PairedTest | None:
        """The best rung's lead over another order on the queries that were held out."""
        return None if other is None else compared(self.best.by_query, other, rng)


def best_of(steps: Sequence[Step], *, errors: float) -> int:
    """The place of the simplest one about as good as the best on lists not learned from (`simplest`)."""
    return simplest([step.unseen.per_query for step in steps], errors=errors)


def climb(
    data: TrainingSet,
    rungs: Sequence[Rung],
    *,
    split_params: SplitParams,
    seed: int,
    k: int = 10,
    errors: float = 1.0,
    on_step: OnStep = quiet,
) -> Climbed:
    """Train and measure every rung, and learn the best one again from all lists.

    Args:
        data: all lists.
        rungs: simplest first.
        seed: of the trainings.
        k: of nDCG@k.
        errors: standard errors that the best rung has to be ahead of a simpler one to be kept.
    Raises:
        InputError: too few lists for the split.
    """
    parts = split(data, split_params)
    learn, by_query, by_time = (data.take(p) for p in (parts.learn, parts.by_query, parts.by_time))
    steps = []
    for rung in rungs:
        trained = rung.train(
            learn, parts.fold, seed=seed, on_round=lambda *at, name=rung.name: on_step(name, *at)
        )
        unseen = ndcg_of(learn, trained.unseen, k=k)
        judged = [ndcg_of(p, trained.scorer.score(p.features), k=k) for p in (by_query, by_time)]
        steps.append(Step(rung.name, trained, unseen, *judged))
    del learn
    kept = best_of(steps, errors=errors)
    best, again = steps[kept], f"{steps[kept].name}, all lists"
    on_step(again, 0, 1, best.unseen.mean)
    whole = rungs[kept].again(data, best.trained, seed=seed)
    on_step(again, 1, 1, best.unseen.mean)
    return Climbed(
        data=data,
        split=parts,
        split_params=split_params,
        seed=seed,
        k=k,
        steps=tuple(steps),
        errors=errors,
        whole=whole,
        base_by_query=_base(by_query, k=k),
        base_by_time=_base(by_time, k=k),
    )


def _base(part: TrainingSet, *, k: int) -> HeldOut | None:
    if np.isnan(part.base).any() or part.n_queries == 0:
        return None
    return ndcg_of(part, part.base, k=k)


def by_segment(part: TrainingSet, values: Floats) -> dict[str, dict[str, Ints]]:
    """Segment -> label -> the lists of `part` with it that are measured."""
    is_measured = ~np.isnan(values)
    out: dict[str, dict[str, Ints]] = {}
    for name, labels in part.segments.items():
        column = np.array(labels, dtype=object)
        out[name] = {
            label: np.flatnonzero((column == label) & is_measured) for label in sorted(set(labels))
        }
    return out
