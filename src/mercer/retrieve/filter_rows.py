"""Which rows of a segment a filter matches; `filter_match.matches` is the plain twin."""

from collections.abc import Iterable
from math import ceil, floor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.retrieve import bitmap
from mercer.retrieve.bitmap import MAX_INT, Bits
from mercer.retrieve.filter_ast import And, Equals, Exists, Filter, Not, Or, Range
from mercer.retrieve.filter_match import (
    category_nodes,
    fold_value,
    is_within,
    spelled_number,
    truth,
)
from mercer.retrieve.filter_schema import FieldKind
from mercer.retrieve.label_build import CATEGORY_SEPARATOR
from mercer.retrieve.segment import NO_PRICE, NUMBER_COLUMNS, Labels, Segment


def rows_matching(tree: Filter | None, segment: Segment) -> Bits:
    """The rows of the segment that match; all rows for no filter."""
    match tree:
        case None:
            return bitmap.full(segment.n)
        case And(parts):
            found = rows_matching(parts[0], segment)
            for part in parts[1:]:
                found &= rows_matching(part, segment)
            return found
        case Or(parts):
            found = rows_matching(parts[0], segment)
            for part in parts[1:]:
                found |= rows_matching(part, segment)
            return found
        case Not(part):
            return bitmap.full(segment.n) & ~rows_matching(part, segment)
        case Exists(name):
            return _exists(name, segment)
        case Equals():
            return _equals(tree, segment)
        case Range():
            return _within(tree, segment)


def _exists(name: str, segment: Segment) -> Bits:
    if name == "listing_id":
        return bitmap.full(segment.n)
    if name in NUMBER_COLUMNS:
        column = segment.numbers[name]
        return bitmap.of_mask(column != NO_PRICE if name == "price" else ~np.isnan(column))
    return _labelled(segment.labels.span(name), segment)


def _equals(clause: Equals, segment: Segment) -> Bits:
    labels, name = segment.labels, clause.field
    if name == "listing_id":
        return _by_id({fold_value(str(v)) for v in clause.values}, segment)
    if name in NUMBER_COLUMNS:
        column = segment.numbers[name].astype(np.float64)
        return bitmap.of_mask(np.isin(column, np.array(clause.values, np.float64)))
    return _labelled(meant_labels(clause, labels), segment)


def meant_labels(clause: Equals, labels: Labels) -> Iterable[int]:
    """The codes of the labels that a clause means: spellings alike, numbers equal, a category by its
    own name or the end of its path."""
    if clause.kind is FieldKind.CATEGORY:
        wanted = dict.fromkeys(category_nodes(str(v)) for v in clause.values)
        return (c for nodes in wanted for c in _subtree(nodes, labels))
    if clause.kind is FieldKind.TEXT:
        values = dict.fromkeys(fold_value(str(v)) for v in clause.values)
        return (c for v in values for c in labels.find(clause.field, v))
    read = truth if clause.kind is FieldKind.BOOL else spelled_number
    span = labels.span(clause.field)
    return (c for c in span if read(labels.values[c]) in clause.values)


def _subtree(nodes: tuple[str, ...], labels: Labels) -> Iterable[int]:
    """The categories whose path ends with these folded nodes; a row has its category's ancestors
    as labels too, so that these are the rows of the whole subtree."""
    for code in labels.find("category", nodes[-1]) if nodes else ():
        path = [fold_value(node) for node in labels.values[code].split(CATEGORY_SEPARATOR)]
        if tuple(path[-len(nodes) :]) == nodes:
            yield code


def _within(clause: Range, segment: Segment) -> Bits:
    if clause.field in NUMBER_COLUMNS:
        column = segment.numbers[clause.field]
        if column.dtype == np.int64:
            low, high = _whole_bounds(clause)
            return bitmap.between(column, max(low, 0) if clause.field == "price" else low, high)
        column = column.astype(np.float64)  # compared as the twin compares: not in float32
        mask = np.ones(segment.n, bool)
        if clause.min is not None:
            mask &= column >= clause.min if clause.is_min_included else column > clause.min
        if clause.max is not None:
            mask &= column <= clause.max if clause.is_max_included else column < clause.max
        return bitmap.of_mask(mask)
    labels = segment.labels
    numbers = ((c, spelled_number(labels.values[c])) for c in labels.span(clause.field))
    return _labelled((c for c, x in numbers if x is not None and is_within(clause, x)), segment)


def _whole_bounds(clause: Range) -> tuple[int, int]:
    """The least and the greatest whole number of 64 bits that a range admits."""
    low, high = -MAX_INT - 1, MAX_INT
    if clause.min is not None:
        low = max(low, ceil(clause.min) if clause.is_min_included else floor(clause.min) + 1)
    if clause.max is not None:
        high = min(high, floor(clause.max) if clause.is_max_included else ceil(clause.max) - 1)
    return (low, high) if low <= MAX_INT and high >= -MAX_INT - 1 else (1, 0)


def _labelled(codes: Iterable[int], segment: Segment) -> Bits:
    found = bitmap.empty(segment.n)
    for code in codes:
        bitmap.set_rows(found, segment.labels.rows_of(code))
    return found


def _by_id(folded: set[str], segment: Segment) -> Bits:
    """Ids are compared as they are first; folding a million of them is left to those that need it."""
    ids = segment.documents.table.column("listing_id")
    # An id that folds to a wanted one has the same letters but for case, width and spaces.
    likely = pc.is_in(pc.utf8_lower(pc.utf8_normalize(ids, "NFKC")), pa.array(sorted(folded)))
    mask = np.asarray(likely)
    odd = np.flatnonzero(~mask & np.asarray(pc.invert(pc.match_substring_regex(ids, r"^[!-~]*$"))))
    for at in odd:
        mask[at] = fold_value(ids[int(at)].as_py()) in folded
    return bitmap.of_mask(mask[segment.document_row])
