"""What pages were worth to those who asked for them, in the order served and in any other one.

Only the simulator knows that. All orders are over the same candidates, those in the page's record:

- `retrieval`: as the two indexes find them, the ranks of text and meaning fused: nothing is learned,
  nothing weighed;
- `first_pass`: by the linear first pass, the first stage of the cascade: what is served without a model;
- `cascade`: by the model that served;
- `oracle`: the best first; no order of these candidates is worth more;
- `whole`: the best of the whole catalogue, retrieved or not;
- `random`: the candidates in any order, on average.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from mercer.rank.cascade import TREES, reordered
from mercer.rank.scorer import F32s
from mercer.retrieve.request import SearchRequest
from mercer.serve.embedded_market import EmbeddedMarket
from mercer.simulate.people.examine import page_value
from mercer.simulate.people.step import PER_PAGE, Judge, Search
from mercer.traffic.shop import NO_HURRY_MS

FIRST_PASS: Final = "first_pass"
RETRIEVAL: Final = "retrieval"
_FOUND_BY: Final = ("candidate.lexical", "candidate.cosine")  # what retrieval alone orders by
_RANK_K: Final = 60.0
F64s = npt.NDArray[np.float64]
I64s = npt.NDArray[np.int64]
Score = Callable[[F32s], F64s]


@dataclass(frozen=True, slots=True)
class JudgedPage:
    """One page, its candidates in the order of the first pass."""

    utility: F32s  # (n,) of the candidates to who asked, in [0, 1]
    best: F32s  # of the whole catalogue, best first, as many as a page shows
    patience: float
    scores: F64s  # (n_ranked,) of the model that served, of the first of them; none where none did
    features: F32s | None  # (n_ranked, n_features) as a model sees them; None where not kept
    retrieval: I64s | None = None  # (n,) the order of retrieval alone; None: that of the first pass

    def value(self, order: I64s) -> float:
        """Of the candidates in that order, in [0, 1]."""
        return self._worth(self.utility[order])

    def values(self) -> dict[str, float]:
        """Of each order of the module's list."""
        n, alone = len(self.utility), self.retrieval
        mean = np.full(min(n, PER_PAGE), self.utility.mean() if n else 0.0)
        return {
            RETRIEVAL: self._worth(self.utility if alone is None else self.utility[alone]),
            FIRST_PASS: self._worth(self.utility),
            "cascade": self.value(reordered(n, self.scores)),
            "oracle": self._worth(-np.sort(-self.utility)),
            "whole": self._worth(self.best),
            "random": self._worth(mean),
        }

    def by(self, score: Score) -> float:
        """Of the order that another model would give."""
        scores = np.zeros(0) if self.features is None else score(self.features)
        return self.value(reordered(len(self.utility), scores))

    def _worth(self, shown: npt.NDArray[Any]) -> float:
        return page_value(shown, patience=self.patience, n_places=PER_PAGE)


def fused(scores: list[F32s]) -> I64s | None:
    """(n,) an order of candidates by reciprocal rank fusion of some scores; None where one is missing.

    A candidate is worth the sum of 1 / (60 + rank) over the lists, ranks from 1, equal scores in the
    order given; one that a list has not found (NaN) has no part in it.

    Source: Cormack, Clarke & Buettcher 2009, doi:10.1145/1571941.1572114.
    """
    if not all(len(one) for one in scores):
        return None
    total = np.zeros(len(scores[0]))
    for one in scores:
        order = np.argsort(np.where(np.isnan(one), np.inf, -one), kind="stable")
        rank = np.empty(len(order))
        rank[order] = np.arange(1, len(order) + 1)
        total += np.where(np.isnan(one), 0.0, 1.0 / (_RANK_K + rank))
    return np.argsort(-total, kind="stable")


