"""The filter language: golden trees, errors that point at the place, and the meaning of one row."""

import pytest

from mercer.retrieve.filter_ast import (
    And,
    Equals,
    Exists,
    Not,
    Or,
    Range,
    disjunctive_fields,
    to_text,
)
from mercer.retrieve.filter_language import parse_filter
from mercer.retrieve.filter_match import has_subpath, matches
from mercer.retrieve.filter_schema import FieldKind, FilterSchema
from mercer.retrieve.request import MAX_FILTER_CHARS
from mercer.schema.errors import FilterError

TEXT, NUMBER, MONEY = FieldKind.TEXT, FieldKind.NUMBER, FieldKind.MONEY
TIME, BOOL, CATEGORY = FieldKind.TIME, FieldKind.BOOL, FieldKind.CATEGORY
SCHEMA = FilterSchema(
    attributes={
        "color": TEXT,
        "material": TEXT,
        "size": TEXT,
        "width_cm": NUMBER,
        "handmade": BOOL,
        "rating": TEXT,  # clashes with the field of that name
        "Input voltage": NUMBER,
    }
)
DAY = 86_400_000
JAN_31 = 1_706_659_200_000  # 2024-01-31T00:00Z


def text(field, *values):
    return Equals(field, TEXT, values)


GOLDEN = [
    ("", None),
    ("  \n ", None),
    ('color = "white"', text("color", "white")),
    ("color:white", text("color", "white")),
    ("color: white", text("color", "white")),
    ("color:=white", text("color", "white")),
    ("COLOR = White", text("color", "White")),
    ("attributes.color = red", text("color", "red")),
    ("rating >= 4", Range("rating", NUMBER, min=4.0)),
    ("attributes.rating = good", text("attributes.rating", "good")),
    ('"Input voltage" <= 12', Range("Input voltage", NUMBER, max=12.0)),
    ('color IN ["white", blue, white]', text("color", "white", "blue")),
    ("color in (white, blue)", text("color", "white", "blue")),
    ("color:[white,blue]", text("color", "white", "blue")),
    ("color = [white]", text("color", "white")),
    ("color NOT IN [white]", Not(text("color", "white"))),
    ("color != white", Not(text("color", "white"))),
    ("color:!=white", Not(text("color", "white"))),
    ("NOT material: leather", Not(text("material", "leather"))),
    ("not not material: leather", text("material", "leather")),
    ("!(material: leather)", Not(text("material", "leather"))),
    ("material = women's", text("material", "women's")),
    (r'color = "a\"b\\c"', text("color", 'a"b\\c')),
    ("color = 'off white'", text("color", "off white")),
    ("size = 8", text("size", "8")),
    ("size = 8..10", text("size", "8..10")),  # a text field has no ranges
    ('color = "AND"', text("color", "AND")),
    ("price < 20", Range("price", MONEY, max=20_000_000, is_max_included=False)),
    ("price:<=19.99", Range("price", MONEY, max=19_990_000)),
    ("price: 10..20", Range("price", MONEY, 10_000_000, 20_000_000)),
    ("price: 10 TO 20", Range("price", MONEY, 10_000_000, 20_000_000)),
    ("price:[10..20]", Range("price", MONEY, 10_000_000, 20_000_000)),
    ("price: (10..20]", Range("price", MONEY, 10_000_000, 20_000_000, False, True)),
    ("price: 10..", Range("price", MONEY, min=10_000_000)),
    ("price: ..20", Range("price", MONEY, max=20_000_000)),
    ("price = 5", Equals("price", MONEY, (5_000_000,))),
    ("width_cm: -5..5", Range("width_cm", NUMBER, -5.0, 5.0)),
    ("created_ms > 1700000000000", Range("created_ms", TIME, 1_700_000_000_000, None, False)),
    ("created_ms >= 2024-01-31", Range("created_ms", TIME, JAN_31)),
    ("created_ms > 2024-01-31", Range("created_ms", TIME, JAN_31 + DAY)),
    ("created < 2024-01-31", Range("created_ms", TIME, None, JAN_31, True, False)),
    ("created_ms <= 2024-01-31", Range("created_ms", TIME, None, JAN_31 + DAY, True, False)),
    ("created_ms = 2024-01-31", Range("created_ms", TIME, JAN_31, JAN_31 + DAY, True, False)),
    (
        "created_ms: 2024-01-31..2024-01-31",
        Range("created_ms", TIME, JAN_31, JAN_31 + DAY, True, False),
    ),
    (
        'created_ms: "2024-01-31T00:00Z".."2024-01-31T01:00:00+01:00"',
        Range("created_ms", TIME, JAN_31, JAN_31),
    ),
    ("handmade = yes", Equals("handmade", BOOL, (True,))),
    ("EXISTS size", Exists("size")),
    ("size EXISTS", Exists("size")),
    ("size NOT EXISTS", Not(Exists("size"))),
    ('category = "Home > Mugs"', Equals("category", CATEGORY, ("Home > Mugs",))),
    ('category:" Home>  Mugs >"', Equals("category", CATEGORY, ("Home > Mugs",))),
    ('tags = "gift"', text("tags", "gift")),
    ("seller = s1", text("seller", "s1")),
    ("seller_id = s1", text("seller", "s1")),
    (
        'price < 20 AND color = "white"',
        And((Range("price", MONEY, max=20_000_000, is_max_included=False), text("color", "white"))),
    ),
    (
        "color:a or color:b and not color:c",
        Or((text("color", "a"), And((text("color", "b"), Not(text("color", "c")))))),
    ),
    (
        "(color:a || color:b) && (size:s AND size:m)",
        And((Or((text("color", "a"), text("color", "b"))), text("size", "s"), text("size", "m"))),
    ),
    ("not color:a and color:b", And((Not(text("color", "a")), text("color", "b")))),
]


