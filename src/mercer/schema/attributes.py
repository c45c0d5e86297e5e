"""Attributes of a batch in one canonical form, from whatever columns they are spread over.

Everything becomes pairs (row, name, value) first; `gather` sorts them into one map column. Names of a
listing are sorted and a value stands once per name, so the same attributes are the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mercer.schema.cells import Bools, as_text, is_texty, plain, to_mask
from mercer.schema.listing import ATTRIBUTES_TYPE

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Attribute values of a batch, in long form."""

    row: Ints  # (n,) row of the batch
    name: Any  # pa.StringArray (n,), not null
    value: Any  # pa.StringArray (n,), not null
    bad: Bools | None = None  # (rows of the batch,) whose attributes cannot be read


def values_as_text(array: Any) -> tuple[Any, Bools]:
    """Texts, numbers and truth values as text, and which cells are none of these."""
    array = plain(array)
    if pt.is_boolean(array.type) or pt.is_floating(array.type) or pt.is_decimal(array.type):
        return array.cast(pa.string()), np.zeros(len(array), np.bool_)
    cells = as_text(array)
    return cells.values, np.zeros(len(array), np.bool_) if cells.bad is None else cells.bad


def _kept(row: Ints, name: Any, value: Any, bad: Bools | None) -> Pairs:
    """Trimmed pairs; those without a name or a value fall out."""
    name, value = pc.utf8_trim_whitespace(name), pc.utf8_trim_whitespace(value)
    keep = to_mask(pc.and_(pc.not_equal(name, ""), pc.not_equal(value, "")))
    if not keep.all():
        row, mask = row[keep], pa.array(keep)
        name, value = name.filter(mask), value.filter(mask)
    return Pairs(row, name, value, bad if bad is not None and bad.any() else None)


def pairs_of_column(name: str, array: Any, *, separator: str | None = None) -> Pairs:
    """One column as one attribute: a value per row, a list of them, or a text to split."""
    array = plain(array)
    n = len(array)
    row = np.arange(n, dtype=np.int64)
    if pt.is_list(array.type) or pt.is_large_list(array.type):
        row, inside = _parents(array), array.flatten()
        text, wrong = values_as_text(inside)
    else:
        text, wrong = values_as_text(array)
        if separator and is_texty(array.type):
            parts = pc.split_pattern(text, separator)
            row, text = _parents(parts), parts.flatten()
    bad = np.zeros(n, np.bool_)
    if wrong.any():
        owner = _parents(array) if len(wrong) != n or pt.is_list(array.type) else np.arange(n)
        bad[owner[wrong]] = True
    names = pa.DictionaryArray.from_arrays(np.zeros(len(text), np.int32), [name])
    return _kept(row, names.dictionary_decode(), text, bad)


def _parents(lists: Any) -> Ints:
    """The row of each element of a list or map column, as `flatten` gives them."""
    lengths = pc.list_value_length(_as_list(lists)).fill_null(0).to_numpy(zero_copy_only=False)
    return np.repeat(np.arange(len(lists), dtype=np.int64), lengths)


def _as_list(array: Any) -> Any:
    """A map as the list of structs that it is stored as."""
    if not pt.is_map(array.type):
        return array
    entry = pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])
    return array.cast(pa.list_(entry))


def pairs_of_objects(values: Sequence[Any]) -> Pairs:
    """JSON objects {name: value or [values]}; null is none, anything else is bad."""
    rows: list[int] = []
    names: list[str] = []
    texts: list[str] = []
    bad = np.zeros(len(values), np.bool_)
    for i, one in enumerate(values):
        if one is None:
            continue
        try:
            for name, value in one.items():
                said = _clean(name)
                for part in value if isinstance(value, list) else (value,):
                    if part is not None:
                        texts.append(_clean(_scalar_text(part)))
                        names.append(said)
                        rows.append(i)
        except (AttributeError, TypeError, UnicodeError):
            bad[i] = True
    # What a bad object gave before its fault stays with a row that is set aside anyway.
    return _kept(
        np.array(rows, np.int64), pa.array(names, pa.string()), pa.array(texts, pa.string()), bad
    )


def _clean(text: str) -> str:
    if "\0" in text:
        raise TypeError("NUL byte")
    text.encode()
    return text


def _scalar_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    raise TypeError(type(value).__name__)


