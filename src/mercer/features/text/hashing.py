"""The hashing trick: words, or n-grams, added up in a fixed number of places.

Source: Weinberger et al. 2009, "Feature hashing for large scale multitask learning",
arXiv:0902.2206; place and sign are those of scikit-learn's HashingVectorizer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.features.text.overlap import room_for
from mercer.text.kernel_types import I8S, U4S

U32s = NDArray[np.uint32]
I32s = NDArray[np.int32]
I64s = NDArray[np.int64]
F32s = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HashedRows:
    """A sparse matrix by rows; the places of a row are in the order in which they first come."""

    offsets: I64s  # (n + 1,)
    places: I32s
    values: F32s


@nb.njit(nb.i8(nb.u4, nb.i8), cache=True, nogil=True)
def place_of(word: int, width: int) -> int:
    """|word as a signed number| % width; -2^31 is its own absolute value plus nothing lost."""
    signed = np.int64(np.int32(word))
    return int(abs(signed) % width)


@nb.njit(nb.f8(nb.u4, nb.b1), cache=True, nogil=True)
def sign_of(word: int, is_signed: bool) -> float:
    """-1 where the highest bit is set and signs are wanted, else 1."""
    return -1.0 if is_signed and np.uint32(word) >> np.uint32(31) else 1.0


@nb.njit(
    nb.void(I8S, I8S, U4S, nb.i8, nb.b1, nb.b1, nb.i8[::1], nb.i4[::1], nb.f4[::1]),
    cache=True,
    nogil=True,
)
def _hash_rows(
    starts: I64s, stops: I64s, words: U32s, width: int, is_signed: bool, is_unit: bool,
    offsets: I64s, places: I32s, values: F32s,
) -> None:  # fmt: skip
    size = room_for(starts, stops)
    slots = np.full(size, -1, np.int64)  # place in this row's results
    found = np.int64(0)
    for row in range(starts.size):
        first = found
        used = 8
        while used < 2 * (stops[row] - starts[row]):
            used *= 2
        for word in words[starts[row] : max(starts[row], stops[row])]:
            place = place_of(word, width)
            slot = place & (used - 1)
            while slots[slot] >= 0 and places[slots[slot]] != place:
                slot = (slot + 1) & (used - 1)
            if slots[slot] < 0:
                slots[slot] = found
                places[found] = place
                values[found] = np.float32(0.0)
                found += 1
            values[slots[slot]] += np.float32(sign_of(word, is_signed))
        slots[:used] = -1
        if is_unit:
            squares = 0.0
            for i in range(first, found):
                squares += np.float64(values[i]) * np.float64(values[i])
            if squares > 0.0:
                for i in range(first, found):
                    values[i] = np.float32(np.float64(values[i]) / np.sqrt(squares))
        offsets[row + 1] = found


def hash_rows(
    starts: I64s, stops: I64s, words: U32s, *,
    width: int, is_signed: bool = True, is_unit: bool = True,
) -> HashedRows:  # fmt: skip
    """How often each row has the words of each place.

    Args:
        starts, stops, words: (n,) rows of word numbers.
        width: places, 1 <= width < 2^31.
        is_signed: a word counts as 1 or -1 by its hash, so that what meets in a place cancels out on
            average; a place may then hold 0.
        is_unit: scale each row to length 1.
    """
    offsets = np.zeros(len(starts) + 1, np.int64)
    most = int(np.maximum(stops - starts, 0).sum())
    places, values = np.empty(most, np.int32), np.empty(most, np.float32)
    _hash_rows(starts, stops, words, width, is_signed, is_unit, offsets, places, values)
    return HashedRows(offsets, places[: offsets[-1]], values[: offsets[-1]])


@nb.njit(nb.void(I8S, nb.i4[::1], nb.f4[::1], nb.f4[:, ::1]), cache=True, nogil=True)
def _spread(offsets: I64s, places: I32s, values: F32s, out: F32s) -> None:
    for row in range(out.shape[0]):
        for i in range(offsets[row], offsets[row + 1]):
            out[row, places[i]] = values[i]


def hash_vectors(
    starts: I64s, stops: I64s, words: U32s, *,
    width: int, is_signed: bool = True, is_unit: bool = True,
) -> F32s:  # fmt: skip
    """(n, width) of the same; NaN in a row that is missing."""
    rows = hash_rows(starts, stops, words, width=width, is_signed=is_signed, is_unit=is_unit)
    out = np.zeros((len(starts), width), np.float32)
    _spread(rows.offsets, rows.places, rows.values, out)
    out[stops < starts] = np.nan
    return out


def hash_vector_plain(
    words: Sequence[int], *, width: int, is_signed: bool = True, is_unit: bool = True
) -> list[float]:
    """The twin of `hash_vectors`, for one row."""
    out = [0.0] * width
    for word in words:
        signed = word - (1 << 32) if word >> 31 else word
        out[abs(signed) % width] += -1.0 if is_signed and signed < 0 else 1.0
    squares = sum(value * value for value in out)
    scale = np.sqrt(squares) if is_unit and squares > 0.0 else 1.0
    return [float(np.float32(value / scale)) for value in out]
