"""Rows that an older version of Mercer wrote, as rows of today's schema.

A column that came later is nullable, or has its default here; so every older row can be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mercer.events.log import RECORD_SCHEMAS, RecordKind
from mercer.schema.errors import SchemaError


@dataclass(frozen=True, slots=True)
class SameAs:
    """A default that is another column's value."""

    column: str


# Columns that may not be null and that a version did not have yet.
DEFAULTS: Mapping[RecordKind, Mapping[str, Any]] = {
    "events": {  # since version 2
        "standing": "none",
        "is_sponsored": False,
        "received_ms": SameAs("time_ms"),
        "source": "import",
    },
}


def upgraded(kind: RecordKind, rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of any older version of that kind as rows of RECORD_SCHEMAS[kind]; extra columns go.

    Raises:
        SchemaError: a column is missing that every version had, or is of another type.
    """
    schema, defaults = RECORD_SCHEMAS[kind], DEFAULTS.get(kind, {})
    if rows.schema.equals(schema):
        return rows
    have, columns, faults = set(rows.schema.names), [], []
    for field in schema:
        default = defaults.get(field.name)
        if field.name in have:
            columns.append(rows.column(field.name))
        elif isinstance(default, SameAs) and default.column in have:
            columns.append(rows.column(default.column))
        elif field.nullable or default is not None:
            columns.append(pa.repeat(pa.scalar(default, field.type), rows.num_rows))
        else:
            faults.append(f"column {field.name!r} is missing, and has no default")
    if not faults:
        try:
            return pa.RecordBatch.from_arrays(
                [c.cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
            )
        except pa.ArrowException as fault:
            faults.append(str(fault))
    raise SchemaError(f"record of {kind}", faults)
