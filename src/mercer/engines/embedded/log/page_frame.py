"""A page as bytes: the frame of a journal, msgpack with its length and checksum before it.

    frame    u32 length of the payload, u32 CRC-32 of the payload, payload (little endian)
    payload  msgpack array of the fields of Page in the order of `Stored`; mappings of free form are
             JSON, arrays are raw little-endian bytes, flat

A later version appends fields at the end, with a default; an older reader ignores what it does not know.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from mercer.schema.page import Page, PageSummary, Shown

HEAD = struct.Struct("<II")
MAX_PAYLOAD = 1 << 28  # a length above it is not a length


class StoredShown(msgspec.Struct, array_like=True, gc=False):
    """One listing of a page; the fields of `Shown`."""

    listing_id: str
    row_id: int
    position: int
    score: float
    propensity: float
    sources: int
    is_sponsored: bool
    bid_micros: int | None
    charge_micros: int | None
    why: str | None


class Heading(msgspec.Struct, array_like=True, gc=False):
    """What tells a page apart without reading all of it. Whoever needs no more of a page decodes its
    first fields only; the order of all of them is the format."""

    page_id: str
    served_ms: int
    visitor_id: str | None


class Asked(Heading):
    """And what somebody asked for."""

    surface: str
    session_id: str | None
    buyer_id: str | None
    q: str
    request: bytes  # JSON
    understood: bytes  # JSON


class _Answered(Asked):
    """And how it was answered, up to what was shown."""

    found: int
    cursor: str
    generation: str
    catalogue_version: int
    counters_position: str
    models: list[str]
    feature_set: str
    degraded: list[str]
    timings_us: dict[str, int]
    took_us: int


class Light(_Answered):
    """And what was shown; its listings are counted, not unpacked."""

    shown: list[msgspec.Raw]


class Stored(_Answered):
    """A page as it lies in a journal."""

    shown: list[StoredShown]
    part_names: list[str]
    shown_parts: bytes  # float32
    is_detailed: bool
    stages: list[str]
    candidate_rows: bytes  # int64
    candidate_scores: bytes  # float32
    shown_features: bytes  # float32
    list_stats: dict[str, float]


_shown_fields = attrgetter(*StoredShown.__struct_fields__)
_stored = msgspec.msgpack.Decoder(Stored)
_heading = msgspec.msgpack.Decoder(Heading)
_asked = msgspec.msgpack.Decoder(Asked)
_light = msgspec.msgpack.Decoder(Light)


def _plain(value: Any) -> Any:
    """What an encoder does not know: numpy's scalars, and mappings that are no dict."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"a page cannot hold a {type(value).__name__}; give text, numbers or arrays")


_msgpack = msgspec.msgpack.Encoder(enc_hook=_plain)
_json = msgspec.json.Encoder(enc_hook=_plain)


def encode_page(page: Page) -> bytes:
    """The frame of a page. Scores become float32; NaN in `request` and `understood` becomes null.

    A character that UTF-8 cannot hold (half of a surrogate pair) becomes U+FFFD.
    """
    try:
        payload = _msgpack.encode(_values(page))
    except UnicodeEncodeError:
        payload = _msgpack.encode(_values(_valid_text(page)))
    return HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def _values(page: Page) -> tuple[Any, ...]:
    return (
        page.page_id,
        page.served_ms,
        page.visitor_id,
        page.surface,
        page.session_id,
        page.buyer_id,
        page.q,
        _json.encode(page.request),
        _json.encode(page.understood),
        page.found,
        page.cursor,
        page.generation,
        page.catalogue_version,
        page.counters_position,
        page.models,
        page.feature_set,
        page.degraded,
        page.timings_us,
        page.took_us,
        list(map(_shown_fields, page.shown)),
        page.part_names,
        _bytes(page.shown_parts, np.float32),
        page.is_detailed,
        page.stages,
        _bytes(page.candidate_rows, np.int64),
        _bytes(page.candidate_scores, np.float32),
        _bytes(page.shown_features, np.float32),
        page.list_stats,
    )


