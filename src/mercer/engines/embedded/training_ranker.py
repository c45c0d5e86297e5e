"""From a training set to a model file: the ladder, its report, and where the model comes from."""

import time
from typing import Any, Final

import numpy as np

from mercer.engines.embedded.anchored_forest import (
    FIRST_PASS,
    AnchoredForest,
    AnchoredForestParams,
)
from mercer.engines.embedded.lambdamart import LambdaMart, LambdaMartParams
from mercer.engines.embedded.models import ModelFolder
from mercer.learn.ladder import OnStep, climb, quiet
from mercer.learn.lesson import Lesson
from mercer.learn.listwise import Listwise, ListwiseParams
from mercer.learn.logistic import Logistic, LogisticParams
from mercer.learn.model_file import ModelFile, check_name
from mercer.learn.packing import Origin, packed
from mercer.learn.report import report_of
from mercer.learn.rung import Rung
from mercer.learn.split import SplitParams
from mercer.rank.training_set import TrainingSet

ROLE: Final = "ranker"
# A log shows of each page what was ranked high, and of that a model tells more than of the hundreds below
# for which it is too free: a stronger penalty, and a simpler rung, is kept unless it is clearly behind.
ERRORS_OF_LOG: Final = 3.0
LOG: Final = "log"  # where lists may come from
JUDGMENTS: Final = "judgments"  # their rows are all that was found


def ladder(
    *, k: int, threads: int = 1, is_log: bool = False, is_anchored: bool = False
) -> tuple[Rung, ...]:
    """The rungs that `mercer train ranker` climbs, simplest first; all are judged by nDCG@k.

    Args:
        is_log: lists are pages of a log. They hold what was ranked high, and whether anything of a page
            is clicked depends on the query and the hour more than on its listings; a regression on
            single rows spends itself on that, so for logs the conditional (listwise) one is the first.
        is_anchored: the first rung begins from the first pass; see `begins_from_first_pass`.
    """
    trees = LambdaMart(LambdaMartParams(k=k, n_threads=threads))
    if is_log:
        return (Listwise(ListwiseParams(k=k, errors=ERRORS_OF_LOG)), trees)
    listwise = (Listwise(ListwiseParams(k=k)), trees)
    first = (AnchoredForest(AnchoredForestParams(k=k, n_threads=threads)),) if is_anchored else ()
    return (*first, Logistic(LogisticParams(k=k)), *listwise)


def begins_from_first_pass(data: TrainingSet) -> bool:
    """Whether judged lists are so few that the order without a model is the best guess to begin from."""
    return data.n_queries < SplitParams().few_lists and FIRST_PASS in data.columns.names


def train_ranker(
    lesson: Lesson,
    folder: ModelFolder,
    split: SplitParams,
    *,
    name: str | None,
    k: int,
    seed: int,
    threads: int = 1,
    on_step: OnStep = quiet,
) -> tuple[str, dict[str, Any]]:
    """Climb the ladder and write the best rung; the model's id and its report.

    Args:
        name: what the model is called; None: what the rung is that was kept.
    Raises:
        InputError: a name that cannot be one, or too few lists.
    """
    if name is not None:
        check_name(name, what="name")
    model, report = trained_ranker(
        lesson, split, name=name, k=k, seed=seed, threads=threads,
        parent=folder.history().current, on_step=on_step,
    )  # fmt: skip
    return folder.write(model), report


def trained_ranker(
    lesson: Lesson,
    split: SplitParams,
    *,
    name: str | None,
    k: int,
    seed: int,
    threads: int = 1,
    parent: str | None = None,
    on_step: OnStep = quiet,
) -> tuple[ModelFile, dict[str, Any]]:
    """The same without writing it. Raises InputError where there are too few lists."""
    is_anchored = lesson.source == JUDGMENTS and begins_from_first_pass(lesson.data)
    is_log = lesson.source == LOG
    rungs = ladder(k=k, threads=threads, is_log=is_log, is_anchored=is_anchored)
    with np.errstate(all="ignore"):
        climbed = climb(
            lesson.data, rungs, split_params=split, seed=seed, k=k,
            errors=ERRORS_OF_LOG if is_log else 1.0, on_step=on_step,
        )  # fmt: skip
        report = report_of(climbed, seed=seed) | dict(lesson.numbers)
    origin = Origin(
        role=ROLE,
        name=name or climbed.best.name,
        created_ms=time.time_ns() // 1_000_000,
        source=lesson.source,
        window=lesson.window,
        extra=lesson.files,
        parents=(parent,) if parent else (),
    )
    return packed(climbed, report, origin), report
