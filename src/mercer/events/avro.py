"""Records as Avro: the schema of each kind follows from its Arrow schema, and is versioned.

The version stands in the schema as `"version"`, beside its name, so that readers of an older version
still match it by name. Whatever came after version 1 has a default, as Avro's resolution needs it.
Does not handle: several values under one key of a map; Avro keeps the last.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from mercer.events.log import RECORD_SCHEMAS, RecordKind
from mercer.events.upgrade import DEFAULTS, SameAs, upgraded
from mercer.schema.errors import SchemaError

NAMESPACE = "mercer"
NAMES: Mapping[RecordKind, str] = {
    "listings": "Listing",
    "deletions": "Deletion",
    "sellers": "Seller",
    "campaigns": "Campaign",
    "rules": "Rule",
    "events": "Event",
    "pages": "Page",
    "erasures": "Erasure",
}
# Raised with every change of a kind's columns; tests/formats/avro has the schema of each.
VERSIONS: Mapping[RecordKind, int] = dict.fromkeys(NAMES, 1) | {"events": 2}

_PLAIN: Mapping[pa.DataType, str] = {
    pa.string(): "string",
    pa.int64(): "long",
    pa.int32(): "int",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.bool_(): "boolean",
}
_ZERO: Mapping[str, Any] = {
    "string": "", "long": 0, "int": 0, "float": 0.0, "double": 0.0, "boolean": False,
}  # fmt: skip


def avro_schema(kind: RecordKind) -> dict[str, Any]:
    """The Avro schema of a kind of record, as JSON values."""
    later = DEFAULTS.get(kind, {})
    fields = [_field(field, NAMES[kind], later) for field in RECORD_SCHEMAS[kind]]
    return {
        "type": "record",
        "name": NAMES[kind],
        "namespace": NAMESPACE,
        "version": VERSIONS[kind],
        "fields": fields,
    }


def _field(field: pa.Field, within: str, later: Mapping[str, Any]) -> dict[str, Any]:
    kind = _type(field.type, f"{within}_{field.name}")
    if field.nullable:
        return {"name": field.name, "type": ["null", kind], "default": None}
    if field.name not in later:
        return {"name": field.name, "type": kind}
    default = later[field.name]
    # Avro cannot say "as another field": such a reader gets the zero, ours the other field.
    return {
        "name": field.name,
        "type": kind,
        "default": _ZERO[kind] if isinstance(default, SameAs) else default,
    }


def _type(kind: pa.DataType, name: str) -> Any:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if pa.types.is_list(kind):
        return {"type": "array", "items": _type(kind.value_type, name)}
    if pa.types.is_map(kind) and pa.types.is_string(kind.key_type):
        return {"type": "map", "values": _type(kind.item_type, name)}
    if pa.types.is_struct(kind):
        fields = [_field(kind.field(i), name, {}) for i in range(kind.num_fields)]
        return {"type": "record", "name": name, "namespace": NAMESPACE, "fields": fields}
    raise SchemaError(name, [f"{kind} has no form in Avro; use text, numbers, lists or maps"])


def records_of(kind: RecordKind, rows: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows of a kind as the values that an Avro writer takes."""
    schema = RECORD_SCHEMAS[kind]
    columns = {field.name: rows.column(field.name).to_pylist() for field in schema}
    for name in _maps(schema):
        columns[name] = [dict(pairs) for pairs in columns[name]]
    return _turned(columns)


def _maps(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_map(field.type)]


def _turned(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    cells = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in cells]


def rows_of(
    kind: RecordKind, records: Iterable[Mapping[str, Any]], *, fields: Sequence[str]
) -> pa.RecordBatch:
    """Rows of a kind from the values that an Avro reader gives.

    Args:
        kind: of the records.
        records: as they were written, by this or an older version.
        fields: what the writer's schema names; the others become their defaults.
    Raises:
        SchemaError: a field is missing that every version had.
    """
    known = [field for field in RECORD_SCHEMAS[kind] if field.name in fields]
    listed = list(records)
    arrays = []
    for field in known:
        values = [record[field.name] for record in listed]
        if pa.types.is_map(field.type):
            values = [list(value.items()) for value in values]
        arrays.append(pa.array(values, field.type))
    return upgraded(kind, pa.RecordBatch.from_arrays(arrays, schema=pa.schema(known)))
