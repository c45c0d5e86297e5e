"""Every field of the schema has its line in the glossary."""

from pathlib import Path

import pyarrow as pa
import pytest

from mercer.schema.catalogue import CHANGED_LISTING
from mercer.schema.seller import SELLER

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"


@pytest.mark.parametrize("schema", [CHANGED_LISTING, SELLER], ids=["listing", "seller"])
def test_every_schema_field_is_explained(schema: pa.Schema) -> None:
    """A field that a user can see is explained, with its unit, before it is shipped."""
    text = GLOSSARY.read_text("utf-8")
    assert [name for name in schema.names if f"`{name}`" not in text] == []