@final
class PageJudge:
    """Collects the judged pages of one run.

    Args:
        n_ranked: candidates that the cascade ranks.
        keep_features: also what models see of them, so that others can be tried on the same pages.
    """

    def __init__(self, *, n_ranked: int, keep_features: bool = False) -> None:
        self.pages: list[JudgedPage] = []
        self._n_ranked, self._keep_features = n_ranked, keep_features
        self._market: EmbeddedMarket | None = None
        self._number = np.zeros(0, np.int64)  # of the listing, by row id; -1 unknown

    def open(self, market: EmbeddedMarket) -> None:
        """The market that the run is played on."""
        self._market = market

    def judge(self, search: Search, page_id: str, judge: Judge) -> None:
        """Keep what a page's candidates were worth; a page without candidates is worth nothing."""
        market = self._market
        page = market.page(page_id) if market is not None else None
        if market is None or page is None or search.sort != "relevance" or search.page != 1:
            return
        first, trees = page.stage_scores(FIRST_PASS), page.stage_scores(TREES)
        by_first = np.argsort(-first, kind="stable")
        rows = page.candidate_rows[by_first]
        number = self._numbers(market, rows)
        worth = np.where(number >= 0, judge.utility[np.maximum(number, 0)], np.float32(0))
        model = trees[by_first].astype(np.float64) if len(trees) else np.zeros(0)
        best = -np.partition(-judge.utility, min(PER_PAGE, len(judge.utility)) - 1)[:PER_PAGE]
        self.pages.append(
            JudgedPage(
                utility=worth.astype(np.float32),
                best=-np.sort(-best),
                patience=judge.patience,
                scores=model[: int(np.isfinite(model).sum())],
                features=self._features(market, search, rows) if self._keep_features else None,
                retrieval=fused([page.stage_scores(name)[by_first] for name in _FOUND_BY]),
            )
        )

    def _features(self, market: EmbeddedMarket, search: Search, rows: I64s) -> F32s | None:
        """(n_ranked, n_features) of the first rows, in their order; None where they have none."""
        asked = rows[: self._n_ranked].tolist()
        who = search.who
        request = SearchRequest(
            q=search.q,
            visitor_id=who.visitor_id or None,
            session_id=who.session_id or None,
            buyer_id=who.buyer_id,
            budget_ms=NO_HURRY_MS,
        )
        found = market.ranked_rows(asked, request)
        if found.features is None or len(found.row_ids) != len(asked):
            return None
        place = {row_id: i for i, row_id in enumerate(found.row_ids)}
        order = np.array([place[row_id] for row_id in asked], np.int64)
        return np.ascontiguousarray(found.features.dense[order])

    def _numbers(self, market: EmbeddedMarket, rows: I64s) -> I64s:
        """(n,) numbers of the listings of some rows; -1 of one that is not in the catalogue."""
        if len(rows) and int(rows.max()) >= len(self._number):
            self._learn(market)
        known = self._number
        found: I64s = np.where(rows < len(known), known[np.minimum(rows, len(known) - 1)], -1)
        return found

    def _learn(self, market: EmbeddedMarket) -> None:
        for batch in market.catalogue.changes(since=0):
            rows = batch.column("row_id").to_numpy()
            number = np.array([int(one[1:]) for one in batch.column("listing_id").to_pylist()])
            if (top := int(rows.max(initial=-1)) + 1) > len(self._number):
                grown = np.full(max(top, 2 * len(self._number)), -1, np.int64)
                grown[: len(self._number)] = self._number
                self._number = grown
            self._number[rows] = number


@dataclass(frozen=True, slots=True)
class Judgement:
    """Means over pages, and how much of what an ideal order would add a cascade adds."""

    pages: int
    value: dict[str, float]  # mean worth of a page by order
    share: float  # (cascade - retrieval) / (oracle - retrieval)
    share_low: float  # 95 %, over pages
    share_high: float
    share_whole: float  # with `whole` in place of `oracle`
    share_first_pass: float  # with `first_pass` in place of `retrieval`: what the model alone adds
    by_model: dict[str, float] = field(default_factory=dict)  # share of other models


def judged(
    pages: list[JudgedPage],
    rng: np.random.Generator,
    *,
    others: dict[str, Score] | None = None,
    n_resamples: int = 1_000,
) -> Judgement:
    """Of the pages of a run.

    Args:
        others: models that are tried on the pages whose features were kept.
    """
    rows = [page.values() for page in pages]
    names = (
        tuple(rows[0]) if rows else (RETRIEVAL, FIRST_PASS, "cascade", "oracle", "whole", "random")
    )
    table = {name: np.array([row[name] for row in rows]) for name in names}
    drawn = rng.integers(max(len(rows), 1), size=(n_resamples, len(rows)))
    low, high = np.nanquantile(
        _share(table["cascade"][drawn], table[RETRIEVAL][drawn], table["oracle"][drawn]),
        (0.025, 0.975),
    )
    kept = [page for page in pages if page.features is not None]
    values = [page.values() for page in kept]
    alone = np.array([row[RETRIEVAL] for row in values])
    oracle = np.array([row["oracle"] for row in values])
    by_model = {
        name: float(_share(np.array([page.by(score) for page in kept]), alone, oracle))
        for name, score in (others or {}).items()
    }
    return Judgement(
        pages=len(rows),
        value={name: float(column.mean()) for name, column in table.items()},
        share=float(_share(table["cascade"], table[RETRIEVAL], table["oracle"])),
        share_low=float(low),
        share_high=float(high),
        share_whole=float(_share(table["cascade"], table[RETRIEVAL], table["whole"])),
        share_first_pass=float(_share(table["cascade"], table[FIRST_PASS], table["oracle"])),
        by_model=by_model,
    )


def _share(made: F64s, base: F64s, best: F64s) -> F64s:
    """(made - base) / (best - base) of the means along the last axis."""
    gap = (best - base).mean(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: F64s = np.asarray((made - base).mean(axis=-1) / gap)
    return found
