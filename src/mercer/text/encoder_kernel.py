"""Kernels of the catalogue encoder: character n-grams, word vectors, and sums over listings.

All of them run row by row in a fixed order, so the bits do not depend on how rows are split over
threads; they release the GIL. Words come as code points (`word_points`), so a gram is the same in
every script.
"""

from collections.abc import Sequence

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.text.kernel_types import F4S, I4S, I8S, read_only

I64s = NDArray[np.int64]
I32s = NDArray[np.int32]
I8Table = NDArray[np.int8]
F32s = NDArray[np.float32]
Points = NDArray[np.uint32]

BEGIN, END = ord("<"), ord(">")  # of a word; no word contains them
_HASH_BASIS, _HASH_PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(33)

_U4S = read_only(nb.u4)
_I1_TABLE = read_only(nb.i1, ndim=2)
_F4_TABLE = read_only(nb.f4, ndim=2)
_I8_TABLE = read_only(nb.i8, ndim=2)


def word_points(words: Sequence[str]) -> tuple[Points, I64s]:
    """Code points of "<word>" for each word, one after the other, and where each begins.

    Returns:
        (n_points,) and (n_words + 1,).
    """
    text = "".join([f"<{w}>" for w in words])
    starts = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, words), np.int64, len(words)) + 2, out=starts[1:])
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4"), starts


@nb.njit(nb.i8(_U4S, nb.i8, nb.i8, nb.i8), cache=True, nogil=True)
def gram_row(points: Points, at: int, size: int, mask: int) -> int:
    """Row of the gram points[at:at + size] in a table of mask + 1 rows (FNV-1a, then mixed)."""
    h = _HASH_BASIS
    for i in range(at, at + size):
        h = (h ^ np.uint64(points[i])) * _HASH_PRIME
    h = (h ^ (h >> _SHIFT)) * _MIX
    return int((h ^ (h >> _SHIFT)) & np.uint64(mask))


@nb.njit(nb.i8(_U4S, I8S, nb.i8, nb.i8, nb.i8, I8S, nb.i4[::1]), cache=True, nogil=True)
def gram_rows(
    points: Points,
    starts: I64s,
    shortest: int,
    longest: int,
    mask: int,
    out_starts: I64s,
    out: I32s,
) -> int:
    """Rows of all grams of each word, from out_starts[word] on; returns how many there are."""
    found = 0
    for word in range(starts.size - 1):
        found = out_starts[word]
        for size in range(shortest, longest + 1):
            for at in range(starts[word], starts[word + 1] - size + 1):
                out[found] = gram_row(points, at, size, mask)
                found += 1
    return found


