"""Why a page looks as it does: what was understood, why each hit matched, what its score is made of.

What the page's record has is told from the record. What it has not (words of a hit, its attributes) is
read from the index as it stands, and `basis` says whether that is the index that the page was made of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from mercer.retrieve.index import Snapshot
from mercer.retrieve.row_match import RowPlace, find_rows, has_wish, words_had
from mercer.schema.page import Page, Shown
from mercer.serve.explain.evaluation import Evaluation
from mercer.serve.explain.ranking_why import Comparison, FeaturePart, RankingWhy, StageScore
from mercer.serve.explain.words import dropped_words, part_words, understood_words

Basis = Literal["logged", "same_index", "now"]
"""Where an answer comes from: the page's record; the index that the page was made of; a later one."""


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One term of a score."""

    name: str
    words: str  # what it means
    value: float


@dataclass(frozen=True, slots=True)
class WordHad:
    """A word of the query, and whether a listing has it."""

    word: str
    is_had: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HitWhy:
    """Why a listing stands where it stands."""

    position: int
    listing_id: str
    title: str  # "" where the listing is gone by now
    score: float
    sources: tuple[str, ...]  # "lexical", "semantic"
    is_there: bool  # still for sale; else words, attributes and cosine are not known any more
    words: tuple[WordHad, ...] = ()
    attributes: tuple[str, ...] = ()  # wanted values that it has
    cosine: float | None = None
    parts: tuple[ScorePart, ...] = ()  # their sum is the score of the first stage; as logged
    is_sponsored: bool = False
    stages: tuple[StageScore, ...] = ()  # where features were computed
    features: tuple[FeaturePart, ...] = ()  # what contributed most to the model's score first


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage on the way to the page, and what it did with a listing."""

    name: str
    outcome: Literal["passed", "stopped", "not_reached"]
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartGap:
    """One term of two scores: of a listing, and of the last one shown."""

    name: str
    words: str
    value: float
    last_shown: float
    gap: float  # last_shown - value: above 0 the last one shown has more


