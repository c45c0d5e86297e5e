"""Which counters a served search moves: what its session wished, so that the next one knows.

| entity | ids | counts |
|---|---|---|
| `session`, `visitor`, `buyer` | who searched | searches |
| `session.fact`, `visitor.fact`, `buyer.fact` | who, then `attribute=value` | that it was wished |
| `session.attribute` | the session, then an attribute | that some value of it was wished |
| `session_wishes` | the session | the attributes of each search of which a value was wished |
| `session.category_name` | the session, then a category's own name | that it was named |
| `session.price_limit` | the session, then a price band | that it has the highest price asked for |
| `session.word` | the session, then the stem of a word | that it was searched for |

All of them are of the kind SEARCH, and each counts once for a search, however often the query says it.
Further pages of a slate are no further search.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from mercer.features.column import F64s, I64s, U64s
from mercer.features.counter_keys import (
    OWNERS,
    SEARCH,
    SEARCH_ENTITIES,
    Updates,
    counter_keys,
    hash_distinct,
    hash_texts,
    price_bands,
)
from mercer.features.request_inputs import CATEGORY, FACT
from mercer.features.text.cut import U32s, cut

SURFACE: Final = "search"
MAX_WISHES: Final = 16  # of one search that count
MAX_WORDS: Final = 32
_FIRST_WORD: Final = np.uint64(1)  # 0 is missing


class _Wish(msgspec.Struct):
    field: str
    value: str


class _Term(msgspec.Struct):
    word: str


class _Understood(msgspec.Struct):
    wanted: list[_Wish] = []
    terms: list[_Term] = []
    price_max_micros: float | None = None


class _Request(msgspec.Struct):
    page: int = 1


_NOTHING = _Understood()
_understood = msgspec.json.Decoder(_Understood)
_request = msgspec.json.Decoder(_Request)


@dataclass(slots=True)
class _Texts:
    """What some searches said of one kind, one text behind the other."""

    of: list[int] = field(default_factory=list)  # which search
    texts: list[str] = field(default_factory=list)

    def add(self, i: int, texts: Sequence[str]) -> None:
        self.of += [i] * len(texts)
        self.texts += texts

    def column(self) -> pa.Array:
        return pa.array(self.texts, pa.string())

    def searches(self) -> I64s:
        return np.array(self.of, np.int64)


@dataclass(slots=True)
class _Said:
    """What rows of SEARCHED say; rows that are no search say nothing."""

    facts: _Texts = field(default_factory=_Texts)
    attributes: _Texts = field(default_factory=_Texts)
    categories: _Texts = field(default_factory=_Texts)
    words: _Texts = field(default_factory=_Texts)
    searches: list[int] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)  # of each of them; NaN: none

    def add(self, i: int, told: _Understood) -> None:
        """Take in what search i says."""
        wanted = told.wanted[:MAX_WISHES]
        wishes = [one for one in wanted if one.field != CATEGORY]
        self.searches.append(i)
        self.limits.append(np.nan if told.price_max_micros is None else told.price_max_micros)
        self.facts.add(i, _once(FACT.format(one.field, one.value) for one in wishes))
        self.attributes.add(i, _once(one.field for one in wishes))
        self.categories.add(i, _once(one.value for one in wanted if one.field == CATEGORY))
        self.words.add(i, [one.word for one in told.terms[:MAX_WORDS]])


def search_updates(rows: pa.RecordBatch) -> Updates:
    """The counters that served searches move, page by page.

    Args:
        rows: (n,) with the columns of SEARCHED.
    """
    said = _said(rows)
    who = {one: hash_distinct(rows.column(f"{one}_id")) for one in OWNERS}
    parts, of = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for facet, (searches, ids) in _ids(said).items():
        for entity, owner in _entities(facet):
            mine = [who[owner][searches], *([] if ids is None else [ids])]
            parts.append(counter_keys(entity, SEARCH, *mine))
            of.append(searches)
    keys, page = np.concatenate(parts), np.concatenate(of)
    kept = np.flatnonzero(keys)
    kept = kept[np.argsort(page[kept], kind="stable")]
    ends = np.cumsum(np.bincount(page[kept], minlength=rows.num_rows))
    served_ms = rows.column("served_ms").to_numpy()
    return Updates(keys[kept], served_ms[page[kept]], ends.astype(np.int64))


def word_ids(words: U32s) -> U64s:
    """(n,) the ids by which words count, from the numbers of their stems (`text.cut`)."""
    return words.astype(np.uint64) + _FIRST_WORD


def words_of(texts: pa.Array) -> tuple[I64s, U64s]:
    """((n + 1,) where the words of each text begin, their ids)."""
    _, ends, data = texts.buffers()
    at = np.frombuffer(ends, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    offsets = at.astype(np.int64)
    found = cut(offsets[:-1], offsets[1:], np.frombuffer(data or b"", np.uint8), stem=True)
    return found.offsets, word_ids(found.ids)


def _said(rows: pa.RecordBatch) -> _Said:
    said = _Said()
    columns = (rows.column(name).to_pylist() for name in ("surface", "request", "understood"))
    for i, (surface, request, understood) in enumerate(zip(*columns, strict=True)):
        if surface == SURFACE and _is_first(request):
            said.add(i, _told(understood))
    return said


def _is_first(request: str) -> bool:
    """Whether it is the first page of its slate."""
    try:
        return _request.decode(request).page <= 1
    except msgspec.MsgspecError:
        return True


def _told(understood: str) -> _Understood:
    """Of a version that writes otherwise, nothing: one page may not hold up the counters of all."""
    try:
        return _understood.decode(understood)
    except msgspec.MsgspecError:
        return _NOTHING


def _once(texts: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _ids(said: _Said) -> dict[str, tuple[I64s, U64s | None]]:
    """By what is counted: of which search, and the second id; None where there is none."""
    searches = np.array(said.searches, np.int64)
    limits: F64s = np.array(said.limits, np.float64)
    named = {
        "fact": said.facts, "attribute": said.attributes, "category_name": said.categories
    }  # fmt: skip
    return {
        "": (searches, None),
        "wishes": (said.attributes.searches(), None),
        "price_limit": (searches, price_bands(limits)),
        "word": _word_ids(said.words),
        **{name: (one.searches(), hash_texts(one.column())) for name, one in named.items()},
    }


def _word_ids(words: _Texts) -> tuple[I64s, U64s]:
    """Each word once for a search; two words may have one stem."""
    if not words.texts:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    offsets, ids = words_of(words.column())
    pairs = np.column_stack([np.repeat(words.searches(), np.diff(offsets)).astype(np.uint64), ids])
    pairs = np.unique(pairs, axis=0)
    return pairs[:, 0].astype(np.int64), np.ascontiguousarray(pairs[:, 1])


def _entities(facet: str) -> Iterator[tuple[str, str]]:
    """(entity, whose) that one facet counts for."""
    for entity, owner, name in SEARCH_ENTITIES:
        if name == facet:
            yield entity, owner
