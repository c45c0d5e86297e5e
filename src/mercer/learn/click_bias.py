"""Which way the favour of places is taken out of clicks, and the curve that way finds."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from mercer.features.declare import FeatureSet
from mercer.learn.relevance import LogisticRelevance
from mercer.metrics.ragged import Bools, Floats, Ints
from mercer.rank.click_model import fit_clicks
from mercer.rank.examination import Examination, all_pairs, by_item, by_swaps
from mercer.rank.training_log import Labels, ShownRows
from mercer.rank.training_set import FeatureColumns
from mercer.schema.errors import InputError

Bias = Literal["none", "swaps", "moved", "model"]
"""none: clicks as they are; swaps: by the random swaps; moved: by listings that stood at several places
for one query; model: by regression-EM."""
BIASES: tuple[str, ...] = get_args(Bias)

MAX_MODEL_ROWS = 80_000  # that regression-EM looks at


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasParams:
    """How the curve is estimated."""

    way: Bias = "model"
    n_places: int = 24  # of the curve; deeper places have its last chance
    max_weight: float = 20.0  # of a click, >= 1
    smooth: float = 10.0  # of swaps and moved listings

    def __post_init__(self) -> None:
        if self.way not in BIASES or self.n_places < 2 or self.max_weight < 1 or self.smooth < 0:
            raise InputError(
                f"click bias: way is one of {', '.join(BIASES)}, places from 2, the largest weight "
                f"from 1, smooth from 0; got {self.way!r}, {self.n_places}, {self.max_weight}, "
                f"{self.smooth}"
            )


def examination_of(
    rows: ShownRows,
    labels: Labels,
    columns: FeatureColumns,
    params: BiasParams,
    *,
    tell_place: frozenset[str],
) -> Examination | None:
    """The curve, or None where clicks are taken as they are.

    Args:
        tell_place: features that say where a listing stood, such as those of the first pass; the click
            model leaves them out, or it could not tell a good place from a good listing.
    Raises:
        InputError: the log has nothing that this way could compare.
    """
    n_pages = len(rows.page_id)
    page = np.repeat(np.arange(n_pages), np.diff(rows.offsets))
    n_clicks = int(labels.is_clicked.sum())
    if params.way == "none":
        return None
    n_places = min(params.n_places, int(rows.place.max(initial=2)))
    if params.way == "model":
        told = [i for i, name in enumerate(columns.names) if name not in tell_place]
        return _by_model(rows, labels, np.array(told, np.int64), n_places=n_places)
    # Places are compared by where listings were ranked, which the places of first pages are.
    is_other = np.bincount(page, rows.position != rows.place, n_pages) > 0
    kept = np.flatnonzero(~is_other[page])
    at, place, clicked = page[kept], rows.place[kept], labels.is_clicked[kept]
    if params.way == "swaps":
        compared = by_swaps(at, place, rows.propensity[kept], clicked, n_places=n_places)
    else:
        compared = by_item(_items(rows, page)[kept], place, clicked, n_places=n_places)
    return all_pairs(compared, n_places=n_places, n_clicks=n_clicks, smooth=params.smooth)


def place_tellers(feature_set: FeatureSet) -> frozenset[str]:
    """The features that are made, at however many removes, of what the stages before said."""
    found: set[str] = set()
    while True:
        more = {
            one.name
            for one in feature_set.features
            if any(name in found or name.startswith("candidate.") for name in one.inputs)
        }
        if more <= found:
            return frozenset(found)
        found |= more


def _items(rows: ShownRows, page: Ints) -> Ints:
    """(n,) a code of each (query, listing)."""
    query = rows.query.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    listing = rows.listing_id.dictionary_encode()
    code = listing.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    both = query.astype(np.int64)[page] * (len(listing.dictionary) + 1) + code
    out: Ints = np.unique(both, return_inverse=True)[1].astype(np.int64)
    return out


def _by_model(rows: ShownRows, labels: Labels, kept: Ints, *, n_places: int) -> Examination:
    chosen: Bools = rows.place <= n_places
    if not labels.is_clicked[chosen].any():
        raise InputError("click bias: nothing was clicked, so no click model can be fitted")
    at: Ints = np.flatnonzero(chosen)
    at = at[:: max(1, -(-len(at) // MAX_MODEL_ROWS))]
    features: Floats | np.ndarray = rows.features[at][:, kept]
    regress = LogisticRelevance(np.ascontiguousarray(features))
    return fit_clicks(rows.place[at], labels.is_clicked[at], regress, n_places=n_places)
