"""Which words go together in a catalogue: what tells "brass tray" from "braless tray".

Counted when asked, over the columns that the index has anyway and its best rows only, so a misspelt
query costs well below a millisecond however large the catalogue is.
"""

from collections.abc import Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from mercer.retrieve.segment import I32s, I64s, Postings, U32s
from mercer.text.analyze import stem

F64s = npt.NDArray[np.float64]
SAMPLE_ROWS = 50_000  # the first rows of a segment are its best by quality


@final
class Neighbours:
    """Counts of words that stand in one listing, or side by side in a title. Immutable.

    Args:
        postings: of a segment of n rows.
        title_offsets: (n + 1,).
        title_stems: stems of the titles in order, as codes of the postings.
    """

    def __init__(self, postings: Postings, title_offsets: I64s, title_stems: I32s) -> None:
        n = len(title_offsets) - 1
        self._rows = min(n, SAMPLE_ROWS)
        self._scale = n / max(self._rows, 1)
        self._postings = postings
        self._offsets = title_offsets[: self._rows + 1]
        self._stems = title_stems[: int(title_offsets[self._rows])]

    def attraction(self, words: Sequence[str], beside: Sequence[str]) -> F64s:
        """(n_words,) how much likelier the others stand beside each word than anywhere, in nats.

        Over all of `beside`: log of the listings with both against those that chance would give.
        """
        of_word = [self._rows_of(word) for word in words]
        size = np.array([len(rows) for rows in of_word], np.float64)
        total = np.zeros(len(words))
        for other in beside:
            has = np.zeros(self._rows, bool)
            has[self._rows_of(other)] = True
            both = np.array([has[rows].sum() for rows in of_word], np.float64)
            total += np.log1p(both) - np.log1p(size * has.sum() / max(self._rows, 1))
        return total

    def touching(self, words: Sequence[str], beside: Sequence[str]) -> F64s:
        """For each of the words the places in titles next to one of `beside`: the most of any."""
        codes = [self._postings.code(stem(word)) for word in words]
        most = [0] * len(words)
        for other in beside:
            code = self._postings.code(stem(other))
            at = np.flatnonzero(self._stems == code) if code >= 0 else np.zeros(0, np.int64)
            title = np.searchsorted(self._offsets, at, "right")
            following = self._stems[at[at + 1 < self._offsets[title]] + 1]
            leading = self._stems[at[at > self._offsets[title - 1]] - 1]
            near = np.concatenate([following, leading])
            most = [max(m, int((near == c).sum())) for m, c in zip(most, codes, strict=True)]
        return np.array(most) * self._scale

    def adjacent(self, left: str, right: str) -> float:
        """Titles in which `right` follows `left`."""
        first, second = self._postings.code(stem(left)), self._postings.code(stem(right))
        if first < 0 or second < 0 or not len(self._stems):
            return 0.0
        at = np.flatnonzero((self._stems[:-1] == first) & (self._stems[1:] == second))
        title = np.searchsorted(self._offsets, at, "right")
        inside = at + 1 < self._offsets[title]  # the next word is one of the same title
        return len(np.unique(title[inside])) * self._scale

    def _rows_of(self, word: str) -> U32s:
        code = self._postings.code(stem(word))
        if code < 0:
            return np.zeros(0, np.uint32)
        rows = self._postings.rows_of(code)
        return rows[: int(np.searchsorted(rows, self._rows))]
