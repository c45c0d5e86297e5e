"""The record of a served page: what is written down, how much of it, and that it is written first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any, final

import numpy as np
import numpy.typing as npt

from mercer.events.page_log import PageWriter
from mercer.rank.candidates import Head
from mercer.rank.cascade import TREES
from mercer.rank.first_pass import FirstPassParams, semantic_weight
from mercer.retrieve import bitmap
from mercer.retrieve.index import Snapshot
from mercer.retrieve.request import Hit, SearchRequest, SearchResponse
from mercer.schema.page import Page, Shown
from mercer.serve.market import SimilarPage
from mercer.serve.search.hit import Signer
from mercer.serve.search.ranked import FIRST_PASS_INPUT, MAX_KEPT, Ranked
from mercer.serve.search.slate import Entry, Logged, Slate
from mercer.serve.search.stages import (
    FIRST_PASS,
    NEAREST,
    Matched,
    SearchParams,
    threshold_of,
)
from mercer.serve.search.stopwatch import Stopwatch

MIN_WRITE_S = 0.005
"""A page whose search used its budget up is still given this long to be written."""

Sign = Callable[[str, Sequence[str], Sequence[int], Sequence[bool]], list[str]]
"""(page id, listing ids, positions, whether sponsored) -> a token for each item shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordParams:
    """How much of a page is written down; `[log]` of mercer.toml."""

    detail_share: float = 1.0  # of the pages keep their heavy part
    max_candidates: int = 1_000  # of a page with its heavy part


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who asked."""

    visitor_id: str | None = None
    session_id: str | None = None
    buyer_id: str | None = None


def has_detail(page_id: str, *, share: float) -> bool:
    """Whether a page keeps its heavy part: decided by its id alone, so that a replay knows."""
    drawn = int.from_bytes(blake2b(page_id.encode(), digest_size=8).digest(), "big")
    return drawn < share * 2.0**64


@final
class PageRecorder:
    """Writes pages before they are given out, and signs what they show. Thread-safe."""

    def __init__(self, writer: PageWriter, sign: Sign, *, params: RecordParams) -> None:
        self.params = params
        self._writer, self._sign = writer, sign

    def signer(self, page_id: str) -> Signer:
        """Signs what a page shows; its tokens are given out only if the page was written."""
        return lambda ids, at: self._sign(page_id, ids, at, [False] * len(ids))

    def record(self, page: Page, *, budget_s: float) -> bool:
        """Whether the page was written in time.

        Args:
            budget_s: what is left of the request's time; at least MIN_WRITE_S is given.
        """
        return self._writer.write(page, budget_s=max(budget_s, MIN_WRITE_S))


def list_stats(
    request: SearchRequest, snapshot: Snapshot, params: SearchParams, found: Matched, head: Head
) -> dict[str, float]:
    """What the stages knew of the whole list: the numbers that decided who matched."""
    stats = {
        "words_asked": float(len(found.wanted.groups)),
        "words_needed": float(found.lexical.level),
        "lexical_matches": float(sum(bitmap.count(bits) for bits in found.lexical.bits)),
        "candidates": float(len(head.row)),
    }
    if found.vector is not None:
        stats |= {
            "semantic_threshold": float(threshold_of(request, snapshot)),
            "semantic_hits": float(sum(len(hits.rows) for hits in found.hits)),
            "semantic_weight": semantic_weight(found.wanted, params=params.first_pass),
        }
    return stats


def logged_of(
    head: Head,
    ranked: Ranked,
    *,
    stage: str | None,
    n: int,
    propensity: npt.NDArray[np.float64] | None,
) -> Logged:
    """What is kept of how a head was ranked.

    The columns of `scores` are the first pass's score; where features were computed also "place" (in
    the order of the first pass; NaN for candidates that were not among the best), the model's score,
    and what the features read of the candidate itself.

    Args:
        stage: whose score orders the head without a model; None: a sort or the quality does.
        n: places that are kept.
    """
    if stage is None:
        return Logged((), np.zeros((n, 0), np.float32), NO_FEATURES)
    place, matrix = head.place, ranked.features
    if place is None or matrix is None:
        return Logged((stage,), head.score[:n].reshape(-1, 1), NO_FEATURES, propensity=propensity)
    place = place[:n]
    is_ranked = place < ranked.n
    columns = {stage: ranked.first_pass, "place": np.arange(ranked.n, dtype=np.float32)}
    if ranked.scores is not None:
        columns[TREES] = ranked.scores.astype(np.float32)
    columns |= {name: one for name, one in ranked.inputs.items() if name != FIRST_PASS_INPUT}
    table = np.column_stack(list(columns.values()))  # by place in the order of the first pass
    if is_ranked.all():
        scores = table[place]
    else:
        scores = np.full((len(place), len(columns)), np.nan, np.float32)
        scores[is_ranked] = table[place[is_ranked]]
        scores[~is_ranked, 0] = head.score[:n][~is_ranked]
    kept = place[:MAX_KEPT] < ranked.n
    n_kept = len(kept) if kept.all() else int(kept.argmin())
    return Logged(
        tuple(columns),
        scores,
        matrix.dense[place[:n_kept]],
        feature_set=ranked.feature_set,
        counters_position=ranked.counters_position,
        propensity=propensity,
    )


def search_page(
    response: SearchResponse,
    slate: Slate,
    request: SearchRequest,
    entries: Sequence[Entry],
    *,
    first: int,
    params: RecordParams,
) -> Page:
    """The record of one page of a slate.

    Args:
        entries: the places first + 1, first + 2, ... of the slate, gone listings included.
    """
    head, logged = slate.head, slate.logged
    is_detailed = has_detail(response.page_id, share=params.detail_share)
    n = min(len(head.row), params.max_candidates) if is_detailed else 0
    names, parts = _shown_parts(head, response.hits)
    features = shown_features(logged, response.hits) if is_detailed else NO_FEATURES
    return Page(
        page_id=response.page_id,
        served_ms=served_ms(response.page_id),
        surface=request.surface,
        q=request.q,
        request=_request_fields(request),
        found=response.found,
        generation=response.generation,
        catalogue_version=slate.catalogue_version,
        shown=_shown(response.hits, entries, first=first, propensity=logged.propensity),
        visitor_id=request.visitor_id,
        session_id=request.session_id,
        buyer_id=request.buyer_id,
        understood=response.understood,
        cursor=response.cursor,
        counters_position=logged.counters_position,
        models=slate.models,
        feature_set=logged.feature_set,
        degraded=response.degraded,
        timings_us=dict(response.timings_us),
        took_us=round(response.search_time_ms * 1e3),
        part_names=names,
        shown_parts=parts,
        is_detailed=is_detailed,
        stages=logged.stages if is_detailed else (),
        candidate_rows=_row_ids(slate, n),
        candidate_scores=logged.scores[:n].reshape(-1),
        shown_features=features.reshape(-1),
        list_stats=slate.list_stats if is_detailed else {},
    )


def similar_page(
    made: SimilarPage,
    snapshot: Snapshot,
    entries: Sequence[Entry],
    *,
    listing_id: str,
    limit: int,
    visit: Visit,
    watch: Stopwatch,
) -> Page:
    """The record of one page of similar listings; its score is the cosine."""
    return Page(
        page_id=made.page_id,
        served_ms=served_ms(made.page_id),
        surface="similar",
        q=listing_id,
        request={"listing_id": listing_id, "limit": limit},
        found=len(entries),
        generation=snapshot.generation,
        catalogue_version=snapshot.version,
        shown=_shown(made.hits, entries, first=0),
        visitor_id=visit.visitor_id,
        session_id=visit.session_id,
        buyer_id=visit.buyer_id,
        timings_us=dict(watch.timings_us),
        took_us=round(watch.took_ms * 1e3),
        part_names=("semantic",),
        shown_parts=np.array([hit.score for hit in made.hits], np.float32),
        is_detailed=True,
        stages=(NEAREST,),
        candidate_rows=np.array([entry.row_id for entry in entries], np.int64),
        candidate_scores=np.array([entry.score for entry in entries], np.float32),
    )


@lru_cache(maxsize=8)
def model_name(params: FirstPassParams) -> str:
    """The first pass as the pages name it: with a hash of its weights."""
    return f"{FIRST_PASS}@{blake2b(repr(params).encode(), digest_size=6).hexdigest()}"


def model_names(params: SearchParams, ranked: Ranked, stage: str | None) -> tuple[str, ...]:
    """name@hash of what ranked, in stage order."""
    if stage != FIRST_PASS:
        return ()
    first = model_name(params.first_pass)
    if ranked.ranking is None or ranked.scores is None:
        return (first,)
    name, _, content = ranked.ranking.name.rpartition("-")
    return first, f"{name}@{content}"


def served_ms(page_id: str) -> int:
    """When a page was asked for, by its id."""
    return int(page_id[:8] + page_id[9:13], 16)  # the time that a UUIDv7 begins with


_ASKED = tuple(
    one.name
    for one in fields(SearchRequest)
    if one.name not in ("visitor_id", "session_id", "buyer_id")
)


_asked_of = attrgetter(*_ASKED)


def _request_fields(request: SearchRequest) -> Mapping[str, Any]:
    """All that was asked but who asked, which has columns of its own (and can be erased there)."""
    asked: dict[str, Any] = dict(zip(_ASKED, _asked_of(request), strict=True))
    asked["facets"] = list(request.facets)
    return asked


NO_FEATURES = np.zeros((0, 0), np.float32)


def shown_features(logged: Logged, hits: Sequence[Hit]) -> npt.NDArray[np.float32]:
    """(n_shown, n_features) of what is shown; none at all where some of it has none."""
    places = np.array([hit.position - 1 for hit in hits], np.int64)
    if not len(places) or places.max() >= len(logged.features):
        return NO_FEATURES
    found: npt.NDArray[np.float32] = logged.features[places]
    return found


def _shown(
    hits: Sequence[Hit],
    entries: Sequence[Entry],
    *,
    first: int,
    propensity: npt.NDArray[np.float64] | None = None,
) -> tuple[Shown, ...]:
    shown = []
    drawn = [] if propensity is None else propensity.tolist()
    for hit in hits:
        entry = entries[hit.position - first - 1]
        one = Shown(
            listing_id=hit.listing_id,
            row_id=entry.row_id,
            position=hit.position,
            score=entry.score,
            propensity=drawn[hit.position - 1] if hit.position <= len(drawn) else 1.0,
            sources=entry.sources,
        )
        shown.append(one)
    return tuple(shown)


def _shown_parts(
    head: Head, hits: Sequence[Hit]
) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
    """Part names, and the parts of what is shown, flat; NaN beyond what the head keeps."""
    if head.parts is None or not hits:
        return (), np.zeros(0, np.float32)
    places = np.array([hit.position - 1 for hit in hits], np.int64)
    return head.parts.names, head.parts.at(places).reshape(-1)


def _row_ids(slate: Slate, n: int) -> npt.NDArray[np.int64]:
    """(n,) row ids of the first places of the head."""
    part, row = slate.head.part[:n], slate.head.row[:n]
    out = np.empty(n, np.int64)
    for i, segment in enumerate(slate.segments):
        mine = part == i
        out[mine] = segment.row_id[row[mine]]
    return out
