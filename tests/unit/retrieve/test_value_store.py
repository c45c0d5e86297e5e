"""A lexicon's values as Arrow columns."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.retrieve.lexicon import ValueCount
from mercer.retrieve.value_store import StoredValues, joint_of, joint_table, values_table
from mercer.schema.errors import SchemaError

texts = st.text(max_size=6)
counts = st.integers(0, 2**62)
values = st.builds(ValueCount, texts, texts, counts, is_exact=st.booleans())


@given(st.dictionaries(texts, st.lists(values, min_size=1, max_size=3).map(tuple), max_size=5))
def test_values_come_back(by_key: dict[str, tuple[ValueCount, ...]]) -> None:
    """What was stored is what is found, in the same order; other keys are not there."""
    stored = StoredValues(values_table(by_key))
    assert dict(stored) == by_key
    assert list(stored) == list(by_key)
    assert stored.get("no such key at all", ()) == ()


@given(st.dictionaries(st.tuples(texts, texts, texts), counts, max_size=5))
def test_joint_counts_come_back(joint: dict[tuple[str, str, str], int]) -> None:
    """Joint counts survive the columns, an empty table too."""
    assert joint_of(joint_table(joint)) == joint


def test_another_table_is_refused() -> None:
    """Columns that are none of a lexicon's are named."""
    with pytest.raises(SchemaError, match="key"):
        StoredValues(pa.table({"word": ["mug"]}))
