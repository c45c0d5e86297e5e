"""Bitmaps, postings, labels, filters and facets of a segment against plain Python over its rows."""

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.engines.embedded.index.live_index import LiveIndex
from mercer.retrieve import bitmap, facet_reference
from mercer.retrieve.facet_page import facet_fields, selections
from mercer.retrieve.facet_reference import count_references
from mercer.retrieve.facets import (
    count_labels,
    label_totals,
    merge_price_sums,
    price_sums,
    top_values,
)
from mercer.retrieve.filter_ast import (
    Equals,
    Exists,
    Range,
    conjunction,
    disjunction,
    negation,
)
from mercer.retrieve.filter_language import parse_filter
from mercer.retrieve.filter_match import matches
from mercer.retrieve.filter_rows import rows_matching
from mercer.retrieve.filter_schema import LISTING_FIELDS, FieldKind, FilterSchema
from mercer.retrieve.prior import quality_prior
from mercer.retrieve.segment import NO_PRICE
from mercer.schema.errors import InputError
from support import index_kit as kit
from support.index_kit import changed_rows, columns_of, generation_of, segment_of
from support.search_twin import FIELD_CAPS, labels, price, prior, texts

RATES = {"USD": 1.0, "EUR": 1.25}
COUNT_SHIFTS = (0, 3, 7, 10)

SETS = st.integers(1, 200).flatmap(
    lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)), st.sets(st.integers(0, n - 1)))
)


@settings(max_examples=100)
@given(SETS, st.integers(0, 10))
def test_bitmaps_are_sets(case, limit):
    """Made of rows or a mask, changed, counted and listed: a bitmap does what a set does."""
    n, one, two = case
    rows = np.array(sorted(one), np.uint32)
    bits = bitmap.of_rows(rows, n)
    mask = np.isin(np.arange(n), sorted(one))
    assert bitmap.of_mask(mask).tolist() == bits.tolist()
    assert bitmap.count(bits) == len(one)
    assert bitmap.rows_of(bits).tolist() == sorted(one)
    assert bitmap.rows_of(bits, limit=limit).tolist() == sorted(one)[:limit]
    assert bitmap.contains(bits, np.arange(n)).tolist() == mask.tolist()
    assert bitmap.rows_of(bitmap.full(n) & ~bits).tolist() == sorted(set(range(n)) - one)
    other = np.array(sorted(two), np.uint32)
    bitmap.set_rows(bits, other)
    assert set(bitmap.rows_of(bits).tolist()) == one | two
    bitmap.clear_rows(bits, other)
    assert set(bitmap.rows_of(bits).tolist()) == one - two
    assert bitmap.count(bitmap.full(n)) == n
    assert bitmap.count(bitmap.empty(n)) == 0


def random_items(seed: int, n: int) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    return [random_item(rng, at) for at in range(n)]


def random_item(rng: random.Random, at: int) -> dict[str, Any]:
    words = ["red", "Mugs", "mug", "Ärger", "blue-green", "1.5", "it's", "wool"]
    item: dict[str, Any] = {
        "listing_id": rng.choice([f"l{at}", f"L{at}", f"Ｌ {at}"]),  # noqa: RUF001
        "title": " ".join(rng.choices(words, k=rng.choice([1, 3, 5]))) + " x" * rng.choice([0, 9]),
        "description": " ".join(rng.choices(words, k=rng.choice([0, 2, 90]))),
        "tags": rng.sample(["a", "A", "b c", "B  C", "Ｄ"], k=rng.randint(0, 3)),  # noqa: RUF001
        "category_path": rng.choice([[], ["Home"], ["Home", "Mugs"], ["home", "Mugs", "Home"]]),
        "attributes": {
            name: rng.choice(values)
            for name, values in {
                "color": ["red", "Red", ["red", "blue"]],
                "size": ["10", "10.0", "1e1", "12", "large", "nan"],
                "handmade": ["yes", "true", "0", "maybe"],
                "price": ["high", "low"],
            }.items()
            if rng.random() < 0.6
        },
        "seller_id": rng.choice(["", "s1", "S1", "s2"]),
        "quantity": rng.choice([1, 2, 7]),
        "created_ms": rng.choice([10**12, 10**12 + 1]),
        "rating_count": rng.choice([0, 3]),
        "sold_count": rng.choice([0, 5, 10**7]),
        "favourite_count": rng.choice([0, 2]),
        "images": rng.choice([[], ["a.png"]]),
    }
    if rng.random() < 0.8:
        item |= {"price": rng.choice([0, 5, 7.77]), "currency": rng.choice(["USD", "EUR", "CHF"])}
    if rng.random() < 0.7:
        item["rating"] = rng.choice([0.0, 4.4, 5.0])
    return item