@nb.njit(
    nb.void(
        _U4S, I8S, I4S, _I1_TABLE, F4S, _I1_TABLE, F4S, nb.i8, nb.i8, nb.f4[:, ::1]
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def word_vectors(
    points: Points,
    starts: I64s,
    stem_row: I32s,
    stems: I8Table,
    stem_scale: F32s,
    grams: I8Table,
    gram_scale: F32s,
    shortest: int,
    longest: int,
    out: F32s,
) -> None:
    """out[word] = its stem's vector (where the row is >= 0) + the vectors of its grams."""
    dim = out.shape[1]
    mask = grams.shape[0] - 1
    for word in range(starts.size - 1):
        sum_ = out[word]
        sum_[:] = np.float32(0)
        if stem_row[word] >= 0:
            scale, vector = stem_scale[stem_row[word]], stems[stem_row[word]]
            for j in range(dim):
                sum_[j] += scale * np.float32(vector[j])
        for size in range(shortest, longest + 1):
            for at in range(starts[word], starts[word + 1] - size + 1):
                row = gram_row(points, at, size, mask)
                scale, vector = gram_scale[row], grams[row]
                if scale > 0:
                    for j in range(dim):
                        sum_[j] += scale * np.float32(vector[j])


@nb.njit(
    nb.void(_I8_TABLE, I4S, F4S, I4S, nb.f4[::1], nb.i8[::1], nb.i4[::1], nb.f4[::1]),
    cache=True,
    nogil=True,
)
def weigh_words(
    offsets: I64s,
    codes: I32s,
    field_weight: F32s,
    place: I32s,
    scratch: F32s,
    out_offsets: I64s,
    out_word: I32s,
    out_weight: F32s,
) -> None:
    """Each listing's distinct words and their weight, the root of what its fields add up to.

    Words stand in the order in which they first occur, fields in the order of `offsets`.

    Args:
        offsets: (n_fields, n + 1) into `codes`.
        place: (n_codes,) word of each code, < 0: left out.
        scratch: (n_words,) zeros; zeros again when the kernel returns.
        out_offsets: (n + 1,).
        out_word, out_weight: at least as long as `codes`.
    """
    found = np.int64(0)
    out_offsets[0] = 0
    for row in range(offsets.shape[1] - 1):
        first = found
        for field in range(offsets.shape[0]):
            weight = field_weight[field]
            for i in range(offsets[field, row], offsets[field, row + 1]):
                word = place[codes[i]]
                if word < 0:
                    continue
                if scratch[word] == 0:
                    out_word[found] = word
                    found += 1
                scratch[word] += weight
        for i in range(first, found):
            out_weight[i] = np.sqrt(scratch[out_word[i]])
            scratch[out_word[i]] = np.float32(0)
        out_offsets[row + 1] = found


@nb.njit(nb.void(I8S, I4S, F4S, _F4_TABLE, nb.i8, nb.i8, nb.f4[:, ::1]), cache=True, nogil=True)
def multiply(
    offsets: I64s,
    columns: I32s,
    values: F32s,
    dense: F32s,
    start: int,
    stop: int,
    out: F32s,
) -> None:
    """Rows start..stop of (sparse rows) @ dense, written to the same rows of `out`."""
    width = dense.shape[1]
    for row in range(start, stop):
        sum_ = out[row]
        sum_[:] = np.float32(0)
        for i in range(offsets[row], offsets[row + 1]):
            value, vector = values[i], dense[columns[i]]
            for j in range(width):
                sum_[j] += value * vector[j]


@nb.njit(nb.void(nb.f4[:, ::1]), cache=True, nogil=True)
def make_unit(rows: F32s) -> None:
    """Scale each row to length 1, in place; a row of zeros stays."""
    for row in range(rows.shape[0]):
        squares = 0.0
        for j in range(rows.shape[1]):
            squares += np.float64(rows[row, j]) * np.float64(rows[row, j])
        if squares > 0:
            scale = np.float32(1.0 / np.sqrt(squares))
            for j in range(rows.shape[1]):
                rows[row, j] *= scale


@nb.njit(nb.void(I8S, I4S, I8S, I4S, nb.i4[::1], nb.i4[::1]), cache=True, nogil=True)
def document_counts(
    offsets: I64s,
    word: I32s,
    feature_starts: I64s,
    features: I32s,
    last_seen: I32s,
    out: I32s,
) -> None:
    """out[feature] = listings that have it; `last_seen` is (n_features,) of -1."""
    for row in range(offsets.size - 1):
        for i in range(offsets[row], offsets[row + 1]):
            for at in range(feature_starts[word[i]], feature_starts[word[i] + 1]):
                feature = features[at]
                if last_seen[feature] != row:
                    last_seen[feature] = row
                    out[feature] += 1


@nb.njit(nb.void(I8S, I4S, F4S, I8S, I4S, F4S, nb.f4[::1], nb.f4[::1]), cache=True, nogil=True)
def listing_norms(
    offsets: I64s,
    word: I32s,
    weight: F32s,
    feature_starts: I64s,
    features: I32s,
    values: F32s,
    scratch: F32s,
    out: F32s,
) -> None:
    """out[row] = length of the row's vector of features; `scratch` is (n_features,) zeros.

    The square grows with each addition (s + v)^2 - s^2 = v (2 s + v), so nothing has to be listed.
    """
    for row in range(offsets.size - 1):
        squares = 0.0
        for i in range(offsets[row], offsets[row + 1]):
            for at in range(feature_starts[word[i]], feature_starts[word[i] + 1]):
                feature, value = features[at], weight[i] * values[at]
                squares += np.float64(value) * (2 * np.float64(scratch[feature]) + value)
                scratch[feature] += value
        out[row] = np.sqrt(squares)
        for i in range(offsets[row], offsets[row + 1]):
            for at in range(feature_starts[word[i]], feature_starts[word[i] + 1]):
                scratch[features[at]] = np.float32(0)
