"""How many of the matches have each label, and what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np

from mercer.retrieve import bitmap
from mercer.retrieve.bitmap import Bits, Rows
from mercer.retrieve.facet_reference import NO_REFERENCES, References
from mercer.retrieve.segment import NO_PRICE, I32s, I64s, Labels
from mercer.text.kernel_types import I4S, I8S, U4S, U8S
from mercer.text.prefetch import AHEAD, prefetch


def count_labels(
    labels: Labels,
    matches: Bits,
    *,
    first: int,
    last: int,
    references: References | None = None,
) -> I64s:
    """(last - first,) how many of the matches have each of the labels first..last - 1.

    Counting stops in each row at the first label past `last`, so the fields that come first (the
    ones most listings have) cost least.
    """
    if references is not None and 0 < last <= references.last:
        return references.count(matches, last=last)[first:]
    counts = np.zeros(last, np.int64)
    _count(labels.offsets, labels.codes, bitmap.rows_of(matches), counts)
    return counts[first:]


@dataclass(frozen=True, slots=True)
class PriceSums:
    """Adds up over segments."""

    count: int
    min_micros: int
    max_micros: int
    sum_micros: int


def price_sums(price: I64s, matches: Bits, *, references: References = NO_REFERENCES) -> PriceSums:
    """Of the matches whose price is known."""
    if (known := references.prices(price, matches)) is not None:
        return PriceSums(*known)
    out = np.array([0, np.iinfo(np.int64).max, NO_PRICE, 0], np.int64)
    if bitmap.count(matches) * _DENSE > len(price):
        _dense_prices(price, matches, out)
    else:
        _prices(price, bitmap.rows_of(matches), out)
    return PriceSums(*out.tolist())


_DENSE = 16  # rows of which one matches, and the processor reads ahead by itself


def merge_price_sums(parts: Sequence[PriceSums]) -> PriceSums | None:
    """Over all segments; None where no match has a price."""
    known = [part for part in parts if part.count]
    if not known:
        return None
    return PriceSums(
        sum(p.count for p in known),
        min(p.min_micros for p in known),
        max(p.max_micros for p in known),
        sum(p.sum_micros for p in known),
    )


@dataclass(frozen=True, slots=True)
class LabelTotals:
    """How many matches have each label, over all segments."""

    first: int  # the code that `counts` begins with
    counts: I64s  # of labels of the first segment
    new: Mapping[str, Mapping[str, int]]  # field -> value -> matches, of those it does not have


def label_totals(
    labels: Sequence[Labels], counts: Sequence[I64s], firsts: Sequence[int]
) -> LabelTotals:
    """Add up what was counted in each segment.

    Args:
        labels: of each segment, the generation's first.
        counts: of each segment, of its labels from code `firsts` on.
    """
    base, total = labels[0], counts[0]
    new: dict[str, dict[str, int]] = {}
    for part, n, first in zip(labels[1:], counts[1:], firsts[1:], strict=True):
        found = np.flatnonzero(n)
        if not len(found):
            continue
        codes, n_found = _in_base(part, base)[first:][found], n[found]
        at = codes - firsts[0]
        is_counted = (at >= 0) & (at < len(total)) & (codes >= 0)
        total = total.copy() if total is counts[0] else total
        total[at[is_counted]] += n_found[is_counted]  # a segment has a label once
        for i in np.flatnonzero(codes < 0).tolist():
            code = first + int(found[i])
            of_field = new.setdefault(part.field_of(code), {})
            value = part.values[code]
            of_field[value] = of_field.get(value, 0) + int(n_found[i])
    return LabelTotals(firsts[0], total, new)


def _in_base(part: Labels, base: Labels) -> I64s:
    """The code of each label in another segment, -1 where it does not have it."""
    if part.in_base is not None:
        return part.in_base
    codes = range(len(part.values))
    return np.array([base.code(part.field_of(c), part.values[c]) for c in codes], np.int64)


def top_values(
    totals: LabelTotals, base: Labels, field: str, *, limit: int
) -> list[tuple[str, int]]:
    """The most frequent values of a field, ties by value; exact.

    Args:
        base: the labels of the first segment.
        limit: at most so many.
    """
    span = base.span(field)
    n = totals.counts[span.start - totals.first : span.stop - totals.first]
    top = [(base.values[span[code]], int(n[code])) for code in _most(n, limit).tolist()]
    if new := totals.new.get(field):
        top = sorted([*top, *new.items()], key=lambda v: (-v[1], v[0]))[:limit]
    return top


_FEW = 64  # values that are kept in order while all are looked at


def _most(counts: I64s, limit: int) -> I64s:
    """Places of the `limit` highest counts above 0, of equals the earlier ones (values ascend)."""
    if limit <= _FEW:
        out = np.empty(limit, np.int64)
        return out[: _top(counts, out)]
    found = np.flatnonzero(counts)
    if 0 < limit < len(found) // 8:  # few of them matter
        cut = np.partition(counts[found], len(found) - limit)[len(found) - limit]
        found = found[counts[found] >= cut]
    return found[np.argsort(-counts[found], kind="stable")[:limit]]


def first_labels(labels: Labels, field: str, rows: I64s, names: dict[str, int]) -> I64s:
    """(n,) for each row a number for its first value of a field, -1 where it has none.

    Args:
        names: the number of each value; grown by values that are new, so that the numbers of several
            segments agree.
    """
    codes = label_of_rows(labels, field, rows)
    distinct, place = np.unique(codes, return_inverse=True)
    numbers = [
        names.setdefault(labels.values[code], len(names)) if code >= 0 else -1
        for code in distinct.tolist()
    ]
    return np.array(numbers, np.int64)[place]


def label_of_rows(labels: Labels, field: str, rows: I64s) -> I64s:
    """(n,) code of each row's first value of a field, -1 where it has none."""
    span = labels.span(field)
    codes = np.empty(len(rows), np.int64)
    _first(labels.offsets, labels.codes, rows.astype(np.int64), span.start, span.stop, codes)
    return codes