@pytest.mark.parametrize(("source", "tree"), GOLDEN, ids=[s for s, _ in GOLDEN])
def test_golden(source, tree):
    """Each way of writing a filter gives the tree written beside it, and so does its canonical text."""
    assert parse_filter(source, SCHEMA) == tree
    assert parse_filter(to_text(tree), SCHEMA) == tree


ERRORS = [
    ("colour = red", 0, "the nearest names are color"),
    ("zzz = red", 0, "no field or attribute is called 'zzz'"),
    ("price < abc", 8, "price is an amount of money, got 'abc'"),
    ("price < -1", 8, "got '-1'"),
    ("price < nan", 8, "got 'nan'"),
    ("rating > 1e999", 9, "finite number"),
    ("color < red", 6, "has no order"),
    ("color: a TO b", 7, "has no order"),
    ("price: 20..10", 7, "range is empty"),
    ("price: ..", 7, "neither end"),
    ("price: [10..20", 14, "got the end, expected ] or )"),
    ("color = ", 8, "got the end, expected a value"),
    ("color = AND", 8, "a keyword needs quotes"),
    ("color", 5, "expected =, !=, <"),
    ("color = red blue", 12, "a value with spaces needs quotes"),
    ("(color = red", 12, "the ) for the ( at 1"),
    ("color = red)", 11, "got ')'"),
    ("AND color = red", 0, "expected a field name"),
    ("color = red AND", 15, "expected a field name"),
    ('color = "red', 8, "is not closed"),
    ("color IN red", 9, "expected a list"),
    ("color IN [red", 13, "expected , or ]"),
    ("color IN [red,]", 14, "expected a value"),
    ("color NOT red", 10, "expected IN or EXISTS"),
    ("color = &", 8, "starts nothing"),
    ("created_ms > 2024-13-01", 13, "2024-01-31"),
    ("handmade = perhaps", 11, "true or false"),
    ('category = " > "', 11, "a category such as"),
    ('color = ""', 8, "a word or a quoted string"),
    ("color = '; DROP TABLE listings; --", 8, "is not closed"),
    ("EXISTS colr", 7, "color"),
    ("(" * 33 + "color=a" + ")" * 33, 32, "more than 32 levels"),
    ("NOT " * 33 + "color=a", 128, "more than 32 levels"),
    ("color IN [" + ",".join("a" * 1001) + "]", 2010, "more than 1000 values"),
    ("color = " + "a" * 513, 8, "at most 512"),
    ("a" * (MAX_FILTER_CHARS + 1), MAX_FILTER_CHARS, "at most 4096"),
]


@pytest.mark.parametrize(("source", "at", "said"), ERRORS, ids=[s[:30] for s, _, _ in ERRORS])
def test_error_points_at_the_place(source, at, said):
    """A fault is reported with its character, what was got and what is allowed, and a caret below it."""
    with pytest.raises(FilterError) as caught:
        parse_filter(source, SCHEMA)
    assert caught.value.at == at
    assert said in str(caught.value)
    shown, caret = str(caught.value).splitlines()[-2:]
    assert caret.index("^") == 2 + min(at, 40)
    assert shown.startswith("  ")


