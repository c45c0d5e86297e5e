"""Which counters an event moves, and under which key a feature finds one.

A counter belongs to an entity and a kind of event. Its key is `counter_id(entity, kind)` combined with
the hash of the entity's id, and for a pair with that of the second one too, by the hash of all features
(`hash.py`); 0, where something is missing, is the key of nothing.

| entity | ids |
|---|---|
| `listing`, `seller`, `category`, `query` | its own; the category by its whole path |
| `query_listing` | query, then listing |
| `visitor`, `session`, `buyer` | its own |
| `visitor.FACET`, `session.FACET`, `buyer.FACET` | the person, then the value of the facet: a taste |
| `session.listing` | the session, then the listing: what it saw and clicked so far |

The facets are `category`, `root_category`, `price_band`, `seller`, `fact` (each of the listing's first
MAX_FACTS values with its attribute: `color=blue`) and `attributes.NAME` for the names that the market
chooses. Tastes are counted for the kinds of `TASTE_KINDS`: an impression is no choice.
Queries are counted as the console counts them: without case, with single spaces, cut.
What a served search counts for, under the kind SEARCH, is in `counter_searches.py`.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numba as nb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.events.traffic import normalised
from mercer.features.column import F64s, I64s, U64s
from mercer.features.hash import combined, hash_bytes, hash_parts, hash_text
from mercer.features.listing_inputs import facts_of
from mercer.schema.errors import ConfigError
from mercer.schema.event import EVENT_KINDS, EventKind
from mercer.schema.money import MICROS
from mercer.text.kernel_types import I4S, I8S, U1S, read_only

OWNERS: Final = ("visitor", "session", "buyer")  # whose tastes are counted
FACETS: Final = ("category", "root_category", "price_band", "seller")
MAX_ATTRIBUTES: Final = 3
MAX_FACTS: Final = 8  # values of a listing that count as facts, the first ones
TASTE_KINDS: Final[tuple[EventKind, ...]] = ("click", "favourite", "cart", "purchase")
SEEN: Final = "session.listing"
SEARCH: Final = "search"
COUNTED_KINDS: Final = (*EVENT_KINDS, SEARCH)
"""What counters are of: the kinds of events, and served searches."""
SEARCH_ENTITIES: Final = (
    *((owner, owner, "") for owner in OWNERS),
    *((f"{owner}.fact", owner, "fact") for owner in OWNERS),
    ("session_wishes", "session", "wishes"),
    *((f"session.{facet}", "session", facet)
      for facet in ("attribute", "category_name", "price_limit", "word")),
)  # fmt: skip
"""(entity, whose, what of the query) that a search counts for."""
UNCOUNTED: Final = "forged"
"""The standing of events that count nothing: their token was made by somebody else. Without a token an
event counts, as it does everywhere but in bills."""

BANDS_PER_OCTAVE: Final = 2
_CHEAPEST = MICROS // 4  # the end of the lowest band
_N_BANDS = 64
_BAND_ENDS = np.array(
    [int(_CHEAPEST * 2 ** (i / BANDS_PER_OCTAVE)) for i in range(_N_BANDS)], np.int64
)
_U8_TABLE = read_only(nb.u8, ndim=2)


@dataclass(frozen=True, slots=True)
class CounterRules:
    """What a market decides about what is counted.

    Raises:
        ConfigError: too many attributes, or one twice.
    """

    attributes: tuple[str, ...] = ()  # names; a listing counts by its first value of each

    def __post_init__(self) -> None:
        if len(self.attributes) > MAX_ATTRIBUTES or len(set(self.attributes)) < len(
            self.attributes
        ):
            raise ConfigError(
                f"attributes of the counters: got {list(self.attributes)}; allowed are up to "
                f"{MAX_ATTRIBUTES} different names"
            )

    @property
    def facets(self) -> tuple[str, ...]:
        """The names of the facets, in the order of `listing_facets`; "fact" as often as it counts."""
        named = (f"attributes.{name}" for name in self.attributes)
        return (*FACETS, *named, *(["fact"] * MAX_FACTS))

    @property
    def entities(self) -> tuple[str, ...]:
        """All entities that are counted."""
        names = [*_entities(self), *SEARCH_ENTITIES]
        return tuple(dict.fromkeys(name for name, _, _ in names))


@functools.cache
def counter_id(entity: str, kind: str) -> int:
    """What the key of a counter begins with."""
    return hash_parts((entity, kind))


def counter_keys(entity: str, kind: str, *ids: U64s) -> U64s:
    """(n,) keys of the counters of some entities.

    Args:
        entity: a name of the table above.
        kind: one of COUNTED_KINDS.
        ids: one or two of (n,) hashes of ids (`hash_texts`, `price_bands`); 0: missing.
    """
    out = np.full(len(ids[0]), counter_id(entity, kind), np.uint64)
    for one in ids:
        _combine(out, np.ascontiguousarray(one))
    return out


def entity_keys(entity: str, ids: Sequence[str]) -> U64s:
    """(n_kinds,) the keys of one entity, for each of COUNTED_KINDS; for a person who looks at one.

    Args:
        ids: one or two, as texts; a query as `normalised` writes it, of a price band `price_band:i`.
    """
    hashes = [np.array([hash_text(one)], np.uint64) for one in ids]
    return np.concatenate([counter_keys(entity, kind, *hashes) for kind in COUNTED_KINDS])


@nb.njit(nb.void(nb.u8[::1], read_only(nb.u8)), cache=True, nogil=True)
def _combine(out: Any, more: Any) -> None:
    for i in range(out.size):
        if out[i] and more[i]:
            out[i] = combined(out[i], more[i])
        else:
            out[i] = np.uint64(0)


@nb.njit(nb.void(I4S, U1S, nb.u8[::1]), cache=True, nogil=True)
def _hash_texts(ends: Any, data: Any, out: Any) -> None:
    for i in range(out.size):
        if ends[i + 1] > ends[i]:
            out[i] = hash_bytes(data, ends[i], ends[i + 1])


def hash_texts(texts: pa.Array) -> U64s:
    """(n,) the hash of each text; 0 of a null and of an empty one."""
    texts = texts.fill_null("") if texts.null_count else texts
    out = np.zeros(len(texts), np.uint64)
    if len(texts):
        _, offsets, data = texts.buffers()
        ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
        _hash_texts(ends, np.frombuffer(data or b"", np.uint8), out)
    return out


def hash_distinct(texts: pa.Array, *, change: Any = None) -> U64s:
    """As `hash_texts`, for texts that repeat; each different one is changed first."""
    coded = texts.dictionary_encode()
    values = coded.dictionary
    if change is not None:
        values = pa.array([change(one) for one in values.to_pylist()], pa.string())
    hashes = np.append(hash_texts(values), np.uint64(0))
    found: U64s = hashes[coded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)]
    return found


def price_bands(price_micros: I64s | F64s) -> U64s:
    """(n,) ids of price bands, two to each doubling of the price; 0 of NaN and below 0.

    Args:
        price_micros: (n,) in the reporting currency.
    """
    known = price_micros >= 0
    band = np.searchsorted(_BAND_ENDS, np.where(known, price_micros, 0), side="right")
    ids = np.array([hash_text(f"price_band:{i}") for i in range(_N_BANDS + 1)], np.uint64)
    return np.where(known, ids[band], np.uint64(0))


def listing_facets(rows: pa.RecordBatch, *, price_micros: F64s, rules: CounterRules) -> U64s:
    """(n, n_facets) the values by which a listing counts for tastes; 0: it has none.

    Args:
        rows: (n,) of LISTING.
        price_micros: (n,) in the reporting currency; NaN where unknown.
    """
    path = rows.column("category_path")
    columns = [
        hash_distinct(pc.binary_join(path, " > ")),
        hash_distinct(_element(path, 0)),
        price_bands(price_micros),
        hash_distinct(rows.column("seller_id")),
    ]
    columns += [
        hash_distinct(_attribute(rows.column("attributes"), name)) for name in rules.attributes
    ]
    return np.column_stack([*columns, _facts(rows)])


def _facts(rows: pa.RecordBatch) -> U64s:
    """(n, MAX_FACTS) the first facts of each listing; 0 where it has fewer."""
    facts = facts_of(rows)
    ids = hash_distinct(facts.values)
    ends = facts.offsets.to_numpy().astype(np.int64)
    at = ends[:-1, None] + np.arange(MAX_FACTS)
    known = at < ends[1:, None]
    found: U64s = np.where(known, np.append(ids, np.uint64(0))[np.where(known, at, -1)], 0)
    return found.astype(np.uint64)


def _element(lists: pa.ListArray, i: int) -> pa.Array:
    """Element i of each list; null where it has none."""
    has = pc.fill_null(pc.greater(pc.list_value_length(lists), i), False)
    filled = pc.if_else(has, lists, pa.scalar([None] * (i + 1), lists.type))
    return pc.list_element(filled, i)


def _attribute(attributes: pa.MapArray, name: str) -> pa.Array:
    """The first value of an attribute of each row; null where it has none."""
    return _element(pc.map_lookup(attributes, pa.scalar(name), "first"), 0)


@dataclass(frozen=True, slots=True)
class Updates:
    """The counters that events move, event by event."""

    keys: U64s  # (n,) none is 0
    times_ms: I64s  # (n,)
    ends: I64s  # (n_events,) where the updates of each event end

    def part(self, first: int, stop: int) -> tuple[U64s, I64s]:
        """Keys and times of the events first to stop - 1."""
        begin = int(self.ends[first - 1]) if first else 0
        end = int(self.ends[stop - 1]) if stop else 0
        return self.keys[begin:end], self.times_ms[begin:end]


_SOURCES = ("listing", "query", "visitor", "session", "buyer")


def _entities(rules: CounterRules) -> list[tuple[str, int, int]]:
    """(entity, column of its first id, of its second; -1: none) among `_SOURCES` and the facets."""
    plain = [
        *((one, (one,)) for one in ("listing", "seller", "category", "query", *OWNERS)),
        ("query_listing", ("query", "listing")),
        (SEEN, ("session", "listing")),
    ]
    columns = (*_SOURCES, *rules.facets)
    found = [
        (name, columns.index(ids[0]), columns.index(ids[1]) if len(ids) > 1 else -1)
        for name, ids in plain
    ]
    return found + [
        (f"{who}.{facet}", columns.index(who), len(_SOURCES) + i)
        for who in OWNERS
        for i, facet in enumerate(rules.facets)
    ]


def _is_counted(entity: str, kind: str) -> bool:
    """Whether events of a kind count for an entity: for tastes only what is a choice."""
    return "." not in entity or kind in TASTE_KINDS or (entity, kind) == (SEEN, "impression")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What `_expand` does for each event; e is the number of entities."""

    first: I64s  # (e,) column of the first id
    second: I64s  # (e,) of the second; -1: none
    begin: U64s  # (e, n_kinds) what keys begin with; 0: not counted


