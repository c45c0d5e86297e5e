"""How many listings have each word."""

from collections.abc import Sequence

import numba as nb
import numpy as np

from mercer.text.analyze import Codes, Ints, Tokens
from mercer.text.kernel_types import I4S, I8S


def count_words(fields: Sequence[Tokens], *, n_words: int) -> Ints:
    """(n_words,) listings that have each word in any of the fields.

    Args:
        fields: words of each text field of the same listings.
        n_words: size of the vocabulary.
    """
    counts = np.zeros(n_words, np.int64)
    offsets = np.stack([field.offsets for field in fields])
    starts = np.cumsum([0, *(len(field.codes) for field in fields)])
    codes = np.concatenate([field.codes for field in fields])
    _count(offsets, starts[:-1], codes, np.full(n_words, -1, np.int64), counts)
    return counts


@nb.njit(nb.void(nb.i8[:, ::1], I8S, I4S, nb.i8[::1], nb.i8[::1]), cache=True, nogil=True)
def _count(offsets: Ints, starts: Ints, codes: Codes, seen_at: Ints, counts: Ints) -> None:
    for row in range(offsets.shape[1] - 1):
        for field in range(offsets.shape[0]):
            for at in range(offsets[field, row], offsets[field, row + 1]):
                word = codes[starts[field] + at]
                if seen_at[word] != row:
                    seen_at[word] = row
                    counts[word] += 1
