"""The laws of `retrieve.index.ListingIndex`, over the embedded engine."""

import random
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.engines.embedded.index import live_index
from mercer.engines.embedded.index.generation import is_for_sale
from mercer.engines.embedded.index.live_index import LiveIndex, standing
from mercer.retrieve import bitmap
from mercer.retrieve.facets import count_labels, label_totals, top_values
from mercer.retrieve.index import Snapshot
from support.index_kit import RATES, changed_rows, generation_of

N_IDS = 12
WORDS = ("red", "blue", "mug", "lamp")
FIELDS = ("color", "tags", "category", "seller")


@pytest.fixture(autouse=True, scope="module")
def small_pieces() -> Iterator[None]:
    with (
        mock.patch.object(live_index, "YOUNG_ROWS", 2),
        mock.patch.object(live_index, "MAX_JOINED_ROWS", 12),
    ):
        yield


def random_rows(rng: random.Random, version: int, *, n: int | None = None) -> Any:
    """Changes of some listings; a fifth are deletions, some are hidden or sold out."""
    ids = rng.sample(range(N_IDS), k=n or rng.randint(1, 5))
    items = [
        {
            "listing_id": f"l{at}",
            "title": " ".join(rng.choices(WORDS, k=2)),
            "tags": rng.sample(["a", "b"], k=rng.randint(0, 2)),
            "category_path": rng.choice([[], ["Home"], ["Home", "Mugs"]]),
            "attributes": rng.choice([{}, {"color": "red"}, {"color": ["red", "blue"]}]),
            "seller_id": rng.choice(["", "s1"]),
            "price": rng.randint(0, 3),
            "quantity": rng.choice([0, 1, 1, 1]),
            "is_hidden": rng.random() < 0.1,
            "is_deleted": rng.random() < 0.2,
        }
        for at in ids
    ]
    return changed_rows(items, ids, version=version)


def for_sale(history: list[Any]) -> dict[int, dict[str, Any]]:
    """What stands after all changes, by row id."""
    found: dict[int, dict[str, Any]] = {}
    for rows in history:
        for row, is_on in zip(rows.to_pylist(), is_for_sale(rows).to_pylist(), strict=True):
            found.pop(row["row_id"], None)
            if is_on:
                found[row["row_id"]] = {k: v for k, v in row.items() if k != "version"}
    return found


def content(snapshot: Snapshot) -> dict[int, dict[str, Any]]:
    """What a snapshot can find, by row id; each once."""
    found: dict[int, dict[str, Any]] = {}
    for part in snapshot.parts:
        for row in standing(part).to_pylist():
            assert row["row_id"] not in found, "a listing stands at two places"
            row.pop("version")
            found[row["row_id"]] = {**row, "is_deleted": False}
    return found


def word_matches(snapshot: Snapshot, stem: str) -> set[int]:
    found: set[int] = set()
    for part in snapshot.parts:
        code = part.segment.postings.code(stem)
        rows = part.segment.postings.rows_of(code) if code >= 0 else np.zeros(0, np.uint32)
        kept = rows[bitmap.contains(part.alive, rows)]
        found.update(part.segment.row_id[kept].tolist())
    return found


def facets(snapshot: Snapshot) -> dict[str, Any]:
    labels = [part.segment.labels for part in snapshot.parts]
    out = {}
    for name in FIELDS:
        counts, firsts = [], []
        for part in snapshot.parts:
            span = part.segment.labels.span(name)
            firsts.append(span.start)
            counts.append(
                count_labels(part.segment.labels, part.alive, first=span.start, last=span.stop)
            )
        totals = label_totals(labels, counts, firsts)
        out[name] = top_values(totals, labels[0], name, limit=100)
    return out


def history_of(seed: int, n_changes: int) -> list[Any]:
    rng = random.Random(seed)
    return [
        random_rows(rng, version, n=8 if version == 1 else None)
        for version in range(1, n_changes + 2)
    ]


def index_over(history: list[Any]) -> LiveIndex:
    """The first rows as the generation, the others applied one after the other."""
    index = LiveIndex(generation_of(history[0].filter(is_for_sale(history[0]))), RATES)
    for rows in history[1:]:
        index.apply(rows)
    return index


HISTORIES = st.builds(history_of, st.integers(0, 10**9), st.integers(0, 10))


