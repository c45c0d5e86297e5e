"""How good search is: a run against judgments, with intervals, and two runs against each other."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.evaluate.gains import GainSpec
from mercer.evaluate.judgments import Judgments
from mercer.evaluate.runs import Run
from mercer.metrics.ragged import Bools, Floats, Ints, take
from mercer.metrics.ranking import is_zero_result, ndcg_at_k, recall_at_k, reciprocal_rank
from mercer.metrics.sampling import Interval, PairedTest, bootstrap_mean, paired_test
from mercer.schema.errors import InputError

NDCG_DEPTH = 10
RECALL_DEPTH = 100
UNJUDGED = -1

Search = Callable[[Sequence[str]], Sequence[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a report: its name there, and its column in the table per query."""

    key: str
    column: str
    higher_is_better: bool = True


NDCG = Measure(f"ndcg_at_{NDCG_DEPTH}", f"ndcg_at_{NDCG_DEPTH}")
RECALL = Measure(f"recall_at_{RECALL_DEPTH}", f"recall_at_{RECALL_DEPTH}")
MRR = Measure("mrr", "reciprocal_rank")
ZERO_RESULTS = Measure("zero_result_rate", "is_zero_result", higher_is_better=False)
JUDGED = Measure(f"judged_at_{NDCG_DEPTH}", f"judged_at_{NDCG_DEPTH}")
MEASURES = (NDCG, RECALL, MRR, ZERO_RESULTS, JUDGED)


@dataclass(frozen=True, slots=True)
class Truth:
    """The judged queries that can be measured, with the gain of every judged listing."""

    query_id: tuple[str, ...]  # (n_queries,)
    query: tuple[str, ...]  # (n_queries,) the text to search for
    offsets: Ints  # (n_queries + 1,)
    listing_id: pa.StringArray  # (n_judged,)
    gain: Floats  # (n_judged,) >= 0
    is_top: Floats  # (n_judged,) 1 where the grade is the top grade
    top_grades: tuple[str, ...]
    n_left_out: int  # queries without any gain above 0
    gains: GainSpec

    @classmethod
    def of(cls, judgments: Judgments, gains: GainSpec, *, limit: int | None = None) -> "Truth":
        """Apply the gains and leave out the queries without a relevant listing (gain above 0).

        Args:
            judgments: what was judged.
            gains: what a grade is worth.
            limit: look at the first so many judged queries only; the scale of the grades is that of
                all judgments all the same.
        Raises:
            InputError: grades and gains do not fit, limit below 1, or no query has a relevant listing.
        """
        if limit is not None and limit < 1:
            raise InputError(f"limit must be at least 1 query, got {limit}")
        graded = gains.apply(judgments.grade)
        total = np.add.reduceat(graded.gain, judgments.offsets[:-1])[:limit]  # no list is empty
        kept = np.flatnonzero(total > 0)
        if kept.size == 0:
            raise InputError(
                f"judgments: none of {total.size} queries has a listing with a gain above 0 "
                f"under gains {gains}; nothing can be measured"
            )
        gain, offsets = take(graded.gain, judgments.offsets, kept)
        rows = np.flatnonzero(np.isin(_owner(judgments.offsets), kept))
        return cls(
            query_id=tuple(judgments.query_id[i] for i in kept),
            query=tuple(judgments.query[i] for i in kept),
            offsets=offsets,
            listing_id=judgments.listing_id.take(pa.array(rows)),
            gain=gain,
            is_top=(gain == graded.top_gain).astype(np.float64),
            top_grades=graded.top_grades,
            n_left_out=int(total.size - kept.size),
            gains=gains,
        )

    def gains_of(self, query: int) -> dict[str, float]:
        """The gain of each judged listing of one query, by its id."""
        rows = slice(int(self.offsets[query]), int(self.offsets[query + 1]))
        return dict(zip(self.listing_id[rows].to_pylist(), self.gain[rows].tolist(), strict=True))

    def taken(self, queries: Sequence[int]) -> "Truth":
        """The same of some queries, in that order."""
        at = np.array(queries, np.int64)
        gain, offsets = take(self.gain, self.offsets, at)
        is_top, _ = take(self.is_top, self.offsets, at)
        rows = take(np.arange(self.gain.size, dtype=np.float64), self.offsets, at)[0]
        return replace(
            self,
            query_id=tuple(self.query_id[i] for i in queries),
            query=tuple(self.query[i] for i in queries),
            offsets=offsets,
            listing_id=self.listing_id.take(pa.array(rows.astype(np.int64))),
            gain=gain,
            is_top=is_top,
        )

    @property
    def distinct_queries(self) -> tuple[str, ...]:
        """The texts to search for, each once."""
        return tuple(dict.fromkeys(self.query))


