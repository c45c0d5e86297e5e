"""Columns of any type -> columns of the type a field has, with a mask of the cells that do not fit.

Each converter is the one definition of what a field accepts. Files give it Arrow columns as they are;
JSON objects give it the same columns, split by Python type where a column mixes types
(`mercer.schema.objects`), so a row is judged alike whichever way it came in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mercer.schema.money import MAX_MICROS, MICROS
from mercer.schema.time import SECONDS_BELOW

Bools = npt.NDArray[np.bool_]

_INTEGER = r"^[+-]?[0-9]{1,18}(\.0*)?$"
_NUMBER = r"^[+-]?([0-9]{1,30}\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?)?"
_ZONE = r"(Z|z|[+-][0-9]{2}:?[0-9]{2})$"
_EXACT_FLOAT = 2.0**53
_FAR_MS = 1e15  # beyond any bound, and far below int64

UNITS: Mapping[str, int] = {"units": MICROS, "cents": MICROS // 100, "micros": 1}


@dataclass(frozen=True, slots=True)
class Cells:
    """One converted column."""

    values: Any  # pa.Array (n,), null where missing or bad
    bad: Bools | None = None  # (n,) true where a value was there and is not allowed; None: nowhere

    def and_bad(self, more: Bools) -> "Cells":
        """The same with further bad cells."""
        if not more.any():
            return self
        return Cells(self.values, more if self.bad is None else self.bad | more)


Converter = Callable[[Any], Cells]


def filled(array: Any, value: Any) -> Any:
    """`value` for each null. Where there is none Arrow is not asked: a call costs more than a row."""
    return array.fill_null(value) if array.null_count else array


def to_mask(array: Any) -> Bools:
    """A boolean Arrow array as numpy, nulls as False."""
    mask: Bools = filled(array, False).to_numpy(zero_copy_only=False)
    return mask


def _none_fit(array: Any, to: pa.DataType) -> Cells:
    """Every value that is there is of a type that the field never takes."""
    return Cells(pa.nulls(len(array), to)).and_bad(to_mask(array.is_valid()))


def plain(array: Any) -> Any:
    """Without dictionaries, extension types and chunks."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array.dictionary_decode() if pt.is_dictionary(array.type) else array


def is_texty(kind: pa.DataType) -> bool:
    """Whether columns of this type hold text, or bytes that should be."""
    return bool(
        pt.is_string(kind)
        or pt.is_large_string(kind)
        or pt.is_string_view(kind)
        or pt.is_binary(kind)
        or pt.is_large_binary(kind)
    )


def _valid_utf8(array: Any) -> tuple[Any, Bools | None]:
    """As pa.string(), cells of broken UTF-8 made null and marked."""
    array = array.cast(pa.binary()) if not pt.is_string(array.type) else array
    text = array if pt.is_string(array.type) else array.view(pa.string())
    try:
        text.validate(full=True)
        return text, None
    except pa.ArrowInvalid:
        pass
    broken = np.zeros(len(array), np.bool_)
    for i, raw in enumerate(array.cast(pa.binary())):
        try:
            if raw.is_valid:
                raw.as_py().decode()
        except UnicodeDecodeError:
            broken[i] = True
    keep = pc.if_else(pa.array(broken), None, array.cast(pa.binary()))
    return keep.cast(pa.string()), broken


def _has_nul(text: Any) -> Bools | None:
    """Cells that hold a NUL byte; looked at one by one only where there is any."""
    data = text.buffers()[2]
    if data is None or not (np.frombuffer(data, np.uint8) == 0).any():
        return None
    return to_mask(pc.match_substring(text, "\0"))


def as_text(array: Any) -> Cells:
    """Text as it is, whole numbers by their digits; no NUL bytes, no broken UTF-8."""
    array = plain(array)
    if pt.is_null(array.type):
        return Cells(pa.nulls(len(array), pa.string()))
    if pt.is_integer(array.type):
        return Cells(array.cast(pa.string()))
    if not is_texty(array.type):
        return _none_fit(array, pa.string())
    text, bad = _valid_utf8(array)
    nul = _has_nul(text)
    if nul is not None and nul.any():
        bad = nul if bad is None else bad | nul
        text = pc.if_else(pa.array(nul), pa.scalar(None, pa.string()), text)
    return Cells(text, bad)


