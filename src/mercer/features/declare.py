"""A feature set as it is declared, in Python or in TOML.

    name = "small"

    [columns]                            # of your own, beside the ones every market has
    "query.weather" = "number"

    [[feature]]
    name = "price_log"
    entity = "listing"
    transform = "log1p"
    inputs = ["listing.price_micros"]    # columns, or names of other features
    missing = 0.0                        # left out: stays missing (NaN)
    doc = "The logarithm of the price."

A `[[node]]` is a feature that is no column of the matrix: other features read it.
Whatever else stands in the table is a parameter of the transform.
"""

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from mercer.features.column import KINDS, Kind
from mercer.schema.errors import FeatureError

Entity = Literal["query", "listing", "seller", "buyer", "session", "context", "pair"]
ENTITIES: tuple[str, ...] = get_args(Entity)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_FIELDS = ("name", "entity", "transform", "inputs", "missing", "doc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One feature, or one node that only other features read."""

    name: str  # lower case letters, digits, _
    entity: Entity  # whose columns it may read; "pair": all, "context": all of the request
    transform: str
    inputs: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    missing: float = math.nan  # what stands where the value is missing; NaN: nothing
    doc: str = ""
    is_output: bool = True


def feature(
    name: str, entity: Entity, transform: str, *inputs: str, doc: str, is_output: bool = True,
    missing: float = math.nan, **params: object,
) -> Feature:  # fmt: skip
    """A feature in one call, its parameters by name."""
    return Feature(
        name=name, entity=entity, transform=transform, inputs=inputs, params=params,
        missing=missing, doc=doc, is_output=is_output,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSet:
    """A named list of features; the order of the outputs is the order of the matrix."""

    name: str
    features: tuple[Feature, ...]
    columns: Mapping[str, Kind] = field(default_factory=dict)  # beside `columns.KNOWN`

    @classmethod
    def from_toml(cls, text: str) -> "FeatureSet":
        """Read a declaration.

        Raises:
            FeatureError: not TOML, or a table that is not a feature; names the place.
        """
        try:
            tree = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise FeatureError(f"feature set: not TOML: {error}") from None
        unknown = sorted(set(tree) - {"name", "columns", "feature", "node"})
        if unknown:
            raise FeatureError(
                f"feature set: unknown {unknown[0]!r}; allowed: name, columns, feature, node"
            )
        features = [
            _feature(table, is_output=word == "feature", at=f"[[{word}]] number {i + 1}")
            for word in ("node", "feature")
            for i, table in enumerate(_tables(tree, word))
        ]
        return cls(name=_text(tree, "name"), features=tuple(features), columns=_columns(tree))

    def to_toml(self) -> str:
        """The declaration; read again it is an equal set."""
        parts = [f"name = {_toml(self.name)}\n"]
        if self.columns:
            lines = [f"{_toml(name)} = {_toml(kind)}\n" for name, kind in self.columns.items()]
            parts.append("\n[columns]\n" + "".join(lines))
        nodes = [feature for feature in self.features if not feature.is_output]
        outputs = [feature for feature in self.features if feature.is_output]
        return "".join([*parts, *map(_to_toml, [*nodes, *outputs])])

    def canonical(self) -> str:
        """One text for equal sets, whatever the order of their nodes and keys and their docs: what is
        hashed."""
        nodes = sorted((f for f in self.features if not f.is_output), key=lambda f: f.name)
        outputs = [feature for feature in self.features if feature.is_output]
        features = [
            [f.name, f.entity, f.transform, list(f.inputs), _plain(f.params),
             None if math.isnan(f.missing) else f.missing, f.is_output]
            for f in [*nodes, *outputs]
        ]  # fmt: skip
        return json.dumps([self.name, dict(self.columns), features], sort_keys=True)


def _plain(value: Any) -> Any:
    """Numbers as floats: 2 and 2.0 are one parameter."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _tables(tree: Mapping[str, Any], word: str) -> list[Mapping[str, Any]]:
    tables = tree.get(word, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise FeatureError(f"feature set: {word!r} must be written as [[{word}]] tables")
    return tables


def _text(tree: Mapping[str, Any], key: str) -> str:
    value = tree.get(key)
    if not isinstance(value, str) or not value:
        raise FeatureError(f"feature set: {key!r} is {value!r}, must be a text that is not empty")
    return value


def _columns(tree: Mapping[str, Any]) -> dict[str, Kind]:
    columns = tree.get("columns", {})
    if not isinstance(columns, dict):
        raise FeatureError("feature set: 'columns' must be a table of names and kinds")
    for name, kind in columns.items():
        if kind not in KINDS:
            raise FeatureError(
                f"feature set: column {name!r} has kind {kind!r}; allowed: {', '.join(KINDS)}"
            )
    return dict(columns)


def _feature(table: Mapping[str, Any], *, is_output: bool, at: str) -> Feature:
    name = table.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise FeatureError(
            f"{at}: name is {name!r}, must be a lower-case letter, then letters, digits and _"
        )
    at = f"feature {name!r}"
    inputs = table.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(one, str) for one in inputs):
        raise FeatureError(f"{at}: inputs is {inputs!r}, must be a list of columns or features")
    for key in ("transform", "entity"):
        if not isinstance(table.get(key), str):
            raise FeatureError(f"{at}: {key} is {table.get(key)!r}, must be a text")
    if table["entity"] not in ENTITIES:
        raise FeatureError(f"{at}: entity is {table['entity']!r}; allowed: {', '.join(ENTITIES)}")
    missing = table.get("missing", math.nan)
    if isinstance(missing, bool) or not isinstance(missing, int | float):
        raise FeatureError(f"{at}: missing is {missing!r}, must be a number, or left out")
    return Feature(
        name=name,
        entity=table["entity"],
        transform=table["transform"],
        inputs=tuple(inputs),
        params={
            key: tuple(value) if isinstance(value, list) else value
            for key, value in table.items()
            if key not in _FIELDS
        },
        missing=float(missing),
        doc=str(table.get("doc", "")),
        is_output=is_output,
    )


def _to_toml(feature: Feature) -> str:
    lines = [f"\n[[{'feature' if feature.is_output else 'node'}]]"]
    lines += [f"name = {_toml(feature.name)}", f"entity = {_toml(feature.entity)}"]
    lines += [f"transform = {_toml(feature.transform)}", f"inputs = {_toml(feature.inputs)}"]
    lines += [f"{key} = {_toml(value)}" for key, value in feature.params.items()]
    if not math.isnan(feature.missing):
        lines.append(f"missing = {_toml(feature.missing)}")
    if feature.doc:
        lines.append(f"doc = {_toml(feature.doc)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """A value as TOML writes it: texts, numbers, flags and lists of those."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return "nan" if math.isnan(value) else repr(value).replace("inf", "inf")
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
