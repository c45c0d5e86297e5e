"""Reading many counters at once, now or as they were some changes ago.

Most keys that a request asks for were never counted: what the session did to this listing, what this
query did. So a key that is not there costs a look at its bucket and nothing more, and only the rows of
those that are there are copied.
"""

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.features.counter_decay import LANDMARK_MS, POWERS, SCALES, SPAN, HalfLives, fade_of
from mercer.features.counter_table import (
    BLOCK,
    BUCKET,
    PROBES,
    WORDS,
    CounterTable,
    bucket_of,
    sum_at,
)
from mercer.features.lanes import equal_lanes
from mercer.text.kernel_types import F8S, I4S, I8S, read_only
from mercer.text.prefetch import prefetch

F32s = npt.NDArray[np.float32]
I32s = npt.NDArray[np.int32]
U64s = npt.NDArray[np.uint64]

_U8S = read_only(nb.u8)
_ROWS = read_only(nb.u8, ndim=2)
_U64 = np.uint64
_UPPER = _U64(32)
_EMPTY = _U64(0)
_WORDS = WORDS


@dataclass(frozen=True, slots=True)
class FoundRows:
    """The rows of some keys."""

    n: int  # keys that were asked for
    of: I32s  # (n_found,) which of the keys each row belongs to, ascending
    rows: U64s  # (n_found, WORDS)

    @classmethod
    def of_all(cls, rows: U64s) -> "FoundRows":
        """Where each key has a row."""
        return cls(len(rows), np.arange(len(rows), dtype=np.int32), rows)

    def spread(self) -> U64s:
        """(n, WORDS) a row for each key; zeros of one that is not there."""
        out = np.zeros((self.n, WORDS), np.uint64)
        out[self.of] = self.rows
        return out


@nb.njit(nb.i8(_U8S, nb.u8, nb.i8), cache=True, nogil=True, inline="always")
def _place(keys: Any, key: Any, n_buckets: Any) -> Any:
    """Where a key is; -1: nowhere. The same places in the same order as when it was put there."""
    if key == _EMPTY:
        return -1
    for probe in range(PROBES):
        first = bucket_of(key, probe, n_buckets) * BUCKET
        found = equal_lanes(keys, first, key)
        if found:
            while not found & 1:
                found >>= 1
                first += 1
            return first
        if equal_lanes(keys, first, _EMPTY):
            return -1
    return -1


@nb.njit(nb.i8(_U8S, _ROWS, _U8S, nb.i4[::1], nb.u8[:, ::1]), cache=True, nogil=True)
def _find(keys: Any, rows: Any, key: Any, of: Any, out: Any) -> Any:
    """out[i] = the row of key[of[i]], for the keys that are there in their order; how many there are."""
    n_buckets = keys.size // BUCKET
    flat = rows.reshape(rows.size)
    places = np.empty(BLOCK, np.int64)
    n_found = 0
    for first in range(0, key.size, BLOCK):
        n = min(BLOCK, key.size - first)
        for j in range(n):
            home = bucket_of(key[first + j], 0, n_buckets) * BUCKET
            prefetch(keys, home)
            prefetch(keys, home + 8)
        for j in range(n):
            places[j] = _place(keys, key[first + j], n_buckets)
            if places[j] >= 0:
                prefetch(flat, places[j] * _WORDS)
        for j in range(n):
            if places[j] >= 0:
                of[n_found] = first + j
                for i in range(_WORDS):
                    out[n_found, i] = rows[places[j], i]
                n_found += 1
    return n_found


@nb.njit(nb.void(I4S, _ROWS, nb.i8, I8S, nb.i8[::1], F8S, nb.f4[:, ::1]), cache=True, nogil=True)
def _values(
    of: Any, rows: Any, now_ms: Any, half_life: Any, powers: Any, scales: Any, out: Any
) -> None:
    """out[of[i], h] = what row i is worth at that time by half-life h; 0 of all other keys."""
    out[:] = np.float32(0.0)
    for h in range(half_life.size):
        epoch = (now_ms - LANDMARK_MS) // (SPAN * half_life[h]) + 1
        fade = fade_of(now_ms, half_life[h], powers)
        for i in range(of.size):
            out[of[i], h] = np.float32(sum_at(rows, i, h, epoch, scales) * fade)


@nb.njit(nb.i8(_ROWS, nb.i8, nb.i8, _U8S, nb.u8[:, ::1]), cache=True, nogil=True)
def _turn_back(undo: Any, first: Any, stop: Any, key: Any, out: Any) -> Any:
    """Make rows that were read what they were when `first` changes had been made; how many changed.

    The changes first to stop - 1 are gone through from the last one, so that what stays is what stood
    before the earliest. Whatever of them was in a row when it was read, also half of one, is replaced.
    """
    size = 16
    while size < 2 * key.size:
        size *= 2
    heads, following = np.full(size, -1, np.int32), np.empty(key.size, np.int32)
    for i in range(key.size):
        slot = np.int64(key[i] >> _UPPER) & (size - 1)
        following[i] = heads[slot]
        heads[slot] = i
    n_changed = 0
    for n in range(stop - 1, first - 1, -1):
        entry = n & (undo.shape[0] - 1)
        before, after = undo[entry, 1], undo[entry, 2]
        if after != before and after != _EMPTY:
            i = heads[np.int64(after >> _UPPER) & (size - 1)]
            while i >= 0:
                if key[i] == after:
                    n_changed += 1
                    out[i] = _EMPTY
                i = following[i]
        if before != _EMPTY:
            i = heads[np.int64(before >> _UPPER) & (size - 1)]
            while i >= 0:
                if key[i] == before:
                    n_changed += 1
                    for j in range(_WORDS):
                        out[i, j] = undo[entry, 3 + j]
                i = following[i]
    return n_changed


def look_up(table: CounterTable, keys: U64s, *, now_ms: int) -> F32s:
    """(n, n_half_lives) counts as they are worth at `now_ms`; 0 of a key that is not there.

    Args:
        keys: (n,); 0 is never there.
        now_ms: not before LANDMARK_MS.
    """
    return values_of(find_rows(table, keys), table.half_lives, now_ms=now_ms)


def find_rows(table: CounterTable, keys: U64s) -> FoundRows:
    """The rows of some keys, (n,)."""
    of, out = np.empty(len(keys), np.int32), np.empty((len(keys), WORDS), np.uint64)
    n_found = _find(table.keys, table.rows, keys, of, out)
    return FoundRows(len(keys), of[:n_found], out[:n_found])


def values_of(found: FoundRows, half_lives: HalfLives, *, now_ms: int) -> F32s:
    """(n, n_half_lives) what the rows of some keys are worth at `now_ms`."""
    out = np.empty((found.n, len(half_lives)), np.float32)
    _values(found.of, found.rows, now_ms, half_lives.column(), POWERS, SCALES, out)
    return out


def turn_back(table: CounterTable, keys: U64s, rows: U64s, *, since: int, until: int) -> None:
    """Make rows of some keys, read at any moment, what they were after `since` changes.

    Args:
        keys: (n,) that `rows` (n, WORDS) were read for.
        until: the changes there were after they had been read; all since have to be in the ring still.
    """
    if until > since:
        _turn_back(table.undo, since, until, keys, rows)


def evicted(table: CounterTable, *, now_ms: int) -> F32s:
    """(n_half_lives,) by how much counts are too low, summed over all keys."""
    found: F32s = values_of(FoundRows.of_all(table.rows[-1:]), table.half_lives, now_ms=now_ms)[0]
    return found
