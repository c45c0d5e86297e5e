"""What a plan of features keeps of the listings of a segment, beside the segment."""

from dataclasses import dataclass

from mercer.features.boundary import BoundaryColumns
from mercer.retrieve.facets import label_of_rows
from mercer.retrieve.segment import I64s, Segment

SELLER = "seller"  # the label


@dataclass(frozen=True, slots=True)
class PartColumns:
    """The listings of one segment, as requests gather them."""

    listings: BoundaryColumns  # by place in the segment's documents, see `Segment.document_row`
    seller_of_code: I64s  # (n_sellers,) row of the plan's sellers, by the segment's seller labels

    def rows_in(self, segment: Segment, rows: I64s) -> I64s:
        """(n,) where rows of the segment lie in `listings`."""
        found: I64s = segment.document_row[rows]
        return found

    def sellers_of(self, segment: Segment, rows: I64s) -> I64s:
        """(n,) where the sellers of rows lie among the plan's sellers; -1: it names none."""
        codes = label_of_rows(segment.labels, SELLER, rows)
        out: I64s = codes.copy()
        is_named = codes >= 0
        out[is_named] = self.seller_of_code[codes[is_named] - segment.labels.span(SELLER).start]
        return out
