"""Listings that the caller names, for a query: ranked as a search would rank them, and their features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mercer.engines.embedded.ranking.ranking import Ranking
from mercer.features.matrix import FeatureMatrix
from mercer.rank.candidates import Head, scored_head
from mercer.rank.first_pass import statistics
from mercer.retrieve.index import Snapshot
from mercer.retrieve.request import SearchRequest
from mercer.retrieve.row_match import find_rows
from mercer.serve.search.ranked import Ranked, RankStage
from mercer.serve.search.stages import SearchParams, matched
from mercer.serve.search.stopwatch import Stopwatch

MAX_LISTED: Final = 1_000  # listings of one request


@dataclass(frozen=True, slots=True)
class Listed:
    """Named listings in the order of the last stage that scored them."""

    row_ids: tuple[int, ...]  # (n,) best first; those that are not for sale are left out
    score: tuple[float, ...]  # (n,) of that stage
    first_pass: tuple[float, ...]  # (n,)
    model: str  # id; "" where the first pass had the last word
    feature_set: str  # hash; "" where no feature was computed
    features: FeatureMatrix | None  # (n, n_features) in that order
    counters_position: str
    catalogue_version: int
    degraded: tuple[str, ...]
    timings_us: Mapping[str, int]


def listed(
    row_ids: Sequence[int],
    request: SearchRequest,
    snapshot: Snapshot,
    params: SearchParams,
    stage: RankStage | None,
    ranking: Ranking | None,
    *,
    now_ms: int,
    watch: Stopwatch,
) -> Listed:
    """Rank the listings of those row ids; the snapshot is no older than what ranks.

    A query without words has no first pass: then its score is 0 for all, and ties lie by quality.
    """
    found = matched(request, snapshot, params, watch=watch)
    with watch.stage("rank"):
        places = find_rows(snapshot, list(row_ids)).values()
        chosen = [
            np.array(sorted(at.row for at in places if at.part == i), np.uint32)
            for i in range(len(snapshot.parts))
        ]
        stats = statistics(found.wanted, snapshot.segments, snapshot.lengths)
        head = scored_head(
            found.wanted, snapshot, chosen, found.lexical.bits, found.hits, found.vector, stats,
            first_pass=params.first_pass, has_parts=True,
        )  # fmt: skip
    ranked, first_pass = Ranked(), head.score
    if stage is not None and ranking is not None and len(head.row):
        head, ranked = stage.ranked(
            ranking, request, found.query, snapshot, head,
            now_ms=now_ms, watch=watch, n=len(head.row),
        )  # fmt: skip
    place = np.arange(len(head.row)) if head.place is None else head.place
    return Listed(
        row_ids=tuple(_row_ids(head, snapshot)),
        score=tuple(head.score.tolist()),
        first_pass=tuple(first_pass[place].tolist()),
        model="" if ranking is None or ranked.scores is None else ranking.name,
        feature_set=ranked.feature_set,
        features=_in_order(ranked.features, place),
        counters_position=ranked.counters_position,
        catalogue_version=snapshot.version,
        degraded=(*found.degraded, *ranked.degraded),
        timings_us=dict(watch.timings_us),
    )


def _row_ids(head: Head, snapshot: Snapshot) -> list[int]:
    segments = snapshot.segments
    pairs = zip(head.part.tolist(), head.row.tolist(), strict=True)
    return [int(segments[part].row_id[row]) for part, row in pairs]


def _in_order(matrix: FeatureMatrix | None, place: np.ndarray) -> FeatureMatrix | None:
    if matrix is None:
        return None
    return FeatureMatrix(
        matrix.names,
        matrix.hashed_names,
        matrix.dense[place],
        matrix.hashed[place],
        matrix.list_stats,
    )
