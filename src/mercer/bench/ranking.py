"""`mercer bench ranking`: the ladder beside LightGBM's published setting, on the same folds."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mercer.bench.machine import provenance
from mercer.engines.embedded.lambdamart import Published
from mercer.engines.embedded.training_files import read_letor
from mercer.engines.embedded.training_ranker import ladder
from mercer.evaluate.gains import GainSpec
from mercer.learn.cross_validation import LADDER, CrossValidated, cross_validated
from mercer.learn.held_out import HeldOut, compared
from mercer.learn.ladder import OnStep, quiet
from mercer.metrics.sampling import Interval, bootstrap_mean
from mercer.rank.training_set import TrainingSet
from mercer.schema.errors import ConfigError

PUBLISHED = "lightgbm_published"
LEVEL = 0.05  # at which the ladder would count as worse


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingBench:
    """What is compared."""

    letor: Path
    gains: str = "exp"
    folds: int = 5
    repeats: int = 3  # of all folds, cut anew by another seed
    k: int = 10
    seed: int = 0


def bench_ranking(bench: RankingBench, *, on_step: OnStep = quiet) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    The nDCG of a list is its mean over the repeats, so that a list counts once in the paired test.

    Raises:
        ConfigError: a number is out of range.
        MarketError: the file cannot be read, or has too few lists.
    """
    if bench.folds < 2 or bench.repeats < 1 or bench.k < 1 or bench.seed < 0:
        raise ConfigError(
            f"folds must be at least 2, repeats and k 1, seed 0; got {bench.folds}, "
            f"{bench.repeats}, {bench.k}, {bench.seed}"
        )
    spec = GainSpec.parse(bench.gains)
    data = read_letor(bench.letor, gain_of=lambda grade: spec.apply(grade).gain)
    runs = [_run(data, bench, bench.seed + i, on_step) for i in range(bench.repeats)]
    by_name = {
        LADDER: _mean([run.ladder for run in runs]),
        **{name: _mean([run.by_rung[name] for run in runs]) for name in runs[0].by_rung},
        PUBLISHED: _mean([run.by_other[PUBLISHED] for run in runs]),
    }
    rng = np.random.default_rng(bench.seed)
    test = compared(by_name[LADDER], by_name[PUBLISHED], rng)
    line: dict[str, Any] = {"bench": "ranking", **asdict(bench), "letor": bench.letor.name}
    return line | {
        "lists": by_name[LADDER].n,
        "ndcg": {name: _interval(held, rng) for name, held in by_name.items()},
        "ndcg_by_repeat": [
            {LADDER: run.ladder.mean, PUBLISHED: run.by_other[PUBLISHED].mean} for run in runs
        ],
        "chosen": [list(run.chosen) for run in runs],
        "lead": test.difference.mean,
        "lead_low": test.difference.low,
        "lead_high": test.difference.high,
        "p_no_better": test.p_greater,
        "p_no_worse": test.p_less,
        "is_no_worse": bool(test.difference.mean >= 0 or test.p_less >= LEVEL),
        **provenance(),
    }


def _run(data: TrainingSet, bench: RankingBench, seed: int, on_step: OnStep) -> CrossValidated:
    published = Published(seed=seed)
    return cross_validated(
        data,
        ladder(k=bench.k),
        {PUBLISHED: published.train},
        n_folds=bench.folds,
        seed=seed,
        k=bench.k,
        on_step=on_step,
    )


def _mean(runs: list[HeldOut]) -> HeldOut:
    """Each list's mean over the repeats; a list without a gain is undefined in all of them."""
    return HeldOut(np.mean([one.ndcg for one in runs], axis=0), runs[0].weight)


def _interval(held: HeldOut, rng: np.random.Generator) -> dict[str, float]:
    found: Interval = bootstrap_mean(held.per_query, rng)
    return {"mean": found.mean, "low": found.low, "high": found.high}
