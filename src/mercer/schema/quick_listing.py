"""A few listings that are plainly good, read in a tenth of the time that judging their columns takes.

What is read here is what `judge` makes of the same objects, to the letter; that is a law of the tests.
Everything else, faults above all, is None: then the judge reads it, and finds the words for what is
wrong. Plain is a text with nothing but spaces around it, a number of the type that its field has, and
Mercer's own name of a field.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from mercer.schema import limits
from mercer.schema.fields import LISTING_RULES, FieldRule
from mercer.schema.listing import LISTING
from mercer.schema.money import MAX_MICROS, MICROS
from mercer.schema.time import MAX_AHEAD_MS, MAX_TIME_MS, SECONDS_BELOW

MAX_QUICK: Final = 64
"""Listings; the columns of more are judged sooner than one after the other."""

_LISTING_STRUCT: Final = pa.struct(list(LISTING))
_NAMES: Final = frozenset((*LISTING.names, "price"))


class _NotPlain(Exception):  # noqa: N818  # no error: the judge reads it
    pass


def plain_listings(
    items: Sequence[Any], *, now_ms: int, updated_ms: int, currency: str
) -> pa.RecordBatch | None:
    """Rows of LISTING; None where one of the objects is not plain, or there are many.

    Args:
        items: (n,) objects as decoded from JSON.
        now_ms, updated_ms, currency: as `judge.Defaults` has them.
    """
    if not 0 < len(items) <= MAX_QUICK:
        return None
    try:
        rows = [
            _row(item, latest_ms=now_ms + MAX_AHEAD_MS, updated_ms=updated_ms, currency=currency)
            for item in items
        ]
    except (_NotPlain, UnicodeError):
        return None
    return pa.RecordBatch.from_struct_array(pa.array(rows, _LISTING_STRUCT))


def _row(item: Any, *, latest_ms: int, updated_ms: int, currency: str) -> dict[str, Any]:
    """The fields of one listing."""
    if type(item) is not dict or not _NAMES.issuperset(item):
        raise _NotPlain
    made = {name: read(item.get(name)) for name, read in _READ}
    if made["updated_ms"] is None:
        made["updated_ms"] = updated_ms
    elif made["updated_ms"] > latest_ms:
        raise _NotPlain
    if made["created_ms"] is None:
        made["created_ms"] = made["updated_ms"]
    made["price_micros"] = _price(item.get("price_micros"), item.get("price"))
    if made["price_micros"] is None:
        made["currency"] = None
    elif made["currency"] is None:
        made["currency"] = currency
    made["attributes"] = _attributes(item.get("attributes"))
    return made


_Read = Callable[[Any], Any]
"""A value of JSON as a row has it. Raises _NotPlain, UnicodeError."""


def _trimmed(value: Any, most: int) -> str:
    """A text of at most so many bytes, without the spaces around it."""
    if type(value) is not str or "\0" in value:
        raise _NotPlain
    text = value.strip(" ")
    if not text or not (text[0].isprintable() and text[-1].isprintable()):
        raise _NotPlain  # it is missing, or more of it may be trimmed
    if (len(text) if text.isascii() else len(text.encode())) > most:
        raise _NotPlain
    return text


def _text(rule: FieldRule) -> _Read:
    most = rule.max_chars or 0

    def read(value: Any) -> Any:
        if (value is None or value == "") and not rule.is_required:
            return rule.default
        return _trimmed(value, most)

    return read


def _currency(value: Any) -> Any:
    if value is None:
        return None
    text = _trimmed(value, 3)
    if len(text) == 3 and text.isascii() and text.isalpha() and text.isupper():
        return text
    raise _NotPlain


def _texts(rule: FieldRule) -> _Read:
    most, most_items = rule.max_chars or 0, rule.max_items or 0

    def read(value: Any) -> Any:
        if value is None:
            return []
        if type(value) is not list or len(value) > most_items:
            raise _NotPlain
        return [_trimmed(text, most) for text in value]

    return read


def _whole(rule: FieldRule) -> _Read:
    def read(value: Any) -> Any:
        if value is None:
            return rule.default
        if type(value) is not int or not 0 <= value <= limits.MAX_COUNT:
            raise _NotPlain
        return value

    return read


def _time(value: Any) -> Any:
    if value is None or (type(value) is int and SECONDS_BELOW <= value <= MAX_TIME_MS):
        return value
    raise _NotPlain


def _rating(value: Any) -> Any:
    if value is None or (type(value) in (int, float) and 0 <= value <= limits.MAX_RATING):
        return value
    raise _NotPlain


def _truth(value: Any) -> Any:
    if value is None or type(value) is bool:
        return bool(value)
    raise _NotPlain


def _price(micros: Any, units: Any) -> int | None:
    """Micros of a price in either unit."""
    if micros is None and units is None:
        return None
    if micros is None and type(units) in (int, float) and 0 <= units <= MAX_MICROS // MICROS:
        made: int = round(units * MICROS)
        return made
    if units is None and type(micros) is int and 0 <= micros <= MAX_MICROS:
        return micros
    raise _NotPlain


def _attributes(value: Any) -> list[tuple[str, list[str]]]:
    """Names in order, each with its values."""
    if value is None:
        return []
    if type(value) is not dict or len(value) > limits.MAX_ATTRIBUTES:
        raise _NotPlain
    out, total = [], 0
    for name in sorted(value):  # code points are in the order of their UTF-8 bytes
        said = value[name]
        texts = [
            _trimmed(text, limits.MAX_VALUE_CHARS)
            for text in (said if type(said) is list else (said,))
        ]
        if not 0 < len(texts) <= limits.MAX_VALUES or len(set(texts)) < len(texts):
            raise _NotPlain
        if _trimmed(name, limits.MAX_ATTRIBUTE_NAME_CHARS) != name:
            raise _NotPlain  # it may be another one's, and stands elsewhere
        total += sum(len(name.encode()) + len(text.encode()) for text in texts)
        out.append((name, texts))
    if total > limits.MAX_ATTRIBUTE_BYTES:
        raise _NotPlain
    return out


def _reader(rule: FieldRule) -> _Read:
    by_kind: Mapping[str, Callable[[FieldRule], _Read]] = {
        "text": _text, "texts": _texts, "int": _whole,
    }  # fmt: skip
    by_name: Mapping[str, _Read] = {
        "currency": _currency, "created_ms": _time, "updated_ms": _time, "rating": _rating,
        "is_hidden": _truth,
    }  # fmt: skip
    return by_name.get(rule.name) or by_kind[rule.kind](rule)


_READ: Final = tuple(
    (rule.name, _reader(rule)) for rule in LISTING_RULES if rule.name != "price_micros"
)