Reason = Literal[
    "shown", "itself", "unknown", "gone", "ruled_out", "no_match", "filtered", "not_scored",
    "further_down", "moved_down", "earlier_page", "changed_since",
]  # fmt: skip
"""Where a listing left the way to the page; each has exactly one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingWhy:
    """Why a listing is, or is not, on the page."""

    listing_id: str
    title: str
    reason: Reason
    sentence: str
    basis: Basis
    steps: tuple[Step, ...] = ()
    faults: tuple[str, ...] = ()  # all that stopped it at that stage, a sentence each
    position: int | None = None  # in the whole slate, 1 for the top
    score: float | None = None
    last_shown_score: float | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)  # what the sentence says, to compute
    parts: tuple[PartGap, ...] = ()
    stages: tuple[StageScore, ...] = ()
    comparisons: tuple[Comparison, ...] = ()  # of one on the page: with those above it


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWhy:
    """A page explained."""

    page_id: str
    served_ms: int
    surface: str
    q: str
    request: Mapping[str, Any]
    found: int
    cursor: str
    understood: tuple[str, ...]
    dropped: tuple[str, ...]
    generation: str
    catalogue_version: int
    models: tuple[str, ...]
    feature_set: str
    is_detailed: bool
    n_candidates: int | None  # that were scored; None where the heavy part was not kept
    threshold: float | None  # cosine from which a listing matches by its meaning
    timings_us: Mapping[str, int]
    took_us: int
    basis: Basis  # of what the record does not have
    note: str  # the same for people
    hits: tuple[HitWhy, ...]
    listing: ListingWhy | None = None
    ranking: RankingWhy | None = None  # None: the first pass alone


def basis_of(page: Page, snapshot: Snapshot) -> Basis:
    """Whether the index is still the one that the page was made of."""
    is_same = (page.generation, page.catalogue_version) == (snapshot.generation, snapshot.version)
    return "same_index" if is_same else "now"


def note_of(page: Page, snapshot: Snapshot) -> str:
    """The basis in words."""
    if basis_of(page, snapshot) == "same_index":
        return "The index is still the one that served the page, so all that is said is exact."
    return (
        f"Evaluated now on generation {snapshot.generation}, catalogue version "
        f"{snapshot.version:,}; the page was served by generation {page.generation}, version "
        f"{page.catalogue_version:,}. Positions and scores of the page are as logged."
    )


def page_why(page: Page, snapshot: Snapshot, now: Evaluation | None) -> PageWhy:
    """The page and its hits.

    Args:
        now: the search made again; None for a page that no search made.
    """
    stats, threshold = page.list_stats, page.list_stats.get("semantic_threshold")
    if threshold is None and now is not None and now.found.vector is not None:
        threshold = snapshot.threshold
    candidates = stats.get("candidates", len(page.candidate_rows) if page.is_detailed else None)
    return PageWhy(
        page_id=page.page_id,
        served_ms=page.served_ms,
        surface=page.surface,
        q=page.q,
        request=page.request,
        found=page.found,
        cursor=page.cursor,
        understood=tuple(understood_words(page.understood)),
        dropped=tuple(dropped_words(page.understood, page.degraded, stats)),
        generation=page.generation,
        catalogue_version=page.catalogue_version,
        models=page.models,
        feature_set=page.feature_set,
        is_detailed=page.is_detailed,
        n_candidates=None if candidates is None else int(candidates),
        threshold=threshold,
        timings_us=page.timings_us,
        took_us=page.took_us,
        basis=basis_of(page, snapshot),
        note=note_of(page, snapshot),
        hits=_hits(page, snapshot, now),
    )


def _hits(page: Page, snapshot: Snapshot, now: Evaluation | None) -> tuple[HitWhy, ...]:
    places = find_rows(snapshot, [one.row_id for one in page.shown])
    return tuple(
        _hit(page, i, places.get(one.row_id), snapshot, now) for i, one in enumerate(page.shown)
    )


def _hit(
    page: Page, i: int, at: RowPlace | None, snapshot: Snapshot, now: Evaluation | None
) -> HitWhy:
    one, parts = page.shown[i], logged_parts(page, i)
    return HitWhy(
        position=one.position,
        listing_id=one.listing_id,
        title=title_of(snapshot, at) if at is not None else "",
        score=one.score,
        sources=sources_of(one),
        is_there=at is not None,
        words=had_words(now, at) if now and at else (),
        attributes=had_attributes(now, at) if now and at else (),
        cosine=_cosine(page, one, parts, now, at),
        parts=tuple(ScorePart(name, part_words(name), value) for name, value in parts.items()),
        is_sponsored=one.is_sponsored,
    )


def logged_parts(page: Page, i: int) -> dict[str, float]:
    """The parts of the i-th listing shown; empty where none were kept for it."""
    n = len(page.part_names)
    values = page.shown_parts[i * n : (i + 1) * n]
    if not n or len(values) < n or np.isnan(values).any():
        return {}
    return dict(zip(page.part_names, values.tolist(), strict=True))


def _cosine(
    page: Page, one: Shown, parts: Mapping[str, float], now: Evaluation | None, at: RowPlace | None
) -> float | None:
    """As logged where it can be told from the record, else as it is now."""
    if page.surface == "similar" or "nearest" in page.stages:
        return one.score
    weight = page.list_stats.get("semantic_weight", 0.0)
    if weight > 0 and parts.get("semantic", 0.0) > 0:
        return parts["semantic"] / weight
    return now.cosine(at) if now is not None and at is not None else None


def sources_of(one: Shown) -> tuple[str, ...]:
    """By what it was found."""
    return tuple(name for bit, name in ((1, "lexical"), (2, "semantic")) if one.sources & bit)


def had_words(now: Evaluation, at: RowPlace) -> tuple[WordHad, ...]:
    """The words of the query, and which of them a row has."""
    wanted = now.found.wanted
    had = words_had(wanted, now.snapshot.segments[at.part], np.array([at.row], np.uint32))
    pairs = zip(wanted.groups, had[:, 0].tolist(), strict=True)
    return tuple(WordHad(group.word, is_had) for group, is_had in pairs)


def had_attributes(now: Evaluation, at: RowPlace) -> tuple[str, ...]:
    """The values that the query names and a row has."""
    segment = now.snapshot.segments[at.part]
    return tuple(
        f"{wish.field}: {wish.value}"
        for wish in now.found.wanted.wishes
        if has_wish(wish, segment, at.row)
    )


def title_of(snapshot: Snapshot, at: RowPlace) -> str:
    """A row's title."""
    segment = snapshot.segments[at.part]
    found = segment.documents.take(segment.document_row[[at.row]])
    return str(found.column("title")[0].as_py())


def part_gaps(values: Mapping[str, float], last: Mapping[str, float]) -> tuple[PartGap, ...]:
    """Two scores, part by part; a part that one of them has not is 0."""
    names = [*values, *(name for name in last if name not in values)]
    pairs = ((name, values.get(name, 0.0), last.get(name, 0.0)) for name in names)
    return tuple(
        PartGap(name=name, words=part_words(name), value=own, last_shown=other, gap=other - own)
        for name, own, other in pairs
    )
