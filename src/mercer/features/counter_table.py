"""Millions of decayed counters in two arrays: kernels that update, look up and merge them in batches.

A counter has a key of 64 bits and one row of 8 words: for each of up to four half-lives the epoch and
the sum of the newest epoch in one word, and the sum of the epoch before in the next (`counter_decay.py`
says what they mean). Keys lie in buckets of sixteen, two cache lines each; rows lie in an array of
their own, a cache line each. A key has its place in one of PROBES buckets that its bits choose; it takes the
first free place in their order and never moves, so whoever meets a free place knows that the key is not
there. A look-up mostly touches one bucket and one row.

What goes when all places of a key are taken: of the counters in its first EVICT_BUCKETS buckets the one
whose count by the longest half-life is least. The newcomer starts at its own events. What went is added
to a counter of its own, `evicted`: no count is too high, and summed over all keys counts are too low by
exactly that much, so it bounds the error of each. Nothing is evicted while a key's PROBES buckets have
a free place: of ten million keys in a table made for so many, less than a hundred are.

Not for adversaries: who knows the hash can choose keys that share buckets.
"""

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.features.counter_decay import (
    MAX_HALF_LIVES,
    MAX_SUM,
    POWERS,
    SCALES,
    SPAN,
    SUM_BITS,
    HalfLives,
    epoch_of,
    weight_of,
)
from mercer.features.counter_memory import in_order
from mercer.text.kernel_types import F8S, I8S, read_only
from mercer.text.prefetch import prefetch

F32s = npt.NDArray[np.float32]
I64s = npt.NDArray[np.int64]
U64s = npt.NDArray[np.uint64]

BUCKET = 16  # keys, in two cache lines side by side
WORDS = 2 * MAX_HALF_LIVES  # of a row
PROBES = 4  # buckets that may hold a key
EVICT_BUCKETS = 2  # in which the least counter is looked for
BLOCK = 64  # keys whose lines are fetched at the same time
UNDO_WORDS = 3 + WORDS  # place, the key before and the key from now on, the row before
FULL = 0.7  # the share of the places that a table is made for

_U8S = read_only(nb.u8)
_ROWS = read_only(nb.u8, ndim=2)
_U64 = np.uint64
_SUM = _U64(MAX_SUM)
_SUM_BITS = _U64(SUM_BITS)
_WORDS = WORDS
_LAG = 2.0**-SPAN
_UPPER, _LOWER = _U64(32), _U64(0xFFFFFFFF)
_EMPTY = _U64(0)


@dataclass(frozen=True, slots=True)
class CounterTable:
    """The arrays; somebody else's memory, or its own (`empty_table`)."""

    half_lives: HalfLives
    keys: U64s  # (n_buckets * BUCKET,) 0 where free
    rows: U64s  # (n_buckets * BUCKET + 1, WORDS); the last one is what was evicted
    # (n, UNDO_WORDS) a ring of what stood at a place before each change, n a power of two; n = 0: none
    undo: U64s
    n_undo: I64s  # (1,) changes so far

    @property
    def n_places(self) -> int:
        """Counters that it has room for."""
        return len(self.keys)