def made(seed: int, n: int) -> tuple[Any, list[dict[str, Any]]]:
    """A segment, and its rows as dicts in the segment's order."""
    changes = changed_rows(random_items(seed, n), list(range(100, 100 + n)))
    segment = segment_of(columns_of(changes, batch_rows=3))
    by_id = {row["row_id"]: row for row in changes.to_pylist()}
    return segment, [by_id[int(row_id)] for row_id in segment.row_id]


CASES = st.tuples(st.integers(0, 10**6), st.integers(1, 20))


@settings(max_examples=100)
@given(st.lists(st.lists(st.booleans(), min_size=90, max_size=90), max_size=6), st.booleans())
def test_steps_count_how_many_sets_have_a_row(sets, is_all):
    """Step k has the rows that are in more than k of the sets, and in the base."""
    masks = np.array(sets, bool).reshape(-1, 90)
    base = np.full(90, is_all) | (np.arange(90) % 3 == 0)
    steps = np.array([bitmap.of_mask(mask) for mask in masks], np.uint64).reshape(-1, 2)
    bitmap.at_least(steps, bitmap.of_mask(base))
    for k, step in enumerate(steps):
        assert step.tolist() == bitmap.of_mask((masks.sum(axis=0) > k) & base).tolist()


def test_steps_of_long_sets() -> None:
    """Beyond one block of words too."""
    masks = np.random.default_rng(4).random((3, 70_001)) < 0.5
    steps = np.array([bitmap.of_mask(mask) for mask in masks])
    bitmap.at_least(steps, bitmap.full(70_001))
    for k, step in enumerate(steps):
        assert (step == bitmap.of_mask(masks.sum(axis=0) > k)).all()


@settings(max_examples=100)
@given(st.lists(st.integers(-3, 3), max_size=150), st.integers(-4, 4), st.integers(-4, 4))
def test_between_is_a_comparison(values, low, high):
    """Both bounds are in; an empty range has no row."""
    column = np.array(values, np.int64)
    want = bitmap.of_mask((column >= low) & (column <= high))
    assert bitmap.between(column, low, high).tolist() == want.tolist()


@settings(max_examples=20)
@given(CASES)
def test_rows_stand_best_first(case):
    """By the documented prior, ties by row id; every column speaks of the same listing."""
    segment, rows = made(*case)
    assert segment.prior == pytest.approx([prior(row) for row in rows], abs=1e-6)
    keys = list(zip((-segment.prior).tolist(), segment.row_id.tolist(), strict=True))
    assert keys == sorted(keys)
    assert segment.documents.take(segment.document_row).column("listing_id").to_pylist() == [
        row["listing_id"] for row in rows
    ]
    cost = [price(row, RATES) for row in rows]
    assert segment.numbers["price"].tolist() == [NO_PRICE if p is None else p for p in cost]
    for name in ("quantity", "created_ms", "sold_count", "favourite_count", "rating_count"):
        assert segment.numbers[name].tolist() == [row[name] for row in rows]
    rating = segment.numbers["rating"]
    assert [None if np.isnan(r) else float(r) for r in rating] == [row["rating"] for row in rows]


