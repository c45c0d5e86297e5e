"""The listings of a segment as they were written, a few rows at a time."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.retrieve.document_json import Document, JsonRows

CARD_CHARS: Final[Mapping[str, int]] = {"description": 300}  # of a text, as a result card shows it
_NOTHING: Final = Document(b"{}")
I64s = npt.NDArray[np.int64]
Rows = npt.NDArray[np.integer[Any]]


class Documents:
    """Rows of LISTING in batches, possibly memory-mapped; immutable.

    Arrow's own `take` over a chunked table first joins the chunks, which costs as much as the
    whole catalogue; here only the batches that hold a wanted row are touched.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._batches = table.to_batches()
        self._starts = np.cumsum([0, *(len(batch) for batch in self._batches)])
        self._json: dict[int, JsonRows] = {}  # by batch, of those that were asked

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, rows: Rows) -> pa.Table:
        """(n,) rows in the order asked for."""
        order: list[int] = []
        taken = []
        for b, places, mine in self._by_batch(rows):
            order += places.tolist()
            taken.append(self._batches[b].take(pa.array(mine)))
        if not taken:
            return self.table.schema.empty_table()
        found = pa.Table.from_batches(taken, self.table.schema)
        if len(taken) == 1:
            return found
        back = np.empty(len(rows), np.int64)
        back[order] = np.arange(len(rows))
        return found.combine_chunks().take(pa.array(back))

    def cards(self, rows: Rows) -> list[Document]:
        """(n,) the rows in the order asked for, long texts cut as a card shows them."""
        out: list[Document] = [_NOTHING] * len(rows)
        for b, places, mine in self._by_batch(rows):
            json = self._json.get(b)
            if json is None:
                json = self._json[b] = JsonRows(self._batches[b], cuts=CARD_CHARS)
            for at, text in zip(places.tolist(), json.texts(mine), strict=True):
                out[at] = Document(text)
        return out

    def _by_batch(self, rows: Rows) -> Iterator[tuple[int, I64s, I64s]]:
        """Batch, places of its rows among the rows asked for, and the rows in it."""
        if not len(rows):
            return
        batch_of = np.searchsorted(self._starts, rows, "right") - 1
        first = int(batch_of[0])
        if (batch_of == first).all():
            yield first, np.arange(len(rows)), rows - self._starts[first]
            return
        for b in np.unique(batch_of).tolist():
            places = np.flatnonzero(batch_of == b)
            yield b, places, rows[places] - self._starts[b]
