"""Listings that a session had clicked before a page showed them to it again.

Who looked at a listing and asks again knows it: that it is not clicked a second time says nothing against
it, and clients report the first click only. A model that counts such rows as passed over learns to push
down exactly what somebody liked. So what was shown again after its click is no part of a list that is
learned from, whatever became of it.
"""

from typing import Final, final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.metrics.ragged import Bools
from mercer.rank.training_log import LabelParams, Labels, ShownRows

_NEVER_MS: Final = np.iinfo(np.int64).max


@final
class ClickedBefore:
    """When the session of each row first clicked its listing, on whatever page; any order of events."""

    def __init__(self, rows: ShownRows, params: LabelParams) -> None:
        self._params = params
        sessions = rows.session_id.dictionary_encode()
        listings = rows.listing_id.dictionary_encode()
        self._sessions, self._listings = sessions.dictionary, listings.dictionary
        session = pc.fill_null(sessions.indices, -1).to_numpy(zero_copy_only=False)
        self._owner = np.repeat(np.arange(len(rows.page_id)), np.diff(rows.offsets))
        self._served_ms = rows.served_ms
        of_row = self._keys(
            session.astype(np.int64)[self._owner], np.asarray(listings.indices, np.int64)
        )
        self._known, self._place = np.unique(of_row, return_inverse=True)
        self._first_ms = np.full(len(self._known), _NEVER_MS)

    def add(self, events: pa.RecordBatch) -> None:
        """Take in the clicks among some rows of EVENT that are believed."""
        standings = pa.array(sorted(self._params.standings))
        is_click = pc.and_(
            pc.equal(events.column("kind"), "click"),
            pc.is_in(events.column("standing"), standings),
        )
        kept = events.filter(is_click)
        session, listing = (
            pc.fill_null(pc.index_in(kept.column(name), known), -1)
            .to_numpy(zero_copy_only=False)
            .astype(np.int64)
            for name, known in (("session_id", self._sessions), ("listing_id", self._listings))
        )
        key = self._keys(session, listing)
        place = np.minimum(np.searchsorted(self._known, key), max(len(self._known) - 1, 0))
        if len(self._known):
            is_there = (key >= 0) & (self._known[place] == key)
            time_ms = np.asarray(kept.column("time_ms"), np.int64)
            np.minimum.at(self._first_ms, place[is_there], time_ms[is_there])

    def rows(self) -> Bools:
        """(n,) the rows whose listing their session had clicked before the page was served."""
        found: Bools = self._first_ms[self._place] < self._served_ms[self._owner]
        return found & (self._known[self._place] >= 0)

    def _keys(self, session: np.ndarray, listing: np.ndarray) -> np.ndarray:
        """(n,) one number for a session and a listing; -1 where either is unknown."""
        key = session * max(len(self._listings), 1) + listing
        return np.where((session >= 0) & (listing >= 0), key, -1)


def without(rows: ShownRows, labels: Labels, left_out: Bools) -> tuple[ShownRows, Labels]:
    """The other rows and their labels; a page of which nothing is left is gone.

    Args:
        left_out: (n,) which rows go.
    """
    kept = np.flatnonzero(~left_out)
    owner = np.repeat(np.arange(len(rows.page_id)), np.diff(rows.offsets))
    n_left = np.bincount(owner[kept], minlength=len(rows.page_id))
    part = rows.with_rows(kept, n_left).take(np.flatnonzero(n_left))
    return part, Labels(labels.gain[kept], labels.is_clicked[kept])