@settings(max_examples=20)
@given(CASES)
def test_postings_are_counters(case):
    """For each stem exactly the rows that have it, with its count in each field cut at what fits."""
    segment, rows = made(*case)
    expected: dict[str, dict[int, list[int]]] = {}
    for row, document in enumerate(rows):
        counts = [Counter(part) for part in texts(document)]
        for stem in set().union(*counts):
            packed = [min(c[stem], cap) for c, cap in zip(counts, FIELD_CAPS, strict=True)]
            expected.setdefault(stem, {})[row] = packed
        assert segment.lengths[row].tolist() == [len(part) for part in texts(document)]
        span = slice(segment.title_offsets[row], segment.title_offsets[row + 1])
        stems = [segment.postings.stems[int(code)] for code in segment.title_stems[span]]
        assert [str(s) for s in stems] == texts(document)[0]
    postings = segment.postings
    assert [str(postings.stems[i]) for i in range(len(postings.stems))] == sorted(expected)
    for stem, by_row in expected.items():
        code = postings.code(stem)
        assert postings.rows_of(code).tolist() == sorted(by_row)
        assert postings.frequency(code) == len(by_row)
        for row, packed in zip(
            postings.rows_of(code).tolist(), postings.counts_of(code), strict=True
        ):
            fields = [
                int(packed) >> shift & cap
                for shift, cap in zip(COUNT_SHIFTS, FIELD_CAPS, strict=True)
            ]
            assert fields == by_row[row]
    assert postings.code("absent") == -1
    begun = [str(postings.stems[c]) for c in postings.with_prefix("m")]
    assert begun == sorted(s for s in expected if s.startswith("m"))


@settings(max_examples=20)
@given(CASES)
def test_labels_are_a_dict(case):
    """Every row has exactly its labels; every label exactly its rows; fields are spans of codes."""
    segment, rows = made(*case)
    found = segment.labels
    expected: dict[tuple[str, str], set[int]] = {}
    for row, document in enumerate(rows):
        for name, values in labels(document).items():
            # An attribute that is called like a field of every listing has a longer name.
            field = name
            if name == "price":
                field = "attributes.price"
            for value in values:
                expected.setdefault((field, value), set()).add(row)
    assert set(found.fields) - {"seller"} == {field for field, _ in expected} - {"seller"}
    for field in found.fields:
        for code in found.span(field):
            value = str(found.values[code])
            assert found.code(field, value) == code
            # A blank (no seller) may be known, but no row has it.
            assert set(found.rows_of(code).tolist()) == expected.pop((field, value), set())
            assert value or not len(found.rows_of(code))
    assert expected == {}
    for row in range(segment.n):
        codes = found.codes[found.offsets[row] : found.offsets[row + 1]].tolist()
        assert codes == sorted(set(codes))
        assert all(row in found.rows_of(code) for code in codes)
    assert (found.code("color", "no such"), found.span("none")) == (-1, range(0))


FIELDS = [
    *((name, kind) for name, kind in LISTING_FIELDS.items()),
    ("color", FieldKind.TEXT), ("size", FieldKind.NUMBER), ("size", FieldKind.TEXT),
    ("handmade", FieldKind.BOOL), ("attributes.price", FieldKind.TEXT), ("none", FieldKind.TEXT),
]  # fmt: skip
VALUES: dict[FieldKind, list[Any]] = {
    FieldKind.TEXT: ["red", "RED", "s1", "b c", "d", "l 3", "L1", "USD", "eur", "10", "high"],
    FieldKind.CATEGORY: ["Home", "mugs", "Home > Mugs", "Mugs > Home", "home > mugs > home", "Art"],
    FieldKind.NUMBER: [0.0, 1.0, 3.0, 4.4, float(np.float32(4.4)), 5.0, 10.0, 12.0, 1e7],
    FieldKind.MONEY: [0, 5_000_000, 6_250_000, 7_770_000, 9_712_500],
    FieldKind.TIME: [10**12, 10**12 + 1],
    FieldKind.BOOL: [True, False],
}


