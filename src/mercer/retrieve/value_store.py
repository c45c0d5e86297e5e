"""The values of a lexicon as Arrow columns: written once by a build, opened in no time by a server."""

from collections.abc import Iterator, Mapping, Sequence
from typing import final

import numpy as np
import pyarrow as pa

from mercer.retrieve.lexicon import Joint, ValueCount
from mercer.retrieve.sorted_strings import SortedStrings
from mercer.schema.arrow import require

VALUES = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),  # `phrase_key`, each once
        pa.field(
            "values",  # most frequent first
            pa.list_(
                pa.struct(
                    [
                        pa.field("field", pa.string(), nullable=False),
                        pa.field("value", pa.string(), nullable=False),
                        pa.field("count", pa.int64(), nullable=False),
                        pa.field("is_exact", pa.bool_(), nullable=False),
                    ]
                )
            ),
            nullable=False,
        ),
    ]
)
JOINT = pa.schema(
    [
        pa.field("category", pa.string(), nullable=False),  # folded
        pa.field("field", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)


_LISTS = VALUES.field("values").type


def values_table(values: Mapping[str, Sequence[ValueCount]]) -> pa.Table:
    """VALUES from a lexicon's values by key."""
    spelt = [
        [
            {"field": v.field, "value": v.value, "count": v.count, "is_exact": v.is_exact}
            for v in found
        ]
        for found in values.values()
    ]
    return pa.table({"key": list(values), "values": spelt}, schema=VALUES)


@final
class StoredValues(Mapping[str, Sequence[ValueCount]]):
    """What `values_table` was made from. Only the keys are in memory; the rest is read when asked."""

    def __init__(self, table: pa.Table) -> None:
        require(table, VALUES, at="lexicon values")
        keys = table.column("key").to_pylist()
        self._row = dict(zip(keys, range(len(keys)), strict=True))
        lists = pa.concat_arrays(table.column("values").chunks) if keys else pa.array([], _LISTS)
        self._ends, values = lists.offsets.to_numpy().data, lists.values
        self._field = SortedStrings(values.field("field"))  # for their places alone
        self._value = SortedStrings(values.field("value"))
        self._count = np.asarray(values.field("count")).data
        self._is_exact = np.asarray(values.field("is_exact")).data

    def __getitem__(self, key: str) -> Sequence[ValueCount]:
        row = self._row[key]
        return tuple(
            [
                ValueCount(self._field[i], self._value[i], self._count[i], bool(self._is_exact[i]))
                for i in range(self._ends[row], self._ends[row + 1])
            ]
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)


def joint_table(joint: Joint) -> pa.Table:
    """JOINT from joint counts."""
    category, field, value = zip(*joint, strict=True) if joint else ((), (), ())
    columns = [category, field, value, list(joint.values())]
    return pa.table(dict(zip(JOINT.names, columns, strict=True)), schema=JOINT)


def joint_of(table: pa.Table) -> Joint:
    """What `joint_table` was made from."""
    require(table, JOINT, at="lexicon joint counts")
    category, field, value, count = (table.column(name).to_pylist() for name in JOINT.names)
    return dict(zip(zip(category, field, value, strict=True), count, strict=True))
