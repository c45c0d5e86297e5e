"""A map file: which column of a foreign source feeds which field, without code. docs/reference/map.md."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mercer.schema.cells import UNITS
from mercer.schema.errors import MappingError
from mercer.schema.fields import (
    HISTORY_RULES,
    LISTING_RULES,
    RULES,
    SELLER_RULES,
    FieldRule,
    RowKind,
)

# Which section of a map file speaks of which kind of rows.
SECTIONS: Mapping[RowKind, str] = {
    "listings": "listing",
    "deletions": "listing",
    "sellers": "seller",
    "events": "event",
}
_TIME_FORMS = ("auto", "iso", "ms", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSource:
    """Where the value of one field comes from."""

    columns: tuple[str, ...] = ()  # more than one: joined as text
    join: str = "\n"
    constant: Any = None  # the same for all rows; then `columns` is empty
    default: Any = None  # where the columns have nothing
    separator: str | None = None
    unit: str | None = None  # of money: units, cents, micros
    form: str | None = None  # of times: auto, iso, ms, seconds, or a strptime pattern
    values: Mapping[str, str] = field(default_factory=dict)  # a text of the source -> ours


@dataclass(frozen=True, slots=True)
class SideColumns:
    """The columns of a long-form file: one attribute value per row."""

    listing_id: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class JudgmentColumns:
    """The columns of a file of relevance judgments."""

    query: str
    listing_id: str
    grade: str
    query_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMap:
    """A whole map file. A field has alternatives; the first that has a value wins."""

    fields: Mapping[RowKind, Mapping[str, tuple[FieldSource, ...]]]
    attributes: Mapping[str, FieldSource] = field(default_factory=dict)  # name -> column
    all_attributes: str | None = None  # a column that holds an object of them
    side: SideColumns | None = None
    judgments: JudgmentColumns | None = None
    missing: tuple[str, ...] = ()  # texts that mean "no value", besides the empty one
    delimiter: str | None = None  # of CSV; by the file's name where None
    is_explicit: bool = True  # False: Mercer's own names, any of which may be absent

    def sources(self, kind: RowKind) -> Mapping[str, tuple[FieldSource, ...]]:
        """Where the fields of `kind` come from; a deletion reads two fields of a listing."""
        if kind != "deletions":
            return self.fields.get(kind, {})
        listing = self.fields.get("listings", {})
        return {rule.name: listing[rule.name] for rule in RULES[kind] if rule.name in listing}

    def columns(self, kind: RowKind) -> list[str]:
        """All source columns that this map reads for `kind`, each once."""
        names = [c for s in self.sources(kind).values() for one in s for c in one.columns]
        if kind == "listings":
            names += [c for one in self.attributes.values() for c in one.columns]
            names += [self.all_attributes] if self.all_attributes else []
        return list(dict.fromkeys(names))


def _own(rule: FieldRule) -> tuple[FieldSource, ...]:
    """The field under its own name and its aliases."""
    unit = "micros" if rule.kind == "money" else None
    own = FieldSource(columns=(rule.name,), unit=unit)
    others = [
        FieldSource(columns=(alias,), unit=unit_or_form if rule.kind == "money" else None)
        for alias, unit_or_form in (rule.aliases or {}).items()
    ]
    return (own, *others)


def own_names() -> SourceMap:
    """The map that is used when none is given: Mercer's own column names."""
    read = {**RULES, "events": HISTORY_RULES}
    fields = {kind: {rule.name: _own(rule) for rule in rules} for kind, rules in read.items()}
    return SourceMap(fields=fields, all_attributes="attributes", is_explicit=False)


class _Reader:
    """Reads the tables of a map file and collects every fault."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def text(self, value: Any, at: str) -> str:
        if not isinstance(value, str) or not value:
            self.faults.append(f"{at} must be a text that is not empty, got {value!r}")
            return ""
        return value

    def texts(self, value: Any, at: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            self.faults.append(f"{at} must be a list of texts, got {value!r}")
            return ()
        return tuple(self.text(one, at) for one in value)

    def keys(self, table: Any, allowed: tuple[str, ...], at: str) -> Mapping[str, Any]:
        if not isinstance(table, dict):
            self.faults.append(f"{at} must be a table, got {table!r}")
            return {}
        for key in table:
            if key not in allowed:
                self.faults.append(f"{at}.{key} is unknown; allowed are {', '.join(allowed)}")
        return {key: value for key, value in table.items() if key in allowed}

    def source(self, value: Any, rule: FieldRule | None, unit: str | None, at: str) -> FieldSource:
        """A column's name, or a table that says more."""
        if isinstance(value, str):
            return FieldSource(columns=(self.text(value, at),), unit=unit)
        table = self.keys(value, _source_keys(rule), at)
        columns: tuple[str, ...] = ()
        if "column" in table:
            columns = (self.text(table["column"], f"{at}.column"),)
        elif "columns" in table:
            columns = self.texts(table["columns"], f"{at}.columns")
        if len(ways := [k for k in ("column", "columns", "constant") if k in table]) != 1:
            named = " and ".join(ways) or "none of them"
            self.faults.append(f"{at} needs exactly one of column, columns, constant; has {named}")
        values = table.get("values", {})
        if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
            self.faults.append(f"{at}.values must be a table of texts, got {values!r}")
            values = {}
        for name in ("constant", "default"):
            if name in table and isinstance(table[name], dict):
                self.faults.append(f"{at}.{name} must be a text, number or list, got a table")
        return FieldSource(
            columns=columns,
            join=str(table.get("join", "\n")),
            constant=table.get("constant"),
            default=table.get("default"),
            separator=self._optional(table, "separator", at),
            unit=self._choice(table, "unit", tuple(UNITS), at) or unit,
            form=self._form(table, at),
            values=values,
        )

    def _optional(self, table: Mapping[str, Any], key: str, at: str) -> str | None:
        return self.text(table[key], f"{at}.{key}") if key in table else None

    def _choice(
        self, table: Mapping[str, Any], key: str, allowed: tuple[str, ...], at: str
    ) -> str | None:
        if key not in table:
            return None
        if table[key] in allowed:
            return str(table[key])
        self.faults.append(f"{at}.{key} must be one of {', '.join(allowed)}, got {table[key]!r}")
        return None

    def _form(self, table: Mapping[str, Any], at: str) -> str | None:
        form = table.get("format")
        if form is None or (isinstance(form, str) and (form in _TIME_FORMS or "%" in form)):
            return form
        self.faults.append(
            f"{at}.format must be one of {', '.join(_TIME_FORMS)} or a pattern like %d.%m.%Y, "
            f"got {form!r}"
        )
        return None