@st.composite
def clauses(draw):
    """One clause of every field kind and node kind."""
    name, kind = draw(st.sampled_from(FIELDS))
    form = draw(st.sampled_from(["exists", "equals", "equals", "range"]))
    if form == "exists":
        return Exists(name)
    some = st.sampled_from(VALUES[kind])
    if form == "equals" or not kind.is_ordered:
        return Equals(name, kind, tuple(draw(st.lists(some, min_size=1, max_size=2, unique=True))))
    low, high = draw(st.none() | some), draw(st.none() | some)
    if low is None and high is None:
        low = draw(some)
    return Range(name, kind, low, high, draw(st.booleans()), draw(st.booleans()))


TREES = st.recursive(
    clauses(),
    lambda parts: st.one_of(
        st.lists(parts, min_size=2, max_size=3).map(conjunction),
        st.lists(parts, min_size=2, max_size=3).map(disjunction),
        parts.map(negation),
    ),
    max_leaves=6,
)


@settings(max_examples=25)
@given(CASES, st.lists(st.none() | TREES, min_size=1, max_size=12))
def test_a_filter_selects_what_it_means(case, trees):
    """Over every kind of field and node, the rows that match by the plain meaning, and no others."""
    segment, rows = made(*case)
    plain = [{**row, "price_micros": price(row, RATES)} for row in rows]
    for tree in trees:
        found = bitmap.rows_of(rows_matching(tree, segment)).tolist()
        assert found == [i for i, row in enumerate(plain) if matches(tree, row)], tree


def test_every_plain_clause_selects_what_it_means():
    """Each field with each value, equal and beyond and below it, the bound in and out."""
    segment, rows = made(7, 40)
    plain = [{**row, "price_micros": price(row, RATES)} for row in rows]
    clauses: list[Any] = [Exists(name) for name, _ in FIELDS]
    for name, kind in FIELDS:
        for value in VALUES[kind]:
            clauses.append(Equals(name, kind, (value,)))
            if kind.is_ordered:
                clauses += [Range(name, kind, value, None, is_in, True) for is_in in (True, False)]
                clauses += [Range(name, kind, None, value, True, is_in) for is_in in (True, False)]
    n_some = 0
    for clause in clauses:
        found = bitmap.rows_of(rows_matching(clause, segment)).tolist()
        assert found == [i for i, row in enumerate(plain) if matches(clause, row)], clause
        n_some += 0 < len(found) < len(rows)
    assert n_some > 80, "the rows do not tell the clauses apart"


@settings(max_examples=20)
@given(
    st.lists(CASES, min_size=1, max_size=2),
    st.integers(0, 4) | st.just(100),
    st.randoms(use_true_random=False),
)
def test_top_values_are_exact_over_segments(cases, limit, rng):
    """The most frequent values of all segments together, with their whole counts, ties by value."""
    made_all = sorted((made(*case) for case in cases), key=lambda s: -s[0].n)
    picked = [bitmap.of_mask(np.array([rng.random() < 0.6 for _ in s[1]])) for s in made_all]
    for name in ("color", "tags", "category", "seller", "none"):
        expected: Counter[str] = Counter()
        counts, firsts = [], []
        for (segment, rows), bits in zip(made_all, picked, strict=True):
            for row in bitmap.rows_of(bits).tolist():
                expected.update(labels(rows[row]).get(name, ()))
            span = segment.labels.span(name)
            n = count_labels(segment.labels, bits, first=span.start, last=span.stop)
            counts.append(n)
            firsts.append(span.start)
        every = [s.labels for s, _ in made_all]
        found = top_values(label_totals(every, counts, firsts), every[0], name, limit=limit)
        best = sorted(expected.items(), key=lambda v: (-v[1], v[0]))
        assert [(str(value), n) for value, n in found] == best[:limit]


