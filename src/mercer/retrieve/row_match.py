"""What one row has of a query and what rules it out: the match set's rules, asked about one listing.

Nothing is decided anew here: each answer is read from the same bitmaps that make the match set.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mercer.retrieve import bitmap
from mercer.retrieve.bitmap import Bits
from mercer.retrieve.filter_ast import And, Filter
from mercer.retrieve.filter_rows import rows_matching
from mercer.retrieve.index import Snapshot
from mercer.retrieve.match import Wanted, group_rows, having, label_codes
from mercer.retrieve.query import AttributeWish
from mercer.retrieve.segment import NO_PRICE, Segment, U32s


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a listing stands in a snapshot."""

    part: int
    row: int


def find_rows(snapshot: Snapshot, row_ids: Sequence[int]) -> dict[int, RowPlace]:
    """The living rows of some listings; those that the snapshot does not have are left out.

    Looks once at every row id of the index.
    """
    wanted, found = np.array(row_ids, np.int64), {}
    for i, part in enumerate(snapshot.parts):
        rows = np.flatnonzero(np.isin(part.segment.row_id, wanted)).astype(np.uint32)
        for row in rows[bitmap.contains(part.alive, rows)].tolist():
            found[int(part.segment.row_id[row])] = RowPlace(i, row)
    return found


def has_row(bits: Bits, row: int) -> bool:
    """Whether the bitmap has the row."""
    return bool(bitmap.contains(bits, np.array([row], np.uint32))[0])


RuledOutBy = Literal["phrase", "minus_word", "unwanted", "price_min", "price_max", "no_price"]


@dataclass(frozen=True, slots=True)
class RuledOut:
    """One thing that the query says and this listing breaks."""

    by: RuledOutBy
    what: str  # the words, or the value as the catalogue writes it; "" for a price
    limit_micros: int | None = None  # of a price, in the reporting currency
    price_micros: int | None = None  # the listing's; None where it has none


def ruled_out_by(wanted: Wanted, segment: Segment, row: int) -> tuple[RuledOut, ...]:
    """All that the query itself rules the row out by; empty where it may match."""
    found = [
        RuledOut("phrase", " ".join(words))
        for words in wanted.phrase_words
        if not has_row(having(words, segment), row)
    ]
    found += [
        RuledOut("minus_word", " ".join(words))
        for words in wanted.banned
        if has_row(having(words, segment), row)
    ]
    found += [
        RuledOut("unwanted", f"{wish.field}: {wish.value}")
        for wish in wanted.unwanted
        if has_wish(wish, segment, row)
    ]
    low, high = wanted.price_min_micros, wanted.price_max_micros
    price = int(segment.numbers["price"][row])
    if price == NO_PRICE:
        return (*found, RuledOut("no_price", "")) if (low, high) != (None, None) else tuple(found)
    if low is not None and price < low:
        found.append(RuledOut("price_min", "", low, price))
    if high is not None and price > high:
        found.append(RuledOut("price_max", "", high, price))
    return tuple(found)


def has_wish(wish: AttributeWish, segment: Segment, row: int) -> bool:
    """Whether the row has the value that a query names."""
    labels = segment.labels
    have = labels.codes[labels.offsets[row] : labels.offsets[row + 1]]
    return bool(np.isin(have, label_codes(wish, segment)).any())


def words_had(wanted: Wanted, segment: Segment, rows: U32s) -> npt.NDArray[np.bool_]:
    """(n_groups, n_rows) which words of the query each row has, in any of their ways."""
    had = [bitmap.contains(group_rows(group, segment), rows) for group in wanted.groups]
    return np.array(had, bool).reshape(len(wanted.groups), len(rows))


def failed_clauses(tree: Filter | None, segment: Segment, row: int) -> tuple[Filter, ...]:
    """The clauses of a filter that the row does not match; the whole filter where it is one clause."""
    clauses = tree.parts if isinstance(tree, And) else () if tree is None else (tree,)
    return tuple(c for c in clauses if not has_row(rows_matching(c, segment), row))
