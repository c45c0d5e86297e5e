"""Rows of LISTING and SELLER as the input columns that features read."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mercer.features.columns import ATTRIBUTE
from mercer.schema.money import Rates
from mercer.schema.price_column import NO_PRICE, reporting_price
from mercer.text.listing_text import attribute_values

I32s = npt.NDArray[np.int32]

LISTING_PREFIX, SELLER_PREFIX = "listing.", "seller."
PATH_SEPARATOR = " > "


def listing_inputs(
    listings: pa.RecordBatch, rates: Rates, *, reads: Collection[str]
) -> pa.RecordBatch:
    """(n,) the columns of `reads` that begin with "listing.", but "listing.vector".

    Args:
        listings: n rows of LISTING.
        rates: turns prices into the reporting currency; what it cannot turn is missing.
        reads: input columns (`Plan.reads`); others are left out.
    """
    arrays = {
        name: _column(listings, name.removeprefix(LISTING_PREFIX), rates)
        for name in sorted(reads)
        if name.startswith(LISTING_PREFIX) and name != "listing.vector"
    }
    return _batch(arrays, listings.num_rows)


def seller_inputs(sellers: pa.RecordBatch, *, reads: Collection[str]) -> pa.RecordBatch:
    """(n,) the columns of `reads` that begin with "seller."; n rows of SELLER."""
    arrays = {
        name: sellers.column(name.removeprefix(SELLER_PREFIX))
        for name in sorted(reads)
        if name.startswith(SELLER_PREFIX)
    }
    return _batch(arrays, sellers.num_rows)


def _batch(arrays: Mapping[str, pa.Array], n: int) -> pa.RecordBatch:
    """A batch of n rows also where it has no columns."""
    if not arrays:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * n, pa.struct([])))
    return pa.record_batch(dict(arrays))


def _column(listings: pa.RecordBatch, name: str, rates: Rates) -> pa.Array:
    if name in _DERIVED:
        return _DERIVED[name](listings)
    if name == "price_micros":
        return _price(listings, rates)
    attribute = (LISTING_PREFIX + name).removeprefix(ATTRIBUTE)
    if attribute != LISTING_PREFIX + name:
        return pc.map_lookup(listings.column("attributes"), pa.scalar(attribute), "first")
    return listings.column(name)


def _category(listings: pa.RecordBatch) -> pa.Array:
    """The whole path as one text; null where there is none."""
    path = listings.column("category_path")
    joined = pc.binary_join(path, PATH_SEPARATOR)
    return pc.if_else(_has_items(path), joined, pa.scalar(None, pa.string()))


def _leaf_category(listings: pa.RecordBatch) -> pa.Array:
    path = listings.column("category_path")
    lengths = pc.fill_null(pc.list_value_length(path), 0).to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths)
    last = pa.array(ends - 1, mask=lengths == 0)
    return pc.list_flatten(path).take(last)


def _has_items(lists: pa.Array) -> pa.Array:
    return pc.fill_null(pc.greater(pc.list_value_length(lists), 0), False)


def _labels(listings: pa.RecordBatch) -> pa.Array:
    """Tags, then the values of all attributes."""
    tags, values = listings.column("tags"), attribute_values(listings.column("attributes"))
    n_tags = pc.fill_null(pc.list_value_length(tags), 0).to_numpy(zero_copy_only=False)
    n_values = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    flat = pa.concat_arrays([pc.list_flatten(tags), pc.list_flatten(values).cast(pa.string())])
    rows = np.arange(len(tags))
    owner = np.concatenate([np.repeat(rows, n_tags), np.repeat(rows, n_values)])
    order = np.argsort(owner, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(n_tags + n_values)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat.take(pa.array(order)))


def facts_of(listings: pa.RecordBatch) -> pa.Array:
    """Each value of each attribute with its name before it, as `request_inputs` writes wishes."""
    attributes = listings.column("attributes")
    values = attributes.items  # (n_attributes,) lists; rows are cut by `attributes.offsets`
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    names = attributes.keys.take(pa.array(np.repeat(np.arange(len(values)), lengths)))
    texts = pc.binary_join_element_wise(names, pc.list_flatten(values).cast(pa.string()), "=")
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends[_offsets(attributes)]), texts)


def _stated_attributes(listings: pa.RecordBatch) -> pa.Array:
    """The names of the attributes of each listing."""
    attributes = listings.column("attributes")
    return pa.ListArray.from_arrays(pa.array(_offsets(attributes)), attributes.keys)


def _offsets(attributes: pa.MapArray) -> I32s:
    """(n + 1,) where the attributes of each row begin; a row that has none has no length."""
    offsets: I32s = attributes.offsets.to_numpy(zero_copy_only=False).astype(np.int32)
    return offsets


def _price(listings: pa.RecordBatch, rates: Rates) -> pa.Array:
    price = reporting_price(listings, rates)
    return pa.array(price, mask=price == NO_PRICE)


_DERIVED: Mapping[str, Callable[[Any], Any]] = {
    "category": _category,
    "leaf_category": _leaf_category,
    "labels": _labels,
    "facts": facts_of,
    "stated_attributes": _stated_attributes,
}
