"""The plain meaning of a filter for one row: what every faster evaluation has to agree with."""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mercer.retrieve.filter_ast import And, Equals, Exists, Filter, Not, Or, Range, Value
from mercer.retrieve.filter_schema import ATTRIBUTE_PREFIX, LISTING_FIELDS, FieldKind

_ROW_KEYS: Mapping[str, str] = {
    **{name: name for name in LISTING_FIELDS},
    "seller": "seller_id",
    "category": "category_path",
    "price": "price_micros",
}


def fold_value(text: str) -> str:
    """The form in which text values are compared: no case, no width, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def category_nodes(text: str) -> tuple[str, ...]:
    """The folded nodes of a category written as "Home > Mugs"."""
    return tuple(node for part in text.split(">") if (node := fold_value(part)))


def has_subpath(path: Iterable[str], nodes: tuple[str, ...]) -> bool:
    """True where `nodes` (folded) stand one after the other anywhere in the category path.

    So "Home > Mugs" names the subtree below it, and "Mugs" every subtree of that name.
    """
    folded = tuple(fold_value(node) for node in path)
    width = len(nodes)
    return width > 0 and any(folded[i : i + width] == nodes for i in range(len(folded) - width + 1))


def matches(tree: Filter | None, row: Mapping[str, Any]) -> bool:
    """True where the row matches: the plain meaning of a filter, for small sets and as a twin.

    Args:
        row: the fields of LISTING by name (`price_micros` in the reporting currency), with
            `attributes` as a mapping from name to values.
    """
    match tree:
        case None:
            return True
        case And(parts):
            return all(matches(p, row) for p in parts)
        case Or(parts):
            return any(matches(p, row) for p in parts)
        case Not(part):
            return not matches(part, row)
        case Exists(name):
            return any(True for _ in _row_values(name, row))
        case Equals(name, kind, values):
            return _equals(name, kind, values, row)
        case Range(name):
            return any(
                is_within(tree, number)
                for v in _row_values(name, row)
                if (number := spelled_number(v)) is not None
            )


def _equals(name: str, kind: FieldKind, values: tuple[Value, ...], row: Mapping[str, Any]) -> bool:
    if kind is FieldKind.CATEGORY:
        path = list(_row_values(name, row))
        return any(has_subpath(path, category_nodes(str(v))) for v in values)
    have = _row_values(name, row)
    if kind is FieldKind.TEXT:
        wanted = {fold_value(str(v)) for v in values}
        return any(fold_value(str(v)) in wanted for v in have)
    if kind is FieldKind.BOOL:
        return any(truth(v) in values for v in have)
    return any(spelled_number(v) in values for v in have)


def _row_values(name: str, row: Mapping[str, Any]) -> Iterator[Any]:
    """The values that a row has for a canonical field name; nothing where it has none."""
    if (key := _ROW_KEYS.get(name)) is not None:
        found = row.get(key)
    else:
        attributes = dict(row.get("attributes") or ())  # a mapping, or pairs as Arrow gives them
        found = attributes.get(name.removeprefix(ATTRIBUTE_PREFIX))
    if found is None or found == "":  # "" is how a listing says that it has no seller
        return
    if isinstance(found, list | tuple):
        yield from (v for v in found if v is not None)
    else:
        yield found


def spelled_number(value: Any) -> float | int | None:
    """The number that a value is or spells (attribute values are strings); None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def truth(value: Any) -> bool | None:
    """What a value says; None where it says neither true nor false."""
    if isinstance(value, bool):
        return value
    return TRUTH.get(fold_value(str(value)))


TRUTH: Mapping[str, bool] = {
    "true": True,
    "yes": True,
    "1": True,
    "false": False,
    "no": False,
    "0": False,
}
"""How text says true and false, folded."""


def is_within(r: Range, value: float | int) -> bool:
    """True where the value lies between the bounds."""
    above = r.min is None or value > r.min or (r.is_min_included and value == r.min)
    below = r.max is None or value < r.max or (r.is_max_included and value == r.max)
    return above and below