@nb.njit(nb.void(I8S, I4S, I8S, nb.i8, nb.i8, nb.i8[::1]), cache=True, nogil=True)
def _first(offsets: I64s, codes: I32s, rows: I64s, first: int, last: int, out: I64s) -> None:
    for i in range(rows.size):
        if i + 2 * AHEAD < rows.size:
            prefetch(offsets, rows[i + 2 * AHEAD])
        if i + AHEAD < rows.size:
            prefetch(codes, offsets[rows[i + AHEAD]])
        out[i] = -1
        for at in range(offsets[rows[i]], offsets[rows[i] + 1]):
            if first <= codes[at] < last:
                out[i] = codes[at]
                break


@nb.njit(nb.i8(I8S, nb.i8[::1]), cache=True, nogil=True)
def _top(counts: I64s, out: I64s) -> int:
    """Write the places of the highest counts above 0, as many as there is room for; how many."""
    found = 0
    for place in range(counts.size):
        n = counts[place]
        if n <= 0 or (found == out.size and (not found or n <= counts[out[found - 1]])):
            continue
        if found < out.size:
            found += 1
        at = found - 1
        while at > 0 and counts[out[at - 1]] < n:
            out[at] = out[at - 1]
            at -= 1
        out[at] = place
    return found


@nb.njit(nb.void(I8S, I4S, U4S, nb.i8[::1]), cache=True, nogil=True)
def _count(offsets: I64s, codes: I32s, rows: Rows, counts: I64s) -> None:
    """Count every label of each row that there is a count for."""
    last = counts.size
    for i in range(rows.size):
        if i + 2 * AHEAD < rows.size:
            prefetch(offsets, rows[i + 2 * AHEAD])
        if i + AHEAD < rows.size:
            prefetch(codes, offsets[rows[i + AHEAD]])
        for at in range(offsets[rows[i]], offsets[rows[i] + 1]):
            if codes[at] >= last:
                break
            counts[codes[at]] += 1


@nb.njit(nb.void(I8S, U4S, nb.i8[::1]), cache=True, nogil=True)
def _prices(price: I64s, rows: Rows, out: I64s) -> None:
    n, least, most, total = out[0], out[1], out[2], out[3]
    for i in range(rows.size):
        if i + AHEAD < rows.size:
            prefetch(price, rows[i + AHEAD])
        p = price[rows[i]]
        if p >= 0:
            n += 1
            total += p
            least = min(least, p)
            most = max(most, p)
    out[0], out[1], out[2], out[3] = n, least, most, total


@nb.njit(nb.void(I8S, U8S, nb.i8[::1]), cache=True, nogil=True)
def _dense_prices(price: I64s, matches: Bits, out: I64s) -> None:
    n, least, most, total = out[0], out[1], out[2], out[3]
    for word in range(matches.size):
        left, start = matches[word], word * 64
        while left != 0:
            p = price[start + np.int64(bitmap.lowest_bit(left))]
            left &= left - np.uint64(1)
            if p >= 0:
                n += 1
                total += p
                least = min(least, p)
                most = max(most, p)
    out[0], out[1], out[2], out[3] = n, least, most, total
