"""`mercer bench ranking --judgments`: the cascade beside retrieval alone, on judged catalogues."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mercer.app import open_market
from mercer.bench.machine import provenance
from mercer.engines.embedded.feature_sets import FeatureSetFolder
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.training_ranker import begins_from_first_pass, ladder
from mercer.learn.cross_validation import LADDER, CrossValidated, cross_validated
from mercer.learn.ladder import OnStep, quiet
from mercer.metrics.ragged import Floats
from mercer.metrics.sampling import bootstrap_mean, paired_test
from mercer.schema.errors import ConfigError
from mercer.serve.judged import JudgedLists, judged_lists, truth_of

RETRIEVAL = "retrieval"
BETTER, WORSE = 0.1, 0.05  # one-sided levels at which the cascade counts as such
OnQuery = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A catalogue that is indexed, and what people said about it."""

    market: Path
    judgments: Path
    gains: str
    map_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardsBench:
    """What is compared."""

    boards: Sequence[Board]
    candidates: int = 200  # of each query
    folds: int = 5
    repeats: int = 3  # of all folds, cut anew by another seed
    k: int = 10
    seed: int = 0


def bench_boards(
    bench: BoardsBench,
    *,
    on_step: OnStep = quiet,
    on_query: OnQuery = lambda board, done, total: None,
) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    A query's nDCG is its mean over the repeats, so that it counts once in the paired test.

    Raises:
        ConfigError: a number is out of range.
        MarketError: a market or its judgments are not what they should be.
    """
    if bench.folds < 2 or bench.repeats < 1 or bench.k < 1 or bench.seed < 0 or not bench.boards:
        raise ConfigError(
            f"folds must be at least 2, repeats, k and boards 1, seed 0; got {bench.folds}, "
            f"{bench.repeats}, {bench.k}, {len(bench.boards)}, {bench.seed}"
        )
    rng = np.random.default_rng(bench.seed)
    measured = [_measured(board, bench, on_step, on_query) for board in bench.boards]
    pooled = _joined([one.ndcg for one in measured])
    return {
        "bench": "ranking",
        "candidates": bench.candidates,
        "folds": bench.folds,
        "repeats": bench.repeats,
        "k": bench.k,
        "seed": bench.seed,
        "boards": {one.name: one.told | _compared(one.ndcg, rng) for one in measured},
        "pooled": (verdict := _compared(pooled, rng)),
        "beats_retrieval": bool(verdict["lead"] > 0 and verdict["p_no_better"] < BETTER),
        "is_no_worse": bool(verdict["lead"] >= 0 or verdict["p_no_worse"] >= WORSE),
        **provenance(),
    }


@dataclass(frozen=True, slots=True)
class _Measured:
    name: str
    ndcg: dict[str, Floats]  # (n_queries,) by who ranked; retrieval first, then the ladder
    told: dict[str, Any]


def _measured(board: Board, bench: BoardsBench, on_step: OnStep, on_query: OnQuery) -> _Measured:
    name = board.market.absolute().name
    lists = _lists(board, bench, lambda done, total: on_query(name, done, total))
    runs = [_run(lists, bench, bench.seed + i, on_step) for i in range(bench.repeats)]
    ndcg = {RETRIEVAL: lists.ndcg(lists.data.base, k=bench.k)}
    for who in runs[0].score:
        ndcg[who] = np.mean([lists.ndcg(run.score[who], k=bench.k) for run in runs], axis=0)
    data = lists.data
    told = {
        "gains": board.gains,
        "queries_left_out": lists.truth.n_left_out + lists.n_empty,
        "rows": data.n_rows,
        "judged_share": lists.n_judged / data.n_rows,
        "features": len(data.columns.names),
        "feature_set": data.columns.set_hash,
        "chosen": [list(run.chosen) for run in runs],
    }
    return _Measured(name, ndcg, told)


def _lists(board: Board, bench: BoardsBench, on_query: Callable[[int, int], None]) -> JudgedLists:
    truth = truth_of(board.judgments, board.gains, map_file=board.map_file)
    sets = FeatureSetFolder(MarketFolder(board.market).models)
    with closing(open_market(board.market)) as market:
        return judged_lists(
            market, truth, sets.plan, candidates=bench.candidates, on_query=on_query
        )


def _run(lists: JudgedLists, bench: BoardsBench, seed: int, on_step: OnStep) -> CrossValidated:
    return cross_validated(
        lists.data,
        ladder(k=bench.k, is_anchored=begins_from_first_pass(lists.data)),
        {},
        n_folds=bench.folds,
        seed=seed,
        k=bench.k,
        on_step=on_step,
    )


def _joined(boards: Sequence[dict[str, Floats]]) -> dict[str, Floats]:
    """All queries of all boards, of who ranked all of them."""
    return {
        who: np.concatenate([one[who] for one in boards])
        for who in boards[0]
        if all(who in one for one in boards)
    }


def _compared(ndcg: dict[str, Floats], rng: np.random.Generator) -> dict[str, Any]:
    """Means with intervals, and the ladder's lead over retrieval."""
    retrieval, ladder = ndcg[RETRIEVAL], ndcg[LADDER]
    test = paired_test(retrieval, ladder, rng)
    means = {}
    for who, values in ndcg.items():
        found = bootstrap_mean(values, rng)
        means[who] = {"mean": found.mean, "low": found.low, "high": found.high}
    return {
        "queries": len(ladder),
        "ndcg": means,
        "lead": test.difference.mean,
        "lead_low": test.difference.low,
        "lead_high": test.difference.high,
        "p_no_better": test.p_greater,
        "p_no_worse": test.p_less,
    }
