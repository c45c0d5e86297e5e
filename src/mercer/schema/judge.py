"""Rows of any source -> rows of LISTING, SELLER or EVENT, and for each row set aside its reason.

The bulk path and the HTTP path both end here, so a listing is accepted or refused alike on both.
Work is per column; only rows that are set aside become Python objects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.schema import limits
from mercer.schema.attributes import (
    Pairs,
    SideAttributes,
    gather,
    joined,
    pairs_of_column,
    pairs_of_map,
    pairs_of_objects,
)
from mercer.schema.cells import (
    Bools,
    Cells,
    Converter,
    as_bool,
    as_float,
    as_int,
    as_micros,
    as_text,
    as_texts,
    as_time,
    filled,
    to_mask,
)
from mercer.schema.fields import RULES, SCHEMAS, FieldRule, RowKind
from mercer.schema.mapping import FieldSource, SourceMap, own_names
from mercer.schema.objects import Column, columns_of
from mercer.schema.quick_listing import plain_listings
from mercer.schema.time import MAX_AHEAD_MS, iso

_SHOWN_CHARS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a row gets that the source does not say."""

    now_ms: int  # no updated time may lie more than a day after it
    updated_ms: int  # where a row has no updated time
    currency: str  # where a row has a price and no currency


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was set aside."""

    index: int  # in the batch that was judged
    faults: tuple[
        tuple[str, str], ...
    ]  # each: the rule that is broken, and what was got ("" if nothing)

    @property
    def reason(self) -> str:
        """All faults in one sentence."""
        return "; ".join(f"{words}, got {got}" if got else words for words, got in self.faults)


@dataclass(frozen=True, slots=True)
class Judged:
    """The good rows of a batch and what was wrong with the others."""

    rows: pa.RecordBatch  # of the kind's schema
    kept: Any  # (rows,) int64 numpy: index of each good row in the batch that was judged
    rejections: tuple[Rejection, ...]


@dataclass(slots=True)
class _Faults:
    """Masks of bad rows, each with the words for it."""

    n: int
    found: list[tuple[Bools, str, Column | None]] = field(default_factory=list)

    def add(self, bad: Bools | None, words: str, shown: Column | None = None) -> None:
        if bad is not None and bad.any():
            self.found.append((bad, words, shown))

    def rejections(self) -> tuple[Rejection, ...]:
        faults: dict[int, list[tuple[str, str]]] = {}
        for bad, words, shown in self.found:
            for i in np.flatnonzero(bad).tolist():
                got = "" if shown is None else short(shown.show(i))
                faults.setdefault(i, []).append((words, got))
        return tuple(Rejection(i, tuple(f)) for i, f in sorted(faults.items()))


def short(value: Any) -> str:
    """A value as a message shows it: its first characters, and how many there are."""
    if isinstance(value, str | bytes) and len(value) > _SHOWN_CHARS:
        unit = "characters" if isinstance(value, str) else "bytes"
        return f"{value[:_SHOWN_CHARS]!r}... ({len(value):,} {unit})"
    said = repr(value)
    return said if len(said) <= _SHOWN_CHARS else said[:_SHOWN_CHARS] + "..."


def _converter(rule: FieldRule, source: FieldSource) -> Converter:
    match rule.kind:
        case "int":
            return as_int
        case "float":
            return as_float
        case "bool":
            return as_bool
        case "money":
            return as_micros(unit=source.unit or "micros")
        case "time":
            return as_time(form=source.form or "auto")
        case "texts":
            return as_texts(separator=source.separator or rule.separator)
        case "text":
            return as_text


def _renamed(array: Any, source: FieldSource, missing: tuple[str, ...]) -> Any:
    """Texts that mean "no value" made null, and the map's words put for the source's."""
    kind = array.type
    if not (missing or source.values) or not (
        pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ):
        return array
    if missing:
        gone = pc.is_in(array, pa.array(missing, kind))
        array = pc.if_else(gone, pa.scalar(None, kind), array)
    if source.values:
        at = pc.index_in(array, pa.array(list(source.values), kind))
        array = pc.coalesce(pa.array(list(source.values.values()), kind).take(at), array)
    return array


def _one_source(
    columns: Mapping[str, Column], rule: FieldRule, source: FieldSource, missing: tuple[str, ...]
) -> tuple[Cells | None, Column | None]:
    """The converted column(s) of one source and the column to quote; None where it is absent."""
    convert = _converter(rule, source)

    def clean(array: Any) -> Cells:
        return convert(_renamed(array, source, missing))

    present = [columns[name] for name in source.columns if name in columns]
    if not present:
        return None, None
    if len(source.columns) == 1:
        return present[0].convert(clean), present[0]
    if rule.kind == "texts":
        cells = [column.convert(clean) for column in present]
        lists = _concat_lists([c.values for c in cells])
    else:
        cells = [c.convert(lambda a: as_text(_renamed(a, source, missing))) for c in present]
        trimmed = [pc.utf8_trim_whitespace(c.values) for c in cells]
        full = [pc.if_else(pc.equal(t, ""), pa.scalar(None, pa.string()), t) for t in trimmed]
        lists = full[0]
        for more in full[1:]:  # Arrow's own null_handling="skip" loses rows that are all null
            both = pc.binary_join_element_wise(lists, more, source.join)
            lists = pc.coalesce(both, lists, more)
    made = Cells(lists) if rule.kind in ("texts", "text") else convert(lists)
    for one in cells:
        made = made if one.bad is None else made.and_bad(one.bad)
    return made, present[0]


def _concat_lists(lists: Sequence[Any]) -> Any:
    """Lists of the same rows, one after the other within each row."""
    lengths = [filled(pc.list_value_length(a), 0).to_numpy(zero_copy_only=False) for a in lists]
    row = np.concatenate([np.repeat(np.arange(len(n)), n) for n in lengths])
    flat = pa.concat_arrays([a.flatten() for a in lists])
    offsets = np.concatenate([[0], np.cumsum(np.sum(lengths, axis=0))]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, flat.take(pa.array(np.argsort(row, kind="stable"))))


def _field(
    columns: Mapping[str, Column],
    rule: FieldRule,
    source_map: SourceMap,
    kind: RowKind,
    faults: _Faults,
) -> Any:
    """One field of all rows: the first alternative that has a value, checked against its rule."""
    n = faults.n
    values: Any = None
    quoted: Column | None = None
    default: Any = rule.default
    for source in source_map.sources(kind).get(rule.name, ()):
        default = source.default if source.default is not None else default
        if source.constant is not None:
            cells, shown = _one_source(
                {"constant": Column(values=[source.constant] * n)},
                rule,
                FieldSource(
                    columns=("constant",),
                    unit=source.unit,
                    form=source.form,
                    separator=source.separator,
                ),
                (),
            )
        else:
            cells, shown = _one_source(columns, rule, source, source_map.missing)
        if cells is None:
            continue
        faults.add(cells.bad, f"{rule.name} must be {rule.allowed}", shown)
        quoted = quoted or shown
        values = cells.values if values is None else pc.coalesce(values, cells.values)
    arrow_type = SCHEMAS[kind].field(rule.name).type
    if values is None:
        values = pa.nulls(n, arrow_type)
    elif rule.kind == "texts":
        _check_lists(values, rule, quoted, faults)
    elif rule.kind == "text":
        values = _checked_text(values, rule, quoted, faults)
    elif rule.low is not None and rule.high is not None:
        raw = filled(values, rule.low).to_numpy(zero_copy_only=False)
        faults.add(
            (raw < rule.low) | (raw > rule.high), f"{rule.name} must be {rule.allowed}", quoted
        )
    if default is not None and rule.kind == "texts":
        # A list cannot be filled, so the missing ones are pointed at a row that holds the default.
        standard = pa.array(
            [list(default) if not isinstance(default, str) else [default]], arrow_type
        )
        if values.null_count:
            at = np.where(to_mask(values.is_valid()), np.arange(n), n)
            values = pa.concat_arrays([values, standard]).take(pa.array(at))
    elif default is not None and values.null_count:
        values = filled(values, pa.scalar(default).cast(values.type))
    return values if values.type == arrow_type else values.cast(arrow_type)


def _checked_text(values: Any, rule: FieldRule, quoted: Column | None, faults: _Faults) -> Any:
    """Trimmed texts, the empty ones made null, within their bounds."""
    values = pc.utf8_trim_whitespace(values)
    if rule.name in ("currency", "country"):
        values = pc.utf8_upper(values)
    size = filled(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
    is_empty = size == 0
    if is_empty.any():
        values = pc.if_else(pa.array(is_empty), pa.scalar(None, pa.string()), values)
    if rule.max_chars is not None and (size > rule.max_chars).any():
        chars = filled(pc.utf8_length(values), 0).to_numpy(zero_copy_only=False)
        faults.add(chars > rule.max_chars, f"{rule.name} must be {rule.allowed}", quoted)
    if rule.pattern is not None:
        wrong = pc.invert(pc.match_substring_regex(values, rule.pattern))
        faults.add(to_mask(wrong), f"{rule.name} must be {rule.allowed}", quoted)
    return values


def _check_lists(values: Any, rule: FieldRule, quoted: Column | None, faults: _Faults) -> None:
    """Not too many parts, none too long."""
    lengths = filled(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    bad = lengths > (rule.max_items or 0)
    parts = values.flatten()
    size = pc.binary_length(parts).to_numpy(zero_copy_only=False)
    if (size > (rule.max_chars or 0)).any():
        long = pc.utf8_length(parts).to_numpy(zero_copy_only=False) > (rule.max_chars or 0)
        bad = bad.copy()
        bad[np.repeat(np.arange(len(values)), lengths)[long]] = True
    faults.add(bad, f"{rule.name} must be {rule.allowed}", quoted)


def _attributes(
    columns: Mapping[str, Column],
    source_map: SourceMap,
    side: SideAttributes | None,
    ids: Any,
    faults: _Faults,
) -> Any:
    """All attributes of the rows in one canonical column."""
    n, parts = faults.n, []
    name = source_map.all_attributes
    if name is not None and name in columns:
        column = columns[name]
        pairs = (
            pairs_of_map(column.arrow) if column.values is None else pairs_of_objects(column.values)
        )
        faults.add(pairs.bad, "attributes must be an object of names and texts or lists", column)
        parts.append(pairs)
    for label, source in source_map.attributes.items():
        parts += [
            _attribute_column(label, columns[at], source, source_map.missing, faults)
            for at in source.columns
            if at in columns
        ]
    if side is not None:
        parts.append(side.pairs(ids))
    pairs = joined(parts, n)
    _check_attributes(pairs, faults)
    return gather(pairs, n)


def _attribute_column(
    label: str, column: Column, source: FieldSource, missing: tuple[str, ...], faults: _Faults
) -> Pairs:
    if column.values is None:
        array = _renamed(column.arrow, source, missing)
        pairs = pairs_of_column(label, array, separator=source.separator)
    else:
        values: list[Any] = (
            [None if v in missing else v for v in column.values] if missing else list(column.values)
        )
        if source.separator is not None:
            values = [v.split(source.separator) if isinstance(v, str) else v for v in values]
        pairs = pairs_of_objects([None if v is None else {label: v} for v in values])
    faults.add(pairs.bad, f"attribute {label} must be a text, a number, or a list of them", column)
    return pairs


def _check_attributes(pairs: Pairs, faults: _Faults) -> None:
    """Not too many names, values or characters for one listing."""
    n = faults.n
    if not len(pairs.row):
        return
    name_bytes = pc.binary_length(pairs.name).to_numpy(zero_copy_only=False)
    value_bytes = pc.binary_length(pairs.value).to_numpy(zero_copy_only=False)
    total = np.bincount(pairs.row, weights=name_bytes + value_bytes, minlength=n)
    faults.add(
        total > limits.MAX_ATTRIBUTE_BYTES,
        f"attributes must be at most {limits.MAX_ATTRIBUTE_BYTES:,} bytes together",
    )
    for array, size, most, what in (
        (pairs.name, name_bytes, limits.MAX_ATTRIBUTE_NAME_CHARS, "an attribute name"),
        (pairs.value, value_bytes, limits.MAX_VALUE_CHARS, "an attribute value"),
    ):
        if (size > most).any():
            long = pc.utf8_length(array).to_numpy(zero_copy_only=False) > most
            faults.add(_rows(pairs.row[long], n), f"{what} must be at most {most:,} characters")
    if np.bincount(pairs.row, minlength=n).max() <= limits.MAX_VALUES:
        return
    code = pairs.name.dictionary_encode().indices.to_numpy().astype(np.int64)
    key, count = np.unique(pairs.row * (code.max() + 1) + code, return_counts=True)
    row = key // (code.max() + 1)
    faults.add(
        np.bincount(row, minlength=n) > limits.MAX_ATTRIBUTES,
        f"a listing may have at most {limits.MAX_ATTRIBUTES} attributes",
    )
    faults.add(
        _rows(row[count > limits.MAX_VALUES], n),
        f"an attribute may have at most {limits.MAX_VALUES} values",
    )


def _rows(row: Any, n: int) -> Bools:
    mask = np.zeros(n, np.bool_)
    mask[row] = True
    return mask


def _times(made: dict[str, Any], kind: RowKind, defaults: Defaults, faults: _Faults) -> None:
    """Fill the times that a source does not give and refuse an updated time from the future."""
    latest = defaults.now_ms + MAX_AHEAD_MS
    for name in ("updated_ms", "time_ms"):
        if name in made:
            ahead = to_mask(pc.greater(made[name], latest))
            faults.add(ahead, f"{name} must not be after {iso(latest)}", Column(arrow=made[name]))
    if "updated_ms" in made:
        made["updated_ms"] = filled(made["updated_ms"], defaults.updated_ms)
    if "received_ms" in made:
        made["received_ms"] = filled(made["received_ms"], defaults.now_ms)
    if "created_ms" in made:
        made["created_ms"] = pc.coalesce(made["created_ms"], made["updated_ms"])


def judge(
    columns: Mapping[str, Column],
    n_rows: int,
    *,
    kind: RowKind,
    source_map: SourceMap,
    defaults: Defaults,
    side: SideAttributes | None = None,
) -> Judged:
    """Turn the rows of a source into rows of `kind`'s schema.

    Args:
        columns: source columns by name, each (n_rows,).
        n_rows: rows in the batch.
        kind: what the rows are.
        source_map: which column feeds which field.
        defaults: for what the source does not say.
        side: attributes of a long-form file, joined by listing id.
    """
    faults, schema = _Faults(n_rows), SCHEMAS[kind]
    made = {rule.name: _field(columns, rule, source_map, kind, faults) for rule in RULES[kind]}
    for rule in RULES[kind]:
        if rule.is_required and made[rule.name].null_count:
            empty = to_mask(made[rule.name].is_null())
            for bad, words, _ in faults.found:  # said already what is wrong with it
                empty = empty & ~bad if words.startswith(rule.name + " ") else empty
            faults.add(empty, f"{rule.name} is missing: {rule.allowed} is needed")
    _times(made, kind, defaults, faults)
    if "price_micros" in made:
        has_price = made["price_micros"].is_valid()
        currency = filled(made["currency"], defaults.currency)
        made["currency"] = pc.if_else(has_price, currency, pa.scalar(None, pa.string()))
    if kind == "listings":
        made["attributes"] = _attributes(columns, source_map, side, made["listing_id"], faults)
    rejections = faults.rejections()
    kept = np.arange(n_rows)
    if rejections:
        kept = np.delete(kept, [r.index for r in rejections])
        made = {name: values.take(pa.array(kept)) for name, values in made.items()}
    arrays = [made[name] for name in schema.names]
    return Judged(pa.RecordBatch.from_arrays(arrays, schema=schema), kept, rejections)


_OWN = own_names()


def listings_from_objects(
    items: Sequence[Mapping[str, Any]], *, defaults: Defaults
) -> tuple[pa.RecordBatch, list[tuple[int, str]]]:
    """JSON objects with Mercer's names -> rows of LISTING, and (index, reason) of those refused.

    Args:
        items: (n,) objects as decoded from JSON; an item that is no object is refused.
        defaults: an item without an updated time gets `defaults.updated_ms`.
    """
    plain = plain_listings(
        items, now_ms=defaults.now_ms, updated_ms=defaults.updated_ms, currency=defaults.currency
    )
    if plain is not None:
        return plain, []
    judged = judge_objects(items, kind="listings", source_map=_OWN, defaults=defaults)
    return judged.rows, [(r.index, r.reason) for r in judged.rejections]


def judge_objects(
    items: Sequence[Any],
    *,
    kind: RowKind,
    source_map: SourceMap,
    defaults: Defaults,
    side: SideAttributes | None = None,
    more: Mapping[str, Column] | None = None,
) -> Judged:
    """`judge` for JSON values, of which some may be no objects; `more` are further columns."""
    strange = [i for i, item in enumerate(items) if not isinstance(item, dict)]
    objects = [item if isinstance(item, dict) else {} for item in items] if strange else items
    judged = judge(
        # Only what is read: a hostile batch can hold a million names.
        {**columns_of(objects, wanted=frozenset(source_map.columns(kind))), **(more or {})},
        len(items),
        kind=kind,
        source_map=source_map,
        defaults=defaults,
        side=side,
    )
    if not strange:
        return judged
    told = {i: (("a JSON object is needed", short(items[i])),) for i in strange}
    rejections = tuple(Rejection(r.index, told.get(r.index, r.faults)) for r in judged.rejections)
    return Judged(judged.rows, judged.kept, rejections)