@settings(max_examples=30)
@given(HISTORIES)
def test_what_was_applied_is_in_the_next_snapshot(history):
    """Law 1, after each single change; the version follows the changes."""
    index = index_over(history[:1])
    for n, rows in enumerate(history[1:], 2):
        index.apply(rows)
        assert content(index.snapshot()) == for_sale(history[:n])
        assert index.snapshot().version == n
        in_delta = [p.alive for p in index.snapshot().parts[1:]]
        assert index.n_delta() == sum(bitmap.count(bits) for bits in in_delta)


@settings(max_examples=25)
@given(HISTORIES)
def test_a_snapshot_never_changes(history):
    """Law 2, while changes are applied and while the generation is replaced."""
    index, taken = index_over(history[:1]), []
    for n, rows in enumerate(history[1:], 1):
        taken.append((index.snapshot(), for_sale(history[:n]), facets(index.snapshot())))
        index.apply(rows)
    new = generation_of(all_rows(history), name="g-2", version=len(history))
    index.replace(new, [])
    for snapshot, expected, counts in taken:
        assert content(snapshot) == expected
        assert facets(snapshot) == counts
    assert index.snapshot().generation == "g-2"
    assert content(index.snapshot()) == for_sale(history)
    assert index.n_delta() == 0


def all_rows(history: list[Any]) -> Any:
    """CHANGED_LISTING rows of all that stands."""
    kept = list(for_sale(history).values())
    if not kept:
        return history[0].slice(0, 0)
    import pyarrow as pa

    return pa.RecordBatch.from_pylist([{**row, "version": 1} for row in kept], history[0].schema)


@settings(max_examples=30)
@given(HISTORIES)
def test_any_history_is_an_index_built_anew(history):
    """Law 3: the same matches of every word and the same facet counts."""
    index, anew = index_over(history), LiveIndex(generation_of(all_rows(history)), RATES)
    for word in WORDS:
        assert word_matches(index.snapshot(), word) == word_matches(anew.snapshot(), word)
    assert facets(index.snapshot()) == facets(anew.snapshot())
    assert content(index.snapshot()) == content(anew.snapshot())


@settings(max_examples=30)
@given(HISTORIES)
def test_a_listing_has_one_place(history):
    """Law 4, and `places` names it; None for what is not for sale."""
    index = index_over(history)
    expected = for_sale(history)
    places = index.places(range(N_IDS + 5))
    for row_id, place in enumerate(places):
        if row_id not in expected:
            assert place is None
            continue
        assert int(place.segment.row_id[place.row]) == row_id
        at = place.segment.document_row[[place.row]]
        assert (
            place.segment.documents.take(at).column("title")[0].as_py() == expected[row_id]["title"]
        )


@settings(max_examples=20)
@given(HISTORIES, st.integers(0, 10))
def test_a_new_generation_with_the_changes_since_is_the_same(history, at):
    """Replacing by a generation of an earlier version, and what came after it, changes no answer."""
    at = min(at, len(history) - 1) + 1
    index = index_over(history)
    before = content(index.snapshot()), facets(index.snapshot())
    index.replace(generation_of(all_rows(history[:at]), name="g-2", version=at), history[at:])
    assert (content(index.snapshot()), facets(index.snapshot())) == before
    assert index.snapshot().version == len(history)


def test_no_changes_are_no_change():
    """An empty batch publishes nothing new."""
    index = index_over(history_of(1, 2))
    before = index.snapshot()
    index.apply(history_of(1, 1)[0].slice(0, 0))
    assert index.snapshot() is before


def test_an_index_of_nothing_takes_listings_in():
    """A market without listings is a market; its first attribute can be filtered by."""
    rows = random_rows(random.Random(3), 2, n=8)
    index = LiveIndex(generation_of(rows.slice(0, 0), version=0), RATES)
    assert content(index.snapshot()) == {}
    index.apply(rows)
    assert content(index.snapshot()) == for_sale([rows])
    assert index.snapshot().fields.resolve("color") is not None


def test_a_changed_generation_that_cannot_be_read_leaves_the_old_one():
    """Where the changes since fail to come, the old generation goes on serving, and takes changes."""
    history = history_of(5, 4)
    index = index_over(history[:4])
    before = content(index.snapshot())

    def broken() -> Iterator[Any]:
        yield history[1]
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        index.replace(generation_of(all_rows(history[:1]), name="g-2"), broken())
    assert content(index.snapshot()) == before
    index.apply(history[4])
    assert content(index.snapshot()) == for_sale(history)
    for row_id, place in enumerate(index.places(range(N_IDS))):
        assert (place is not None) == (row_id in for_sale(history))