def pairs_of_map(array: Any) -> Pairs:
    """A column that holds all attributes: a map, a struct, or the JSON text of an object."""
    array = plain(array)
    n = len(array)
    if pt.is_null(array.type):
        return pairs_of_objects([None] * n)
    if is_texty(array.type):
        return _pairs_of_json(array)
    if pt.is_struct(array.type):
        parts = [pairs_of_column(f.name, array.field(i)) for i, f in enumerate(array.type)]
        return joined(parts, n)
    if not pt.is_map(array.type):
        return Pairs(
            np.zeros(0, np.int64),
            pa.array([], pa.string()),
            pa.array([], pa.string()),
            to_mask(array.is_valid()),
        )
    entries = _as_list(array)
    row, flat = _parents(entries), entries.flatten()
    name, wrong_name = values_as_text(flat.field("key"))
    items = flat.field("value")
    bad = np.zeros(n, np.bool_)
    bad[row[wrong_name]] = True
    if pt.is_list(items.type) or pt.is_large_list(items.type):
        entry = _parents(items)
        value, wrong = values_as_text(items.flatten())
        row, name = row[entry], name.take(pa.array(entry))
    else:
        value, wrong = values_as_text(items)
    bad[row[wrong]] = True
    return _kept(row, name, value, bad)


def _pairs_of_json(array: Any) -> Pairs:
    """JSON texts, one object each (a CSV column); an empty text is none."""
    values: list[Any] = []
    for text in as_text(array).values.to_pylist():
        try:
            values.append(msgspec.json.decode(text) if text and text.strip() else None)
        except msgspec.DecodeError:
            values.append(text)  # no object: marked as bad
    return pairs_of_objects(values)


def joined(parts: Sequence[Pairs], n_rows: int) -> Pairs:
    """All pairs of several sources of the same batch."""
    bad = np.zeros(n_rows, np.bool_)
    for part in parts:
        if part.bad is not None:
            bad |= part.bad
    empty = pa.array([], pa.string())
    return Pairs(
        np.concatenate([np.zeros(0, np.int64), *(p.row for p in parts)]),
        pa.concat_arrays([empty, *(p.name for p in parts)]),
        pa.concat_arrays([empty, *(p.value for p in parts)]),
        bad if bad.any() else None,
    )


def gather(pairs: Pairs, n_rows: int) -> Any:
    """The pairs as one column of ATTRIBUTES_TYPE: (n_rows,), names sorted, values in order, no repeats."""
    names = pairs.name.dictionary_encode()
    words = names.dictionary
    rank = np.empty(len(words), np.int64)
    rank[pc.sort_indices(words).to_numpy()] = np.arange(len(words))
    code = rank[names.indices.to_numpy()]
    key = pairs.row * max(1, len(words)) + code
    order: Ints | None = None
    if len(key) and (np.diff(key) < 0).any():
        order = np.argsort(key, kind="stable")
        key = key[order]
    value = pairs.value if order is None else pairs.value.take(pa.array(order))
    key, value = _without_repeats(key, value)
    starts = np.flatnonzero(np.diff(key, prepend=-1))  # first pair of each (row, name)
    row = key[starts] // max(1, len(words))
    per_name = pa.ListArray.from_arrays(np.append(starts, len(key)).astype(np.int32), value)
    by_rank = words.take(pc.sort_indices(words))
    name = by_rank.take(pa.array(key[starts] % max(1, len(words))))
    offsets = np.searchsorted(row, np.arange(n_rows + 1)).astype(np.int32)
    return pa.MapArray.from_arrays(offsets, name, per_name).cast(ATTRIBUTES_TYPE)


def _without_repeats(key: Ints, value: Any) -> tuple[Ints, Any]:
    """Each (row, name, value) once, the first one kept. Pairs are sorted by key."""
    again = np.zeros(len(key), np.bool_)
    several = np.flatnonzero(np.diff(key) == 0)
    if not len(several):
        return key, value
    near = np.unique(np.concatenate([several, several + 1]))
    codes = value.take(pa.array(near)).dictionary_encode().indices.to_numpy().astype(np.int64)
    order = np.lexsort((near, codes, key[near]))
    k, c = key[near][order], codes[order]
    again[near[order[1:][(k[1:] == k[:-1]) & (c[1:] == c[:-1])]]] = True
    return key[~again], value.filter(pa.array(~again))


@dataclass(frozen=True, slots=True)
class SideAttributes:
    """Attributes of a long-form side file, ready to be joined by listing id."""

    ids: Any  # pa.StringArray (m,), each once
    attributes: Any  # ATTRIBUTES_TYPE (m,)

    @staticmethod
    def build(listing_id: Any, name: Any, value: Any) -> "SideAttributes":
        """From the three columns of the side file; rows with a missing cell fall out."""
        codes = pc.dictionary_encode(listing_id)
        codes = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
        ids = codes.dictionary
        row = codes.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        pairs = _kept(row, name.fill_null(""), value.fill_null(""), None)
        known = pairs.row >= 0
        keep = pa.array(known)
        pairs = Pairs(pairs.row[known], pairs.name.filter(keep), pairs.value.filter(keep))
        return SideAttributes(ids, gather(pairs, len(ids)))

    def pairs(self, listing_id: Any) -> Pairs:
        """What the side file says of the listings of a batch."""
        at = pc.index_in(listing_id, self.ids)
        chosen = self.attributes.take(at)
        return pairs_of_map(chosen)