@dataclass(frozen=True, slots=True)
class SearchReport:
    """How good one run is. `per_query` has one row per measured query, in the judgments' order."""

    queries: int
    queries_left_out: int  # no judged listing has a gain above 0
    gains: str
    top_grades: tuple[str, ...]
    values: Mapping[str, Interval]  # by Measure.key; the mean with its 95 % interval
    per_query: pa.Table

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints: each measure with its interval; null where it is undefined."""
        measured: dict[str, Any] = {}
        for key, value in self.values.items():
            measured[key] = _or_none(value.mean)
            measured[f"{key}_ci95"] = [_or_none(value.low), _or_none(value.high)]
        return {
            "queries": self.queries,
            "queries_left_out": self.queries_left_out,
            "queries_without_top_grade": self.queries - self.values[RECALL.key].n,
            "gains": self.gains,
            "top_grades": list(self.top_grades),
            **measured,
        }

    def worst(self, n: int) -> pa.Table:
        """The n queries of lowest nDCG, worst first; among equals the earlier one."""
        keys = [(NDCG.column, "ascending")]
        order = pc.sort_indices(self.per_query, sort_keys=keys)[:n]  # stable
        return self.per_query.take(order)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run against another over the same queries; the difference is this one minus the other."""

    queries: int
    tests: Mapping[str, PairedTest]  # by Measure.key; `p_greater` speaks of this one

    def to_dict(self) -> dict[str, Any]:
        """For each measure the difference with its interval and the chances; null if undefined."""
        better = {measure.key: measure.higher_is_better for measure in MEASURES}
        return {
            key: {
                "difference": _or_none(test.difference.mean),
                "difference_ci95": [
                    _or_none(test.difference.low),
                    _or_none(test.difference.high),
                ],
                "p_two_sided": _or_none(test.p_two_sided),
                "p_better": _or_none(test.p_greater if better[key] else test.p_less),
                "p_worse": _or_none(test.p_less if better[key] else test.p_greater),
                "queries": test.n,
            }
            for key, test in self.tests.items()
        }


def evaluate_run(
    judgments: Judgments, gains: GainSpec, search: Search, *, rng: np.random.Generator
) -> SearchReport:
    """Ask every judged query that can be measured and report how good the answers are.

    Args:
        judgments: what was judged.
        gains: what a grade is worth.
        search: (query texts) -> one ranked list of listing ids per text, best first; results past
            the 100th are not looked at.
        rng: the source of the intervals' resamples.
    Raises:
        InputError: grades and gains do not fit, nothing can be measured, or a list names a listing
            twice.
    """
    truth = Truth.of(judgments, gains)
    texts = truth.distinct_queries
    return score_run(truth, Run.from_lists(texts, search(texts)), rng=rng)


