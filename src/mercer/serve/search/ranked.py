"""The stages after the first pass: features and a trained model over the best candidates.

One request has all of one model or nothing of it. Whatever fails is left out, the page is served in the
order of the stage before, and `degraded` says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from mercer.engines.embedded.counters.reader import CounterView
from mercer.engines.embedded.ranking.ranking import Ranking
from mercer.features.matrix import FeatureMatrix
from mercer.features.request_inputs import request_inputs
from mercer.rank.candidates import Head
from mercer.rank.cascade import FEATURES, TREES, CascadeParams, StageSkip, reordered
from mercer.rank.scorer import F32s, F64s, Skipped
from mercer.retrieve.index import Snapshot
from mercer.retrieve.query import ParsedQuery
from mercer.retrieve.request import SearchRequest
from mercer.serve.search.stopwatch import Stopwatch

CANDIDATE: Final = "candidate."
FIRST_PASS_INPUT: Final = "candidate.first_pass"
NOW_STAT, SELLERS_STAT, RANKED_STAT = "now_ms", "sellers_version", "ranked"
COUNTERS_STAT: Final = "counters"  # 1 where they could be read, 0 where what is counted is missing
OFF_STAT: Final = "off."  # and a feature's name: it was switched off
MAX_KEPT: Final = 240  # places whose feature values a slate keeps: ten pages


@dataclass(frozen=True, slots=True)
class Ranked:
    """What the later stages made of a head, by place in the order of the first pass."""

    ranking: Ranking | None = None
    first_pass: F32s = field(default_factory=lambda: np.zeros(0, np.float32))  # (n_ranked,)
    scores: F64s | None = None  # (n_ranked,) of the model; None where it gave none
    inputs: Mapping[str, F32s] = field(default_factory=dict)  # (n_ranked,) "candidate.…"
    features: FeatureMatrix | None = None  # (n_ranked, n_features); None where they failed
    stats: Mapping[str, float] = field(default_factory=dict)
    counters_position: str = ""
    degraded: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """How many candidates have features."""
        return 0 if self.features is None else self.features.n

    @property
    def feature_set(self) -> str:
        """The hash that the page names; "" where no feature was computed."""
        return "" if self.features is None or self.ranking is None else self.ranking.plan.hash


@final
class RankStage:
    """Ranks heads with whatever model serves at the moment. Thread-safe.

    Args:
        ranking: what ranks now; None: the first pass alone.
        counters: a view of the counters for one request.
        counters_fault: what is wrong with them; "" where nothing is.
    """

    def __init__(
        self,
        ranking: Callable[[], Ranking | None],
        params: CascadeParams,
        *,
        counters: Callable[[], CounterView],
        counters_fault: Callable[[], str] = lambda: "",
    ) -> None:
        self._ranking, self.params = ranking, params
        self._counters, self._counters_fault = counters, counters_fault

    def ranking(self) -> Ranking | None:
        """What ranks now; to be asked before the snapshot is taken."""
        return self._ranking()

    def ranked(
        self,
        ranking: Ranking,
        request: SearchRequest,
        query: ParsedQuery,
        snapshot: Snapshot,
        head: Head,
        *,
        now_ms: int,
        watch: Stopwatch,
        n: int | None = None,
    ) -> tuple[Head, Ranked]:
        """The head in its new order, and what it came of.

        Args:
            head: in the order of the first pass, with its parts.
            now_ms: when the page was asked for.
            n: so many candidates; None: as many as the cascade takes.
        """
        n = min(self.params.candidates if n is None else n, len(head.row))
        if watch.is_over:
            why = StageSkip.REQUEST_OVER.sentence(FEATURES, f"{watch.budget_ms:g} ms")
            return head, Ranked(degraded=(why,))
        until = watch.took_ms + self.params.budget_ms
        with watch.stage(FEATURES):
            made = self._features(ranking, request, query, snapshot, head, n, now_ms)
        if made.features is None:
            return head, made
        if ranking.attempt is None:
            return _placed(head), made
        if watch.took_ms > until:
            why = StageSkip.STAGE_OVER.sentence(TREES, f"{self.params.budget_ms:g} ms")
            return _placed(head), replace(made, degraded=(*made.degraded, why))
        with watch.stage(TREES):
            found = ranking.attempt.attempt(
                _taken(made.features.dense, ranking.takes), within_ms=until - watch.took_ms
            )
        if isinstance(found, Skipped):
            why = f"{TREES}: {found.sentence}"
            return _placed(head), replace(made, degraded=(*made.degraded, why))
        return _reordered(head, found), replace(made, scores=found)

    def _features(
        self,
        ranking: Ranking,
        request: SearchRequest,
        query: ParsedQuery,
        snapshot: Snapshot,
        head: Head,
        n: int,
        now_ms: int,
    ) -> Ranked:
        inputs = candidate_inputs(head, n, ranking.plan.reads)
        counters = None
        try:
            counters = self._counters() if ranking.plan.reads_counters else None
            made = ranking.features(
                inputs_of(request, query),
                snapshot,
                head.part[:n],
                head.row[:n],
                candidates=inputs,
                now_ms=now_ms,
                counters=counters,
            )
        except Exception as fault:  # whatever it is, the page is served
            told = f"{type(fault).__name__}: {fault}"[:200]
            return Ranked(degraded=(StageSkip.FEATURES_FAILED.sentence(FEATURES, told),))
        if made is None:
            why = StageSkip.NO_COLUMNS.sentence(FEATURES, ranking.plan.hash[:12])
            return Ranked(degraded=(why,))
        matrix, sellers_version = made
        was_read = counters is not None and counters.was_read
        position = counters.position if counters is not None and was_read else ""
        stats = {name: float(values[0]) for name, values in matrix.list_stats.items()}
        stats |= {
            NOW_STAT: float(now_ms),
            SELLERS_STAT: float(sellers_version),
            RANKED_STAT: float(n),
            COUNTERS_STAT: float(was_read),
            **{OFF_STAT + name: 1.0 for name in sorted(ranking.off)},
        }
        return Ranked(
            ranking=ranking,
            first_pass=head.score[:n].copy(),
            inputs=inputs,
            features=matrix,
            stats=stats,
            counters_position=position,
            degraded=self._counted(was_read=was_read) if counters is not None else (),
        )

    def _counted(self, *, was_read: bool) -> tuple[str, ...]:
        """What a page says of its counters."""
        if not was_read:
            return ("counters: none could be read, so what is counted is missing",)
        fault = self._counters_fault()
        return (f"counters: {fault}",) if fault else ()


def inputs_of(request: SearchRequest, query: ParsedQuery) -> dict[str, Any]:
    """What features read of a request: the same that a replay makes of the page's record."""
    return request_inputs(
        request.q,
        query.to_dict(),
        surface=request.surface,
        buyer_id=request.buyer_id,
        session_id=request.session_id,
        visitor_id=request.visitor_id,
    )


