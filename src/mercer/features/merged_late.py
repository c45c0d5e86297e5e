"""A statistic that grows by parts and is merged when somebody looks.

A fit adds thousands of batches to a statistic that may have many millions of keys. Merging each batch
into the whole would copy the whole each time; here parts wait until what follows them is as large, so
a key is copied as often as the whole doubled (the log-structured merge of O'Neil et al. 1996,
doi:10.1007/s002360050048). What is read has the bits of merging at once, where merging is exact.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy.typing as npt

from mercer.features.transform import Arrays

Merge = Callable[[Arrays, Arrays], Arrays]


class MergedLate(Mapping[str, npt.NDArray[Any]]):
    """Arrays by name, of parts that are merged at the first look."""

    __slots__ = ("_merge", "_parts")

    def __init__(self, parts: tuple[Arrays, ...], merge: Merge) -> None:
        self._parts, self._merge = parts, merge

    @classmethod
    def of(cls, a: Arrays, b: Arrays, merge: Merge) -> "MergedLate":
        """Of the rows of both; a few small parts are merged now, so that parts stay few."""
        parts = [*_parts_of(a), *_parts_of(b)]
        while len(parts) > 1 and _size(parts[-2]) <= 2 * _size(parts[-1]):
            last = parts.pop()
            parts[-1] = merge(parts[-1], last)
        return cls(tuple(parts), merge)

    @property
    def parts(self) -> tuple[Arrays, ...]:
        """What is not merged yet."""
        return self._parts

    def _whole(self) -> Arrays:
        if len(self._parts) > 1:
            whole = self._parts[-1]
            for part in reversed(self._parts[:-1]):  # the small ones first
                whole = self._merge(part, whole)
            self._parts = (whole,)
        return self._parts[0]

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._whole()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._parts[0])


def _parts_of(arrays: Arrays) -> tuple[Arrays, ...]:
    return arrays.parts if isinstance(arrays, MergedLate) else (arrays,)


def _size(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays.values())
