"""The stages of a search in their order, from the typed query to the ranked head, each timed.

One definition: a request runs it, and so does the explanation of a page that was served before.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mercer.rank.candidates import (
    Head,
    nearest_head,
    ranked_head,
    sorted_head,
)
from mercer.rank.chosen import CandidateParams
from mercer.rank.first_pass import FirstPassParams
from mercer.rank.seller_limit import spread_sellers
from mercer.rank.swap import SwapParams, draw_of, swapped
from mercer.retrieve.bitmap import Bits
from mercer.retrieve.facets import first_labels
from mercer.retrieve.filter_ast import Filter
from mercer.retrieve.filter_language import parse_filter
from mercer.retrieve.filter_rows import rows_matching
from mercer.retrieve.index import Snapshot
from mercer.retrieve.match import (
    LexicalMatches,
    MatchParams,
    SemanticHits,
    Wanted,
    has_known_word,
    join,
    lexical_matches,
    semantic_hits,
    wanted_of,
)
from mercer.retrieve.query import ParsedQuery, UnderstandOptions
from mercer.retrieve.request import SearchRequest
from mercer.retrieve.segment import F32s
from mercer.retrieve.understand import understand
from mercer.serve.search.stopwatch import Stopwatch

F64s = npt.NDArray[np.float64]
NO_SEMANTIC_THRESHOLD = -1.0  # in semantic mode all near listings match, however far


@dataclass(frozen=True, slots=True)
class SearchParams:
    """How a market searches; the limits of the cascade are set here, once."""

    match: MatchParams = field(default_factory=MatchParams)
    candidates: CandidateParams = field(default_factory=CandidateParams)
    first_pass: FirstPassParams = field(default_factory=FirstPassParams)
    understand: UnderstandOptions = field(default_factory=UnderstandOptions)
    swap: SwapParams = field(default_factory=lambda: SwapParams(share=0.0))
    budget_ms: float = 50.0  # of a request that names none


@dataclass(frozen=True, slots=True)
class Matched:
    """What a query found in a snapshot, before anything is ranked."""

    tree: Filter | None
    query: ParsedQuery
    wanted: Wanted
    lexical: LexicalMatches
    vector: F32s | None  # (dim,) the query's meaning; None where it was not used
    hits: tuple[SemanticHits, ...]  # by part
    unfiltered: tuple[Bits, ...]
    matches: tuple[Bits, ...]  # the filter applied
    degraded: tuple[str, ...]


def matched(
    request: SearchRequest,
    snapshot: Snapshot,
    params: SearchParams,
    *,
    watch: Stopwatch,
    has_semantic: bool = True,
) -> Matched:
    """Understand and match.

    Args:
        has_semantic: False leaves the semantic part out, as on a page whose time was up.
    Raises:
        FilterError: the filter cannot be read.
    """
    parts = snapshot.parts
    degraded: list[str] = []
    with watch.stage("understand"):
        tree = parse_filter(request.filter, snapshot.fields)
        query = understand(request.q, lexicon=snapshot.lexicon, options=params.understand)
        wanted = wanted_of(query, parts)
    with watch.stage("lexical"):
        lexical = lexical_matches(
            wanted, parts, params=params.match, has_words=request.mode != "semantic"
        )
    with watch.stage("semantic"):
        vector = query_vector(request, query, wanted, snapshot) if has_semantic else None
        if vector is not None and watch.is_over:
            vector = None
            degraded.append(f"semantic: the time budget of {watch.budget_ms:g} ms was used up")
        hits = _hits(vector, request, snapshot)
    with watch.stage("match"):
        unfiltered = join(lexical, hits, parts)
        matches = tuple(
            bits & rows_matching(tree, part.segment) if tree is not None else bits
            for bits, part in zip(unfiltered, parts, strict=True)
        )
    return Matched(tree, query, wanted, lexical, vector, hits, unfiltered, matches, tuple(degraded))


def head_of(
    request: SearchRequest,
    snapshot: Snapshot,
    params: SearchParams,
    found: Matched,
    *,
    has_parts: bool = False,
) -> Head:
    """The ranked head of a match set, before the limit per seller."""
    if request.sort != "relevance":
        return sorted_head(request.sort, snapshot, found.matches)
    if found.wanted.is_empty:
        # By quality as it lies; the limit per seller needs a head to reorder.
        is_limited = request.per_seller is not None
        return sorted_head("relevance", snapshot, found.matches) if is_limited else NOTHING_RANKED
    if request.mode == "semantic":
        return nearest_head(snapshot, found.matches, found.hits)
    lexical = found.lexical
    return ranked_head(
        found.wanted, snapshot, found.matches, lexical.bits, lexical.level, found.hits,
        found.vector, params=params.candidates, first_pass=params.first_pass, has_parts=has_parts,
    )  # fmt: skip


FIRST_PASS, NEAREST = "first_pass", "nearest"


def stage_of(request: SearchRequest, wanted: Wanted) -> str | None:
    """The stage whose score orders the head of a search; None where a sort or the quality does."""
    if request.sort != "relevance" or wanted.is_empty:
        return None
    return NEAREST if request.mode == "semantic" else FIRST_PASS


def spread(head: Head, snapshot: Snapshot, request: SearchRequest) -> Head:
    """At most so many listings of one seller on a page, as far as the ranked head reaches."""
    if request.per_seller is None:
        return head
    seller = np.full(len(head.row), -1, np.int64)
    names: dict[str, int] = {}
    for i, part in enumerate(snapshot.parts):
        mine = np.flatnonzero(head.part == i)
        segment = part.segment
        seller[mine] = first_labels(segment.labels, "seller", head.row[mine], names)
    order = spread_sellers(seller, per_seller=request.per_seller, per_page=request.per_page)
    return head.taken(order)


def swapped_head(
    head: Head, page_id: str, *, n_places: int, params: SwapParams
) -> tuple[Head, F64s]:
    """The head with its bounded random swap, if this page has one, and (n,) the propensities.

    Args:
        page_id: draws it, so that a replay draws the same.
        n_places: of the first page, within which listings change places.
    """
    n = min(n_places, len(head.row))
    swap = swapped(n, draw_of(page_id), params)
    if swap.pair is None:
        return head, swap.propensity
    order = np.arange(len(head.row))
    order[:n] = swap.order
    return head.taken(order), swap.propensity


NOTHING_RANKED = Head(
    np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.uint8)
)


def query_vector(
    request: SearchRequest, query: ParsedQuery, wanted: Wanted, snapshot: Snapshot
) -> F32s | None:
    """(dim,) the query's meaning; None where it is not asked for."""
    if request.mode == "lexical" or wanted.is_empty:
        return None
    if not has_known_word(wanted, snapshot.parts):
        return None  # every vector is near some listing, also that of "qwertzuiop"
    words = [t.word for t in query.terms if not t.is_optional] or [t.word for t in query.terms]
    return snapshot.encoder.encode_query(query.text, words)


def threshold_of(request: SearchRequest, snapshot: Snapshot) -> float:
    """The cosine from which a listing matches by its meaning."""
    return NO_SEMANTIC_THRESHOLD if request.mode == "semantic" else snapshot.threshold


def _hits(
    vector: F32s | None, request: SearchRequest, snapshot: Snapshot
) -> tuple[SemanticHits, ...]:
    if vector is None:
        nothing = SemanticHits(np.zeros(0, np.int64), np.zeros(0, np.float32))
        return (nothing,) * len(snapshot.parts)
    return semantic_hits(vector, snapshot.parts, threshold=threshold_of(request, snapshot))
