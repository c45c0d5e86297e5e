"""What pages of the log would have been ranked on, had a feature set been there: to learn a new one.

The values are those that `mercer features backfill` gives: listings, sellers and counters as of each
page. For pages that were ranked on the set they are the values that were logged, bit for bit (`parity.py`).
"""

from collections.abc import Iterable
from typing import final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.backfill import OnPages, ReplayJob, replayed_pages
from mercer.engines.embedded.counters.params import CounterParams
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.training_log import LogWindow, page_batches
from mercer.features.plan import Plan
from mercer.metrics.ragged import Ints
from mercer.rank.training_set import F32s


@final
class ReplayedValues:
    """Feature values of the pages of a window, computed anew.

    Args:
        window: of too many pages those whose ids hash lowest, as where logged values are learned from.
    """

    def __init__(
        self,
        plan: Plan,
        log: EmbeddedLog,
        params: CounterParams,
        window: LogWindow,
        *,
        on_pages: OnPages = lambda done, total: None,
    ) -> None:
        self._set_hash = plan.hash
        self._values: dict[str, F32s] = {}
        self.n_lost = 0  # pages that the log does not know as they were any more
        ids, from_ms, to_ms = _chosen(page_batches(log), window)
        if not ids:
            return
        job = ReplayJob(from_ms=from_ms, to_ms=to_ms + 1, pages=ids)
        for page, found, matrix in replayed_pages(plan, log, params, job, on_pages=on_pages):
            row_of = {row_id: i for i, row_id in enumerate(found.row_ids.tolist())}
            rows = [row_of.get(one.row_id, -1) for one in page.shown]
            # What a place among the candidates says, it says among those that were there.
            is_whole = page.is_detailed and not found.n_lost
            if min(rows, default=-1) < 0 or (plan.layout.has_lists and not is_whole):
                self.n_lost += 1
            else:
                self._values[page.page_id] = matrix.dense[rows].astype(np.float32, copy=False)

    @property
    def n_pages(self) -> int:
        """Of which there are values."""
        return len(self._values)

    def put_into(self, pages: pa.RecordBatch) -> pa.RecordBatch:
        """The pages that there are values of, as if they had been ranked on them."""
        ids = pages.column("page_id").to_pylist()
        kept = [i for i, page_id in enumerate(ids) if page_id in self._values]
        mine = pages.take(pa.array(kept, pa.int64()))
        values = [self._values[ids[i]].reshape(-1) for i in kept]
        offsets = np.cumsum([0, *(len(one) for one in values)]).astype(np.int32)
        flat = np.concatenate([np.zeros(0, np.float32), *values])
        for name, column in (
            ("feature_set", pa.array([self._set_hash] * len(kept), pa.string())),
            ("shown_features", pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat))),
        ):
            at = mine.schema.get_field_index(name)
            mine = mine.set_column(at, mine.schema.field(at), column)
        return mine


def _chosen(pages: Iterable[pa.RecordBatch], window: LogWindow) -> tuple[frozenset[str], int, int]:
    """(ids, when the first was served, when the last was) of searches that showed anything."""
    ids = [pa.array([], pa.string())]
    served: list[Ints] = [np.zeros(0, np.int64)]
    for batch in pages:
        is_search = pc.equal(batch.column("surface"), "search")
        kept = batch.filter(
            pc.and_(is_search, pc.greater(pc.list_value_length(batch.column("shown")), 0))
        )
        ids.append(kept.column("page_id"))
        served.append(kept.column("served_ms").to_numpy())
    page_id, at_ms = pa.concat_arrays(ids), np.concatenate(served)
    if not len(page_id):
        return frozenset(), 0, 0
    late = window.chosen(page_id, at_ms, newest_ms=int(at_ms.max()))
    mine = frozenset(page_id.take(pa.array(late)).to_pylist())
    return mine, int(at_ms[late].min()), int(at_ms[late].max())
