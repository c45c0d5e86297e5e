"""Which words of a listing belong to which text field, for whole columns at a time."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.text.analyze import Tokeniser, Tokens

# In the order in which postings pack their counts. `labels`: tags and attribute values.
TEXT_FIELDS = ("title", "labels", "category", "description")


def text_columns(listings: pa.RecordBatch | pa.Table) -> Mapping[str, pa.Array]:
    """The text of each field as one string per listing, (n,) each; parts are parted by a newline."""
    tags = _joined(_one(listings, "tags"))
    values = _joined(attribute_values(_one(listings, "attributes")))
    return {
        "title": _one(listings, "title"),
        "labels": pc.binary_join_element_wise(tags, values, "\n"),
        "category": _joined(_one(listings, "category_path")),
        "description": _one(listings, "description"),
    }


def listing_tokens(
    listings: pa.RecordBatch | pa.Table, tokeniser: Tokeniser
) -> Mapping[str, Tokens]:
    """Words of each text field in `tokeniser`'s codes."""
    return {field: tokeniser.run(text) for field, text in text_columns(listings).items()}


def _one(listings: pa.RecordBatch | pa.Table, name: str) -> pa.Array:
    column = listings.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _joined(lists: pa.ListArray) -> pa.Array:
    return pc.fill_null(pc.binary_join(lists, "\n"), "")


def attribute_values(attributes: pa.MapArray) -> pa.ListArray:
    """Per listing, the values of all its attributes: map<name, list<value>> -> list<value>."""
    entries = attributes.cast(
        pa.list_(pa.struct([("key", pa.string()), ("value", pa.list_(pa.string()))]))
    )
    flat = pc.list_flatten(entries)
    value_lists = flat.field("value") if len(flat) else pa.array([], pa.list_(pa.string()))
    owner = pc.list_parent_indices(entries)  # listing of each attribute
    value_owner = owner.take(pc.list_parent_indices(value_lists))
    return _regroup(pc.list_flatten(value_lists), value_owner, len(attributes))


def _regroup(values: pa.Array, owner: pa.Array, n: int) -> pa.ListArray:
    """Lists of `values` by their ascending owner, empty where an owner has none."""
    counts = np.bincount(owner.to_numpy(zero_copy_only=False), minlength=n)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)
