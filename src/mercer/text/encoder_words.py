"""Listings as sparse rows of weighted words, the common ground of fitting and encoding."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercer.text.analyze import Tokens
from mercer.text.encoder_kernel import F32s, I32s, I64s, multiply, weigh_words

_BLOCK = 4_096  # rows that one thread takes at a time


@dataclass(frozen=True, slots=True)
class Sparse:
    """A sparse matrix by rows."""

    offsets: I64s  # (n_rows + 1,)
    columns: I32s
    values: F32s
    n_columns: int

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return self.offsets.size - 1

    def times(self, dense: F32s, pool: Executor) -> F32s:
        """(n_rows, width) product; the bits do not depend on the number of threads."""
        out = np.empty((self.n_rows, dense.shape[1]), np.float32)

        def block(start: int) -> None:
            stop = min(start + _BLOCK, self.n_rows)
            multiply(self.offsets, self.columns, self.values, dense, start, stop, out)

        list(pool.map(block, range(0, self.n_rows, _BLOCK)))
        return out


def used_codes(fields: Sequence[Tokens], n_codes: int) -> I64s:
    """The codes that occur in any field, rising."""
    seen = np.zeros(n_codes, bool)
    for tokens in fields:
        seen[tokens.codes[tokens.offsets[0] : tokens.offsets[-1]]] = True
    return np.flatnonzero(seen)


def weighed_words(
    fields: Sequence[Tokens], field_weight: NDArray[np.float32], place: I32s, n_words: int
) -> Sparse:
    """(n, n_words): the root of the weighted number of times that each listing has each word.

    Args:
        fields: words of each field of the same n listings, at least one field.
        field_weight: (n_fields,) > 0.
        place: (n_codes,) column of each code, < 0: left out.
        n_words: columns.
    """
    n_rows = fields[0].offsets.size - 1
    offsets = np.empty((len(fields), n_rows + 1), np.int64)
    parts, end = [], 0
    for row, tokens in zip(offsets, fields, strict=True):
        first, last = tokens.offsets[0], tokens.offsets[-1]
        np.add(tokens.offsets, end - first, out=row)
        parts.append(tokens.codes[first:last])
        end += int(last - first)
    codes = np.concatenate(parts)
    out_offsets = np.empty(n_rows + 1, np.int64)
    words, weight = np.empty(end, np.int32), np.empty(end, np.float32)
    scratch = np.zeros(n_words, np.float32)
    weigh_words(offsets, codes, field_weight, place, scratch, out_offsets, words, weight)
    found = int(out_offsets[-1])
    return Sparse(out_offsets, words[:found], weight[:found], n_words)
