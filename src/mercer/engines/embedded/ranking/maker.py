"""Makes the columns that one plan keeps of listings: of a generation once, of a delta as it grows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

import pyarrow as pa

from mercer.engines.embedded.index.generation import Generation
from mercer.engines.embedded.index.live_index import ColumnMaker
from mercer.engines.embedded.ranking.column_files import OnRows, read_columns, write_columns
from mercer.engines.embedded.ranking.sellers import SellerColumns, Sellers
from mercer.features.boundary import BoundaryColumns
from mercer.features.listing_inputs import listing_inputs
from mercer.features.plan import Plan
from mercer.retrieve.documents import Documents
from mercer.retrieve.part_columns import PartColumns
from mercer.retrieve.segment import I64s, Labels, Segment
from mercer.schema.money import Rates

BLOCK_ROWS: Final = 16_384


def listing_columns(
    plan: Plan, listings: pa.Table | pa.RecordBatch, rates: Rates
) -> BoundaryColumns:
    """(n,) columns of rows of LISTING."""
    if isinstance(listings, pa.Table):
        whole = listings.combine_chunks().to_batches()
        listings = whole[0] if whole else pa.RecordBatch.from_pylist([], listings.schema)
    return plan.listing_columns(listing_inputs(listings, rates, reads=plan.reads))


def columns_of_documents(
    plan: Plan, documents: Documents, rates: Rates
) -> Iterator[BoundaryColumns]:
    """Of all listings of a generation, block by block; at least one block."""
    batches = documents.table.to_batches(max_chunksize=BLOCK_ROWS)
    for batch in batches or [pa.RecordBatch.from_pylist([], documents.table.schema)]:
        yield listing_columns(plan, batch, rates)


def make_columns(
    plan: Plan, generation: Path, documents: Documents, rates: Rates, *,
    on_rows: OnRows = lambda n: None,
) -> None:  # fmt: skip
    """Write the columns of a generation beside it, where they are not there."""
    parts = columns_of_documents(plan, documents, rates)
    write_columns(generation, plan, parts, n=len(documents), on_rows=on_rows)


@final
class PlanColumns:
    """The columns of one plan in one process.

    Args:
        index: the market's folder of generations.
        sellers: shared by all plans.
    """

    def __init__(self, plan: Plan, index: Path, rates: Rates, sellers: Sellers) -> None:
        self.plan, self.hash = plan, plan.hash
        self._index, self._rates, self._sellers = index, rates, sellers
        self.sellers = SellerColumns(sellers, plan)

    def of_generation(self, generation: Generation) -> PartColumns | None:
        """Those that were made before; None where they were not."""
        folder = self._index / generation.manifest.name
        found = read_columns(folder, self.plan)
        if found is None or found.n != generation.segment.n:
            return None
        return self.beside(generation.segment, found)

    def of_listings(self, listings: pa.Table) -> BoundaryColumns:
        """Of rows of LISTING, and more columns, in that order."""
        return listing_columns(self.plan, listings, self._rates)

    def beside(self, segment: Segment, listings: BoundaryColumns) -> PartColumns:
        """The columns of a segment, its sellers among them."""
        return PartColumns(listings, self._seller_rows(segment.labels))

    def _seller_rows(self, labels: Labels) -> I64s:
        rows = self._sellers.rows_of(labels)
        self.sellers.follow()
        return rows


_conforms: type[ColumnMaker] = PlanColumns
