"""Kernels over the boundary columns: entries written once, records and entries gathered by row."""

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.features.column import F32s, F64s, I64s, U64s
from mercer.features.kernel_types import U8S
from mercer.text.kernel_types import I8S, U1S, read_only
from mercer.text.prefetch import AHEAD, LINE, prefetch

_F8_TABLE, _F4_TABLE, _U8_TABLE = (read_only(t, ndim=2) for t in (nb.f8, nb.f4, nb.u8))
_WORDS_PER_LINE = LINE // 8


@nb.njit(nb.void(I8S, I8S, nb.i8, nb.i8[::1]), cache=True, nogil=True)
def add_lengths(starts: I64s, stops: I64s, item_bytes: int, n_bytes: I64s) -> None:
    """n_bytes[i] += bytes of row i."""
    for i in range(starts.size):
        n_bytes[i] += max(stops[i] - starts[i], 0) * item_bytes


@nb.njit(nb.void(I8S, nb.i8[::1]), cache=True, nogil=True)
def entry_offsets(n_bytes: I64s, offsets: I64s) -> None:
    """Where entries begin, in whole words of 8 bytes."""
    offsets[0] = 0
    for i in range(n_bytes.size):
        offsets[i + 1] = offsets[i] + (n_bytes[i] + 7) // 8


@nb.njit(nb.void(I8S, I8S, I8S, nb.i8, nb.i4[::1]), cache=True, nogil=True)
def write_heads(
    starts: I64s, stops: I64s, offsets: I64s, column: int, entries: npt.NDArray[np.int32]
) -> None:
    """The number of items of a column at the head of each entry; -1 where it is missing."""
    for i in range(starts.size):
        entries[2 * offsets[i] + column] = max(stops[i] - starts[i], -1)


@nb.njit(nb.void(I8S, I8S, U1S, nb.i8, nb.i8[::1], nb.u1[::1]), cache=True, nogil=True)
def write_values(
    starts: I64s, stops: I64s, values: npt.NDArray[np.uint8], item_bytes: int, at: I64s,
    entries: npt.NDArray[np.uint8],
) -> None:  # fmt: skip
    """The values of a column from at[i] on, which moves on behind them."""
    for i in range(starts.size):
        source, size = starts[i] * item_bytes, (stops[i] - starts[i]) * item_bytes
        for j in range(size):
            entries[at[i] + j] = values[source + j]
        at[i] += max(size, 0)


@nb.njit(
    nb.void(
        _F8_TABLE, _U8_TABLE, _F4_TABLE, I8S, I8S, I8S, I8S, I8S, nb.f8[:, ::1], nb.u8[:, ::1]
    ),
    cache=True, nogil=True,
)  # fmt: skip
def gather_records(
    wide: F64s, words: U64s, narrow: F32s, rows: I64s, places: I64s, wide_registers: I64s,
    id_registers: I64s, narrow_registers: I64s, numbers: F64s, ids: U64s,
) -> None:  # fmt: skip
    """registers[column, places[i]] = record rows[i]; missing for a row below 0.

    `wide`, `words` and `narrow` are the same records as float64, uint64 and float32.
    """
    n_wide, n_ids = wide_registers.size, id_registers.size
    flat, n_words = words.reshape(-1), words.shape[1]
    first_narrow = 2 * (n_wide + n_ids)
    for i in range(rows.size):
        ahead = rows[min(i + AHEAD, rows.size - 1)] * n_words
        for line in range(0, n_words, _WORDS_PER_LINE):
            prefetch(flat, ahead + line)
        row, place = rows[i], places[i]
        if row < 0:
            for j in range(n_wide):
                numbers[wide_registers[j], place] = np.nan
            for j in range(n_ids):
                ids[id_registers[j], place] = np.uint64(0)
            for j in range(narrow_registers.size):
                numbers[narrow_registers[j], place] = np.nan
            continue
        for j in range(n_wide):
            numbers[wide_registers[j], place] = wide[row, j]
        for j in range(n_ids):
            ids[id_registers[j], place] = words[row, n_wide + j]
        for j in range(narrow_registers.size):
            numbers[narrow_registers[j], place] = narrow[row, first_narrow + j]


@nb.njit(nb.i8(I8S, I8S), cache=True, nogil=True)
def words_of_entries(offsets: I64s, rows: I64s) -> int:
    """How many words the entries of some rows have together."""
    total = 0
    for i in range(rows.size):
        prefetch(offsets, rows[min(i + AHEAD, rows.size - 1)])
        if rows[i] >= 0:
            total += offsets[rows[i] + 1] - offsets[rows[i]]
    return total


@nb.njit(
    nb.i8(
        I8S, U8S, I8S, I8S, I8S, nb.i8, nb.i8, nb.i8[:, ::1], nb.i8[:, ::1], nb.u8[::1]
    ),
    cache=True, nogil=True,
)  # fmt: skip
def gather_entries(
    offsets: I64s, entries: U64s, rows: I64s, places: I64s, item_bytes: I64s, head_bytes: int,
    at: int, starts: I64s, stops: I64s, out: U64s,
) -> int:  # fmt: skip
    """Copy entries to `out` from word `at` on; starts and stops [column, place] count items.

    Returns the word behind the last one.
    """
    for i in range(rows.size):
        soon = rows[min(i + AHEAD, rows.size - 1)]
        if soon >= 0:
            for word in range(offsets[soon], offsets[soon + 1], _WORDS_PER_LINE):
                prefetch(entries, word)
        row, place = rows[i], places[i]
        if row < 0:
            for c in range(item_bytes.size):
                starts[c, place], stops[c, place] = 0, -1
            continue
        first, last = offsets[row], offsets[row + 1]
        for word in range(last - first):
            out[at + word] = entries[first + word]
        byte = at * 8 + head_bytes
        for c in range(item_bytes.size):
            length = np.int64(np.int32(out[at + c // 2] >> np.uint64(32 * (c % 2))))
            starts[c, place] = byte // item_bytes[c]
            stops[c, place] = starts[c, place] + length
            byte += max(length, 0) * item_bytes[c]
        at += last - first
    return at