def _source_keys(rule: FieldRule | None) -> tuple[str, ...]:
    base = ("column", "columns", "join", "constant", "default", "values")
    if rule is None:  # an attribute
        return ("column", "separator")
    extra = {"money": ("unit",), "time": ("format",), "texts": ("separator",)}
    return base + extra.get(rule.kind, ())


def _fields(
    reader: _Reader, table: Mapping[str, Any], rules: tuple[FieldRule, ...], at: str
) -> dict[str, tuple[FieldSource, ...]]:
    """The fields of one section; a field may be given by its name or by an alias with its unit."""
    named: dict[str, tuple[FieldRule, str | None]] = {}
    for rule in rules:
        named[rule.name] = (rule, "micros" if rule.kind == "money" else None)
        for alias, alias_unit in (rule.aliases or {}).items():
            if alias != "id":
                named[alias] = (rule, alias_unit if rule.kind == "money" else None)
    fields: dict[str, tuple[FieldSource, ...]] = {}
    for name, value in reader.keys(table, tuple(named), at).items():
        rule, unit = named[name]
        if rule.name in fields:
            reader.faults.append(f"{at}.{name} and {at}.{rule.name} are the same field; give one")
        fields[rule.name] = (reader.source(value, rule, unit, f"{at}.{name}"),)
    for rule in rules:
        if rule.is_required and rule.name not in fields:
            reader.faults.append(f"{at}.{rule.name} is missing: every row needs one")
    return fields


def parse_map(text: str, *, at: str) -> SourceMap:
    """Read a map file.

    Args:
        text: the TOML.
        at: the file's name, for the message.
    Raises:
        MappingError: lists every fault with what is allowed there.
    """
    try:
        root = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise MappingError(f"{at} is not TOML: {fault}") from None
    reader = _Reader()
    top = reader.keys(
        root, ("listing", "seller", "event", "attributes_file", "judgments", "source"), "map"
    )
    listing = dict(top.get("listing", {})) if isinstance(top.get("listing", {}), dict) else {}
    attributes = listing.pop("attributes", {})
    fields: dict[RowKind, Mapping[str, tuple[FieldSource, ...]]] = {}
    if "listing" in top:
        fields["listings"] = _fields(reader, listing, LISTING_RULES, "listing")
    if "seller" in top:
        fields["sellers"] = _fields(reader, top["seller"], SELLER_RULES, "seller")
    if "event" in top:
        fields["events"] = _fields(reader, top["event"], HISTORY_RULES, "event")
    by_name: dict[str, FieldSource] = {}
    if isinstance(attributes, dict):
        for name, value in attributes.items():
            by_name[name] = reader.source(value, None, None, f"listing.attributes.{name}")
    source = reader.keys(top.get("source", {}), ("missing", "delimiter"), "source")
    missing = reader.texts(source["missing"], "source.missing") if "missing" in source else ()
    delimiter = source.get("delimiter")
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        reader.faults.append(f"source.delimiter must be one character, got {delimiter!r}")
    made = SourceMap(
        fields=fields,
        attributes=by_name,
        all_attributes=None
        if isinstance(attributes, dict)
        else reader.text(attributes, "listing.attributes"),
        side=_side(reader, top.get("attributes_file")),
        judgments=_judgments(reader, top.get("judgments")),
        missing=missing,
        delimiter=delimiter,
    )
    if not reader.faults and not (fields or made.judgments):
        reader.faults.append("nothing is mapped; give [listing], [seller], [event] or [judgments]")
    if reader.faults:
        listed = "\n  ".join(reader.faults)
        raise MappingError(f"{at}: {len(reader.faults)} fault(s)\n  {listed}")
    return made


def _side(reader: _Reader, table: Any) -> SideColumns | None:
    if table is None:
        return None
    names = ("listing_id", "name", "value")
    given = reader.keys(table, names, "attributes_file")
    return SideColumns(*(reader.text(given.get(k), f"attributes_file.{k}") for k in names))


def _judgments(reader: _Reader, table: Any) -> JudgmentColumns | None:
    if table is None:
        return None
    names = ("query", "listing_id", "grade")
    given = reader.keys(table, (*names, "query_id"), "judgments")
    query, listing_id, grade = (reader.text(given.get(k), f"judgments.{k}") for k in names)
    query_id = reader.text(given["query_id"], "judgments.query_id") if "query_id" in given else None
    return JudgmentColumns(query, listing_id, grade, query_id)
