"""A segment that grew is the segment that is built at once."""

import random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.retrieve.segment_build import SegmentBuilder, SegmentColumns
from mercer.schema.catalogue import STORED_LISTING
from support.index_kit import RATES, changed_rows

WORDS = ("red", "blue", "mugs", "lamp", "lamps", "5", "caf\u00e9")


def batches_of(rng: random.Random, sizes: list[int]) -> list[Any]:
    made, first = [], 0
    for n in sizes:
        items = [
            {
                "listing_id": f"l{first + at}",
                "title": " ".join(rng.choices(WORDS, k=rng.randint(1, 20))),
                "description": " ".join(rng.choices(WORDS, k=rng.randint(0, 90))),
                "tags": rng.sample(["a", "B", "b"], k=rng.randint(0, 2)),
                "category_path": rng.choice([[], ["Home"], ["Home", "Mugs"]]),
                "attributes": rng.choice([{}, {"color": "red"}, {"color": ["Red", "blue"]}]),
                "seller_id": rng.choice(["", "s1"]),
                "sold_count": rng.randint(0, 3),
            }
            for at in range(n)
        ]
        rows = changed_rows(items, list(range(first, first + n)), version=1)
        made.append(rows.select(STORED_LISTING.names))
        first += n
    return made


def same(one: SegmentColumns, two: SegmentColumns) -> None:
    for name in ("row_id", "prior", "lengths", "title_offsets", "title_stems", "document_row"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    for name in one.numbers:
        assert np.array_equal(one.numbers[name], two.numbers[name], equal_nan=True), name
    for side, names in (
        ("postings", ("offsets", "rows", "counts")),
        ("labels", ("starts", "folded_code", "offsets", "codes", "row_offsets", "rows")),
    ):
        for name in names:
            assert np.array_equal(*(getattr(getattr(c, side), name) for c in (one, two))), name
    assert one.postings.stems.column == two.postings.stems.column
    assert one.labels.fields == two.labels.fields
    assert one.labels.values.column == two.labels.values.column
    assert one.labels.folded.column == two.labels.folded.column
    assert one.documents.equals(two.documents)
    stems = one.postings.stems.column.to_pylist()
    for stem in (*stems, "never", ""):
        assert one.postings.code(stem) == two.postings.code(stem)


@settings(max_examples=25)
@given(st.integers(0, 10**9), st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_growing_is_building_at_once(seed, sizes):
    """After each batch, the columns are those of a builder that was given all batches at once; and
    what was made before has not changed by then."""
    batches = batches_of(random.Random(seed), sizes)
    grown = SegmentBuilder(RATES, is_growing=True)
    made = []
    for n, batch in enumerate(batches, 1):
        grown.add(batch)
        anew = SegmentBuilder(RATES)
        for one in batches[:n]:
            anew.add(one)
        made.append((grown.finish(), anew.finish()))
    for columns, expected in made:
        same(columns, expected)


@settings(max_examples=10)
@given(st.integers(0, 10**9))
def test_labels_know_their_codes_in_the_base(seed):
    """The code of the same field and value in the other segment, -1 where it has none."""
    base_rows, rows = batches_of(random.Random(seed), [3, 5])
    base = SegmentBuilder(RATES)
    base.add(base_rows)
    labels = base.finish().labels
    grown = SegmentBuilder(RATES, is_growing=True, base_code=labels.code)
    for at in range(len(rows)):
        grown.add(rows.slice(at, 1))
        found = grown.finish().labels
        codes = range(len(found.values))
        assert found.in_base is not None
        assert found.in_base.tolist() == [
            labels.code(found.field_of(c), found.values[c]) for c in codes
        ]
