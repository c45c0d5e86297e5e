"""Rows as JSON, by the kernel and by msgspec."""

import json
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.retrieve.document_json import Document, JsonRows
from mercer.retrieve.documents import CARD_CHARS, Documents

TEXT = st.text(max_size=20) | st.sampled_from(
    ("", 'a "quoted" \\ text', "\x00\x1f\x7f", "ü — 😀\n\t")
)
WORDS = st.lists(st.none() | TEXT, max_size=3)
LISTS = st.none() | WORDS
ROW = st.fixed_dictionaries(
    {
        "listing_id": TEXT,
        "maybe": st.none() | TEXT,
        "tags": LISTS,
        "attributes": st.none() | st.dictionaries(TEXT, LISTS, max_size=3),
        "n": st.none() | st.integers(-(2**63), 2**63 - 1),
        "share": st.none() | st.floats(width=32),
        "is_new": st.none() | st.booleans(),
        "description": st.text(max_size=30) | st.text("ab é😀", min_size=250, max_size=700),
    }
)
SCHEMA = pa.schema(
    [
        ("listing_id", pa.string()),
        ("maybe", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("attributes", pa.map_(pa.string(), pa.list_(pa.string()))),
        ("n", pa.int64()),
        ("share", pa.float32()),
        ("is_new", pa.bool_()),
        ("description", pa.string()),
    ]
)


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table, each map as the pairs that Arrow wants."""
    given_rows = [
        {**row, "attributes": row["attributes"] and list(row["attributes"].items())} for row in rows
    ]
    return pa.Table.from_pylist(given_rows, schema=SCHEMA)


def cut(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a card shows it."""
    text, most = row["description"], CARD_CHARS["description"]
    is_long = len(text) > most
    return {**row, "description": text[:most].rsplit(" ", 1)[0] + "…" if is_long else text}


@given(
    rows=st.lists(ROW, max_size=8), first=st.integers(0, 4), is_split=st.booleans(), data=st.data()
)
def test_as_msgspec_writes_it(
    rows: list[dict[str, Any]], first: int, is_split: bool, data: st.DataObject
) -> None:
    """Any rows in any order, of slices and of several batches, are byte for byte what msgspec makes of
    Arrow's own objects with the description cut; and read again they are those objects."""
    table = table_of(rows)
    if is_split:
        table = pa.concat_tables([table.slice(0, first), table.slice(first)])
    table = table.slice(first // 2)
    wanted = data.draw(st.lists(st.integers(0, len(table) - 1), max_size=6)) if len(table) else []
    objects = [cut(row) for row in table.to_pylist(maps_as_pydicts="strict")]
    cards = Documents(table).cards(np.array(wanted, np.int64))
    assert [card.json for card in cards] == [msgspec.json.encode(objects[i]) for i in wanted]
    for card, i in zip(cards, wanted, strict=True):
        assert card.listing_id == objects[i]["listing_id"]
        assert msgspec.json.encode(dict(card)) == card.json


def test_every_character() -> None:
    """Each character of the first planes is escaped, or not, as msgspec does it, wherever it stands."""
    characters = [chr(n) for n in range(0x3000) if not 0xD800 <= n < 0xE000]
    texts = [before + c + "tail of it" for c in characters for before in ("", "1234567")]
    batch = pa.RecordBatch.from_pydict({"listing_id": texts})
    written = JsonRows(batch, cuts={}).texts(np.arange(len(texts)))
    assert written == [msgspec.json.encode({"listing_id": text}) for text in texts]


def test_texts_of_any_length_fit() -> None:
    """A row may be larger than what rows mostly need, also where each of its bytes is escaped."""
    batch = pa.RecordBatch.from_pydict({"listing_id": ["\x01" * 50_000, "b"]})
    first, second = JsonRows(batch, cuts={}).texts(np.array([0, 1]))
    assert json.loads(first) == {"listing_id": "\x01" * 50_000}
    assert second == b'{"listing_id":"b"}'


@pytest.mark.parametrize("row", [-1, 2])
def test_a_row_that_is_not_there(row: int) -> None:
    """Memory beyond the batch is never read."""
    rows = JsonRows(pa.RecordBatch.from_pydict({"listing_id": ["a", "b"]}), cuts={})
    with pytest.raises(IndexError, match=r"0\.\.1"):
        rows.texts(np.array([0, row]))


def test_a_type_that_no_listing_has() -> None:
    """What the kernel cannot read is refused, not guessed."""
    with pytest.raises(TypeError, match="int8"):
        JsonRows(pa.RecordBatch.from_pydict({"n": pa.array([1], pa.int8())}), cuts={})


def test_a_document_is_a_mapping() -> None:
    """It compares, counts and reads as the dict that it says."""
    document = Document(b'{"listing_id":"a","n":[1,2]}')
    assert document == {"listing_id": "a", "n": [1, 2]}
    assert list(document) == ["listing_id", "n"]
    assert len(document) == 2
    assert document.get("n") == [1, 2]
    assert "x" not in document
    assert repr(document) == "Document({'listing_id': 'a', 'n': [1, 2]})"