def test_a_filter_of_the_full_length_is_read():
    """A thousand values, at the allowed length, are a filter."""
    source = "size IN [" + ",".join(str(i % 1000) for i in range(1000)) + "]"
    assert len(source) <= MAX_FILTER_CHARS
    tree = parse_filter(source, SCHEMA)
    assert isinstance(tree, Equals)
    assert len(tree.values) == 1000


ROW = {
    "listing_id": "a1",
    "seller_id": "",
    "category_path": ["Home", "Kitchen", "Mugs"],
    "price_micros": 12_500_000,
    "currency": "USD",
    "quantity": 1,
    "rating": None,
    "tags": ["Gift", "for mum"],
    "created_ms": JAN_31 + 5,
    "attributes": {
        "color": ("White", "Sky  Blue"),
        "width_cm": ("30", "wide"),
        "handmade": ("True",),
        "rating": ("good",),
    },
}
MATCHING = [
    ("color = white", True),
    ('color = "sky blue"', True),
    ("color = sky", False),
    ("color != red", True),
    ("size != small", True),  # nothing is small there
    ("EXISTS size", False),
    ("EXISTS seller", False),
    ("EXISTS rating", False),
    ("EXISTS attributes.rating", True),
    ("rating < 3", False),
    ("NOT rating < 3", True),
    ("price: 12.5..13", True),
    ("price > 12.5", False),
    ("price = 12.50", True),
    ("width_cm <= 30", True),
    ("width_cm < 30", False),
    ("width_cm = 30.0", True),
    ("handmade = 1", True),
    ("handmade = false", False),
    ("tags = gift", True),
    ("category = mugs", True),
    ('category = "home > kitchen"', True),
    ('category = "kitchen > mugs"', True),
    ('category = "home > mugs"', False),
    ("created_ms = 2024-01-31", True),
    ("created_ms < 2024-01-31", False),
    ("created_ms > 2024-01-31", False),
    ("color = red OR price < 20 AND tags = gift", True),
    ("(color = red OR price < 20) AND tags = none", False),
]


@pytest.mark.parametrize(("source", "expected"), MATCHING, ids=[s for s, _ in MATCHING])
def test_meaning_of_one_row(source, expected):
    """What a filter says about one listing is what its words mean."""
    assert matches(parse_filter(source, SCHEMA), ROW) is expected


def test_attributes_may_come_as_pairs():
    """Arrow gives a map as pairs; they mean the same."""
    row = {**ROW, "attributes": list(ROW["attributes"].items())}
    assert matches(parse_filter("color = white", SCHEMA), row)


def test_no_nodes_are_no_subpath():
    """An empty category matches nothing rather than everything."""
    assert not has_subpath(["Home"], ())


def test_disjunctive_fields_leave_out_their_own_selection():
    """Each selected field is counted over the matches of the rest of the filter."""
    tree = parse_filter(
        "color IN [white, blue] AND price: 5..20 AND NOT material: wool AND (size: s OR size: m) "
        "AND (size: s OR tags: gift) AND price < 15",
        SCHEMA,
    )
    rests = {name: to_text(rest) for name, rest in disjunctive_fields(tree)}
    assert rests == {
        "color": 'price: 5..20 AND NOT material = "wool" AND (size = "s" OR size = "m") '
        'AND (size = "s" OR tags = "gift") AND price < 15',
        "price": 'color IN ["white", "blue"] AND NOT material = "wool" AND (size = "s" OR '
        'size = "m") AND (size = "s" OR tags = "gift")',
        "size": 'color IN ["white", "blue"] AND price: 5..20 AND NOT material = "wool" '
        'AND (size = "s" OR tags = "gift") AND price < 15',
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ()),
        ("color: red", (("color", None),)),
        ("NOT color: red", ()),
        ("EXISTS color", ()),
        ("color: red OR tags: gift", ()),
        ("color: red OR color: blue", (("color", None),)),
    ],
)
def test_disjunctive_fields_of_one_clause(source, expected):
    """A filter of one clause selects on its field, if it is positive and speaks of one only."""
    assert disjunctive_fields(parse_filter(source, SCHEMA)) == expected
