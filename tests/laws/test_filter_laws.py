"""Laws of the filter language over random text and random trees."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.retrieve.filter_ast import (
    Equals,
    Exists,
    Range,
    conjunction,
    disjunction,
    disjunctive_fields,
    negation,
    to_text,
)
from mercer.retrieve.filter_language import parse_filter
from mercer.retrieve.filter_match import fold_value, matches
from mercer.retrieve.filter_schema import FieldKind, FilterSchema
from mercer.schema.errors import FilterError
from mercer.schema.money import MAX_MICROS

SCHEMA = FilterSchema(
    attributes={
        "color": FieldKind.TEXT,
        "In put": FieldKind.TEXT,
        "and": FieldKind.TEXT,
        'qu"o\\te': FieldKind.NUMBER,
        "width_cm": FieldKind.NUMBER,
        "price": FieldKind.TEXT,
        "handmade": FieldKind.BOOL,
    }
)
FIELDS = [
    SCHEMA.resolve(n) for n in (*SCHEMA.fields, *(f"attributes.{a}" for a in SCHEMA.attributes))
]
KIND = dict(FIELDS)
NUMBERS = {
    FieldKind.NUMBER: st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0),
    FieldKind.MONEY: st.integers(0, MAX_MICROS),
    FieldKind.TIME: st.integers(-(10**15), 10**15),
}
TEXTS = st.text(max_size=20).map(str.strip).filter(fold_value)
NODES = st.text("abc é", min_size=1, max_size=6).map(lambda t: " ".join(t.split())).filter(bool)


def values(kind):
    if kind is FieldKind.CATEGORY:
        return st.lists(NODES, min_size=1, max_size=3).map(" > ".join)
    if kind is FieldKind.BOOL:
        return st.booleans()
    return NUMBERS.get(kind, TEXTS)


@st.composite
def clauses(draw):
    name, kind = draw(st.sampled_from(FIELDS))
    form = draw(st.sampled_from(("equals", "range", "exists")))
    if form == "exists":
        return Exists(name)
    if form == "equals" or not kind.is_ordered:
        return Equals(
            name, kind, tuple(draw(st.lists(values(kind), min_size=1, max_size=3, unique=True)))
        )
    low, high = sorted(draw(st.lists(NUMBERS[kind], min_size=2, max_size=2)))
    form = draw(st.sampled_from(("both", "low", "high")))
    low, high = (low if form != "high" else None), (high if form != "low" else None)
    return Range(
        name,
        kind,
        low,
        high,
        low is None or draw(st.booleans()),
        high is None or draw(st.booleans()),
    )


TREES = st.recursive(
    clauses(),
    lambda parts: st.one_of(
        st.lists(parts, min_size=2, max_size=3).map(conjunction),
        st.lists(parts, min_size=2, max_size=3).map(disjunction),
        parts.map(negation),
    ),
    max_leaves=8,
)
ROWS = st.fixed_dictionaries(
    {
        "price_micros": st.none() | NUMBERS[FieldKind.MONEY],
        "rating": st.none() | st.floats(0, 5),
        "category_path": st.lists(NODES, max_size=3),
        "tags": st.lists(TEXTS, max_size=2),
        "attributes": st.dictionaries(
            st.sampled_from(sorted(SCHEMA.attributes)), st.lists(TEXTS, max_size=2)
        ),
    }
)
WORDS = st.lists(
    st.sampled_from(
        [*"()[],:=<>!&|\"'\\.-", "AND", "or", "NOT", "in", "EXISTS", "TO", "..", "price", "color",
         "rating", "10", "1e9", "10..20", "2024-01-31", "white", " ", "category", "\x00", "é"]
    ),
    max_size=25,
).map(" ".join)  # fmt: skip


@settings(max_examples=100)
@given(TREES)
def test_canonical_text_keeps_the_tree(tree):
    """Writing a tree down and reading it again gives the tree."""
    assert parse_filter(to_text(tree), SCHEMA) == tree


@settings(max_examples=150)
@given(st.text(max_size=60) | WORDS)
def test_any_text_is_a_filter_or_an_error_with_its_place(source):
    """No text whatever raises anything but FilterError, whose place lies in the text."""
    try:
        tree = parse_filter(source, SCHEMA)
    except FilterError as error:
        place = error.at
    else:
        place = 0
        assert parse_filter(to_text(tree), SCHEMA) == tree
    assert 0 <= place <= len(source)


@settings(max_examples=60)
@given(TREES, TREES, ROWS)
def test_logic_of_the_tree_is_logic_of_the_rows(one, other, row):
    """AND, OR and NOT of filters match what and, or and not of their matches say."""
    a, b = matches(one, row), matches(other, row)
    assert matches(conjunction((one, other)), row) is (a and b)
    assert matches(disjunction((one, other)), row) is (a or b)
    assert matches(negation(one), row) is (not a)
    read = parse_filter(f"({to_text(one)}) OR NOT ({to_text(other)})", SCHEMA)
    assert matches(read, row) is (a or not b)


@settings(max_examples=60)
@given(TREES, ROWS)
def test_a_selection_only_narrows(tree, row):
    """A row that the filter matches also matches the filter without one field's selection."""
    for _, rest in disjunctive_fields(tree):
        assert matches(rest, row) or not matches(tree, row)


@pytest.mark.parametrize("source", ["(" * 4096, "NOT " * 1024, "a" * 4096, '"' * 4095, "[" * 4096])
def test_the_longest_nonsense_is_refused(source):
    """The longest allowed texts of one repeated sign are refused, not recursed into."""
    with pytest.raises(FilterError):
        parse_filter(source, SCHEMA)