def _plan(rules: CounterRules) -> _Plan:
    entities = _entities(rules)
    return _Plan(
        np.array([first for _, first, _ in entities], np.int64),
        np.array([second for _, _, second in entities], np.int64),
        np.array(
            [
                [counter_id(name, kind) if _is_counted(name, kind) else 0 for kind in EVENT_KINDS]
                for name, _, _ in entities
            ],
            np.uint64,
        ),
    )


@nb.njit(
    nb.i8(
        _U8_TABLE, I8S, I8S, I8S, I8S, _U8_TABLE, nb.u8[::1], nb.i8[::1], nb.i8[::1]
    ),
    cache=True, nogil=True,
)  # fmt: skip
def _expand(
    ids: Any, kind: Any, time_ms: Any, first: Any, second: Any, begin: Any, keys: Any, times: Any,
    ends: Any,
) -> Any:  # fmt: skip
    """Write the keys of each event, one behind the other; how many there are in all."""
    n = 0
    for i in range(kind.size):
        for e in range(first.size):
            if kind[i] < 0:
                break
            key, one = begin[e, kind[i]], ids[i, first[e]]
            if key == np.uint64(0) or one == np.uint64(0):
                continue
            key = combined(key, one)
            if second[e] >= 0:
                other = ids[i, second[e]]
                if other == np.uint64(0):
                    continue
                key = combined(key, other)
            keys[n], times[n] = key, time_ms[i]
            n += 1
        ends[i] = n
    return n


