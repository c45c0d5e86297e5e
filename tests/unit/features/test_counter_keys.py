"""The keys of counters: as plain Python writes them, and the same for who counts and who asks."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.features.counter_facets import FacetTable
from mercer.features.counter_keys import (
    COUNTED_KINDS,
    MAX_FACTS,
    CounterRules,
    counter_keys,
    entity_keys,
    event_updates,
    hash_texts,
    listing_facets,
    price_bands,
)
from mercer.features.hash import combined_plain, hash_parts, hash_text
from mercer.features.transforms.counter_ids import price_band_twin, query_id_twin
from mercer.schema.errors import ConfigError
from support.log_kit import T0, change_of

words = st.sampled_from(["", "a", "home", "Öl & Essig", "x" * 300, "\N{RED APPLE}"])
listings = st.fixed_dictionaries(
    {
        "listing_id": words.filter(bool),
        "seller_id": words,
        "category_path": st.lists(words.filter(bool), max_size=3),
        "attributes": st.lists(
            st.tuples(st.sampled_from(["color", "size"]), st.lists(words, max_size=2)), max_size=2
        ).map(lambda pairs: list(dict(pairs).items())),
    }
)


def plain(text: str) -> int:
    return hash_text(text) if text else 0


@given(st.lists(listings, max_size=6), st.floats(-5, 1e12) | st.just(math.nan))
def test_facets_are_those_of_plain_python(rows: list[dict[str, Any]], price: float) -> None:
    """Category, root, price band, seller, first value of each attribute, facts; 0 where there is none."""
    batch = change_of("listings", *rows).rows
    rules = CounterRules(("size", "color"))
    found = listing_facets(batch, price_micros=np.full(len(rows), price), rules=rules)
    for row, one in zip(rows, found.tolist(), strict=True):
        path, attributes = row["category_path"], dict(row["attributes"])
        first = [(attributes.get(name) or [""])[0] for name in ("size", "color")]
        facts = [f"{name}={value}" for name, values in row["attributes"] for value in values]
        assert one == [
            plain(" > ".join(path)),
            plain(path[0] if path else ""),
            price_band_twin(price),
            plain(row["seller_id"]),
            *(plain(value) for value in first),
            *(plain(fact) for fact in [*facts, *[""] * MAX_FACTS][:MAX_FACTS]),
        ]


def test_keys_are_hashes_of_hashes() -> None:
    """Entity and kind first, then the ids in their order; nothing where an id is missing."""
    a, b = hash_texts(pa.array(["q", "q", None])), hash_texts(pa.array(["l", "", "l"]))
    begin = hash_parts(("query_listing", "click"))
    whole = combined_plain(combined_plain(begin, hash_text("q")), hash_text("l"))
    assert counter_keys("query_listing", "click", a, b).tolist() == [whole, 0, 0]
    assert entity_keys("query_listing", ["q", "l"])[COUNTED_KINDS.index("click")] == whole


@given(st.lists(words | st.none(), max_size=8))
def test_texts_of_a_slice(texts: list[str | None]) -> None:
    """A column that begins within another hashes its own rows."""
    column = pa.array(["before", *texts, "behind"], pa.string()).slice(1, len(texts))
    assert hash_texts(column).tolist() == [plain(text or "") for text in texts]


def test_price_bands() -> None:
    """Two to a doubling; a price is in one band, its double two further; below 0 there is none."""
    prices = np.array([1e6, 1.3e6, 1.5e6, 2e6, -1.0, math.nan, 0.0, 1e17])
    found = price_bands(prices).tolist()
    assert found[0] == found[1] != found[2] != found[3]
    assert found[4:6] == [0, 0]
    assert found == [price_band_twin(price) for price in prices.tolist()]


def test_updates_event_by_event() -> None:
    """Each event has its own stretch of the updates, and a part of them is cut at events."""
    rows = change_of(
        "events",
        {"event_id": "a", "kind": "impression", "query": "Red  MUG", "listing_id": "l"},
        {"event_id": "b", "kind": "click", "standing": "forged"},
        {"event_id": "c", "kind": "purchase", "visitor_id": "v", "listing_id": "l"},
    ).rows
    facets = np.array([[5, 0, 0, 7, *[0] * MAX_FACTS]] * 3, np.uint64)
    made = event_updates(rows, facets=facets, rules=CounterRules())
    ends = made.ends.tolist()
    assert ends[1] == ends[0]  # forged
    keys, times = made.part(0, 1)
    assert set(times.tolist()) == {T0}
    query = np.array([query_id_twin("red mug")], np.uint64)
    assert counter_keys("query", "impression", query)[0] in keys
    taste = counter_keys("visitor.seller", "purchase", hash_texts(pa.array(["v"])), facets[:1, 3])
    assert taste[0] in made.part(2, 3)[0]
    assert sum(len(made.part(i, i + 1)[0]) for i in range(3)) == len(made.keys)


def test_too_many_attributes() -> None:
    """More than three, or one twice, is refused with what was got."""
    for names in (("a", "b", "c", "d"), ("a", "a")):
        with pytest.raises(ConfigError, match="up to 3 different names"):
            CounterRules(names)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9), st.integers(0, 99)), max_size=80))
def test_the_newest_facets_of_a_listing(puts: list[tuple[int, int, int]]) -> None:
    """Of its versions the latest counts, of equals the last, however often the table was made anew."""
    table, want = FacetTable(1, max_keys=1), dict[int, tuple[int, int]]()
    for key, updated_ms, value in puts:
        column = np.array([key], np.uint64) << np.uint64(50)
        table.put(column, np.array([updated_ms]), np.array([[value]], np.uint64))
        if updated_ms >= want.get(key, (-1, 0))[0]:
            want[key] = updated_ms, value
    asked = np.arange(1, 31, dtype=np.uint64) << np.uint64(50)
    found = table.get(asked)[:, 0].tolist()
    assert found == [want.get(key, (0, 0))[1] for key in range(1, 31)]
    assert len(table) == len(table.all()[0]) == len(want)
