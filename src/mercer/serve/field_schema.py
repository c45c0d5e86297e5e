"""What a field accepts, as JSON Schema, from the rules that everything is judged by."""

from collections.abc import Mapping
from typing import Any

from mercer.schema.fields import FieldRule

_JSON_TYPES: Mapping[str, str] = {
    "text": "string",
    "int": "integer",
    "float": "number",
    "money": "integer",
    "bool": "boolean",
}


def field_schema(rule: FieldRule) -> dict[str, Any]:
    """What one field accepts, as JSON Schema."""
    schema: dict[str, Any] = {"description": rule.allowed}
    if rule.kind == "texts":
        schema |= {"type": "array", "items": {"type": "string", "maxLength": rule.max_chars}}
        schema["maxItems"] = rule.max_items
        return schema
    if rule.kind == "time":
        return schema | {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]}
    schema["type"] = _JSON_TYPES[rule.kind]
    if rule.kind == "money":
        schema["minimum"] = 0
    bounds = {"minimum": rule.low, "maximum": rule.high, "maxLength": rule.max_chars}
    schema |= {key: bound for key, bound in bounds.items() if bound is not None}
    if rule.pattern:
        schema["pattern"] = rule.pattern
    if rule.default:
        schema["default"] = rule.default
    return schema
