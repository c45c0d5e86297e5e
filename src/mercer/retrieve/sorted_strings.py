"""Strings in order, looked up by kernel: a microsecond for one among millions."""

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.text.kernel_types import I8S, U1S

I64s = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


class SortedStrings:
    """A column of strings, ascending by their UTF-8 bytes within the ranges that are searched.

    Immutable; the bytes may be memory-mapped. Arrow orders by UTF-8 bytes, as Python's str does by
    code points, which is the same order.
    """

    def __init__(self, strings: pa.Array) -> None:
        self.column = strings.cast(pa.large_string())
        n, start = len(self.column), self.column.offset
        _, offsets, data = self.column.buffers()
        self._offsets = (
            np.frombuffer(offsets, np.int64)[start : start + n + 1] if n else np.zeros(1, np.int64)
        )
        self._data = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
        # The same bytes for Python, which reads one place of a view sooner than one of an array.
        self._ends, self._text = self._offsets.data, self._data.data

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, at: int) -> str:
        return str(self._text[self._ends[at] : self._ends[at + 1]], "utf-8")

    def left(self, text: str, *, low: int = 0, high: int | None = None) -> int:
        """The first place in [low, high) whose string is not below `text`."""
        key = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
        return int(_left(self._offsets, self._data, key, low, len(self) if high is None else high))

    def find(self, text: str, *, low: int = 0, high: int | None = None) -> int:
        """The place of `text` in [low, high), the first of equals; -1 where it is not there."""
        # A lone surrogate is in no string: as itself it equals none.
        key = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        end = len(self) if high is None else high
        at = int(_left(self._offsets, self._data, key, low, end))
        return (
            at if at < end and self._text[self._ends[at] : self._ends[at + 1]] == key.data else -1
        )


@nb.njit(nb.i8(I8S, U1S, U1S, nb.i8, nb.i8), cache=True, nogil=True)
def _left(offsets: I64s, data: Bytes, key: Bytes, low: int, high: int) -> int:
    while low < high:
        middle = (low + high) >> 1
        start, end = offsets[middle], offsets[middle + 1]
        i, n = 0, min(end - start, key.size)
        while i < n and data[start + i] == key[i]:
            i += 1
        is_below = end - start < key.size if i == n else data[start + i] < key[i]
        if is_below:
            low = middle + 1
        else:
            high = middle
    return low
