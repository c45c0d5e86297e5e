"""What a buyer may be about to type: the heaviest phrases that begin with a prefix, exactly.

Phrases lie sorted by their bytes, so those with a prefix are one stretch; a tree of "heaviest
below" over them gives the best of any stretch in O(limit x log n), a few microseconds whatever the
prefix, also for one letter that a hundred thousand phrases share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mercer.schema.errors import CorruptError, InputError
from mercer.text.kernel_types import F8S, I4S, I8S, U1S
from mercer.text.speller import Speller

Bytes = NDArray[np.uint8]
I64s = NDArray[np.int64]
I32s = NDArray[np.int32]
F64s = NDArray[np.float64]

MAX_LIMIT = 100
MAX_PREFIX_BYTES = 512
_COLUMNS = {
    "data": np.dtype(np.uint8),
    "starts": np.dtype(np.int64),
    "weight": np.dtype(np.float64),
    "row": np.dtype(np.int64),
    "best": np.dtype(np.int32),
}


@nb.njit(nb.i8(U1S, U1S, I8S, nb.b1), cache=True, nogil=True)
def _boundary(prefix: Bytes, data: Bytes, starts: I64s, after: bool) -> int:
    """First phrase that is not below `prefix` (or, `after`, not below all that begin with it)."""
    low, high = 0, starts.size - 1
    while low < high:
        middle = (low + high) // 2
        begin, end = starts[middle], starts[middle + 1]
        i = 0
        while i < prefix.size and begin + i < end and data[begin + i] == prefix[i]:
            i += 1
        if i == prefix.size:
            below = after
        elif begin + i == end:
            below = True
        else:
            below = data[begin + i] < prefix[i]
        if below:
            low = middle + 1
        else:
            high = middle
    return low


@nb.njit(nb.b1(F8S, nb.i8, nb.i8), cache=True, nogil=True)
def _heavier(weight: F64s, a: int, b: int) -> bool:
    """Whether phrase a comes before b; -1 is no phrase, ties go by the alphabet."""
    if a < 0 or b < 0:
        return b < 0 and a >= 0
    return bool(weight[a] > weight[b] or (weight[a] == weight[b] and a < b))


@nb.njit(nb.void(F8S, nb.i4[::1]), cache=True, nogil=True)
def _fill_tree(weight: F64s, best: I32s) -> None:
    """best[node] is the heaviest phrase below; leaves are best[size:], node i has 2i and 2i + 1."""
    size = best.size // 2
    for i in range(size):
        best[size + i] = i if i < weight.size else -1
    for node in range(size - 1, 0, -1):
        a, b = best[2 * node], best[2 * node + 1]
        best[node] = a if _heavier(weight, a, b) else b


@nb.njit(nb.i8(nb.i8, nb.i8, F8S, I4S, nb.i8[::1], nb.i8[::1]), cache=True, nogil=True)
def _heaviest(low: int, high: int, weight: F64s, best: I32s, open_nodes: I64s, out: I64s) -> int:
    """Write the heaviest of phrases low..high-1, best first; return how many.

    Args:
        low: first phrase; high: behind the last.
        weight: (n,).
        best: the tree of `_fill_tree`.
        open_nodes: scratch, a list of disjoint subtrees not yet used up; its size bounds them at
            2 log2(n) to begin with and log2(n) more for each phrase found.
        out: (limit,).
    """
    size = best.size // 2
    n_open = 0
    a, b = low + size, high + size
    while a < b:  # the stretch as few whole subtrees
        if a & 1:
            open_nodes[n_open] = a
            n_open += 1
            a += 1
        if b & 1:
            b -= 1
            open_nodes[n_open] = b
            n_open += 1
        a //= 2
        b //= 2
    found = 0
    while found < out.size and n_open > 0:
        top = 0
        for k in range(1, n_open):
            if _heavier(weight, best[open_nodes[k]], best[open_nodes[top]]):
                top = k
        node = open_nodes[top]
        n_open -= 1
        open_nodes[top] = open_nodes[n_open]
        winner = best[node]
        out[found] = winner
        found += 1
        while node < size:  # down to the winner; what lies beside the way stays open
            left = 2 * node
            other = left + 1
            if best[left] != winner:
                left, other = other, left
            if best[other] >= 0:
                open_nodes[n_open] = other
                n_open += 1
            node = left
    return found


@dataclass(frozen=True, slots=True)
class Completions:
    """What may be meant by a prefix."""

    ids: I64s  # (n,) rows of the phrases as given to `build`, heaviest first
    corrected: str | None  # the prefix after correction, where one was needed


class Completer:
    """Phrases with weights that can be completed. Immutable; safe to use from many threads.

    Make one with `build` or `from_arrays`.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        arrays = {name: np.asarray(column) for name, column in arrays.items()}
        self._arrays = arrays
        self._data, self._starts = arrays["data"], arrays["starts"]
        self._weight, self._row, self._best = arrays["weight"], arrays["row"], arrays["best"]

    @classmethod
    def build(cls, phrases: pa.Array | Sequence[str], weights: NDArray[Any]) -> "Completer":
        """Index phrases.

        Args:
            phrases: (n,) normalised as prefixes will be; the same text may come more than once.
            weights: (n,) finite; higher is better.
        Raises:
            InputError: the columns do not fit each other.
        """
        column = pa.array(phrases, pa.large_string())
        weight = np.asarray(weights, dtype=np.float64)
        faults = []
        if len(column) != weight.size:
            faults.append(f"{len(column)} phrases but {weight.size} weights")
        if column.null_count:
            faults.append(f"{column.null_count} phrases are null")
        if not np.isfinite(weight).all():
            faults.append("a weight is NaN or infinite")
        if faults:
            raise InputError(f"completion: {'; '.join(faults)}")
        row = pc.sort_indices(column).to_numpy().astype(np.int64)
        ordered = column.take(pa.array(row))
        _, offsets, data = ordered.buffers()
        n = len(ordered)
        starts = np.zeros(1, np.int64) if n == 0 else np.frombuffer(offsets, np.int64)[: n + 1]
        best = np.full(2 << max(0, n - 1).bit_length(), -1, dtype=np.int32)
        _fill_tree(weight[row], best)
        text = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
        return cls(
            {
                "data": text[: starts[-1]].copy(),
                "starts": starts.copy(),
                "weight": weight[row],
                "row": row,
                "best": best,
            }
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All state as named columns, to be saved as .npy files; not copies."""
        return dict(self._arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Completer":
        """The completer that `to_arrays` came from; memory-mapped columns stay on disk.

        Raises:
            CorruptError: a column is missing, or the columns do not fit each other.
        """
        faults = [f"{name} is missing" for name in sorted(_COLUMNS.keys() - arrays.keys())]
        faults += [
            f"{name} is {arrays[name].dtype}, must be {dtype}"
            for name, dtype in _COLUMNS.items()
            if name in arrays and arrays[name].dtype != dtype
        ]
        if not faults:
            n = arrays["row"].size
            if arrays["starts"].size != n + 1 or arrays["weight"].size != n:
                faults.append("starts, weight and row are not equally long")
            elif int(arrays["starts"][-1]) != arrays["data"].size:
                faults.append("starts and data are of different builds")
            if arrays["best"].size != 2 << max(0, n - 1).bit_length():
                faults.append("best has the wrong size")
        if faults:
            raise CorruptError(f"completion: {'; '.join(faults)}; rebuild the index")
        return cls({name: arrays[name] for name in _COLUMNS})

    def __len__(self) -> int:
        return int(self._row.size)

    def complete(self, prefix: str, *, limit: int = 10) -> I64s:
        """Rows of the heaviest phrases that begin with `prefix`, heaviest first, ties by text.

        Args:
            prefix: normalised; "" asks for the heaviest of all.
            limit: at most so many, 1..100.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise ValueError(f"limit must lie in 1..{MAX_LIMIT}, got {limit}")
        data = np.frombuffer(prefix.encode("utf-8", "replace"), np.uint8)
        if data.size > MAX_PREFIX_BYTES or not len(self):
            return np.zeros(0, dtype=np.int64)
        low = _boundary(data, self._data, self._starts, False)
        high = _boundary(data, self._data, self._starts, True)
        depth = self._best.size.bit_length()
        open_nodes = np.empty(depth * (limit + 2), dtype=np.int64)
        out = np.empty(limit, dtype=np.int64)
        found = _heaviest(low, high, self._weight, self._best, open_nodes, out)
        return self._row[out[:found]]

    def complete_corrected(self, prefix: str, speller: Speller, *, limit: int = 10) -> Completions:
        """As `complete`; where nothing begins with `prefix`, its misspelt words are corrected.

        First the complete words, then also the last one, which may still be on its way. A known
        word that is probably a misspelling in the catalogue is corrected as well.
        """
        ids = self.complete(prefix, limit=limit)
        if ids.size:
            return Completions(ids, None)
        *whole, last = prefix.split(" ")
        mended = [_corrected(word, speller) for word in whole]
        for ending in (last, _corrected(last, speller)):
            attempt = " ".join([*mended, ending])
            if attempt != prefix and (ids := self.complete(attempt, limit=limit)).size:
                return Completions(ids, attempt)
        return Completions(ids, None)


def _corrected(word: str, speller: Speller) -> str:
    best = speller.correct_one(word)
    if best and best[0].distance == 0:
        other = speller.doubt(word)
        return other.word if other else word
    return best[0].word if best else word
