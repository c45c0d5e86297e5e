"""What a served page is: the record that every later event, bill, replay and training set is joined to.

One row is one page. The light part (who asked what, what was shown) is always kept; the heavy part
(every candidate with its stage scores, logged feature values, list statistics) is kept for the share
of pages that `log.detail_share` names, and `is_detailed` says which.

Matrices lie flat, row by row: `candidate_scores` is (n_candidates, n_stages), `shown_parts` is
(n_shown, n_parts), `shown_features` is (n_shown, n_features).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Surface = Literal["search", "similar", "home", "image", "ads", "rank"]
SURFACES: tuple[str, ...] = get_args(Surface)

SHOWN = pa.struct(
    [
        pa.field("listing_id", pa.string(), nullable=False),
        pa.field("row_id", pa.int64(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),  # 1 for the top of the whole slate
        pa.field("score", pa.float32(), nullable=False),
        pa.field("propensity", pa.float32(), nullable=False),  # of standing here; 1: not drawn
        pa.field("sources", pa.int64(), nullable=False),  # 1 lexical, 2 semantic, 3 both, 0 sorted
        pa.field("is_sponsored", pa.bool_(), nullable=False),
        pa.field("bid_micros", pa.int64()),  # of a sponsored slot, in the reporting currency
        pa.field("charge_micros", pa.int64()),  # per click
        pa.field("why", pa.string()),  # of the price, for people
    ]
)

PAGE = pa.schema(
    [
        pa.field("page_id", pa.string(), nullable=False),  # UUIDv7
        pa.field("served_ms", pa.int64(), nullable=False),
        pa.field("surface", pa.string(), nullable=False),  # one of SURFACES
        pa.field("visitor_id", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("buyer_id", pa.string()),
        pa.field("q", pa.string(), nullable=False),  # as typed; of "similar" the listing's id
        pa.field("request", pa.string(), nullable=False),  # JSON of all that was asked
        pa.field("understood", pa.string(), nullable=False),  # JSON of ParsedQuery.to_dict()
        pa.field("found", pa.int64(), nullable=False),
        pa.field(
            "cursor", pa.string(), nullable=False
        ),  # of the slate; pages of one slate share it
        pa.field("generation", pa.string(), nullable=False),
        pa.field("catalogue_version", pa.int64(), nullable=False),  # the delta included
        pa.field("counters_position", pa.string(), nullable=False),  # "" where no counter was read
        pa.field("models", pa.list_(pa.string()), nullable=False),  # name@hash, in stage order
        pa.field(
            "feature_set", pa.string(), nullable=False
        ),  # content hash; "" where none was used
        pa.field("degraded", pa.list_(pa.string()), nullable=False),
        pa.field("timings_us", pa.map_(pa.string(), pa.int64()), nullable=False),  # by stage
        pa.field("took_us", pa.int64(), nullable=False),
        pa.field("shown", pa.list_(SHOWN), nullable=False),  # best position first
        pa.field("part_names", pa.list_(pa.string()), nullable=False),
        pa.field(
            "shown_parts", pa.list_(pa.float32()), nullable=False
        ),  # what the score is made of
        pa.field("is_detailed", pa.bool_(), nullable=False),  # what follows is there
        pa.field("stages", pa.list_(pa.string()), nullable=False),
        pa.field("candidate_rows", pa.list_(pa.int64()), nullable=False),  # row ids, final order
        pa.field("candidate_scores", pa.list_(pa.float32()), nullable=False),
        pa.field("shown_features", pa.list_(pa.float32()), nullable=False),
        pa.field("list_stats", pa.map_(pa.string(), pa.float64()), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One listing on a page; the fields of SHOWN."""

    listing_id: str
    row_id: int
    position: int
    score: float
    propensity: float = 1.0
    sources: int = 0
    is_sponsored: bool = False
    bid_micros: int | None = None
    charge_micros: int | None = None
    why: str | None = None


_NO_ROWS: npt.NDArray[np.int64] = np.zeros(0, np.int64)
_NO_SCORES: npt.NDArray[np.float32] = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One served page as a single thing; in bulk the same fields are columns of `PAGE`."""

    page_id: str
    served_ms: int
    surface: Surface
    q: str
    request: Mapping[str, Any]
    found: int
    generation: str
    catalogue_version: int
    shown: tuple[Shown, ...]
    visitor_id: str | None = None
    session_id: str | None = None
    buyer_id: str | None = None
    understood: Mapping[str, Any] = field(default_factory=dict)
    cursor: str = ""
    counters_position: str = ""
    models: tuple[str, ...] = ()
    feature_set: str = ""
    degraded: tuple[str, ...] = ()
    timings_us: Mapping[str, int] = field(default_factory=dict)
    took_us: int = 0
    part_names: tuple[str, ...] = ()
    shown_parts: npt.NDArray[np.float32] = field(default_factory=lambda: _NO_SCORES)
    is_detailed: bool = False
    stages: tuple[str, ...] = ()
    candidate_rows: npt.NDArray[np.int64] = field(default_factory=lambda: _NO_ROWS)
    candidate_scores: npt.NDArray[np.float32] = field(default_factory=lambda: _NO_SCORES)
    shown_features: npt.NDArray[np.float32] = field(default_factory=lambda: _NO_SCORES)
    list_stats: Mapping[str, float] = field(default_factory=dict)

    def stage_scores(self, stage: str) -> npt.NDArray[np.float32]:
        """(n_candidates,) the column of `candidate_scores` of that stage; none where it has none."""
        if stage not in self.stages:
            return _NO_SCORES
        table = self.candidate_scores.reshape(-1, len(self.stages))
        column: npt.NDArray[np.float32] = table[:, self.stages.index(stage)]
        return column


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSummary:
    """What a list of pages shows of one: the light part, without its listings."""

    page_id: str
    served_ms: int
    surface: str
    q: str
    request: Mapping[str, Any]
    found: int
    n_shown: int
    took_us: int
    visitor_id: str | None = None
    degraded: tuple[str, ...] = ()