def _bytes(array: Any, dtype: type[np.generic]) -> bytes:
    return np.asarray(array, dtype).tobytes()  # row by row, whatever the memory order was


def _valid_text(value: Any) -> Any:
    """The same value with every character that UTF-8 cannot hold replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {_valid_text(k): _valid_text(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_valid_text, value))
    if isinstance(value, Page | Shown):
        fields = {name: _valid_text(getattr(value, name)) for name in type(value).__slots__}
        return type(value)(**fields)
    return value


def decode_page(payload: bytes | memoryview) -> Stored:
    """What lies in a frame.

    Raises:
        msgspec.DecodeError: the payload is no page.
    """
    return _stored.decode(payload)


def decode_heading(payload: bytes | memoryview) -> Heading:
    """The first fields only; a tenth of the time of `decode_page`."""
    return _heading.decode(payload)


def decode_asked(payload: bytes | memoryview) -> Asked:
    """What was asked; the candidates are not unpacked."""
    return _asked.decode(payload)


def summary_in(payload: bytes | memoryview) -> PageSummary:
    """What a list shows of the page in a frame; neither listings nor candidates are unpacked.

    Raises:
        msgspec.DecodeError: the payload is no page.
    """
    page = _light.decode(payload)
    return PageSummary(
        page_id=page.page_id,
        served_ms=page.served_ms,
        surface=page.surface,
        q=page.q,
        request=msgspec.json.decode(page.request),
        found=page.found,
        n_shown=len(page.shown),
        took_us=page.took_us,
        visitor_id=page.visitor_id,
        degraded=tuple(page.degraded),
    )


def page_of(stored: Stored) -> Page:
    """The page itself, as it was written."""
    return Page(
        page_id=stored.page_id,
        served_ms=stored.served_ms,
        visitor_id=stored.visitor_id,
        surface=stored.surface,  # type: ignore[arg-type] # a later version may know more surfaces
        session_id=stored.session_id,
        buyer_id=stored.buyer_id,
        q=stored.q,
        request=msgspec.json.decode(stored.request),
        understood=msgspec.json.decode(stored.understood),
        found=stored.found,
        cursor=stored.cursor,
        generation=stored.generation,
        catalogue_version=stored.catalogue_version,
        counters_position=stored.counters_position,
        models=tuple(stored.models),
        feature_set=stored.feature_set,
        degraded=tuple(stored.degraded),
        timings_us=stored.timings_us,
        took_us=stored.took_us,
        shown=tuple(map(_shown_of, stored.shown)),
        part_names=tuple(stored.part_names),
        shown_parts=np.frombuffer(stored.shown_parts, np.float32),
        is_detailed=stored.is_detailed,
        stages=tuple(stored.stages),
        candidate_rows=np.frombuffer(stored.candidate_rows, np.int64),
        candidate_scores=np.frombuffer(stored.candidate_scores, np.float32),
        shown_features=np.frombuffer(stored.shown_features, np.float32),
        list_stats=stored.list_stats,
    )


def _shown_of(stored: StoredShown) -> Shown:
    fields = dict(zip(StoredShown.__struct_fields__, _shown_fields(stored), strict=True))
    fields["score"] = float(np.float32(stored.score))
    fields["propensity"] = float(np.float32(stored.propensity))
    return Shown(**fields)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame where it lies; `payload` is None where the checksum does not fit it."""

    start: int
    end: int
    payload: memoryview | None


def walk(data: memoryview) -> Iterator[Frame]:
    """The whole frames; ends before the first that is not whole (a torn tail).

    A frame whose length is plausible and whose checksum is wrong still counts, without its payload,
    so that everyone who walks the same bytes counts the same.
    """
    start = 0
    while start + HEAD.size <= len(data):
        length, crc = HEAD.unpack_from(data, start)
        end = start + HEAD.size + length
        if not 0 < length <= MAX_PAYLOAD or end > len(data):
            return
        payload = data[start + HEAD.size : end]
        yield Frame(start, end, payload if zlib.crc32(payload) == crc else None)
        start = end
