"""A search as its URL or body says it, read in a tenth of the time that the full models of `wire` take.

What is read here means the same to the models, to the letter; that is a law of the tests. Everything
else, faults above all, is None: then the models read it, and find the words for what is wrong.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, get_args
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from mercer.retrieve.request import (
    MAX_FACETS,
    MAX_FILTER_CHARS,
    MAX_PER_PAGE,
    Mode,
    SearchRequest,
    Sort,
)
from mercer.serve.wire import MAX_ID_CHARS, MAX_RAW_QUERY_CHARS, split_facets

_MAX_CURSOR_CHARS: Final = 2_000
_MAX_FACET_VALUES: Final = 1_000
_MAX_SUGGESTIONS: Final = 50
_WHOLE = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)

_Name = Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARS)]
_PerPage = Annotated[int, Meta(ge=1, le=MAX_PER_PAGE)]


class _Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The fields of `wire.SearchParams`."""

    q: Annotated[str, Meta(max_length=MAX_RAW_QUERY_CHARS)] = ""
    filter: Annotated[str, Meta(max_length=MAX_FILTER_CHARS)] = ""
    facets: Annotated[tuple[_Name, ...], Meta(max_length=MAX_FACETS)] = ()
    sort: Sort = "relevance"
    page: Annotated[int, Meta(ge=1, le=999_999_999)] = 1
    per_page: _PerPage = 24
    cursor: Annotated[str, Meta(max_length=_MAX_CURSOR_CHARS)] | None = None
    mode: Mode = "hybrid"
    per_seller: _PerPage | None = None
    max_facet_values: Annotated[int, Meta(ge=1, le=_MAX_FACET_VALUES)] = 20
    budget_ms: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    visitor_id: _Name | None = None
    session_id: _Name | None = None
    buyer_id: _Name | None = None


_body = msgspec.json.Decoder(_Body)


def search_of_body(body: bytes, *, max_depth: int) -> SearchRequest | None:
    """The search that a JSON body asks for; None where the models have to read it.

    Args:
        max_depth: page * per_page at most.
    """
    try:
        read = _body.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if read.page * read.per_page > max_depth:
        return None
    return SearchRequest(**{name: getattr(read, name) for name in _Body.__struct_fields__})


def search_of_url(query: bytes, *, max_depth: int) -> SearchRequest | None:
    """The same of the parameters of a URL."""
    found = _values(query, _READ, lists=("facets",))
    if found is None:
        return None
    facets = found.get("facets", ())
    if len(facets) > MAX_FACETS or not all(0 < len(name) <= MAX_ID_CHARS for name in facets):
        return None
    if found.get("page", 1) * found.get("per_page", 24) > max_depth:
        return None
    return SearchRequest(**{**found, "facets": split_facets(tuple(facets))})


def suggest_of_url(query: bytes) -> tuple[str, int] | None:
    """What is typed, and how many completions are wanted."""
    found = _values(query, _READ_SUGGEST)
    return None if found is None else (found.get("q", ""), found.get("limit", 8))


_Read = Callable[[str], Any]
"""A text as its value; None where it is not plainly one."""


def _text(*, least: int = 0, most: int) -> _Read:
    return lambda text: text if least <= len(text) <= most else None


def _whole(*, most: int) -> _Read:
    def read(text: str) -> int | None:
        return n if _WHOLE.fullmatch(text) and (n := int(text)) <= most else None

    return read


def _one_of(words: tuple[str, ...]) -> _Read:
    return lambda text: text if text in words else None


_READ: Mapping[str, _Read] = {
    "q": _text(most=MAX_RAW_QUERY_CHARS),
    "filter": _text(most=MAX_FILTER_CHARS),
    "sort": _one_of(get_args(Sort)),
    "page": _whole(most=10**9),
    "per_page": _whole(most=MAX_PER_PAGE),
    "cursor": _text(most=_MAX_CURSOR_CHARS),
    "mode": _one_of(get_args(Mode)),
    "per_seller": _whole(most=MAX_PER_PAGE),
    "max_facet_values": _whole(most=_MAX_FACET_VALUES),
    "visitor_id": _text(least=1, most=MAX_ID_CHARS),
    "session_id": _text(least=1, most=MAX_ID_CHARS),
    "buyer_id": _text(least=1, most=MAX_ID_CHARS),
}
_READ_SUGGEST: Mapping[str, _Read] = {
    "q": _text(most=MAX_RAW_QUERY_CHARS),
    "limit": _whole(most=_MAX_SUGGESTIONS),
}


def _values(
    query: bytes, read: Mapping[str, _Read], *, lists: tuple[str, ...] = ()
) -> dict[str, Any] | None:
    """name -> value; None where a name is unknown or comes twice, or a value is not plainly one."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True)
    except ValueError:
        return None
    found: dict[str, Any] = {}
    for name, text in pairs:
        if name in lists:
            found.setdefault(name, []).append(text)
            continue
        value = read[name](text) if name in read and name not in found else None
        if value is None:
            return None
        found[name] = value
    return found
