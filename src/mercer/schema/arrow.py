"""The column contract that is checked at every stage edge."""

from typing import TypeVar

import pyarrow as pa

from mercer.schema.errors import SchemaError

Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)


def require(rows: Rows, schema: pa.Schema, *, at: str) -> Rows:
    """Return `rows` unchanged, or raise one SchemaError that lists every fault.

    Args:
        rows: (n,) table or batch; further columns are allowed.
        schema: the columns that must be there, with their types and nullability.
        at: the name of the stage, for the message.
    Raises:
        SchemaError: a column is missing, doubled, of another type, or has nulls it may not have.
    """
    have, faults = rows.schema, []
    for field in schema:
        i = have.get_field_index(field.name)  # -1 also when the name occurs twice
        if i < 0:
            faults.append(f"column {field.name!r} is missing or doubled")
        elif have.field(i).type != field.type:
            faults.append(f"column {field.name!r} is {have.field(i).type}, must be {field.type}")
        elif not field.nullable and (n_nulls := rows.column(i).null_count):
            faults.append(f"column {field.name!r} has {n_nulls} nulls, none allowed")
    if faults:
        raise SchemaError(at, faults)
    return rows
