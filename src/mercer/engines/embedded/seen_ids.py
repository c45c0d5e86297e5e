"""Which ids came before, in 8 bytes each: sorted runs, merged when they have become about as long."""

from typing import final

import numpy as np

from mercer.features.column import U64s


@final
class SeenIds:
    """A set of 64-bit ids that only grows."""

    def __init__(self) -> None:
        self._runs: list[U64s] = []  # each sorted, from long to short

    def add(self, ids: U64s) -> bool:
        """Take in different ids; False where one of them was there, and then nothing is taken in."""
        new = np.sort(ids)
        if any(_shares(run, new) for run in self._runs):
            return False
        while self._runs and len(self._runs[-1]) <= 2 * len(new):
            new = np.sort(
                np.concatenate([self._runs.pop(), new]), kind="stable"
            )  # two sorted parts
        self._runs.append(new)
        return True


def _shares(run: U64s, ids: U64s) -> bool:
    at = np.minimum(np.searchsorted(run, ids), len(run) - 1)
    return bool(len(run)) and bool(np.any(run[at] == ids))
