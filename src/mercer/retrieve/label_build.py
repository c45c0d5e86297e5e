"""From attributes, tags, categories and sellers to label codes by row and rows by label."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numba as nb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.retrieve.filter_match import fold_value
from mercer.retrieve.filter_schema import ATTRIBUTE_PREFIX, LISTING_FIELDS
from mercer.retrieve.segment import I32s, I64s, Labels
from mercer.retrieve.sorted_strings import SortedStrings

CATEGORY_SEPARATOR = " > "
_I8 = nb.types.Array(nb.i8, 1, "C", readonly=True)
_I4 = nb.types.Array(nb.i4, 1, "C", readonly=True)


def attribute_field(name: str) -> str:
    """The field that an attribute is filtered by: its name, or `attributes.x` where that is taken."""
    return ATTRIBUTE_PREFIX + name if name in LISTING_FIELDS else name


@dataclass(slots=True)
class LabelCollector:
    """Takes batches of listings and keeps their labels as (listing, code) columns.

    Only distinct labels become Python objects, never the labels of a listing. What is known of a
    label is worked out once, so that `finish` may be called after each batch.
    """

    _codes: dict[tuple[str, str], int] = field(default_factory=dict)
    _fields: dict[str, int] = field(default_factory=dict)
    _field_of: list[int] = field(default_factory=list)  # by code, as the next two
    _values: list[str] = field(default_factory=list)
    _folded: list[str] = field(default_factory=list)
    _in_base: list[int] = field(default_factory=list)  # where somebody looks
    _listing: list[I64s] = field(default_factory=list)
    _code: list[I64s] = field(default_factory=list)
    _n: int = 0

    def add(
        self, listings: pa.RecordBatch, *, base_code: Callable[[str, str], int] | None = None
    ) -> None:
        """Labels of rows of LISTING.

        Args:
            base_code: the code of a field's value in another segment; the same at every call.
        """
        everyone = np.arange(len(listings))
        self._plain("seller", everyone, _dictionary(listings.column("seller_id")))
        self._plain("currency", everyone, _dictionary(listings.column("currency")))
        tags = listings.column("tags")
        self._plain("tags", _owners(tags), _dictionary(pc.list_flatten(tags)))
        self._categories(listings.column("category_path"))
        self._attributes(listings.column("attributes"))
        self._n += len(listings)
        if base_code is not None:
            first = len(self._in_base)
            new = islice(self._codes, first, None)
            self._in_base += [base_code(name, value) for name, value in new]

    def _intern(self, pairs: Iterable[tuple[str, str]]) -> I64s:
        return np.array([self._code_of(pair) for pair in pairs], np.int64)

    def _code_of(self, pair: tuple[str, str]) -> int:
        code = self._codes.get(pair)
        if code is None:
            code = self._codes[pair] = len(self._codes)
            name, value = pair
            self._field_of.append(self._fields.setdefault(name, len(self._fields)))
            self._values.append(value)
            # A category is found by its own name, not by its path.
            own = value.rpartition(CATEGORY_SEPARATOR)[2] if name == "category" else value
            self._folded.append(fold_value(own))
        return code

    def _keep(self, owners: I64s, codes: I64s) -> None:
        self._listing.append(owners + self._n)
        self._code.append(codes)

    def _plain(self, name: str, owners: I64s, values: pa.DictionaryArray) -> None:
        known = np.asarray(values.indices.is_valid())
        places = np.asarray(values.indices.fill_null(0))[known]
        spelt = values.dictionary.to_pylist()
        codes = self._intern((name, value) for value in spelt)
        # "" is no value: a listing without a seller has no seller label.
        keep = np.array([bool(value.strip()) for value in spelt], bool)[places]
        self._keep(owners[known][keep], codes[places][keep])

    def _categories(self, paths: pa.ListArray) -> None:
        """Each node of the path is a label: its own path from the root."""
        joined = _dictionary(pc.fill_null(pc.binary_join(paths, "\x1f"), ""))
        nodes = [_nodes(path) for path in joined.dictionary.to_pylist()]
        counts = np.array([len(n) for n in nodes], np.int64)
        flat = self._intern(("category", node) for path in nodes for node in path)
        starts = np.concatenate([[0], np.cumsum(counts)])
        place = np.asarray(joined.indices).astype(np.int64)
        owners = np.repeat(np.arange(len(paths)), counts[place] if len(counts) else 0)
        within = np.arange(len(owners)) - np.repeat(
            np.cumsum(counts[place]) - counts[place], counts[place]
        )
        self._keep(owners, flat[starts[place][owners] + within] if len(owners) else flat[:0])

    def _attributes(self, attributes: pa.MapArray) -> None:
        entries = attributes.cast(_ENTRIES)
        flat = pc.list_flatten(entries)
        if not len(flat):
            return
        names, lists = _dictionary(flat.field("key")), flat.field("value")
        of_list = np.asarray(pc.list_parent_indices(lists)).astype(np.int64)
        values = _dictionary(pc.list_flatten(lists))
        owners = _owners(entries)[of_list]
        width = max(len(values.dictionary), 1)
        pairs = np.asarray(names.indices).astype(np.int64)[of_list] * width + np.asarray(
            values.indices
        )
        distinct, place = np.unique(pairs, return_inverse=True)
        name, spelt = names.dictionary.to_pylist(), values.dictionary.to_pylist()
        fields = [attribute_field(n) for n in name]
        codes = self._intern((fields[p // width], spelt[p % width]) for p in distinct.tolist())
        keep = np.array([bool(spelt[p % width].strip()) for p in distinct.tolist()], bool)[place]
        self._keep(owners[keep], codes[place][keep])

    def finish(self, order: I64s) -> Labels:
        """The labels by the rows that `order` puts the listings in ((n,) listing of each row)."""
        listing, code = _joined(self._listing), _joined(self._code)
        self._listing, self._code = [listing], [code]
        fields, starts, values, final = self._sorted(code)
        folded, folded_code = self._sorted_folds(final, starts)
        row_of = np.empty(len(order), np.int64)
        row_of[order] = np.arange(len(order))
        offsets, codes = _group(row_of[listing], final[code], len(order))
        offsets, codes = _distinct_sorted(offsets, codes)
        owners = np.repeat(np.arange(len(order)), np.diff(offsets))
        row_offsets, rows = _group(codes.astype(np.int64), owners, len(values))
        return Labels(
            fields, starts, SortedStrings(values), SortedStrings(folded), folded_code,
            offsets, codes, row_offsets, rows.astype(np.uint32),
            np.array(self._in_base)[np.argsort(final)] if self._in_base else None,
        )  # fmt: skip

    def _sorted(self, used: I64s) -> tuple[tuple[str, ...], I64s, pa.Array, I64s]:
        """Fields most used first (tags last: many values, seldom counted), values sorted within.

        Returns:
            The fields, the first place of each, the values, and the place of each code.
        """
        field_of = np.array(self._field_of, np.int64)
        n_fields, names = len(self._fields), list(self._fields)
        uses = np.bincount(field_of[used], minlength=n_fields)
        ranked = sorted(
            range(n_fields), key=lambda f: (names[f] in ("tags", "seller"), -uses[f], names[f])
        )
        rank = np.empty(n_fields, np.int64)
        rank[ranked] = np.arange(n_fields)
        values = pa.array(self._values, pa.string())
        order = _sort_order(rank[field_of], values)
        final = np.empty(len(order), np.int64)
        final[order] = np.arange(len(order))
        per_field = np.bincount(rank[field_of], minlength=n_fields)
        starts = np.concatenate([[0], np.cumsum(per_field)]).astype(np.int64)
        return tuple(names[f] for f in ranked), starts, values.take(pa.array(order)), final

    def _sorted_folds(self, final: I64s, starts: I64s) -> tuple[pa.Array, I32s]:
        """The folded values sorted within their field, and the place in the values of each."""
        by_place = np.empty(len(final), np.int64)
        by_place[final] = np.arange(len(final))
        folded = pa.array(self._folded, pa.string()).take(pa.array(by_place))
        field = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        order = _sort_order(field, folded)
        return folded.take(pa.array(order)), order.astype(np.int32)


_ENTRIES = pa.list_(pa.struct([("key", pa.string()), ("value", pa.list_(pa.string()))]))


def _dictionary(values: pa.Array) -> pa.DictionaryArray:
    return values.dictionary_encode()


def _owners(lists: pa.ListArray) -> I64s:
    return np.asarray(pc.list_parent_indices(lists)).astype(np.int64)


def _nodes(path: str) -> list[str]:
    """Paths from the root to each node; the separator within a name would read as a level."""
    names = [name.replace(">", "/").strip() for name in path.split("\x1f")]
    names = [name for name in names if name]
    return [CATEGORY_SEPARATOR.join(names[: depth + 1]) for depth in range(len(names))]


def _joined(parts: Sequence[I64s]) -> I64s:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _sort_order(major: I64s, minor: pa.Array) -> I64s:
    """The stable order by number, then by string (its bytes, which is the order of code points)."""
    by_string = np.asarray(pc.sort_indices(minor)).astype(np.int64)
    order: I64s = by_string[np.argsort(major[by_string], kind="stable")]
    return order


def _group(key: I64s, value: I64s, n_keys: int) -> tuple[I64s, I32s]:
    """Values by key, in the order they come: a counting sort."""
    offsets = np.zeros(n_keys + 1, np.int64)
    np.cumsum(np.bincount(key, minlength=n_keys), out=offsets[1:])
    out = np.empty(len(value), np.int32)
    _scatter(key, value, offsets[:-1].copy(), out)
    return offsets, out


def _distinct_sorted(offsets: I64s, codes: I32s) -> tuple[I64s, I32s]:
    """The codes of each row ascending and without repeats."""
    kept = np.zeros(len(offsets), np.int64)
    _sort_rows(offsets, codes, kept)
    np.cumsum(kept, out=kept)
    out = np.empty(kept[-1], np.int32)
    _compact(offsets, codes, kept, out)
    return kept, out


@nb.njit(nb.void(_I8, _I8, nb.i8[::1], nb.i4[::1]), cache=True, nogil=True)
def _scatter(key: I64s, value: I64s, cursors: I64s, out: I32s) -> None:
    for i in range(key.size):
        out[cursors[key[i]]] = value[i]
        cursors[key[i]] += 1


@nb.njit(nb.void(_I8, nb.i4[::1], nb.i8[::1]), cache=True, nogil=True)
def _sort_rows(offsets: I64s, codes: I32s, n_distinct: I64s) -> None:
    """Insertion sort in place: a row has some dozen labels. n_distinct[r + 1] counts row r's."""
    for row in range(offsets.size - 1):
        start, end = offsets[row], offsets[row + 1]
        for i in range(start + 1, end):
            code, j = codes[i], i - 1
            while j >= start and codes[j] > code:
                codes[j + 1] = codes[j]
                j -= 1
            codes[j + 1] = code
        for i in range(start, end):
            if i == start or codes[i] != codes[i - 1]:
                n_distinct[row + 1] += 1


@nb.njit(nb.void(_I8, _I4, _I8, nb.i4[::1]), cache=True, nogil=True)
def _compact(offsets: I64s, codes: I32s, kept: I64s, out: I32s) -> None:
    for row in range(offsets.size - 1):
        at = kept[row]
        for i in range(offsets[row], offsets[row + 1]):
            if i == offsets[row] or codes[i] != codes[i - 1]:
                out[at] = codes[i]
                at += 1
