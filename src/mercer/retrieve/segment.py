"""One immutable part of an index: the columns of n listings by row, best quality first.

Rows are ordered by the quality prior (descending, then row id), so the first matches of any set are
its best by quality, and a head query ("jewelry") need not look at the millions behind them.
All arrays may be memory-mapped; nothing here is written after it was built.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mercer.retrieve.documents import Documents
from mercer.retrieve.sorted_strings import SortedStrings
from mercer.retrieve.text_index import TextIndex
from mercer.retrieve.vector_index import VectorIndex
from mercer.schema.price_column import NO_PRICE as NO_PRICE

I64s = npt.NDArray[np.int64]
I32s = npt.NDArray[np.int32]
U32s = npt.NDArray[np.uint32]
U16s = npt.NDArray[np.uint16]
F32s = npt.NDArray[np.float32]

# Bits of a posting's packed counts, in the order of TEXT_FIELDS: title, labels, category, description.
COUNT_BITS = (3, 4, 3, 6)

# The numeric columns that filters and sorting may name, with their types.
NUMBER_COLUMNS: Mapping[str, type[np.generic]] = {
    "price": np.int64,  # micros of the reporting currency; NO_PRICE where unknown
    "quantity": np.int64,
    "created_ms": np.int64,
    "updated_ms": np.int64,
    "rating": np.float32,  # NaN where nobody rated
    "rating_count": np.int64,
    "sold_count": np.int64,
    "favourite_count": np.int64,
}


@dataclass(frozen=True, slots=True)
class KnownStems:
    """The codes of stems by a table that is shared with later segments, which have more of them."""

    numbers: Mapping[str, int]  # in the order in which they came; may grow
    codes: I32s  # (n_stems,) by number

    def code(self, stem: str) -> int:
        """The stem's code, or -1."""
        number = self.numbers.get(stem, -1)
        return int(self.codes[number]) if 0 <= number < len(self.codes) else -1


@dataclass(frozen=True, slots=True)
class Postings:
    """Which rows have which stem, and how often in each text field."""

    stems: SortedStrings  # (n_stems,); the code of a stem is its place
    offsets: I64s  # (n_stems + 1,)
    rows: U32s  # ascending for each stem
    counts: U16s  # packed by COUNT_BITS, each field's count cut at what fits
    known: KnownStems | None = None  # where there is a faster way to the codes than a search

    def code(self, stem: str) -> int:
        """The stem's code, or -1."""
        return self.stems.find(stem) if self.known is None else self.known.code(stem)

    def with_prefix(self, prefix: str) -> range:
        """Codes of all stems that begin so."""
        return range(self.stems.left(prefix), self.stems.left(prefix + "\U0010ffff"))

    def frequency(self, code: int) -> int:
        """How many rows have the stem."""
        return int(self.offsets[code + 1] - self.offsets[code])

    def rows_of(self, code: int) -> U32s:
        """The rows that have the stem, ascending."""
        return self.rows[self.offsets[code] : self.offsets[code + 1]]

    def counts_of(self, code: int) -> U16s:
        """The packed counts of those rows."""
        return self.counts[self.offsets[code] : self.offsets[code + 1]]


@dataclass(frozen=True, slots=True)
class Labels:
    """Values that filters and facets speak of: attributes, tags, category nodes, sellers.

    A label is one (field, value). Codes are grouped by field, most used field first, then by value;
    the codes of a row are ascending, so counting a popular field stops early.
    """

    fields: tuple[str, ...]  # "category", "seller", "tags", "attributes.color", ...
    starts: I64s  # (n_fields + 1,) codes of field f: starts[f] to starts[f + 1]
    values: SortedStrings  # (n_labels,) as written, by field; a category as its path, " > " between
    folded: SortedStrings  # (n_labels,) `fold_value` of each, by field; of a category's own name
    folded_code: I32s  # (n_labels,) the code of each entry of `folded`
    offsets: I64s  # (n + 1,) labels of a row
    codes: I32s  # ascending for each row
    row_offsets: I64s  # (n_labels + 1,) rows of a label
    rows: U32s  # ascending for each label
    in_base: I64s | None = (
        None  # (n_labels,) code in the generation's labels, -1 where it has none;
    )
    # None where nobody has looked

    def span(self, field: str) -> range:
        """The codes of a field; empty for one that no row has."""
        if field not in self.fields:
            return range(0)
        at = self.fields.index(field)
        return range(int(self.starts[at]), int(self.starts[at + 1]))

    def field_of(self, code: int) -> str:
        """The field of a label."""
        return self.fields[int(np.searchsorted(self.starts, code, "right")) - 1]

    def find(self, field: str, folded: str) -> list[int]:
        """Codes of the field whose folded value is this one (several spellings may fold alike); of
        the category, those whose own name folds to it."""
        span = self.span(field)
        at = self.folded.left(folded, low=span.start, high=span.stop)
        found = []
        while at < span.stop and self.folded[at] == folded:
            found.append(int(self.folded_code[at]))
            at += 1
        return found

    def code(self, field: str, value: str) -> int:
        """The code of a value exactly as written, or -1."""
        span = self.span(field)
        return self.values.find(value, low=span.start, high=span.stop)

    def rows_of(self, code: int) -> U32s:
        """The rows that have the label, ascending."""
        return self.rows[self.row_offsets[code] : self.row_offsets[code + 1]]


@dataclass(frozen=True, slots=True)
class Segment:
    """The columns of n listings, by row."""

    n: int
    row_id: I64s  # (n,) of the catalogue
    prior: F32s  # (n,) quality in [0, 1], descending
    numbers: Mapping[str, npt.NDArray[Any]]  # NUMBER_COLUMNS, (n,) each
    postings: Postings
    lengths: U16s  # (n, 4) words of each text field, cut at 65,535
    title_offsets: I64s  # (n + 1,)
    title_stems: I32s  # stems of the title in order
    labels: Labels
    documents: Documents  # LISTING columns in any order; `document_row` finds a row's
    document_row: I64s  # (n,)
    vectors: VectorIndex
    text: TextIndex | None  # None where all matches are scored anyway (small segments)
