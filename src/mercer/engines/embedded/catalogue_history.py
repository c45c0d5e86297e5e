"""Listings and sellers as they stood at a version of the catalogue, from the log.

The log is replayed through the same view that served, record by record, so versions and row ids are
the ones that pages name. What a compaction or an erasure took from the log is not there any more.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.engines.embedded.writer import apply_change
from mercer.events.log import CATALOGUE_KINDS
from mercer.schema.catalogue import CHANGED_LISTING
from mercer.schema.listing import LISTING
from mercer.schema.position import START
from mercer.schema.seller import SELLER

I64s = npt.NDArray[np.int64]
_PART_ROWS = 8_192  # of the file of versions: a page reads of a few parts


@dataclass(frozen=True, slots=True)
class SellerState:
    """A seller from a version of the catalogue on."""

    version: int
    offset: int  # of its record in the log of the catalogue
    row: dict[str, object]  # of SELLER


@dataclass(frozen=True, slots=True)
class CatalogueHistory:
    """The versions of some listings, and of all sellers."""

    parts: Sequence[pa.RecordBatch]  # LISTING, memory-mapped, in the order of the log
    starts: I64s  # (n_parts,) the first row of each
    row_ids: I64s  # (n_listings,) rising
    keys: I64s  # (n_rows,) rising: place among `row_ids` times `span`, plus the version
    order: I64s  # (n_rows,) row of each key
    is_deleted: npt.NDArray[np.bool_]  # (n_rows,) by row
    span: int  # above every version
    sellers: dict[str, list[SellerState]]

    def listings(self, row_ids: I64s, version: int) -> I64s:
        """(n,) rows of all parts that held at a version; -1 where there was none."""
        if not self.keys.size:
            return np.full(row_ids.size, -1, np.int64)
        place = np.minimum(np.searchsorted(self.row_ids, row_ids), self.row_ids.size - 1)
        wanted = place * self.span + min(version, self.span - 1)
        at = np.searchsorted(self.keys, wanted, side="right") - 1
        is_known = (self.row_ids[place] == row_ids) & (at >= 0)
        is_known &= self.keys[np.maximum(at, 0)] // self.span == place
        row = self.order[np.maximum(at, 0)]
        return np.where(is_known & ~self.is_deleted[row], row, -1)

    def documents(self, rows: I64s) -> pa.RecordBatch:
        """(n,) LISTING rows at those places of all parts.

        Part by part: Arrow takes rows of a table in parts by first copying every string of it.
        """
        if not rows.size:
            return pa.RecordBatch.from_pylist([], schema=LISTING)
        part = np.searchsorted(self.starts, rows, side="right") - 1
        order = np.argsort(part, kind="stable")
        named, first = np.unique(part[order], return_index=True)
        pieces = [
            self.parts[i].take(pa.array(rows[places] - self.starts[i]))
            for i, places in zip(named.tolist(), np.split(order, first[1:]), strict=True)
        ]
        place = np.empty(rows.size, np.int64)
        place[order] = np.arange(rows.size)
        return pa.concat_batches(pieces).take(pa.array(place))

    def sellers_at(self, seller_ids: Sequence[str], version: int, *, at_ms: int) -> pa.RecordBatch:
        """(n,) SELLER rows, null where a seller was unknown.

        For pages that do not say which sellers they saw: of those that were changed while no listing
        was, the last that was updated at or before `at_ms` counts.
        """
        return _seller_rows([self._seller(one, version, at_ms) for one in seller_ids])

    def sellers_read_to(self, seller_ids: Sequence[str], offset: int) -> pa.RecordBatch:
        """(n,) SELLER rows of whoever had read the log up to a record; null where one was unknown."""
        return _seller_rows([self._read_to(one, offset) for one in seller_ids])

    def _read_to(self, seller_id: str, offset: int) -> dict[str, object]:
        stands: dict[str, object] = {}
        for state in self.sellers.get(seller_id, []):
            is_newer = not stands or _updated_ms(state.row) > _updated_ms(stands)
            if state.offset <= offset and is_newer:
                stands = state.row
        return stands or {"seller_id": seller_id}

    def _seller(self, seller_id: str, version: int, at_ms: int) -> dict[str, object]:
        for state in reversed(self.sellers.get(seller_id, [])):
            if state.version <= version and _updated_ms(state.row) <= at_ms:
                return state.row
        return {}


def _updated_ms(row: dict[str, object]) -> int:
    return int(str(row["updated_ms"]))


def _seller_rows(rows: list[dict[str, object]]) -> pa.RecordBatch:
    fields = [pa.field(field.name, field.type) for field in SELLER]
    return pa.RecordBatch.from_pylist(rows, schema=pa.schema(fields))


@contextmanager
def catalogue_history(log: EmbeddedLog, *, row_ids: I64s) -> Iterator[CatalogueHistory]:
    """The history of some listings while the block runs.

    Args:
        row_ids: (n,) of the listings whose versions are kept.
    """
    with tempfile.TemporaryDirectory(prefix="mercer-history-") as folder:
        file = Path(folder) / "listings.arrow"
        sellers = _replayed(log, Path(folder), file, np.unique(row_ids))
        with pa.memory_map(str(file)) as source:
            yield _indexed(pa.ipc.open_file(source).read_all(), sellers)


def _replayed(
    log: EmbeddedLog, folder: Path, file: Path, row_ids: I64s
) -> dict[str, list[SellerState]]:
    """Write every version of those listings to a file; the sellers."""
    wanted, sellers = pa.array(row_ids, pa.int64()), dict[str, list[SellerState]]()
    catalogue = SqlCatalogue(f"sqlite:///{folder / 'view.db'}")
    try:
        catalogue.clear(version=log.catalogue.n_dropped())
        with _parts_file(file) as write:
            for offset, change in log.catalogue.read(0, kinds=CATALOGUE_KINDS):
                before = catalogue.version()
                apply_change(catalogue, change, position=START)
                for rows in catalogue.changes(since=before):
                    write(rows.filter(pc.is_in(rows.column("row_id"), wanted)))
                if change.kind == "sellers":
                    for row in change.rows.to_pylist():
                        state = SellerState(before, offset, row)
                        sellers.setdefault(row["seller_id"], []).append(state)
    finally:
        catalogue.close()
    return sellers


@contextmanager
def _parts_file(file: Path) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """`write(rows)`: a new file of CHANGED_LISTING, in parts of `_PART_ROWS` or more rows but the last."""
    waiting, n_waiting = list[pa.RecordBatch](), 0
    with pa.ipc.new_file(str(file), CHANGED_LISTING) as out:

        def write(rows: pa.RecordBatch) -> None:
            nonlocal n_waiting
            if rows.num_rows:
                waiting.append(rows)
            n_waiting += rows.num_rows
            if n_waiting >= _PART_ROWS:
                out.write_batch(pa.concat_batches(waiting))
                waiting.clear()
                n_waiting = 0

        yield write
        if n_waiting:
            out.write_batch(pa.concat_batches(waiting))


def _indexed(rows: pa.Table, sellers: dict[str, list[SellerState]]) -> CatalogueHistory:
    row_id = rows.column("row_id").to_numpy()
    version = rows.column("version").to_numpy()
    unique, place = np.unique(row_id, return_inverse=True)
    span = int(version.max(initial=0)) + 1
    keys = place.astype(np.int64) * span + version
    order = np.argsort(keys, kind="stable")
    is_deleted = rows.column("is_deleted").to_numpy()
    parts = [
        pa.RecordBatch.from_arrays(part.select(LISTING.names).columns, schema=LISTING)
        for part in rows.to_batches()
    ]
    starts = np.cumsum([0, *(part.num_rows for part in parts)], dtype=np.int64)[:-1]
    return CatalogueHistory(parts, starts, unique, keys[order], order, is_deleted, span, sellers)
