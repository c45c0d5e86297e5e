"""Which ids occur twice in one file, in a few bytes per row."""

from typing import Any, final

import numpy as np
import numpy.typing as npt

from mercer.engines.embedded.rowhash import hash_texts

Ints = npt.NDArray[np.int64]

MAX_TRACKED = 5_000_000  # rows; 80 MB. Beyond, the last version still wins, it is only not reported


@final
class SeenIds:
    """The ids of a file so far, as sorted runs of hashes that are merged like a log-structured tree."""

    def __init__(self) -> None:
        self._runs: list[tuple[Ints, Ints]] = []  # hashes ascending, their row numbers

    def earlier(self, ids: Any, row: Ints) -> Ints:
        """(n,) the earlier row of each id, 0 where there is none; then remember these.

        An id that occurs several times within `ids` gets its last occurrence before.
        """
        key = hash_texts(ids)
        order = np.argsort(key, kind="stable")
        key, row_sorted = key[order], row[order]
        found = np.zeros(len(key), np.int64)
        for hashes, rows in self._runs:
            at = np.minimum(np.searchsorted(hashes, key), len(hashes) - 1)
            found = np.where(hashes[at] == key, np.maximum(found, rows[at]), found)
        same = np.flatnonzero(key[1:] == key[:-1]) + 1
        found[same] = row_sorted[same - 1]
        out = np.empty(len(key), np.int64)
        out[order] = found
        last = np.append(key[1:] != key[:-1], True) if len(key) else np.zeros(0, np.bool_)
        self._remember(key[last], row_sorted[last])
        return out

    def _remember(self, key: Ints, row: Ints) -> None:
        if not len(key) or sum(len(run[0]) for run in self._runs) + len(key) > MAX_TRACKED:
            return
        self._runs.append((key, row))
        while len(self._runs) > 1 and len(self._runs[-2][0]) <= 2 * len(self._runs[-1][0]):
            (a, a_row), (b, b_row) = self._runs.pop(-2), self._runs.pop()
            hashes, rows = np.concatenate([a, b]), np.concatenate([a_row, b_row])
            order = np.lexsort((rows, hashes))
            last = np.append(hashes[order][1:] != hashes[order][:-1], True)
            self._runs.append((hashes[order][last], rows[order][last]))