def score_run(
    truth: Truth, run: Run, *, rng: np.random.Generator, n_resamples: int = 10_000
) -> SearchReport:
    """Report how good the lists of a run are.

    An unjudged listing counts 0. The ideal order is over all judged listings of the query, shown or
    not. Relevant is what has a gain above 0; recall is of the top grade only, and a query that has no
    listing of it is left out of the mean of recall (not of the others). Every measure looks at
    the first 100 results at most, so that a longer saved run has no advantage.

    Raises:
        InputError: the run was never asked one of the queries.
    """
    shown = run.of(truth.query).cut(depth=RECALL_DEPTH)
    judged_row = _judged_rows(truth, shown)
    is_judged = judged_row != UNJUDGED
    gain = np.where(is_judged, truth.gain[judged_row], 0.0)
    is_top = is_judged & (truth.is_top[judged_row] > 0)
    n_relevant = _sums(truth.gain > 0, truth.offsets)
    n_top = _sums(truth.is_top, truth.offsets)
    n_shown = np.diff(shown.offsets)
    values = (
        ndcg_at_k(gain, shown.offsets, truth.gain, truth.offsets, k=NDCG_DEPTH),
        recall_at_k(is_top, shown.offsets, n_top, k=RECALL_DEPTH),
        reciprocal_rank(gain > 0, shown.offsets, n_relevant),
        is_zero_result(shown.offsets),
        recall_at_k(is_judged, shown.offsets, np.minimum(n_shown, NDCG_DEPTH), k=NDCG_DEPTH),
    )
    per_query = pa.table(
        {
            "query_id": pa.array(truth.query_id, pa.string()),
            "query": pa.array(truth.query, pa.string()),
            "n_judged": np.diff(truth.offsets),
            "n_relevant": n_relevant.astype(np.int64),
            "n_top_grade": n_top.astype(np.int64),
            "n_results": n_shown,
            **{measure.column: value for measure, value in zip(MEASURES, values, strict=True)},
        }
    )
    intervals = {
        measure.key: bootstrap_mean(value, child, n_resamples=n_resamples)
        for measure, value, child in zip(MEASURES, values, rng.spawn(len(values)), strict=True)
    }
    return SearchReport(
        queries=len(truth.query),
        queries_left_out=truth.n_left_out,
        gains=str(truth.gains),
        top_grades=truth.top_grades,
        values=intervals,
        per_query=per_query,
    )


def compare(
    this: SearchReport, other: SearchReport, *, rng: np.random.Generator, n_resamples: int = 10_000
) -> Comparison:
    """Test each measure, query by query, of two reports over the same judgments and gains.

    Raises:
        InputError: the reports are over different queries or gains.
    """
    same_queries = this.per_query["query_id"].equals(other.per_query["query_id"])
    if not same_queries or this.gains != other.gains:
        raise InputError(
            f"compare: the reports are over {this.queries} queries with gains {this.gains} and "
            f"{other.queries} with gains {other.gains}; "
            "score both runs against the same judgments with the same gains"
        )
    tests = {
        measure.key: paired_test(
            other.per_query[measure.column].to_numpy(),
            this.per_query[measure.column].to_numpy(),
            child,
            n_resamples=n_resamples,
        )
        for measure, child in zip(MEASURES, rng.spawn(len(MEASURES)), strict=True)
    }
    return Comparison(this.queries, tests)


def _judged_rows(truth: Truth, shown: Run) -> Ints:
    """(n_shown,) the row of the truth that judges each result; UNJUDGED where there is none."""
    listings = truth.listing_id.unique()
    judged_key = _owner(truth.offsets) * len(listings) + _index_in(truth.listing_id, listings)
    order = np.argsort(judged_key)
    listing = _index_in(shown.listing_id, listings)
    shown_key = _owner(shown.offsets) * len(listings) + listing
    place = np.searchsorted(judged_key[order], shown_key)
    row = order[np.minimum(place, order.size - 1)]
    return np.where((listing >= 0) & (judged_key[row] == shown_key), row, UNJUDGED)


def _index_in(values: pa.StringArray, listings: pa.StringArray) -> Ints:
    """(n,) where each value stands among the listings; -1 where it does not."""
    found = pc.fill_null(pc.index_in(values, value_set=listings), -1)
    codes: Ints = found.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _owner(offsets: Ints) -> Ints:
    """(n_values,) the list that each value belongs to."""
    owner: Ints = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    return owner


def _sums(values: Floats | Bools, offsets: Ints) -> Floats:
    """(n_lists,) the sum of each list; no list of judgments is empty."""
    total: Floats = np.add.reduceat(values.astype(np.float64), offsets[:-1])
    return total


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