def _from_text(array: Any, pattern: str, parse: Converter, to: pa.DataType) -> Cells:
    """Parse the trimmed texts that match; empty ones are missing, the others bad."""
    text = as_text(array)
    trimmed = pc.utf8_trim_whitespace(text.values)
    fits = pc.match_substring_regex(trimmed, pattern)
    is_there = pc.and_(trimmed.is_valid(), filled(pc.not_equal(trimmed, ""), False))
    parsed = parse(pc.if_else(fits, trimmed, pa.scalar(None, pa.string())))
    bad = to_mask(pc.and_(is_there, pc.invert(filled(fits, False))))
    cells = parsed.and_bad(bad)
    return cells if text.bad is None else cells.and_bad(text.bad)


def _float_text(text: Any) -> Cells:
    return as_float(text.cast(pa.float64()))


def as_float(array: Any) -> Cells:
    """float64; NaN counts as missing, infinity is bad, text must be a decimal number."""
    array = plain(array)
    if pt.is_null(array.type):
        return Cells(pa.nulls(len(array), pa.float64()))
    if is_texty(array.type):
        return _from_text(array, _NUMBER, _float_text, pa.float64())
    if not (pt.is_integer(array.type) or pt.is_floating(array.type) or pt.is_decimal(array.type)):
        return _none_fit(array, pa.float64())
    number = array.cast(pa.float64(), safe=False)
    if not pt.is_floating(array.type):
        return Cells(number)
    raw = number.to_numpy(zero_copy_only=False)  # null becomes NaN
    finite = np.isfinite(raw)
    if finite.all():
        return Cells(number)
    return Cells(pa.array(raw, pa.float64(), mask=~finite)).and_bad(np.isinf(raw))


def _whole(array: Any) -> Cells:
    """float64 cells -> int64; a fraction, or a size that float64 does not hold exactly, is bad."""
    cells = as_float(array)
    raw = np.nan_to_num(cells.values.to_numpy(zero_copy_only=False))
    bad = (raw != np.rint(raw)) | (np.abs(raw) > _EXACT_FLOAT)
    gone = bad | ~to_mask(cells.values.is_valid())
    whole = np.where(gone, 0.0, raw).astype(np.int64)
    return Cells(pa.array(whole, mask=gone), cells.bad).and_bad(bad)


def _int_text(text: Any) -> Cells:
    """Digits -> int64; a part of zeros after the point is dropped."""
    return Cells(pc.replace_substring_regex(text, r"^\+|\.0*$", "").cast(pa.int64()))


def as_int(array: Any) -> Cells:
    """int64; floats and texts must be whole numbers."""
    array = plain(array)
    if pt.is_null(array.type):
        return Cells(pa.nulls(len(array), pa.int64()))
    if is_texty(array.type):
        return _from_text(array, _INTEGER, _int_text, pa.int64())
    if pt.is_uint64(array.type):
        bad = to_mask(pc.greater(array, pa.scalar(2**63 - 1, pa.uint64())))
        fits = pc.if_else(pa.array(bad), pa.scalar(None, pa.uint64()), array)
        return Cells(fits.cast(pa.int64())).and_bad(bad)
    if pt.is_integer(array.type):
        return Cells(array.cast(pa.int64()))
    if pt.is_floating(array.type) or pt.is_decimal(array.type):
        return _whole(array)
    return _none_fit(array, pa.int64())


def as_bool(array: Any) -> Cells:
    """True and false, 1 and 0, or their words in any case (true, yes, y, t, 1)."""
    array = plain(array)
    if pt.is_boolean(array.type):
        return Cells(array)
    if pt.is_null(array.type):
        return Cells(pa.nulls(len(array), pa.bool_()))
    if pt.is_integer(array.type):
        array = array.cast(pa.string())
    if not is_texty(array.type):
        return _none_fit(array, pa.bool_())
    text = as_text(array)
    word = pc.utf8_lower(pc.utf8_trim_whitespace(text.values))
    yes = pc.is_in(word, pa.array(["true", "yes", "y", "t", "1"]))
    no = pc.is_in(word, pa.array(["false", "no", "n", "f", "0"]))
    known = pc.or_(yes, no)
    missing = pc.or_(pc.is_null(word), filled(pc.equal(word, ""), False))
    cells = Cells(pc.if_else(known, yes, pa.scalar(None, pa.bool_())), text.bad)
    return cells.and_bad(~to_mask(pc.or_(known, missing)))


