"""One list of rules for every way in."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.schema.arrow import require
from mercer.schema.attributes import gather, pairs_of_map, pairs_of_objects
from mercer.schema.cells import as_bool, as_float, as_int, as_micros, as_text, as_texts, as_time
from mercer.schema.errors import InputError, MappingError
from mercer.schema.judge import Defaults, judge, listings_from_objects
from mercer.schema.listing import LISTING
from mercer.schema.mapping import own_names, parse_map
from mercer.schema.money import to_micros
from mercer.schema.objects import Column, columns_of

DEFAULTS = Defaults(now_ms=1_790_000_000_000, updated_ms=1_780_000_000_000, currency="EUR")
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
    | st.sampled_from(["12", "-3.5", " 7 ", "1e3", "2024-01-02", "2024-01-02T03:04:05.678Z", "yes"])
)
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), _SCALARS)


@settings(max_examples=100)
@given(
    st.lists(_VALUES, min_size=1, max_size=8),
    st.sampled_from(
        [
            as_text,
            as_int,
            as_float,
            as_bool,
            as_micros(unit="units"),
            as_time(),
            as_texts(separator=","),
        ]
    ),
)
def test_a_value_is_judged_alike_alone_and_among_others(values: list[Any], converter: Any) -> None:
    """Many = map(one): what shares a column never changes what becomes of a value."""
    many = Column(values=values).convert(converter)
    ones = [Column(values=[value]).convert(converter) for value in values]
    assert many.values.to_pylist() == [one.values[0].as_py() for one in ones]
    bad = np.zeros(len(values), bool) if many.bad is None else many.bad
    assert bad.tolist() == [one.bad is not None and bool(one.bad[0]) for one in ones]


@settings(max_examples=100)
@given(
    st.decimals(-10, 10**9, places=6, allow_nan=False) | st.integers(-5, 2 * 10**9),
    st.sampled_from([str, float]),
)
def test_money_is_what_the_exact_rule_says(amount: Any, kind: Any) -> None:
    """The column rule is the plain one of schema.money, for text and for floats."""
    given_as = kind(amount)
    cells = Column(values=[given_as]).convert(as_micros(unit="units"))
    try:
        expected = to_micros(given_as)
    except InputError:
        expected = None
    assert cells.values.to_pylist() == [expected]
    assert (cells.bad is not None) == (expected is None)


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        ("2024-01-02", 1_704_153_600_000),
        ("2024-01-02T03:04:05Z", 1_704_164_645_000),
        ("2024-01-02 03:04:05.678+01:00", 1_704_161_045_678),
        ("2024-01-02T03:04:05.123456789Z", 1_704_164_645_123),
        (1_704_164_645, 1_704_164_645_000),
        (1_704_164_645.25, 1_704_164_645_250),
        (1_704_164_645_000, 1_704_164_645_000),
        ("1704164645", 1_704_164_645_000),
        ("", None),
        ("yesterday", "bad"),
        ("2024-02-30", "bad"),
        ("2024-01-02T25:00:00Z", "bad"),
        (True, "bad"),
    ],
)
def test_times(given_as: Any, expected: Any) -> None:
    """ISO 8601 with and without zone, seconds and milliseconds; nothing else."""
    cells = Column(values=[given_as]).convert(as_time())
    assert ("bad" if cells.bad is not None else cells.values[0].as_py()) == expected


def test_arrow_types_of_files() -> None:
    """Dictionaries, large strings, decimals, dates, unsigned and naive or zoned timestamps are read."""
    one = [
        (pa.array(["x"]).dictionary_encode(), as_text, "x"),
        (pa.array(["x"], pa.large_string()), as_text, "x"),
        (pa.array(["x"], pa.string_view()), as_text, "x"),
        (pa.array([b"x"]), as_text, "x"),
        (pa.array([7], pa.uint64()), as_int, 7),
        (pa.array([7.0]), as_int, 7),
        (pa.array(["1.25"]).cast(pa.decimal128(5, 2)), as_micros(unit="units"), 1_250_000),
        (pa.array([199], pa.int16()), as_micros(unit="cents"), 1_990_000),
        (pa.array([1], pa.date32()), as_time(), 86_400_000),
        (pa.array([1], pa.timestamp("s")), as_time(), 1000),
        (pa.array([1500], pa.timestamp("us", "Europe/Berlin")), as_time(), 1),
        (pa.array([["a", None, " "]], pa.large_list(pa.large_string())), as_texts(separator=None), ["a"]),
        (pa.array([float("nan")]), as_float, None),
        (pa.nulls(1), as_bool, None),
    ]  # fmt: skip
    for array, converter, expected in one:
        cells = converter(array)
        assert (cells.values[0].as_py(), cells.bad) == (expected, None), array.type


def test_types_that_never_fit_are_bad_and_not_lost() -> None:
    """A column of a wrong type sets its rows aside; nulls stay nulls."""
    for array, converter in (
        (pa.array([1.5, None]), as_text),
        (pa.array([{"a": 1}, None]), as_int),
        (pa.array([[1], None]), as_time()),
        (pa.array([True, None]), as_float),
        (pa.array([2**64 - 1, None], pa.uint64()), as_int),
        (pa.array([float("inf"), None]), as_float),
        (pa.array([-0.01, None]), as_micros(unit="units")),
    ):
        cells = converter(array)
        assert cells.values.null_count == 2
        assert cells.bad is not None
        assert cells.bad.tolist() == [True, False]


_OBJECTS = st.lists(
    st.none()
    | st.dictionaries(
        st.text(max_size=3),
        st.lists(st.sampled_from(["", "x", "y", " x "]), max_size=3) | st.integers(0, 9),
        max_size=4,
    ),
    max_size=8,
)


@settings(max_examples=100)
@given(_OBJECTS)
def test_attributes_are_canonical(objects: list[Any]) -> None:
    """Names sorted, values in order and once, empty ones gone: as a plain loop would do it."""
    expected = []
    for one in objects:
        clean: dict[str, list[str]] = {}
        for name, value in (one or {}).items():
            for part in value if isinstance(value, list) else [value]:
                texts = clean.setdefault(name.strip(), [])
                if (text := str(part).strip()) and text not in texts:
                    texts.append(text)
        kept = {k: v for k, v in clean.items() if k and v}
        # A NUL byte in a name sets the row aside; elsewhere that is tested.
        expected.append(sorted(kept.items(), key=lambda pair: pair[0].encode()))
    pairs = pairs_of_objects(objects)
    made = gather(pairs, len(objects))
    fine = [i for i in range(len(objects)) if pairs.bad is None or not pairs.bad[i]]
    found = made.to_pylist()
    assert [found[i] for i in fine] == [expected[i] for i in fine]
    again = gather(pairs_of_map(made), len(objects))
    assert again.equals(made)


def test_a_sliced_map_is_its_own_rows() -> None:
    """Arrow's maps share their children with what they were cut from."""
    whole = gather(pairs_of_objects([{"a": "1"}, {"b": ["2", "3"]}, {}]), 3)
    assert gather(pairs_of_map(whole.slice(1)), 2).to_pylist() == [[("b", ["2", "3"])], []]