def event_updates(rows: pa.RecordBatch, *, facets: U64s, rules: CounterRules) -> Updates:
    """The counters that rows of EVENT move.

    Args:
        rows: (n,) of EVENT.
        facets: (n, n_facets) of the event's listing, as `listing_facets` gave them.
    """
    columns = {
        "listing": hash_texts(rows.column("listing_id")),
        "query": hash_distinct(rows.column("query"), change=_query),
        **{one: hash_distinct(rows.column(f"{one}_id")) for one in OWNERS},
    }
    ids = np.column_stack([*(columns[name] for name in _SOURCES), facets])
    plan = _plan(rules)
    kind = pc.index_in(rows.column("kind"), value_set=pa.array(EVENT_KINDS))
    code = kind.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    is_counted = pc.not_equal(rows.column("standing"), UNCOUNTED).to_numpy(zero_copy_only=False)
    time_ms = np.minimum(
        rows.column("time_ms").to_numpy(), rows.column("received_ms").to_numpy()
    )  # a time that has not come yet would age all that the counter has
    size = rows.num_rows * len(plan.first)
    keys, times = np.empty(size, np.uint64), np.empty(size, np.int64)
    ends = np.empty(rows.num_rows, np.int64)
    n = _expand(
        np.ascontiguousarray(ids), np.where(is_counted, code, -1), time_ms, plan.first,
        plan.second, plan.begin, keys, times, ends,
    )  # fmt: skip
    return Updates(keys[:n], times[:n], ends)


def _query(text: str | None) -> str | None:
    return None if text is None else normalised(text)