@pytest.mark.parametrize("n_flipped", [0, 3, 30])
@pytest.mark.parametrize("most_steps", [1, 2_000])
def test_what_is_counted_by_difference_is_exact(n_flipped, most_steps, monkeypatch):
    """Labels and prices of what a frequent word matches, some rows more or less, of all and of none,
    also where the cheapest and the dearest of all are not among them."""
    monkeypatch.setattr(facet_reference, "_FROM_ROWS", 4)
    monkeypatch.setattr(facet_reference, "_MOST_STEPS", most_steps)
    segment, _ = made(8, 90)
    references, all_prices = count_references(segment), segment.numbers["price"]
    assert len(references.all) > 3
    assert (all_prices < 0).any()
    rng = np.random.default_rng(n_flipped)
    n_by_difference = 0
    for reference in references.all:
        mask = np.isin(np.arange(90), bitmap.rows_of(reference.rows))
        flipped = rng.permutation(90)[:n_flipped]
        mask[flipped] = ~mask[flipped]
        bits = bitmap.of_mask(mask)
        plain = count_labels(segment.labels, bits, first=2, last=references.last)
        found = count_labels(
            segment.labels, bits, first=2, last=references.last, references=references
        )
        assert found.tolist() == plain.tolist()
        n_by_difference += references.prices(all_prices, bits) is not None
        assert price_sums(all_prices, bits, references=references) == price_sums(all_prices, bits)
    assert n_by_difference or most_steps == 1
    unknown = bitmap.of_mask(all_prices < 0)
    assert price_sums(all_prices, unknown, references=references).count == 0


@settings(max_examples=20)
@given(st.lists(CASES, min_size=1, max_size=2), st.randoms(use_true_random=False))
def test_price_sums_add_up(cases, rng):
    """Count, least, most and sum of the known prices of the matches, over all segments."""
    sums, expected = [], []
    for case in cases:
        segment, rows = made(*case)
        mask = np.array([rng.random() < 0.5 for _ in rows])
        sums.append(price_sums(segment.numbers["price"], bitmap.of_mask(mask)))
        picked = [price(row, RATES) for row, is_in in zip(rows, mask, strict=True) if is_in]
        expected += [p for p in picked if p is not None]
    total = merge_price_sums(sums)
    if not expected:
        assert total is None
    else:
        assert (total.count, total.sum_micros) == (len(expected), sum(expected))
        assert (total.min_micros, total.max_micros) == (min(expected), max(expected))


def test_quality_of_a_known_listing():
    """One listing worked out by hand: 30 sales, 10 ratings of 5, a price, no picture, no text."""
    rows = changed_rows(
        [{"listing_id": "a", "sold_count": 30, "rating": 5.0, "rating_count": 10, "price": 3}], [1]
    )
    popularity = np.log(36) / np.log(1001)
    expected = 0.45 * popularity + 0.4 * 0.9 + 0.15 / 3
    assert quality_prior(rows).tolist() == pytest.approx([expected], abs=1e-6)


def test_selections_are_those_of_top_level_clauses():
    """By field; what is negated or mixed with another field selects nothing of it alone."""
    schema = FilterSchema(attributes={"color": FieldKind.TEXT, "wood": FieldKind.TEXT})
    tree = parse_filter('color IN ["Red", "blue"] AND NOT wood = "oak" AND price > 3', schema)
    chosen = selections(tree)
    assert {name: [c.values for c in clauses] for name, clauses in chosen.items()} == {
        "color": [("Red", "blue")]
    }
    assert selections(None) == {}


def test_facets_that_cannot_be_counted_are_told():
    """All unknown and uncountable fields are in one message; "*" is the category and attributes."""
    rows = changed_rows([{"listing_id": "a", "attributes": {"color": "red", "x": "1"}}], [0])
    snapshot = LiveIndex(generation_of(rows), kit.RATES).snapshot()
    with pytest.raises(InputError, match=r"'nope'.*'price' has no values.*'listing_id'"):
        facet_fields(["nope", "price", "color", "listing_id"], snapshot)
    assert set(facet_fields(["*"], snapshot)) == {"category", "color", "x"}
    assert facet_fields(["color", "COLOR", "seller_id"], snapshot) == ("color", "seller")
