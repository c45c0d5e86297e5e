"""JSON objects -> columns, kept apart by Python type where a column mixes them.

Every part is then judged by the same converters as a file's column (`mercer.schema.cells`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.schema.cells import Cells, Converter

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Column:
    """One source column: Arrow as a file gave it, or the values of JSON objects."""

    arrow: Any = None  # pa.Array (n,), where the source is typed
    values: Sequence[Any] | None = None  # (n,) Python values of JSON

    def __len__(self) -> int:
        return len(self.arrow if self.values is None else self.values)

    def show(self, row: int) -> Any:
        """The value as it came, for a message."""
        if self.values is not None:
            return self.values[row]
        try:
            return self.arrow[row].as_py()
        except (UnicodeDecodeError, ValueError, OverflowError):
            return self.arrow.slice(row, 1).cast(pa.binary())[0].as_py() if len(self) else None

    def convert(self, converter: Converter) -> Cells:
        """This column through `converter`, part by part."""
        if self.values is None:
            return converter(self.arrow)
        parts, unreadable = _parts(self.values)
        if len(parts) == 1 and not len(unreadable) and parts[0][0] is None:
            return converter(parts[0][1])
        order = [np.asarray(at, np.int64) for at, _ in parts if at is not None]
        cells = [converter(array) for at, array in parts if at is not None]
        return _merged(len(self.values), order, cells, unreadable, converter)


def _merged(
    n: int, order: list[Ints], cells: list[Cells], unreadable: Ints, converter: Converter
) -> Cells:
    """The converted parts at their old places; places that no part covers are null."""
    kind = (cells[0].values if cells else converter(pa.nulls(0)).values).type
    place = np.full(n, -1, np.int64)
    bad = np.zeros(n, np.bool_)
    start = 0
    for at, part in zip(order, cells, strict=True):
        place[at] = np.arange(start, start + len(at))
        start += len(at)
        if part.bad is not None:
            bad[at] = part.bad
    bad[unreadable] = True
    pool = pa.concat_arrays([pa.array([], kind), *(part.values for part in cells)])
    values = pool.take(pa.array(place, mask=place < 0))
    return Cells(values, bad if bad.any() else None)


def _parts(values: Sequence[Any]) -> tuple[list[tuple[list[int] | None, Any]], Ints]:
    """Arrow arrays of the values, by type if they mix, and the places that fit no array."""
    kinds = set(map(type, values)) - {type(None)}
    if len(kinds) <= 1 and dict not in kinds:
        try:
            return [(None, pa.array(values))], np.zeros(0, np.int64)
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeError, OverflowError):
            pass
    groups: dict[type, list[int]] = {}
    for i, value in enumerate(values):
        if value is not None:
            groups.setdefault(type(value), []).append(i)
    parts: list[tuple[list[int] | None, Any]] = []
    unreadable: list[int] = []
    for kind, at in groups.items():
        if kind is dict:  # no field but attributes takes objects, and they come another way
            unreadable.extend(at)
            continue
        try:
            parts.append((at, pa.array([values[i] for i in at])))
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeError, OverflowError):
            _one_by_one(values, at, parts, unreadable)
    return parts, np.array(unreadable, np.int64)


def _one_by_one(
    values: Sequence[Any], at: list[int], parts: list[tuple[list[int] | None, Any]], lost: list[int]
) -> None:
    """Arrays of one value each; what no array can hold (a huge integer, a mixed list) is lost."""
    for i in at:
        try:
            parts.append(([i], pa.array([values[i]])))
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeError, OverflowError):
            lost.append(i)


def columns_of(
    items: Sequence[Mapping[str, Any]], *, wanted: Collection[str] | None = None
) -> dict[str, Column]:
    """One column per name that occurs in any of the objects, in order of first appearance.

    Args:
        items: (n,) objects.
        wanted: names to leave it at; None: all, which costs n cells for every name that occurs.
    """
    names: dict[str, None] = {}
    for item in items:
        names.update(dict.fromkeys(item))
    keep = names if wanted is None else [name for name in names if name in wanted]
    return {name: Column(values=[item.get(name) for item in items]) for name in keep}
