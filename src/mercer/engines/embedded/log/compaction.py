"""Which rows of the catalogue's records still matter: the newest version of each key, and its place.

A key's first record keeps a row, because row ids are given out in the order of first records and a
rebuilt view has to give the same ones; of a listing that changed since, that row is left blank and hidden.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.engines.embedded.log.event_hash import hash_ids
from mercer.events.log import KEYS, Change, RecordKind
from mercer.schema.catalogue import BLANK
from mercer.schema.listing import LISTING

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Kinds whose rows are versions of one thing; a deletion is a version of its listing.
_GROUPS: Final[Mapping[RecordKind, int]] = {
    "listings": 0, "deletions": 0, "sellers": 1, "campaigns": 2, "rules": 3,
}  # fmt: skip
COMPACTED_KINDS: Final = frozenset(_GROUPS)


@dataclass(frozen=True, slots=True)
class RowFate:
    """What becomes of the rows of one record."""

    is_kept: Bools  # (n,) as they are
    is_blanked: Bools  # (n,) only the key and the time are kept

    @property
    def n_dropped(self) -> int:
        """Rows that go."""
        return int((~self.is_kept & ~self.is_blanked).sum())

    @property
    def is_all_kept(self) -> bool:
        """Nothing changes."""
        return bool(self.is_kept.all())


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did, or would do."""

    n_records: int  # that were looked at
    n_rows: int
    n_dropped: int  # rows that are gone
    n_blanked: int  # rows of which the key and the time are left


def fates(records: Iterable[tuple[int, Change]]) -> dict[int, RowFate]:
    """What becomes of the rows of each record, by its offset; records of other kinds are left out.

    Takes about 60 bytes for each row while it runs.

    Args:
        records: (offset, record), by offset.
    """
    key = os.urandom(16)  # nobody can make two ids fall together
    offsets, sizes, groups, hashes, times, is_listing = [], [], [], [], [], []
    for offset, change in records:
        if change.kind not in _GROUPS:
            continue
        n = change.rows.num_rows
        offsets.append(offset)
        sizes.append(n)
        groups.append(np.full(n, _GROUPS[change.kind], np.int8))
        hashes.append(hash_ids(change.rows.column(KEYS[change.kind]), key=key))
        times.append(change.rows.column("updated_ms").to_numpy())
        is_listing.append(np.full(n, change.kind == "listings"))
    if not offsets:
        return {}
    first, newest = _first_and_newest(
        np.concatenate(groups), np.concatenate(hashes), np.concatenate(times)
    )
    listing = np.concatenate(is_listing)
    grouped = np.concatenate(groups) == 0
    kept = newest | (first & grouped & ~listing)
    blanked = first & listing & ~newest
    cuts = np.cumsum(sizes)[:-1]
    return {
        offset: RowFate(k, b)
        for offset, k, b in zip(offsets, np.split(kept, cuts), np.split(blanked, cuts), strict=True)
    }


def _first_and_newest(
    group: npt.NDArray[np.int8], hashes: npt.NDArray[np.uint64], updated_ms: Ints
) -> tuple[Bools, Bools]:
    """(n,) whether a row is its key's first, and whether it is the one that stands in the end."""
    n = len(group)
    # A lexsort is stable: rows that are equal in its keys stay in the order of the log.
    order = np.lexsort((hashes[:, 1], hashes[:, 0], group))
    begins = np.ones(n, np.bool_)
    same = (np.diff(group[order]) == 0) & (np.diff(hashes[order], axis=0) == 0).all(axis=1)
    begins[1:] = ~same
    first = np.zeros(n, np.bool_)
    first[order[begins]] = True
    key = np.cumsum(begins) - 1  # (n,) dense number of the key, in that order
    # The latest time wins; of equal times the later row, as in the catalogue view.
    by_time = np.lexsort((updated_ms[order], key))
    last = np.append(np.diff(key[by_time]) != 0, True)
    newest = np.zeros(n, np.bool_)
    newest[order[by_time[last]]] = True
    return first, newest


def survivors(change: Change, fate: RowFate) -> pa.RecordBatch:
    """The rows that are left of a record."""
    rows = change.rows
    if not fate.is_blanked.any():
        return rows.filter(pa.array(fate.is_kept))
    left = np.flatnonzero(fate.is_kept | fate.is_blanked)
    is_blank = fate.is_blanked[left]
    at = pa.array(np.where(is_blank, rows.num_rows, left))  # behind the rows lies the blank one
    columns = []
    for name in LISTING.names:
        if name in ("listing_id", "updated_ms"):
            columns.append(rows.column(name).take(pa.array(left)))
        elif name == "is_hidden":
            hidden = rows.column(name).to_numpy(zero_copy_only=False)[left] | is_blank
            columns.append(pa.array(hidden))
        else:
            columns.append(pa.concat_arrays([rows.column(name), BLANK.column(name)]).take(at))
    return pa.RecordBatch.from_arrays(columns, schema=LISTING)
