"""The listings of a segment as they were written, a few rows at a time."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class Documents:
    """Rows of LISTING in batches, possibly memory-mapped; immutable.

    Arrow's own `take` over a chunked table first joins the chunks, which costs as much as the
    whole catalogue; here only the batches that hold a wanted row are touched.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._batches = table.to_batches()
        self._starts = np.cumsum([0, *(len(batch) for batch in self._batches)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> pa.Table:
        """(n,) rows in the order asked for."""
        batch_of = np.searchsorted(self._starts, rows, "right") - 1
        order = np.argsort(batch_of, kind="stable")
        taken = []
        for b in np.unique(batch_of).tolist():
            mine = rows[order[batch_of[order] == b]] - self._starts[b]
            taken.append(self._batches[b].take(pa.array(mine)))
        if not taken:
            return self.table.schema.empty_table()
        found = pa.Table.from_batches(taken, self.table.schema)
        if len(taken) == 1 and (order[1:] > order[:-1]).all():
            return found
        back = np.empty(len(rows), np.int64)
        back[order] = np.arange(len(rows))
        return found.combine_chunks().take(pa.array(back))