def candidate_inputs(head: Head, n: int, reads: tuple[str, ...]) -> dict[str, F32s]:
    """(n,) the columns of `reads` that begin with "candidate.", of the first n of a head."""
    parts: dict[str, F32s] = {}
    if head.parts is not None:
        column = head.parts.column[:n]
        parts = {
            name: values[column]
            for name, values in zip(head.parts.names, head.parts.values, strict=True)
        }
    parts["first_pass"] = head.score[:n]
    if head.cosine is not None:
        parts["cosine"] = head.cosine[:n]
    missing = np.full(n, np.nan, np.float32)
    names = [name for name in reads if name.startswith(CANDIDATE)]
    return {name: parts.get(name.removeprefix(CANDIDATE), missing) for name in names}


def _taken(matrix: F32s, takes: npt.NDArray[np.int64] | None) -> F32s:
    return matrix if takes is None else np.ascontiguousarray(matrix[:, takes])


def _placed(head: Head) -> Head:
    return replace(head, place=np.arange(len(head.row), dtype=np.int32))


def _reordered(head: Head, scores: F64s) -> Head:
    """The best by the model's score, which is theirs from now on; the rest follow as they were."""
    score = head.score.copy()
    score[: len(scores)] = scores
    moved = replace(head, score=score, place=np.arange(len(score), dtype=np.int32))
    return moved.taken(reordered(len(score), scores))
