"""likely_facts: values of attributes that a listing does not tell, and others like it often have.

Buyers ask for colours of things whose sellers name none. What others of the seller and of the category
have is a good guess. Of a fact f ("color=red") of an attribute a that is not known of a listing, with
N listings in all, in its category (c) and of its seller (s) that have the fact or of which the
attribute is known:

    overall   g  = (N_f + 0.1) / (N_a + 5)
    category  pc = (N_cf + category_weight * g) / (N_ca + category_weight)
    seller    p  = (N_sf + seller_weight * pc) / (N_sa + seller_weight)

Given are the facts with p of at least min_share, the highest first, of equal ones the smaller id. A
category or a seller that is missing or was never seen has counts of 0, so the level above it stands.
Only facts that its category or its seller has are looked at, and measures ("width_cm=12") are none.

What is saved has a bound: of a category the facts with pc of at least min_share / 4; of the max_sellers
sellers with most listings those that N_sf / N_sa of at least min_share / 4 have. A count that is not kept
is 0: of a fact that is asked for this lowers p by less than min_share / 4, and a smaller seller counts
as none. The counts themselves, before all rows are seen, are exact and grow with the pairs of sellers
and facts: 32 bytes each.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from mercer.features.column import (
    Column,
    F64s,
    Ragged,
    U64s,
    ids_of,
    ragged_of,
    texts_of,
)  # fmt: skip
from mercer.features.merged_late import MergedLate
from mercer.features.pair_counts import PairCounts, distinct_things
from mercer.features.param import Param
from mercer.features.text.likely import facts_of, level_of, likely_facts, likely_plain
from mercer.features.text.likely_tables import Likely, from_arrays, likely_tables, to_arrays
from mercer.features.text.rows import as_rows
from mercer.features.text.stated import are_phrases, ends_of, stated_facts
from mercer.features.transform import Arrays, ColumnOp, Fit, Params, Transform
from mercer.features.transforms.ids_without import without
from mercer.schema.errors import FeatureError

_LEVELS: Final = ("category", "seller")
_NO_IDS: Final = np.zeros(0, np.uint64)


class LikelyFit:
    """Listings by category and by seller, with each fact and each attribute that is known of them.

    The category 0 counts too, of the listings that have none: all together are the overall counts.
    """

    is_exact = True
    bound = "exact"

    def empty(self, params: Params) -> Arrays:
        """No listing."""
        nothing = PairCounts.of(_NO_IDS, _NO_IDS)
        return _arrays(nothing, nothing, _NO_IDS, _NO_IDS)

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """With n more listings."""
        texts, owners = texts_of(inputs[0]), (ids_of(inputs[3]), ids_of(inputs[4]))
        facts, attributes, at = stated_facts(texts)
        is_said = are_phrases(texts, facts, at)
        measures, ends = np.where(is_said, np.uint64(0), facts), ends_of(texts)
        phrases = _without(ragged_of(inputs[1]), Ragged(ends[:-1], ends[1:], measures))
        pairs = [distinct_things(lists) for lists in (phrases, ragged_of(inputs[2]))]
        rows = np.concatenate([np.arange(n), *(mine for mine, _ in pairs)])
        things = np.concatenate([np.zeros(n, np.uint64), *(mine for _, mine in pairs)])
        category, seller = (of[rows] for of in owners)
        is_sold = seller != 0
        keys, first = np.unique(facts[is_said], return_index=True)
        part = _arrays(
            PairCounts.of(category, things), PairCounts.of(seller[is_sold], things[is_sold]),
            keys, attributes[is_said][first],
        )  # fmt: skip
        return MergedLate.of(state, part, _merged)

    def merge(self, a: Arrays, b: Arrays, params: Params) -> Arrays:
        """Of the rows of both."""
        return MergedLate.of(a, b, _merged)


def _arrays(category: PairCounts, seller: PairCounts, facts: U64s, attributes: U64s) -> Arrays:
    told = {"fact_keys": facts, "fact_attributes": attributes}
    return {**category.to_arrays("category"), **seller.to_arrays("seller"), **told}


def _merged(a: Arrays, b: Arrays) -> Arrays:
    category, seller = (
        PairCounts.from_arrays(a, name).merge(PairCounts.from_arrays(b, name)) for name in _LEVELS
    )
    facts = np.concatenate([a["fact_keys"], b["fact_keys"]])
    keys, first = np.unique(facts, return_index=True)
    attributes = np.concatenate([a["fact_attributes"], b["fact_attributes"]])[first]
    return _arrays(category, seller, keys, attributes)


def _without(left: Ragged, right: Ragged) -> Ragged:
    n = len(left)
    starts, stops = np.empty(n, np.int64), np.empty(n, np.int64)
    out = np.empty(int(np.maximum(left.stops - left.starts, 0).sum()), np.uint64)
    without(
        left.starts, left.stops, left.values, right.starts, right.stops, right.values,
        starts, stops, out,
    )  # fmt: skip
    return Ragged(starts, stops, out)


def _close(params: Params, fitted: Arrays) -> Arrays:
    found = likely_tables(
        fitted, category_weight=params["category_weight"], min_share=params["min_share"],
        max_sellers=params["max_sellers"],
    )  # fmt: skip
    return to_arrays(found)


def _prepare(params: Params, fitted: Arrays) -> Likely:
    if "likely_facts" not in fitted:
        raise FeatureError(
            f"likely_facts: what was fitted has {sorted(fitted)}, must have the tables of what is "
            "likely, as the fit of this version gives them; fit again"
        )
    return from_arrays(fitted)


def _run(inputs: Sequence[Column], params: Params, prepared: Likely, n: int) -> Ragged:
    known, most = ragged_of(inputs[2]), params["most"]
    offsets, out = np.zeros(n + 1, np.int64), np.empty(n * most, np.uint64)
    likely_facts(
        known.starts, known.stops, known.values, ids_of(inputs[3]), ids_of(inputs[4]),
        facts_of(prepared), level_of(prepared.categories), level_of(prepared.sellers),
        params["category_weight"], params["seller_weight"], params["min_share"], most,
        offsets, out,
    )  # fmt: skip
    return as_rows(offsets, out[: offsets[-1]].copy(), known)


def twin(
    stated: Sequence[str | None] | None,
    facts: Sequence[int] | None,
    known: Sequence[int] | None,
    category: int,
    seller: int,
    *,
    params: Params,
    fitted: Arrays,
) -> list[int] | None:
    """The same of one row; missing where it is missing what is known."""
    if known is None:
        return None
    return likely_plain(
        known, category, seller, _prepare(params, fitted),
        category_weight=params["category_weight"], seller_weight=params["seller_weight"],
        min_share=params["min_share"], most=params["most"],
    )  # fmt: skip


TRANSFORM = Transform(
    name="likely_facts",
    summary="Facts of attributes that are not known of a listing, and that others of its seller and its "
    "category often have; from what it states, its facts, its attributes, its category and its seller.",
    inputs=(("texts", "ids", "ids", "id", "id"),),
    output="ids",
    run=ColumnOp(_run, _prepare),
    twin=twin,
    params=(
        Param(
            name="min_share", kind="number", default=0.25, low=0.0, high=1.0,
            doc="of the listings that are alike have the fact, at least",
        ),
        Param(
            name="most", kind="integer", default=16, low=0, high=64,
            doc="facts of a listing that are given, the likeliest",
        ),
        Param(
            name="category_weight", kind="number", default=5.0, low=0.01, high=1e9,
            doc="listings of the category that the share among all counts for",
        ),
        Param(
            name="seller_weight", kind="number", default=3.0, low=0.01, high=1e9,
            doc="listings of the seller that the share in the category counts for",
        ),
        Param(
            name="max_sellers", kind="integer", default=1 << 16, low=0,
            doc="sellers whose listings are told apart, those with most of them",
        ),
    ),
    fit=LikelyFit(),
    close=_close,
)  # fmt: skip
_conforms: type[Fit] = LikelyFit
