"""The facets of a page: which fields, counted over which matches, and the prices beside them."""

from collections.abc import Mapping, Sequence

from mercer.retrieve.bitmap import Bits
from mercer.retrieve.facets import (
    count_labels,
    label_totals,
    merge_price_sums,
    price_sums,
    top_values,
)
from mercer.retrieve.filter_ast import And, Equals, Filter, Or, disjunctive_fields
from mercer.retrieve.filter_rows import meant_labels, rows_matching
from mercer.retrieve.filter_schema import ATTRIBUTE_PREFIX, FieldKind
from mercer.retrieve.index import Snapshot
from mercer.retrieve.request import MAX_FACETS, FacetValue, PriceStats
from mercer.retrieve.segment import I64s, Labels
from mercer.schema.errors import InputError

ALL = "*"
_ALL_ATTRIBUTES = 8  # that "*" stands for, the ones most listings have
_NO_FACET = ("listing_id",)


def facet_fields(asked: Sequence[str], snapshot: Snapshot) -> tuple[str, ...]:
    """The canonical fields that a request wants counted, in its order.

    "*" is the category and the attributes that most listings have.

    Raises:
        InputError: a field that does not exist or has no countable values; all are listed.
    """
    names: list[str] = []
    faults: list[str] = []
    for name in asked:
        if name == ALL:
            labels = snapshot.parts[0].segment.labels
            known = [
                f for f in labels.fields if f not in ("category", "seller", "currency", "tags")
            ]
            names += ["category", *known[:_ALL_ATTRIBUTES]]
            continue
        found = snapshot.fields.resolve(name)
        if found is None:
            known = sorted(snapshot.fields.attributes)[:20]
            faults.append(f"{name!r} is no field; try category, seller, tags or {', '.join(known)}")
        elif found[0] in _NO_FACET or _is_column(found[0], found[1]):
            faults.append(f"{name!r} has no values to count; price has price_stats")
        else:
            names.append(found[0])
    if len(set(names)) > MAX_FACETS:
        faults.append(f"{len(set(names))} facets; at most {MAX_FACETS} are allowed")
    if faults:
        raise InputError("facets: " + "; ".join(faults))
    return tuple(dict.fromkeys(names))


def _is_column(name: str, kind: FieldKind) -> bool:
    return not name.startswith(ATTRIBUTE_PREFIX) and kind in (FieldKind.MONEY, FieldKind.TIME)


def facet_counts(
    fields: Sequence[str],
    tree: Filter | None,
    unfiltered: Sequence[Bits],
    matches: Sequence[Bits],
    snapshot: Snapshot,
    *,
    limit: int,
) -> Mapping[str, tuple[FacetValue, ...]]:
    """For each field its most frequent values; a field that the filter selects on is counted
    without that selection, and its selected values are always among them.

    Args:
        unfiltered: the match set of each part before the filter.
        matches: after it.
        limit: values of a field.
    """
    rest = dict(disjunctive_fields(tree))
    selected = selections(tree)
    shared = [f for f in fields if f not in rest]
    labels = [part.segment.labels for part in snapshot.parts]
    # One pass counts all fields that are counted over the same matches.
    last = [max((p.span(f).stop for f in shared), default=0) for p in labels]
    counted = [
        count_labels(p.segment.labels, bits, first=0, last=n, references=p.references)
        for p, bits, n in zip(snapshot.parts, matches, last, strict=True)
    ]
    totals = label_totals(labels, counted, [0] * len(labels))
    result = {}
    for name in fields:
        if name in rest:
            firsts, counts = _counted_without(rest[name], name, unfiltered, snapshot)
            top = top_values(label_totals(labels, counts, firsts), labels[0], name, limit=limit)
        else:
            firsts, counts = [0] * len(labels), counted
            top = top_values(totals, labels[0], name, limit=limit)
        result[name] = _values(top, selected.get(name, ()), labels, counts, firsts)
    return result


def _counted_without(
    tree: Filter | None, name: str, unfiltered: Sequence[Bits], snapshot: Snapshot
) -> tuple[list[int], list[I64s]]:
    """The first code of a field in each part, and its counts where only the rest of a filter holds."""
    firsts, counts = [], []
    for part, bits in zip(snapshot.parts, unfiltered, strict=True):
        labels = part.segment.labels
        span = labels.span(name)
        over = bits & rows_matching(tree, part.segment)
        firsts.append(span.start)
        counts.append(
            count_labels(labels, over, first=span.start, last=span.stop, references=part.references)
        )
    return firsts, counts


def _values(
    top: Sequence[tuple[str, int]],
    chosen: Sequence[Equals],
    labels: Sequence[Labels],
    counts: Sequence[I64s],
    firsts: Sequence[int],
) -> tuple[FacetValue, ...]:
    """The top values, then the selected ones that are not among them, so that they can be undone."""
    if not chosen:
        return tuple([FacetValue(value, n) for value, n in top])
    selected: dict[str, int] = {}
    for part, n, start in zip(labels, counts, firsts, strict=True) if chosen else ():
        for code in (code for clause in chosen for code in meant_labels(clause, part)):
            selected.setdefault(part.values[code], 0)
            selected[part.values[code]] += int(n[code - start])
    shown = [FacetValue(value, n, value in selected) for value, n in top]
    listed = {value for value, _ in top}
    return (*shown, *(FacetValue(v, n, True) for v, n in selected.items() if v not in listed))


def selections(tree: Filter | None) -> dict[str, list[Equals]]:
    """The clauses that the top level of a filter selects values with, by field."""
    clauses = tree.parts if isinstance(tree, And) else (tree,) if tree is not None else ()
    chosen: dict[str, list[Equals]] = {}
    for clause in clauses:
        parts = clause.parts if isinstance(clause, Or) else (clause,)
        for part in parts:
            if isinstance(part, Equals):
                chosen.setdefault(part.field, []).append(part)
    return chosen


def price_stats(snapshot: Snapshot, matches: Sequence[Bits]) -> PriceStats | None:
    """Of the matches that have a price; None where none has."""
    sums = merge_price_sums(
        [
            price_sums(part.segment.numbers["price"], bits, references=part.references)
            for part, bits in zip(snapshot.parts, matches, strict=True)
        ]
    )
    if sums is None:
        return None
    return PriceStats(
        sums.count, sums.min_micros, sums.max_micros, round(sums.sum_micros / sums.count)
    )
