"""What the counters know of each listing: by which values its events count for tastes.

Open addressing with linear probing over the hash of the listing's id, made anew with more room where
it is three quarters full.
"""

from collections.abc import Iterator
from typing import Any, final

import numba as nb
import numpy as np

from mercer.features.column import I64s, U64s
from mercer.text.kernel_types import I8S, read_only

_U8S = read_only(nb.u8)
_U8_TABLE = read_only(nb.u8, ndim=2)
_FULL = 0.75  # of the places: the table is made anew
_MADE_FOR = 0.5  # of the places are taken when it is new
_NONE = np.uint64(0)
_UPPER = np.uint64(32)


@nb.njit(nb.i8(_U8S, nb.u8), cache=True, nogil=True, inline="always")
def _place(keys: Any, key: Any) -> Any:
    """Where a key is, or would be put."""
    at = np.int64(((key >> _UPPER) * np.uint64(keys.size)) >> _UPPER)
    while keys[at] != _NONE and keys[at] != key:
        at += 1
        if at == keys.size:
            at = np.int64(0)
    return at


@nb.njit(nb.i8(nb.u8[::1], nb.i8[::1], nb.u8[:, ::1], _U8S, I8S, _U8_TABLE), cache=True, nogil=True)
def _put(keys: Any, updated: Any, values: Any, key: Any, updated_ms: Any, value: Any) -> Any:
    """Set the values of each key, unless it has newer ones; how many keys are new."""
    n_new = 0
    for i in range(key.size):
        at = _place(keys, key[i])
        if keys[at] == _NONE:
            n_new += 1
        elif updated_ms[i] < updated[at]:
            continue
        updated[at] = updated_ms[i]
        for j in range(values.shape[1]):
            values[at, j] = value[i, j]
        keys[at] = key[i]
    return n_new


@nb.njit(nb.void(_U8S, _U8_TABLE, _U8S, nb.u8[:, ::1]), cache=True, nogil=True)
def _get(keys: Any, values: Any, key: Any, out: Any) -> None:
    for i in range(key.size):
        at = _place(keys, key[i])
        for j in range(values.shape[1]):
            out[i, j] = values[at, j]


@final
class FacetTable:
    """The newest facets of each listing. Not thread-safe.

    Args:
        n_facets: values of a listing (`CounterRules.facets`).
        max_keys: room to begin with.
    """

    def __init__(self, n_facets: int, *, max_keys: int = 1_000) -> None:
        self._n = 0
        self._allocate(n_facets, int(max_keys / _MADE_FOR) + 1)

    def _allocate(self, n_facets: int, n: int) -> None:
        self._keys = np.zeros(n, np.uint64)
        self._updated = np.zeros(n, np.int64)
        self._values = np.zeros((n, n_facets), np.uint64)

    def __len__(self) -> int:
        return self._n

    @property
    def n_facets(self) -> int:
        """Values of a listing."""
        return int(self._values.shape[1])

    def put(self, keys: U64s, updated_ms: I64s, facets: U64s) -> None:
        """Set the facets of listings; of two versions the later `updated_ms` wins, of equals the last.

        Args:
            keys: (n,) hashes of their ids, none 0.
            updated_ms: (n,)
            facets: (n, n_facets)
        """
        if (needed := self._n + len(keys)) > _FULL * len(self._keys):
            before = self.all()
            self._allocate(facets.shape[1], int(needed / _MADE_FOR) + 1)
            _put(self._keys, self._updated, self._values, *before)
        self._n += _put(self._keys, self._updated, self._values, keys, updated_ms, facets)

    def get(self, keys: U64s) -> U64s:
        """(n, n_facets) the facets of listings; zeros of one that was never put."""
        out = np.zeros((len(keys), self._values.shape[1]), np.uint64)
        _get(self._keys, self._values, keys, out)
        return out

    def all(self) -> tuple[U64s, I64s, U64s]:
        """(n,) keys, `updated_ms` and (n, n_facets) facets; what `put` takes."""
        (found,) = self.parts(len(self._keys))
        return found

    def parts(self, n: int) -> Iterator[tuple[U64s, I64s, U64s]]:
        """As `all`, from `n` places at a time."""
        for first in range(0, len(self._keys), n):
            at = np.flatnonzero(self._keys[first : first + n]) + first
            yield self._keys[at], self._updated[at], self._values[at]