def test_objects_and_columns_are_judged_alike() -> None:
    """HTTP's path and the files' path give the same rows and the same reasons."""
    items = [
        {"listing_id": "a", "title": "x", "price": 3.5, "tags": ["t"], "attributes": {"c": ["r"]}},
        {"listing_id": "b", "title": "y" * 1001, "price": 1.0, "tags": [], "attributes": {}},
        {"listing_id": "c", "title": "z", "price": -2.0, "tags": None, "attributes": None},
    ]
    rows, refused = listings_from_objects(items, defaults=DEFAULTS)
    require(rows, LISTING, at="test")
    table = pa.table(
        {
            **{
                name: [item[name] for item in items]
                for name in ("listing_id", "title", "price", "tags")
            },
            "attributes": pa.array(
                [list((item["attributes"] or {}).items()) for item in items],
                pa.map_(pa.string(), pa.list_(pa.string())),
            ),
        }
    )
    columns = {name: Column(arrow=table[name].combine_chunks()) for name in table.column_names}
    judged = judge(columns, 3, kind="listings", source_map=own_names(), defaults=DEFAULTS)
    assert judged.rows.equals(rows)
    assert [(r.index, r.reason) for r in judged.rejections] == refused
    assert [index for index, _ in refused] == [1, 2]


@settings(max_examples=60)
@given(
    st.lists(st.dictionaries(st.sampled_from([*LISTING.names, "id", "price"]), _VALUES), max_size=6)
)
def test_no_json_breaks_the_judge(items: list[Any]) -> None:
    """Whatever comes: each item is a row or has a reason, and the rows keep the contract."""
    rows, refused = listings_from_objects(items, defaults=DEFAULTS)
    require(rows, LISTING, at="test")
    assert rows.num_rows + len(refused) == len(items)
    assert all(reason and len(reason) < 5_000 for _, reason in refused)
    rows.validate(full=True)


def test_an_empty_list_lets_the_next_name_speak() -> None:
    """Null, "" and [] all mean that a list is missing; then the alias, then the default counts."""
    for nothing in (None, "", [], [" "]):
        item = {"listing_id": "a", "title": "x", "category_path": nothing, "category": "a > b"}
        rows, _ = listings_from_objects([item], defaults=DEFAULTS)
        assert rows.column("category_path").to_pylist() == [["a", "b"]]
        assert rows.column("tags").to_pylist() == [[]]


def test_nothing_is_a_batch_too() -> None:
    """No items, no rows, no error."""
    assert listings_from_objects([], defaults=DEFAULTS)[0].num_rows == 0
    assert columns_of([]) == {}


def test_all_faults_of_a_map_are_listed() -> None:
    """Each with the place and what is allowed there."""
    text = """
        colour = 1
        [listing]
        title = 7
        prise = "p"
        price = { column = "p", unit = "pounds" }
        quantity = { column = "q", constant = 1 }
        created = { column = "c", format = "stardate" }
        tags = { column = "t", separatr = "|" }
        [judgments]
        query = "q"
    """
    with pytest.raises(MappingError) as raised:
        parse_map(text, at="m.toml")
    said = str(raised.value)
    for words in (
        "m.toml: ", "map.colour is unknown", "listing.prise is unknown; allowed are listing_id",
        "listing.listing_id is missing", "units, cents, micros", "exactly one of column",
        "stardate", "separatr is unknown", "judgments.grade", "listing.title must be a table",
    ):  # fmt: skip
        assert words in said, words
    with pytest.raises(MappingError, match="not TOML"):
        parse_map("[", at="m.toml")
    with pytest.raises(MappingError, match="nothing is mapped"):
        parse_map("", at="m.toml")
