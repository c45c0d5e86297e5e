"""Judged queries as lists to learn from: what a search finds for each, with the values a model would see.

Values come the way they come to a served page, so a model that learns from these lists can serve.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from mercer.engines.embedded.evaluation_files import read_judgment_columns, read_judgments
from mercer.evaluate.gains import GainSpec
from mercer.evaluate.search import Truth
from mercer.features.plan import Plan
from mercer.metrics.ragged import Floats
from mercer.metrics.ranking import ndcg_at_k
from mercer.rank.training_set import F32s, FeatureColumns, TrainingSet, grouped
from mercer.retrieve.request import MAX_PER_PAGE, SearchRequest, SearchResponse
from mercer.schema.errors import InputError
from mercer.serve.market import ListedResult

BUDGET_MS: Final = 60_000.0  # every part of the search, however long it takes
MIN_CANDIDATES: Final = 10
NO_VALUES: Final = "judgments: the market computes no feature values; run mercer features log first"
OnQuery = Callable[[int, int], None]
"""(queries done, queries in all)."""


class Ranked(Protocol):
    """What is asked of a market."""

    def search(self, request: SearchRequest) -> SearchResponse:
        """One page of results."""
        ...

    def rank(self, request: SearchRequest, listing_ids: Sequence[str]) -> ListedResult:
        """Those listings with their features."""
        ...


@dataclass(frozen=True, slots=True)
class JudgedLists:
    """A list for each judged query that finds anything; its rows in the order without a model."""

    data: TrainingSet  # `base` is the score of the first pass; what nobody judged has no gain
    truth: Truth  # of the same queries
    n_judged: int  # judged listings among the candidates
    n_empty: int  # queries that found nothing; they are left out

    def ndcg(self, score: Floats, *, k: int) -> Floats:
        """(n_queries,) nDCG@k in the order of (n_rows,) scores, higher first.

        The ideal order is over all judged listings, found or not, as in `mercer evaluate search`;
        rows that tie stay in the order without a model.
        """
        data, truth = self.data, self.truth
        order = np.lexsort((np.arange(data.n_rows), -score, data.owner))
        return ndcg_at_k(data.gain[order], data.offsets, truth.gain, truth.offsets, k=k)


def truth_of(judgments: Path, gains: str, *, map_file: Path | None = None) -> Truth:
    """The judgments of a file that can be learned from.

    Args:
        gains: what a grade is worth, as `GainSpec.parse` reads it.
        map_file: that names the columns.
    Raises:
        MarketError: the files or the gains are not what they should be.
    """
    columns = read_judgment_columns(map_file) if map_file else None
    return Truth.of(read_judgments(judgments, columns), GainSpec.parse(gains))


def judged_lists(
    market: Ranked,
    truth: Truth,
    plan_of: Callable[[str], Plan],
    *,
    candidates: int,
    on_query: OnQuery = lambda done, total: None,
) -> JudgedLists:
    """Ask every judged query, and the values of the best candidates of each.

    Args:
        market: whose features are logged, or ranked on.
        plan_of: the feature set of a hash.
        candidates: of a query, from MIN_CANDIDATES to MAX_PER_PAGE.
    Raises:
        InputError: candidates out of range, no feature values, or nothing is found at all.
    """
    if not MIN_CANDIDATES <= candidates <= MAX_PER_PAGE:
        raise InputError(
            f"candidates must lie in {MIN_CANDIDATES} to {MAX_PER_PAGE}, got {candidates}"
        )
    found: list[_List] = []
    for i in range(len(truth.query)):
        one = _asked(market, truth, i, candidates)
        if one is not None:
            found.append(one)
        on_query(i + 1, len(truth.query))
    if not found:
        raise InputError(f"judgments: none of {len(truth.query)} queries finds anything")
    sets = {one.feature_set for one in found}
    if len(sets) > 1:
        raise InputError("judgments: another feature set came meanwhile; ask again")
    kept = truth.taken([one.query for one in found])
    data = grouped(
        columns=FeatureColumns.of_plan(plan_of(sets.pop())),
        features=np.concatenate([one.features for one in found]),
        gain=np.concatenate([one.gain for one in found]),
        query_code=np.repeat(np.arange(len(found)), [len(one.gain) for one in found]),
        query=kept.query,
        base=np.concatenate([one.base for one in found]),
    )
    n_judged = sum(one.n_judged for one in found)
    return JudgedLists(data, kept, n_judged, len(truth.query) - len(found))


@dataclass(frozen=True, slots=True)
class _List:
    """The candidates of one query, best of the first pass first."""

    query: int
    features: F32s  # (n, n_features)
    gain: Floats  # (n,)
    base: Floats  # (n,)
    n_judged: int
    feature_set: str


def _asked(market: Ranked, truth: Truth, i: int, candidates: int) -> _List | None:
    request = SearchRequest(q=truth.query[i], per_page=candidates, budget_ms=BUDGET_MS)
    ids = [hit.listing_id for hit in market.search(request).hits]
    if not ids:
        return None
    answer = market.rank(request, ids)
    listed = answer.listed
    if listed.features is None:
        raise InputError("; ".join((NO_VALUES, *listed.degraded)))
    gain_of = truth.gains_of(i)
    base = np.array(listed.first_pass, np.float64)
    order = np.argsort(-base, kind="stable")
    gains = np.array([gain_of.get(one, 0.0) for one in answer.listing_ids])
    return _List(
        query=i,
        features=listed.features.dense[order],
        gain=gains[order],
        base=base[order],
        n_judged=sum(one in gain_of for one in answer.listing_ids),
        feature_set=listed.feature_set,
    )