def n_buckets_for(max_keys: int) -> int:
    """How many buckets a table has that is made for so many keys."""
    return max(PROBES, -(-int(max_keys / FULL) // BUCKET))


def empty_table(half_lives: HalfLives, *, max_keys: int) -> CounterTable:
    """A table in memory of its own, made for so many keys."""
    n = n_buckets_for(max_keys) * BUCKET
    return CounterTable(
        half_lives,
        np.zeros(n, np.uint64),
        np.zeros((n + 1, WORDS), np.uint64),
        np.zeros((0, UNDO_WORDS), np.uint64),
        np.zeros(1, np.int64),
    )


@nb.njit("i8(u8, i8, i8)", cache=True, nogil=True, inline="always")
def bucket_of(key: Any, probe: Any, n_buckets: Any) -> Any:
    """The bucket of a probe: from the upper half of the key, at a distance that the lower half says."""
    n = _U64(n_buckets)
    home = np.int64(((key >> _UPPER) * n) >> _UPPER)
    if probe == 0:
        return home
    apart = np.int64(((key & _LOWER) * (n - _U64(1))) >> _UPPER) + 1
    return (home + probe * apart) % n_buckets


@nb.njit(nb.i8(_U8S, nb.u8, nb.i8), cache=True, nogil=True, inline="always")
def _place(keys: Any, key: Any, n_buckets: Any) -> Any:
    """Where a key is; -1 - i where it would be put at i, and -1 - keys.size where all is taken."""
    for probe in range(PROBES):
        first = bucket_of(key, probe, n_buckets) * BUCKET
        for i in range(first, first + BUCKET):
            if keys[i] == key:
                return i
            if keys[i] == _EMPTY:
                return -1 - i
    return -1 - keys.size


@nb.njit(
    nb.void(nb.u8[:, ::1], nb.i8, nb.i8, nb.i8, nb.u8, nb.u8),
    cache=True, nogil=True, inline="always",
)  # fmt: skip
def _add(rows: Any, at: Any, h: Any, epoch: Any, newest: Any, before: Any) -> None:
    """Merge sums of an epoch and of the one before it into those of a row, for one half-life."""
    word = rows[at, 2 * h]
    mine, sum_newest, sum_before = np.int64(word >> _SUM_BITS), word & _SUM, rows[at, 2 * h + 1]
    if epoch == mine:
        sum_newest += newest
        sum_before += before
    elif epoch > mine:
        sum_before = before + sum_newest if epoch == mine + 1 else before
        sum_newest = newest
        mine = epoch
    elif epoch + 1 == mine:
        sum_before += newest
    rows[at, 2 * h] = (_U64(mine) << _SUM_BITS) | min(sum_newest, _SUM)
    rows[at, 2 * h + 1] = min(sum_before, _SUM)


@nb.njit(nb.f8(_ROWS, nb.i8, nb.i8, nb.i8, F8S), cache=True, nogil=True, inline="always")
def sum_at(rows: Any, at: Any, h: Any, epoch: Any, scales: Any) -> Any:
    """Both sums of a row for one half-life, as a sum of that epoch."""
    word = rows[at, 2 * h]
    behind = min(max(epoch - np.int64(word >> _SUM_BITS) + 64, 0), 127)
    both = np.float64(np.int64(word & _SUM)) + np.float64(np.int64(rows[at, 2 * h + 1])) * _LAG
    return both * scales[behind]


@nb.njit(
    nb.void(_U8S, nb.u8[:, ::1], nb.u8[:, ::1], nb.i8[::1], nb.i8, nb.u8),
    cache=True, nogil=True, inline="always",
)  # fmt: skip
def _remember(keys: Any, rows: Any, undo: Any, n_undo: Any, at: Any, key: Any) -> None:
    """Write down what stands at a place, before it changes and belongs to `key`."""
    if undo.shape[0]:
        n = n_undo[0]
        i = n & (undo.shape[0] - 1)
        undo[i, 0] = _U64(at)
        undo[i, 1] = keys[at] if at < keys.size else _EMPTY
        undo[i, 2] = key
        for j in range(_WORDS):
            undo[i, 3 + j] = rows[at, j]
        in_order()
        n_undo[0] = n + 1
        in_order()


@nb.njit(nb.i8(_U8S, _ROWS, nb.u8, nb.i8, F8S), cache=True, nogil=True)
def _least(keys: Any, rows: Any, key: Any, h: Any, scales: Any) -> Any:
    """The place whose counter goes for a key that finds all of its own taken."""
    n_buckets = keys.size // BUCKET
    best, least, newest = -1, 0.0, np.int64(0)
    for probe in range(EVICT_BUCKETS):
        first = bucket_of(key, probe, n_buckets) * BUCKET
        for i in range(first, first + BUCKET):
            epoch = np.int64(rows[i, 2 * h] >> _SUM_BITS)
            newest = epoch if epoch > newest else newest
    for probe in range(EVICT_BUCKETS):
        first = bucket_of(key, probe, n_buckets) * BUCKET
        for i in range(first, first + BUCKET):
            count = sum_at(rows, i, h, newest, scales)
            if best < 0 or count < least or (count == least and keys[i] < keys[best]):
                best, least = i, count
    return best


@nb.njit(
    nb.i8(
        nb.u8[::1], nb.u8[:, ::1], nb.u8[:, ::1], nb.i8[::1], nb.u8, nb.i8, nb.i8, F8S, nb.i8[::1]
    ),
    cache=True, nogil=True,
)  # fmt: skip
def _new_place(
    keys: Any, rows: Any, undo: Any, n_undo: Any, key: Any, at: Any, n_half_lives: Any,
    scales: Any, told: Any,
) -> Any:  # fmt: skip
    """Give a place to a key for which `_place` gave `at`, below 0."""
    told[0] += 1
    at = -1 - at
    if at < keys.size:
        _remember(keys, rows, undo, n_undo, at, key)
        keys[at] = key
        return at
    told[1] += 1
    at = _least(keys, rows, key, n_half_lives - 1, scales)
    _remember(keys, rows, undo, n_undo, keys.size, _EMPTY)
    for h in range(n_half_lives):
        word = rows[at, 2 * h]
        _add(rows, keys.size, h, np.int64(word >> _SUM_BITS), word & _SUM, rows[at, 2 * h + 1])
    _remember(keys, rows, undo, n_undo, at, key)
    keys[at] = key
    for i in range(_WORDS):
        rows[at, i] = _EMPTY
    return at


@nb.njit(
    nb.void(
        nb.u8[::1], nb.u8[:, ::1], nb.u8[:, ::1], nb.i8[::1], _U8S, I8S, I8S, nb.i8[::1], F8S,
        nb.i8[::1],
    ),
    cache=True, nogil=True,
)  # fmt: skip
def _update(
    keys: Any, rows: Any, undo: Any, n_undo: Any, key: Any, time_ms: Any, half_life: Any,
    powers: Any, scales: Any, told: Any,
) -> None:  # fmt: skip
    """Count an event for each key; told[0] counts the new keys, told[1] the evicted ones."""
    n_buckets, n_half_lives = keys.size // BUCKET, half_life.size
    flat = rows.reshape(rows.size)
    place = np.empty(BLOCK, np.int64)
    epoch, weight = np.zeros(MAX_HALF_LIVES, np.int64), np.zeros(MAX_HALF_LIVES, np.int64)
    last_ms = np.int64(-1)
    for first in range(0, key.size, BLOCK):
        n = min(BLOCK, key.size - first)
        for j in range(n):
            home = bucket_of(key[first + j], 0, n_buckets) * BUCKET
            prefetch(keys, home)
            prefetch(keys, home + 8)
        for j in range(n):
            place[j] = _place(keys, key[first + j], n_buckets)
            prefetch(flat, (place[j] if place[j] >= 0 else -1 - place[j]) * _WORDS)
        for j in range(n):
            i = first + j
            if key[i] == _EMPTY:
                continue
            at = place[j]
            if at < 0 or keys[at] != key[i]:  # it came, or went, in this block
                at = _place(keys, key[i], n_buckets)
            if at >= 0:
                _remember(keys, rows, undo, n_undo, at, key[i])
            else:
                at = _new_place(keys, rows, undo, n_undo, key[i], at, n_half_lives, scales, told)
            if time_ms[i] != last_ms:
                last_ms = time_ms[i]
                for h in range(n_half_lives):
                    epoch[h] = epoch_of(last_ms, half_life[h])
                    weight[h] = weight_of(last_ms, half_life[h], powers)
            for h in range(n_half_lives):
                if epoch[h]:
                    _add(rows, at, h, epoch[h], _U64(weight[h]), _EMPTY)


@nb.njit(
    nb.void(
        nb.u8[::1], nb.u8[:, ::1], nb.u8[:, ::1], nb.i8[::1], _U8S, _ROWS, nb.i8, F8S, nb.i8[::1]
    ),
    cache=True, nogil=True,
)  # fmt: skip
def _merge(
    keys: Any, rows: Any, undo: Any, n_undo: Any, key: Any, row: Any, n_half_lives: Any,
    scales: Any, told: Any,
) -> None:  # fmt: skip
    """Add row[i] to the counter of key[i]; a row more than keys belongs to what was evicted."""
    n_buckets = keys.size // BUCKET
    for i in range(row.shape[0]):
        if i == key.size:
            at = keys.size
            _remember(keys, rows, undo, n_undo, at, _EMPTY)
        elif key[i] == _EMPTY:
            continue
        else:
            at = _place(keys, key[i], n_buckets)
            if at >= 0:
                _remember(keys, rows, undo, n_undo, at, key[i])
            else:
                at = _new_place(keys, rows, undo, n_undo, key[i], at, n_half_lives, scales, told)
        for h in range(n_half_lives):
            word = row[i, 2 * h]
            _add(rows, at, h, np.int64(word >> _SUM_BITS), word & _SUM, row[i, 2 * h + 1])


@nb.njit(nb.void(nb.u8[::1], nb.u8[:, ::1], _ROWS, nb.i8, nb.i8), cache=True, nogil=True)
def _roll_back(keys: Any, rows: Any, undo: Any, first: Any, stop: Any) -> None:
    """Put back what stood before the changes first to stop - 1, the last one first."""
    for n in range(stop - 1, first - 1, -1):
        entry = n & (undo.shape[0] - 1)
        at = np.int64(undo[entry, 0])
        if at < keys.size:
            keys[at] = undo[entry, 1]
        for i in range(_WORDS):
            rows[at, i] = undo[entry, 3 + i]


@dataclass(frozen=True, slots=True)
class Changed:
    """What a batch did to a table."""

    n_new: int  # keys that were not there
    n_evicted: int  # of these the ones that another had to go for


def update(table: CounterTable, keys: U64s, times_ms: I64s) -> Changed:
    """Count one event for each key, at its time.

    Args:
        keys: (n,); 0 counts nothing. Equal times that stand together cost less.
        times_ms: (n,) in any order.
    """
    told = np.zeros(2, np.int64)
    _update(
        table.keys, table.rows, table.undo, table.n_undo, keys, times_ms,
        table.half_lives.column(), POWERS, SCALES, told,
    )  # fmt: skip
    return Changed(int(told[0]), int(told[1]))


def merge(table: CounterTable, other: CounterTable) -> Changed:
    """Add all counters of another table, and what it evicted, to this one.

    Raises:
        ValueError: they have other half-lives.
    """
    if table.half_lives != other.half_lives:
        raise ValueError(
            f"counters of half-lives {other.half_lives.ms} cannot be added to {table.half_lives.ms}"
        )
    return add_rows(table, other.keys, other.rows)


def add_rows(table: CounterTable, keys: U64s, rows: U64s) -> Changed:
    """Add counters in the form of `CounterTable`; one row more than keys is what was evicted."""
    told = np.zeros(2, np.int64)
    _merge(
        table.keys, table.rows, table.undo, table.n_undo, keys, rows, len(table.half_lives),
        SCALES, told,
    )  # fmt: skip
    return Changed(int(told[0]), int(told[1]))


def roll_back(table: CounterTable, *, to: int) -> None:
    """Put everything back as it was after so many changes; may be interrupted and done again."""
    _roll_back(table.keys, table.rows, table.undo, to, int(table.n_undo[0]))


def occupied(table: CounterTable) -> tuple[U64s, U64s]:
    """((n,) keys, ascending, (n + 1, WORDS) their rows and that of the evicted): all of its state.

    Tables that counted the same events and evicted nothing give the same bits, wherever their keys lie.
    """
    at = np.flatnonzero(table.keys)
    at = at[np.argsort(table.keys[at])]
    return table.keys[at], table.rows[np.append(at, len(table.keys))]
