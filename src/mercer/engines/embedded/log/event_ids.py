"""Sets of 128-bit hashes: an open table in memory, and an ascending run that may lie in a file."""

from dataclasses import dataclass
from typing import Any, final

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.engines.embedded.log.event_hash import Hashes

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_U64 = np.uint64
_RUN = nb.types.Array(nb.uint64, 2, "C", readonly=True)  # mapped from a file


@nb.njit("i8(u8[:, :], u8, u8)", cache=True, nogil=True)
def _slot(table: Any, high: Any, low: Any) -> int:
    """Where the hash lies in the table, or the empty slot where it would; (0, 0) is empty."""
    mask = _U64(table.shape[0] - 1)
    at = high & mask
    while table[at, 0] != high or table[at, 1] != low:
        if table[at, 0] == _U64(0) and table[at, 1] == _U64(0):
            break
        at = (at + _U64(1)) & mask
    return int(at)


@nb.njit("void(u8[:, :], u8[:, :], b1[:])", cache=True, nogil=True)
def _mark_in_table(table: Any, ids: Any, is_known: Any) -> None:
    for i in range(ids.shape[0]):
        if not is_known[i]:
            at = _slot(table, ids[i, 0], ids[i, 1])
            is_known[i] = table[at, 0] == ids[i, 0] and table[at, 1] == ids[i, 1]


@nb.njit(nb.void(_RUN, nb.uint64[:, :], nb.boolean[:]), cache=True, nogil=True)
def _mark_in_run(run: Any, ids: Any, is_known: Any) -> None:
    """Interpolation search: hashes are uniform, so a few steps find the place."""
    for i in range(ids.shape[0]):
        if is_known[i]:
            continue
        high, low = ids[i, 0], ids[i, 1]
        left, right = 0, run.shape[0] - 1
        while left <= right:
            first, last = run[left, 0], run[right, 0]
            if high < first or high > last:
                break
            middle = (left + right) // 2
            if last > first and right - left > 16:
                share = float(high - first) / float(last - first)
                middle = min(right, left + np.int64(share * (right - left)))
            if run[middle, 0] == high and run[middle, 1] == low:
                is_known[i] = True
                break
            if run[middle, 0] < high or (run[middle, 0] == high and run[middle, 1] < low):
                left = middle + 1
            else:
                right = middle - 1


@nb.njit("i8(u8[:, :], u8[:, :], b1[:], i8[:])", cache=True, nogil=True)
def _claim(table: Any, ids: Any, is_known: Any, slots: Any) -> int:
    """Put in what is not known; what is there becomes known. The number of slots that were taken."""
    n_taken = 0
    for i in range(ids.shape[0]):
        if is_known[i]:
            continue
        at = _slot(table, ids[i, 0], ids[i, 1])
        if table[at, 0] == ids[i, 0] and table[at, 1] == ids[i, 1]:
            is_known[i] = True
        else:
            table[at, 0], table[at, 1] = ids[i, 0], ids[i, 1]
            slots[n_taken] = at
            n_taken += 1
    return n_taken


@nb.njit("void(u8[:, :], u8[:, :])", cache=True, nogil=True)
def _rehash(old: Any, table: Any) -> None:
    for i in range(old.shape[0]):
        if old[i, 0] != _U64(0) or old[i, 1] != _U64(0):
            at = _slot(table, old[i, 0], old[i, 1])
            table[at, 0], table[at, 1] = old[i, 0], old[i, 1]


@nb.njit(nb.void(_RUN, _RUN, nb.uint64[:, :]), cache=True, nogil=True)
def merge_runs(one: Any, other: Any, out: Any) -> None:
    """Two ascending runs as one."""
    i, j = 0, 0
    for k in range(out.shape[0]):
        is_one = j == other.shape[0] or (
            i < one.shape[0]
            and (one[i, 0] < other[j, 0] or (one[i, 0] == other[j, 0] and one[i, 1] <= other[j, 1]))
        )
        if is_one:
            out[k, 0], out[k, 1] = one[i, 0], one[i, 1]
            i += 1
        else:
            out[k, 0], out[k, 1] = other[j, 0], other[j, 1]
            j += 1


@final
class IdTable:
    """Hashes in memory, by open addressing; grows, never shrinks.

    Args:
        n_slots: to begin with, a power of two; memory is used as slots are.
    """

    def __init__(self, n_slots: int) -> None:
        self._table: Hashes = np.zeros((n_slots, 2), np.uint64)
        self.n = 0

    def mark(self, ids: Hashes, is_known: Bools) -> None:
        """Set `is_known` where the table has the id; it only reads."""
        _mark_in_table(self._table, ids, is_known)

    def claim(self, ids: Hashes, is_known: Bools) -> Ints:
        """Put in all that is not known, `is_known` where it was there; the slots for `release`."""
        while 2 * (self.n + len(ids)) > len(self._table):
            self._grow()
        slots = np.empty(len(ids), np.int64)
        n_taken = _claim(self._table, ids, is_known, slots)
        self.n += n_taken
        return slots[:n_taken]

    def release(self, slots: Ints) -> None:
        """Take back the last claim, and no other: what was put in later may lie behind it."""
        self._table[slots] = 0
        self.n -= len(slots)

    def _grow(self) -> None:
        old, self._table = self._table, np.zeros((2 * len(self._table), 2), np.uint64)
        _rehash(old, self._table)

    def ascending(self) -> Hashes:
        """(n, 2) all hashes, sorted."""
        held = self._table[self._table.any(axis=1)]
        order = np.argsort(held[:, 0], kind="stable")
        run = np.ascontiguousarray(held[order])
        same = np.flatnonzero(run[1:, 0] == run[:-1, 0])
        if len(same):  # 64 equal bits: rare enough to sort all again
            run = np.ascontiguousarray(held[np.lexsort((held[:, 1], held[:, 0]))])
        return run


@dataclass(frozen=True, slots=True)
class Run:
    """Hashes of the records after..last, ascending; mapped from a file."""

    after: int
    last: int
    hashes: Hashes

    def mark(self, ids: Hashes, is_known: Bools) -> None:
        """Set `is_known` where the run has the id."""
        if len(self.hashes):
            _mark_in_run(self.hashes, ids, is_known)