def as_micros(*, unit: str) -> Converter:
    """Money in `unit` (a key of UNITS) -> int64 micros in 0..MAX_MICROS.

    A float counts to the nearest micro, as `money.to_micros` does for one amount.
    """
    factor = UNITS[unit]

    def convert(array: Any) -> Cells:
        array = plain(array)
        if pt.is_integer(array.type):
            whole = as_int(array)
            raw = filled(whole.values, 0).to_numpy(zero_copy_only=False)
            bad = (raw < 0) | (raw > MAX_MICROS // factor)
            gone = bad | ~to_mask(whole.values.is_valid())
            return Cells(pa.array(np.where(gone, 0, raw) * factor, mask=gone), whole.bad).and_bad(
                bad
            )
        cells = as_float(array)
        raw = np.nan_to_num(cells.values.to_numpy(zero_copy_only=False))
        bad = (raw < 0) | (raw > MAX_MICROS // factor)
        gone = bad | ~to_mask(cells.values.is_valid())
        whole_micros = np.rint(np.where(gone, 0.0, raw) * factor).astype(np.int64)
        return Cells(pa.array(whole_micros, mask=gone), cells.bad).and_bad(bad)

    return convert


def _scaled(array: Any, unit: str) -> Cells:
    """Numbers as milliseconds; `unit` is ms, seconds, or auto (small numbers are seconds)."""
    cells = as_float(array)
    raw = np.nan_to_num(cells.values.to_numpy(zero_copy_only=False))
    in_s = np.abs(raw) < SECONDS_BELOW if unit == "auto" else np.full(len(raw), unit == "seconds")
    bad = np.abs(raw) > _FAR_MS
    gone = bad | ~to_mask(cells.values.is_valid())
    near = np.where(gone, 0.0, raw)
    time_ms = np.rint(np.where(in_s, near * 1000.0, near))
    return Cells(pa.array(time_ms.astype(np.int64), mask=gone), cells.bad).and_bad(bad)


def _stamp_ms(stamps: Any) -> Any:
    """Timestamps of any unit -> int64 milliseconds, rounded down."""
    micros = stamps.cast(pa.timestamp("us", stamps.type.tz), safe=False).cast(pa.int64())
    raw = np.floor_divide(filled(micros, 0).to_numpy(zero_copy_only=False), 1000)
    return pa.array(raw, mask=~to_mask(micros.is_valid()))


def _parse_iso(text: Any) -> Cells:
    """ISO 8601 texts -> milliseconds; without a zone they are UTC."""
    shaped = pc.match_substring_regex(text, _ISO)
    zoned = pc.match_substring_regex(text, _ZONE)
    out = pa.nulls(len(text), pa.int64())
    nothing = pa.scalar(None, pa.string())
    for part, kind in (
        (pc.and_(shaped, zoned), pa.timestamp("us", "UTC")),
        (pc.and_not(shaped, zoned), pa.timestamp("us")),
    ):
        chosen = pc.replace_substring(pc.if_else(part, text, nothing), ",", ".")
        # Arrow reads at most as many digits of a second as the type has.
        chosen = pc.replace_substring_regex(chosen, r"(\.[0-9]{6})[0-9]+", r"\1")
        try:
            stamps = chosen.cast(kind)
        except pa.ArrowInvalid:
            stamps = pa.array([_one_stamp(cell, kind) for cell in chosen], kind)
        out = pc.coalesce(out, _stamp_ms(stamps))
    there = pc.and_(text.is_valid(), filled(pc.not_equal(text, ""), False))
    return Cells(out).and_bad(to_mask(pc.and_(there, out.is_null())))


def _one_stamp(cell: Any, kind: pa.DataType) -> Any:
    try:
        return cell.cast(kind).as_py()
    except (pa.ArrowInvalid, ValueError, OverflowError):
        return None


def as_time(*, form: str = "auto") -> Converter:
    """Instants -> int64 milliseconds since 1970 UTC.

    Args:
        form: "auto" (ISO 8601, or a number of seconds or milliseconds by its size), "iso", "ms",
            "seconds", or a strptime pattern such as "%d.%m.%Y" (UTC).
    """

    def convert(array: Any) -> Cells:
        array = plain(array)
        if pt.is_date(array.type):
            array = array.cast(pa.timestamp("ms"))
        if pt.is_timestamp(array.type):
            return Cells(_stamp_ms(array))
        if pt.is_null(array.type):
            return Cells(pa.nulls(len(array), pa.int64()))
        if not is_texty(array.type):
            return _scaled(array, form if form in ("ms", "seconds") else "auto")
        text = as_text(array)
        trimmed = pc.utf8_trim_whitespace(text.values)
        if "%" in form:
            stamps = pc.strptime(trimmed, format=form, unit="us", error_is_null=True)
            there = pc.and_(trimmed.is_valid(), filled(pc.not_equal(trimmed, ""), False))
            cells = Cells(_stamp_ms(stamps)).and_bad(to_mask(pc.and_(there, stamps.is_null())))
        else:
            cells = _auto_text(trimmed, form)
        return cells if text.bad is None else cells.and_bad(text.bad)

    return convert


def _auto_text(text: Any, form: str) -> Cells:
    """Texts that are numbers are counted, the others read as ISO 8601."""
    numeric = pc.match_substring_regex(text, _NUMBER)
    if form == "iso" or not pc.any(numeric).as_py():
        return _parse_iso(text)
    nothing = pa.scalar(None, pa.string())
    counted = _scaled(pc.if_else(numeric, text, nothing), form)
    written = _parse_iso(pc.if_else(numeric, nothing, text))
    cells = Cells(pc.coalesce(counted.values, written.values), counted.bad)
    return cells if written.bad is None else cells.and_bad(written.bad)


def as_texts(*, separator: str | None) -> Converter:
    """Lists of text; one text is split at `separator`, or is a list of one. Empty parts are dropped."""

    def convert(array: Any) -> Cells:
        array = plain(array)
        if pt.is_null(array.type):
            return Cells(pa.nulls(len(array), pa.list_(pa.string())))
        if is_texty(array.type):
            text = as_text(array)
            pieces = (
                pc.split_pattern(text.values, separator)
                if separator
                else pa.ListArray.from_arrays(
                    np.arange(len(array) + 1, dtype=np.int32), filled(text.values, "")
                )
            )
            return Cells(_tidy(pieces), text.bad)
        if not (pt.is_list(array.type) or pt.is_large_list(array.type)):
            return _none_fit(array, pa.list_(pa.string()))
        return _list_cells(array)

    return convert


def _list_cells(array: Any) -> Cells:
    """Lists of any type -> lists of text; a list with a part that is no text is bad."""
    inside = as_text(array.flatten())
    lengths = filled(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    lists = _tidy(pa.ListArray.from_arrays(offsets, inside.values))
    if inside.bad is None:
        return Cells(lists)
    sums = np.concatenate([[0], np.cumsum(inside.bad)])
    return Cells(lists).and_bad(sums[offsets[1:]] > sums[offsets[:-1]])


def _tidy(lists: Any) -> Any:
    """Trim the parts of lists and drop the empty ones; a list without any is missing: null."""
    parts = filled(pc.utf8_trim_whitespace(lists.flatten()), "")
    lengths = filled(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    full = pc.binary_length(parts).to_numpy(zero_copy_only=False) > 0
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if not full.all():
        offsets = np.concatenate([[0], np.cumsum(full)])[offsets]
        parts = parts.filter(pa.array(full))
    none = pa.array(offsets[1:] == offsets[:-1])
    return pa.ListArray.from_arrays(offsets.astype(np.int32), parts, mask=none)
