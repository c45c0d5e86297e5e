"""Records as Avro."""

import fastavro
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercer.engines.embedded.log.avro_files import read_avro, write_avro
from mercer.events.avro import NAMES, avro_schema, records_of, rows_of
from mercer.events.log import RECORD_KINDS, RECORD_SCHEMAS
from mercer.schema.errors import CorruptError, SchemaError

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_plain = {
    pa.string(): _text,
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
}


def values(kind, *, nullable):
    """Any value of an Arrow type."""
    if pa.types.is_list(kind):
        made = st.lists(values(kind.value_type, nullable=False), max_size=3)
    elif pa.types.is_map(kind):
        inner = values(kind.item_type, nullable=False)
        made = st.dictionaries(_text, inner, max_size=3).map(lambda d: list(d.items()))
    elif pa.types.is_struct(kind):
        made = st.fixed_dictionaries(
            {
                f.name: values(f.type, nullable=f.nullable)
                for f in (kind.field(i) for i in range(kind.num_fields))
            }
        )
    else:
        made = _plain[kind]
    return st.none() | made if nullable else made


def rows(kind):
    """Any few rows of a kind of record."""
    schema = RECORD_SCHEMAS[kind]
    row = st.fixed_dictionaries({f.name: values(f.type, nullable=f.nullable) for f in schema})
    return st.lists(row, min_size=1, max_size=3).map(
        lambda made: pa.RecordBatch.from_pylist(made, schema=schema)
    )


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_every_kind_has_a_valid_schema(kind):
    """Avro takes the schema of every kind, and it has every column."""
    schema = avro_schema(kind)
    fastavro.parse_schema(schema)
    assert [field["name"] for field in schema["fields"]] == RECORD_SCHEMAS[kind].names
    assert set(NAMES) == set(RECORD_KINDS)


@pytest.mark.parametrize("kind", RECORD_KINDS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_rows_come_back_from_avro(kind, data, tmp_path_factory):
    """Any rows of any kind are equal after Avro and back."""
    batch = data.draw(rows(kind))
    path = tmp_path_factory.mktemp("avro") / "rows.avro"
    assert write_avro(path, kind, [batch]) == batch.num_rows
    (back,) = read_avro(path, kind)
    assert back.to_pylist() == batch.to_pylist()
    assert back.schema.equals(RECORD_SCHEMAS[kind])


def test_another_kind_is_refused(tmp_path):
    """A file of another kind, or of no Avro at all, is told by its name."""
    path = tmp_path / "rows.avro"
    write_avro(path, "deletions", [])
    with pytest.raises(CorruptError, match=r"has mercer\.Deletion, not Listing"):
        list(read_avro(path, "listings"))
    path.write_bytes(b"not avro")
    with pytest.raises(CorruptError, match="cannot be read as Avro"):
        list(read_avro(path, "listings"))


def test_a_missing_field_is_told():
    """Records without a field that every version had are refused, with its name."""
    batch = pa.RecordBatch.from_pylist(
        [{"visitor_id": "v", "erased_ms": 1}], schema=RECORD_SCHEMAS["erasures"]
    )
    made = records_of("erasures", batch)
    with pytest.raises(SchemaError, match="'erased_ms' is missing"):
        rows_of("erasures", made, fields=["visitor_id"])


def test_a_type_without_a_form_is_told():
    """An Arrow type that Avro has no form for is refused by name, not written wrongly."""
    from mercer.events.avro import _type

    with pytest.raises(SchemaError, match="has no form in Avro"):
        _type(pa.decimal128(10), "price")
