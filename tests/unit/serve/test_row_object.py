"""Rows as objects, the quick way and Arrow's."""

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mercer.serve.search.row_object import rows_as_objects

WORDS = st.lists(st.text(max_size=4), max_size=3)
ROW = st.fixed_dictionaries(
    {
        "id": st.text(max_size=5),
        "n": st.none() | st.integers(0, 9),
        "tags": WORDS,
        "maybe": st.none() | WORDS,
        "attributes": st.dictionaries(st.text(max_size=3), WORDS, max_size=3),
    }
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("n", pa.int64()),
        ("tags", pa.list_(pa.string())),
        ("maybe", pa.list_(pa.string())),
        ("attributes", pa.map_(pa.string(), pa.list_(pa.string()))),
    ]
)


@given(st.lists(ROW, max_size=12), st.integers(0, 5), st.integers(0, 12), st.booleans())
def test_as_arrow_does_it(rows: list[dict[str, Any]], first: int, n: int, is_cut: bool) -> None:
    """Nested columns, nulls, slices and chunks give what `to_pylist` gives."""
    given_rows = [{**row, "attributes": list(row["attributes"].items())} for row in rows]
    table = pa.Table.from_pylist(given_rows, schema=SCHEMA)
    if is_cut:
        table = pa.concat_tables([table.slice(0, first), table.slice(first)])
    table = table.slice(first, n)
    assert rows_as_objects(table) == table.to_pylist(maps_as_pydicts="strict")
    assert rows_as_objects(table) == rows[first : first + n]
