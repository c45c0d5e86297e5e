"""Training sets from the log: the feature values that were used, labelled by what buyers did then.

A page is a list, its shown listings are the rows, and their features are those that were logged when the
page was served: nothing is computed again, so what is learned from is what was used. Events are joined
by (page_id, listing_id), purchases by the page that they are credited to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.metrics.ragged import Bools, Floats, Ints
from mercer.rank.training_set import F32s, FeatureColumns, TrainingSet
from mercer.schema.errors import InputError
from mercer.schema.event import EVENT_KINDS, STANDINGS
from mercer.schema.time import DAY_MS

HOUR_MS = 3_600_000
LABEL_KINDS = ("click", "favourite", "cart", "purchase")
DEFAULT_GAINS: Mapping[str, float] = {"click": 1.0, "favourite": 2.0, "cart": 4.0, "purchase": 10.0}
# By share of all pages, busiest queries first.
PART = (("head", 1 / 3), ("torso", 2 / 3), ("tail", 1.0))

# What is credited to a page by the rule of attribution, pieces that came back left out.
CREDIT = pa.schema(
    [
        pa.field("page_id", pa.string(), nullable=False),
        pa.field("listing_id", pa.string(), nullable=False),
        pa.field("time_ms", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelParams:
    """What counts, for how much, and for how long."""

    gains: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_GAINS))
    label_hours: float = 24.0  # a click, favourite or cart so long after its page counts
    purchase_days: float = 7.0  # a purchase so long after the page that it is credited to counts
    mature_hours: float = (
        1.0  # a page is learned from when it is so old: its clicks have come by then
    )
    standings: frozenset[str] = frozenset({"signed"})  # whose events are believed

    def __post_init__(self) -> None:
        faults = [f"gain of {k!r}" for k in self.gains if k not in LABEL_KINDS]
        faults += [f"gain {v} of {k!r}" for k, v in self.gains.items() if not 0 <= v < np.inf]
        faults += [f"standing {s!r}" for s in self.standings if s not in STANDINGS]
        if min(self.label_hours, self.purchase_days) <= 0 or self.mature_hours < 0:
            faults.append("a window that is not above 0")
        if faults or not any(self.gains.values()):
            raise InputError(
                f"labels: {', '.join(faults) or 'no gain is above 0'}; gains are numbers from 0 for "
                f"{', '.join(LABEL_KINDS)}, standings some of {', '.join(STANDINGS)}, windows above 0"
            )


@dataclass(frozen=True, slots=True)
class ShownRows:
    """What some pages showed, column by column; listings of page i are offsets[i] : offsets[i + 1]."""

    page_id: pa.StringArray  # (n_pages,)
    served_ms: Ints  # (n_pages,)
    query: pa.StringArray  # (n_pages,) as typed
    visitor_id: pa.StringArray  # (n_pages,) null where unknown
    session_id: pa.StringArray  # (n_pages,) null where unknown
    offsets: Ints  # (n_pages + 1,)
    listing_id: pa.StringArray  # (n,)
    position: Ints  # (n,) from 1 for the top of the whole slate
    place: Ints  # (n,) on its page, sponsored ones counted, from 1: a page is read from its own top
    propensity: Floats  # (n,)
    features: F32s  # (n, n_features)

    def take(self, pages: Ints) -> "ShownRows":
        """Some of the pages, in that order."""
        length = np.diff(self.offsets)[pages]
        offsets = np.zeros(len(pages) + 1, np.int64)
        np.cumsum(length, out=offsets[1:])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], length)
        rows = np.repeat(self.offsets[:-1][pages], length) + within
        return ShownRows(
            self.page_id.take(pa.array(pages)),
            self.served_ms[pages],
            self.query.take(pa.array(pages)),
            self.visitor_id.take(pa.array(pages)),
            self.session_id.take(pa.array(pages)),
            offsets,
            self.listing_id.take(pa.array(rows)),
            self.position[rows],
            self.place[rows],
            self.propensity[rows],
            self.features[rows],
        )

    def with_rows(self, rows: Ints, n_of_page: Ints) -> "ShownRows":
        """Some of the rows of all pages, ascending, and how many each page keeps."""
        offsets = np.zeros(len(n_of_page) + 1, np.int64)
        np.cumsum(n_of_page, out=offsets[1:])
        return replace(
            self,
            offsets=offsets,
            listing_id=self.listing_id.take(pa.array(rows)),
            position=self.position[rows],
            place=self.place[rows],
            propensity=self.propensity[rows],
            features=self.features[rows],
        )


def shown_rows(pages: pa.RecordBatch, columns: FeatureColumns) -> ShownRows:
    """The organic listings of the searches that were ranked on that feature set.

    Pages of other surfaces or feature sets, and those whose values were not logged, are left out.

    Args:
        pages: rows of PAGE.
        columns: of the feature set.
    """
    n_features = len(columns.names)
    shown = pages.column("shown")
    n_shown = np.asarray(pc.list_value_length(shown)).astype(np.int64)
    n_values = np.asarray(pc.list_value_length(pages.column("shown_features")))
    is_wanted = np.asarray(pc.equal(pages.column("feature_set"), columns.set_hash))
    is_wanted = is_wanted & np.asarray(pc.equal(pages.column("surface"), "search"))
    is_wanted &= (n_shown > 0) & (n_values == n_shown * n_features)
    kept = pages.filter(pa.array(is_wanted))
    flat = kept.column("shown").flatten()
    values = kept.column("shown_features").flatten().to_numpy(zero_copy_only=False)
    features = values.reshape(-1, n_features).astype(np.float32, copy=False)
    is_organic = ~np.asarray(flat.field("is_sponsored"))
    owner = np.repeat(np.arange(kept.num_rows), n_shown[is_wanted])
    begins = np.cumsum(n_shown[is_wanted]) - n_shown[is_wanted]
    place = (np.arange(len(owner)) - begins[owner] + 1)[is_organic]
    offsets = np.zeros(kept.num_rows + 1, np.int64)
    np.cumsum(np.bincount(owner[is_organic], minlength=kept.num_rows), out=offsets[1:])
    rows = flat.filter(pa.array(is_organic))
    return ShownRows(
        kept.column("page_id"),
        np.asarray(kept.column("served_ms"), np.int64),
        kept.column("q"),
        kept.column("visitor_id"),
        kept.column("session_id"),
        offsets,
        rows.field("listing_id"),
        np.asarray(rows.field("position"), np.int64),
        place,
        np.asarray(rows.field("propensity"), np.float64),
        features[is_organic],
    )


def joined_rows(parts: list[ShownRows]) -> ShownRows:
    """The pages of all parts, in their order; at least one part."""
    begins = np.cumsum([0, *(int(part.offsets[-1]) for part in parts)])
    starts = [p.offsets[:-1] + at for p, at in zip(parts, begins[:-1], strict=True)]
    return ShownRows(
        pa.concat_arrays([p.page_id for p in parts]),
        np.concatenate([p.served_ms for p in parts]),
        pa.concat_arrays([p.query for p in parts]),
        pa.concat_arrays([p.visitor_id for p in parts]),
        pa.concat_arrays([p.session_id for p in parts]),
        np.concatenate([*starts, begins[-1:]]),
        pa.concat_arrays([p.listing_id for p in parts]),
        np.concatenate([p.position for p in parts]),
        np.concatenate([p.place for p in parts]),
        np.concatenate([p.propensity for p in parts]),
        np.concatenate([p.features for p in parts]),
    )


@dataclass(frozen=True, slots=True)
class Labels:
    """What buyers did with the rows of some pages."""

    gain: Floats  # (n,) of the dearest thing that was done, 0 where nothing was
    is_clicked: Bools  # (n,) whatever the gains say

    @classmethod
    def none(cls, n: int) -> "Labels":
        """Of n rows with which nothing was done."""
        return cls(np.zeros(n), np.zeros(n, np.bool_))


def label(rows: ShownRows, labels: Labels, events: pa.RecordBatch, params: LabelParams) -> Labels:
    """The labels after some more events; any order and any cut of the events gives the same.

    Args:
        rows: what was shown.
        labels: of those rows so far.
        events: rows of EVENT; purchases among them are passed over, they come as credits.
        params: what counts.
    """
    kinds = [k for k in LABEL_KINDS if k != "purchase"]
    is_wanted = pc.is_in(events.column("kind"), pa.array(kinds))
    is_wanted = pc.and_(
        is_wanted, pc.is_in(events.column("standing"), pa.array(sorted(params.standings)))
    )
    kept = events.filter(pc.and_(is_wanted, pc.is_valid(events.column("page_id"))))
    at = _rows_of(rows, kept.column("page_id"), kept.column("listing_id"))
    time_ms = np.asarray(kept.column("time_ms"), np.int64)
    window_ms = round(params.label_hours * HOUR_MS)
    kind = kept.column("kind")
    gain, is_clicked = labels.gain.copy(), labels.is_clicked.copy()
    for name in kinds:
        rows_at = _in_time(rows, at, time_ms, np.asarray(pc.equal(kind, name)), window_ms)
        gain[rows_at] = np.maximum(gain[rows_at], params.gains.get(name, 0.0))
        if name == "click":
            is_clicked[rows_at] = True
    return Labels(gain, is_clicked)


def label_purchases(
    rows: ShownRows, labels: Labels, credits: pa.RecordBatch, params: LabelParams
) -> Labels:
    """The labels after some credits (rows of CREDIT); as `label`."""
    at = _rows_of(rows, credits.column("page_id"), credits.column("listing_id"))
    time_ms = np.asarray(credits.column("time_ms"), np.int64)
    window_ms = round(params.purchase_days * DAY_MS)
    rows_at = _in_time(rows, at, time_ms, np.ones(len(at), np.bool_), window_ms)
    gain = labels.gain.copy()
    gain[rows_at] = np.maximum(gain[rows_at], params.gains.get("purchase", 0.0))
    return Labels(gain, labels.is_clicked)


def _rows_of(rows: ShownRows, page_id: pa.Array, listing_id: pa.Array) -> Ints:
    """(n_events,) the row of each (page, listing); -1 where that page did not show it."""
    names = rows.listing_id.dictionary_encode()
    listing = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    owner = np.repeat(np.arange(len(rows.page_id)), np.diff(rows.offsets))
    n_names = max(len(names.dictionary), 1)
    key = owner * n_names + listing
    order = np.argsort(key, kind="stable")
    page = pc.fill_null(pc.index_in(page_id, rows.page_id), -1).to_numpy(zero_copy_only=False)
    code = pc.fill_null(pc.index_in(listing_id, names.dictionary), -1)
    wanted = page.astype(np.int64) * n_names + code.to_numpy(zero_copy_only=False)
    is_known = (page >= 0) & (code.to_numpy(zero_copy_only=False) >= 0)
    place = np.minimum(np.searchsorted(key[order], wanted), max(len(key) - 1, 0))
    found = np.full(len(wanted), -1, np.int64)
    if len(key):
        is_there = is_known & (key[order][place] == wanted)
        found[is_there] = order[place[is_there]]
    return found


def _in_time(rows: ShownRows, at: Ints, time_ms: Ints, is_kind: Bools, window_ms: int) -> Ints:
    """The rows of those events that came within the window after their page."""
    owner = np.repeat(np.arange(len(rows.page_id)), np.diff(rows.offsets))
    chosen = np.flatnonzero(is_kind & (at >= 0))
    age = time_ms[chosen] - rows.served_ms[owner[at[chosen]]]
    return at[chosen[(age >= 0) & (age <= window_ms)]]


def log_set(rows: ShownRows, labels: Labels, columns: FeatureColumns) -> TrainingSet:
    """The pages as lists; a query is its words without case or outer blanks.

    `base` is the order as it was served. The segment `query` tells busy from rare queries.
    """
    query = tuple(" ".join(q.casefold().split()) for q in rows.query.to_pylist())
    return TrainingSet(
        columns=columns,
        features=rows.features,
        gain=labels.gain,
        offsets=rows.offsets,
        query=query,
        served_ms=rows.served_ms,
        weight=np.ones(len(query)),
        base=-rows.position.astype(np.float64),
        position=rows.place,
        segments={"query": busyness(query)},
    )


def busyness(query: tuple[str, ...]) -> tuple[str, ...]:
    """(n,) "head", "torso" or "tail": the busiest queries that make a third of the pages, and so on."""
    text, code, count = np.unique(
        np.array(query, dtype=object), return_inverse=True, return_counts=True
    )
    order = np.lexsort((text, -count))
    share = np.empty(len(text))
    share[order] = (np.cumsum(count[order]) - count[order] / 2) / max(len(query), 1)
    names = [next(name for name, top in PART if one <= top) for one in share.tolist()]
    return tuple(names[i] for i in code.tolist())


assert set(LABEL_KINDS) <= set(EVENT_KINDS)
