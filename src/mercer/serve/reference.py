"""The reference page's content, read out of the OpenAPI document."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_METHODS = ("post", "get", "put", "delete")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter or body field."""

    name: str
    where: str  # "query", "path", "body"
    type: str
    default: str
    description: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Example:
    """One example, as text."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, as the page shows it."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    tag: str
    parameters: tuple[Parameter, ...]
    requests: tuple[Example, ...]
    answers: tuple[Example, ...]
    errors: tuple[tuple[str, str], ...]  # (status, kinds)


def operations_of(spec: Mapping[str, Any]) -> tuple[Operation, ...]:
    """Every operation of an OpenAPI document, in its order."""
    return tuple(
        _operation(spec, path, method, methods[method])
        for path, methods in spec["paths"].items()
        for method in _METHODS
        if method in methods
    )


def _operation(spec: Mapping[str, Any], path: str, method: str, op: Mapping[str, Any]) -> Operation:
    body = op.get("requestBody", {}).get("content", {}).get("application/json", {})
    parameters = [
        _parameter(spec, p["name"], p["schema"], p["in"], required=p.get("required", False))
        for p in op.get("parameters", ())
    ]
    if body:
        schema = _resolve(spec, body["schema"])
        required = schema.get("required", ())
        parameters += [
            _parameter(spec, name, field, "body", required=name in required)
            for name, field in schema["properties"].items()
        ]
    return Operation(
        anchor=op["operationId"],
        method=method.upper(),
        path=path,
        summary=op.get("summary", ""),
        description=op.get("description", ""),
        tag=op["tags"][0],
        parameters=tuple(parameters),
        requests=_examples(body),
        answers=_examples(op["responses"]["200"].get("content", {}).get("application/json", {})),
        errors=_errors(op["responses"]),
    )


def _parameter(
    spec: Mapping[str, Any], name: str, schema: Mapping[str, Any], where: str, *, required: bool
) -> Parameter:
    default = schema.get("default")
    return Parameter(
        name=name,
        where=where,
        type=_type(spec, schema),
        default="" if default in (None, "", [], {}) else json.dumps(default),
        description=schema.get("description", ""),
        is_required=required,
    )


def _type(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The type in words, with its bounds."""
    schema = _resolve(spec, schema)
    if "anyOf" in schema:
        return " or ".join(_type(spec, part) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(json.dumps(value) for value in schema["enum"])
    text = str(schema.get("type", "any"))
    if text == "array":
        text = f"array of {_type(spec, schema.get('items', {}))}"
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and high is not None:
        text += f", {low} to {high}"
    elif low is not None:
        text += f", from {low}"
    if "maxLength" in schema:
        text += f", at most {schema['maxLength']:,} characters"
    return text


def _resolve(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Mapping[str, Any] = spec["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def _examples(media: Mapping[str, Any]) -> tuple[Example, ...]:
    if "example" in media:
        return (Example("", _pretty(media["example"])),)
    return tuple(
        Example(entry.get("summary", name), _pretty(entry["value"]))
        for name, entry in media.get("examples", {}).items()
    )


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _errors(responses: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    rows: list[tuple[str, str]] = []
    for status, response in responses.items():
        kinds: Sequence[str] = [
            name
            for media in response.get("content", {}).values()
            for name in media.get("examples", ())
        ]
        if status != "200" and kinds:
            rows.append((status, ", ".join(kinds)))
    return tuple(sorted(rows))
