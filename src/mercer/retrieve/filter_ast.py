"""The tree of a filter: what it says, its canonical text, and what it selects on.

Every tree that the parser gives is in normal form: no And inside And, no Or inside Or, at least two
parts in either, no Not of Not, no value twice. Such a tree survives `parse_filter(to_text(tree))`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from mercer.retrieve.filter_schema import FieldKind
from mercer.schema.money import MICROS

Value: TypeAlias = str | int | float | bool
"""TEXT, CATEGORY: str. NUMBER: float. MONEY: int micros. TIME: int ms. BOOL: bool."""


@dataclass(frozen=True, slots=True)
class Equals:
    """The field has at least one of the values."""

    field: str
    kind: FieldKind
    values: tuple[Value, ...]  # at least one


@dataclass(frozen=True, slots=True)
class Range:
    """The field has a value between two bounds, of which one may be missing."""

    field: str
    kind: FieldKind  # an ordered one
    min: int | float | None = None
    max: int | float | None = None
    is_min_included: bool = True
    is_max_included: bool = True


@dataclass(frozen=True, slots=True)
class Exists:
    """The field has a value at all."""

    field: str


@dataclass(frozen=True, slots=True)
class Not:
    """What `part` does not match; a listing without the field is among it."""

    part: "Filter"


@dataclass(frozen=True, slots=True)
class And:
    """What all parts match."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """What any part matches."""

    parts: "tuple[Filter, ...]"


Filter: TypeAlias = Equals | Range | Exists | Not | And | Or


def conjunction(parts: Iterable[Filter]) -> Filter | None:
    """All of `parts` in normal form; None (no restriction) where there is none."""
    flat: list[Filter] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, And) else (part,))
    return And(tuple(flat)) if len(flat) > 1 else (flat[0] if flat else None)


def disjunction(parts: Iterable[Filter]) -> Filter:
    """Any of `parts` (at least one) in normal form."""
    flat: list[Filter] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Or) else (part,))
    return Or(tuple(flat)) if len(flat) > 1 else flat[0]


def negation(part: Filter) -> Filter:
    """What `part` does not match, in normal form."""
    return part.part if isinstance(part, Not) else Not(part)


def disjunctive_fields(tree: Filter | None) -> tuple[tuple[str, Filter | None], ...]:
    """For each field that the filter selects on: the filter without that selection.

    A facet over a selected field counts over the matches of the rest, so that the values beside the
    chosen one keep their counts. A selection is a top-level AND clause that speaks of one field only
    and positively: Equals, Range, or an OR of these on the same field.

    Returns:
        (field, rest) in the order of first mention; rest is None where nothing else was asked.
    """
    clauses = tree.parts if isinstance(tree, And) else (tree,) if tree is not None else ()
    fields = [_selected_field(clause) for clause in clauses]
    return tuple(
        (name, conjunction(c for c, f in zip(clauses, fields, strict=True) if f != name))
        for name in dict.fromkeys(fields)
        if name is not None
    )


def _selected_field(clause: Filter) -> str | None:
    if isinstance(clause, Equals | Range):
        return clause.field
    if isinstance(clause, Or):
        names = {p.field if isinstance(p, Equals | Range) else None for p in clause.parts}
        return names.pop() if len(names) == 1 else None
    return None


# -- canonical text -----------------------------------------------------------------------------

_BARE_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_KEYWORDS = frozenset(("and", "or", "not", "in", "exists", "to"))


def to_text(tree: Filter | None) -> str:
    """The filter as canonical text of docs/reference/filter.md; "" for no restriction."""
    return "" if tree is None else _print(tree)


def _print(tree: Filter) -> str:
    match tree:
        case And(parts):
            return " AND ".join(f"({_print(p)})" if isinstance(p, Or) else _print(p) for p in parts)
        case Or(parts):
            return " OR ".join(_print(p) for p in parts)
        case Not(part):
            return f"NOT ({_print(part)})" if isinstance(part, And | Or) else f"NOT {_print(part)}"
        case Exists(name):
            return f"EXISTS {_print_field(name)}"
        case Equals(name, kind, values):
            shown = [_print_value(v, kind) for v in values]
            if len(shown) == 1:
                return f"{_print_field(name)} = {shown[0]}"
            return f"{_print_field(name)} IN [{', '.join(shown)}]"
        case Range():
            return _print_range(tree)


def _print_range(r: Range) -> str:
    name = _print_field(r.field)
    low = None if r.min is None else _print_value(r.min, r.kind)
    high = None if r.max is None else _print_value(r.max, r.kind)
    if low is not None and high is not None:
        if r.is_min_included and r.is_max_included:
            return f"{name}: {low}..{high}"
        # Two comparisons would be two clauses; brackets keep one range one clause.
        left, right = "[" if r.is_min_included else "(", "]" if r.is_max_included else ")"
        return f"{name}: {left}{low}..{high}{right}"
    if low is not None:
        return f"{name} {'>=' if r.is_min_included else '>'} {low}"
    return f"{name} {'<=' if r.is_max_included else '<'} {high}"


def _print_field(name: str) -> str:
    if _BARE_FIELD.fullmatch(name) and name.lower() not in _KEYWORDS:
        return name
    return quote(name)


def _print_value(value: Value, kind: FieldKind) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    if kind is FieldKind.MONEY:
        return format((Decimal(value) / MICROS).normalize(), "f")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def quote(text: str) -> str:
    r"""`text` in double quotes, with \" and \\ escaped: how the language writes any string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
