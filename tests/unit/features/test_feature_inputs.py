"""Listings, sellers and requests as the columns that features read."""

from typing import Any

import pyarrow as pa

from mercer.features.columns import KNOWN
from mercer.features.listing_inputs import listing_inputs, seller_inputs
from mercer.features.request_inputs import request_inputs
from mercer.retrieve.query import AttributeWish, Correction, ParsedQuery, QueryTerm
from mercer.schema.money import Rates
from mercer.schema.seller import SELLER
from support.listing_rows import listing_rows


def _listing(listing_id: str, **fields: Any) -> dict[str, Any]:
    return {"listing_id": listing_id, **fields}


EURO = Rates("USD", "2026-01-01", {"EUR": 1.1})


def test_listings_give_every_known_column() -> None:
    """Derived ones too: category, labels, attributes, the price in the reporting currency."""
    batch = listing_rows(
        _listing("a", category_path=["Home", "Mugs"], tags=["gift"], price_micros=10_000_000,
                    currency="EUR", attributes={"color": ["blue", "white"]}),
        _listing("b", category_path=[], tags=[], price_micros=5, currency="XXX", attributes={}),
        _listing("c", category_path=["Art"], tags=["x", "y"], price_micros=None, currency=None,
                    attributes={"size": ["L"]}),
    )  # fmt: skip
    names = [n for n in KNOWN if n.startswith("listing.") and n != "listing.vector"]
    found = listing_inputs(batch, EURO, reads=[*names, "listing.attributes.color", "query.q"])
    assert set(found.schema.names) == {*names, "listing.attributes.color"}
    columns = found.to_pydict()
    assert columns["listing.category"] == ["Home > Mugs", None, "Art"]
    assert columns["listing.leaf_category"] == ["Mugs", None, "Art"]
    assert columns["listing.labels"] == [["gift", "blue", "white"], [], ["x", "y", "L"]]
    assert columns["listing.facts"] == [["color=blue", "color=white"], [], ["size=L"]]
    assert columns["listing.stated_attributes"] == [["color"], [], ["size"]]
    assert columns["listing.price_micros"] == [11_000_000, None, None]
    assert columns["listing.attributes.color"] == [["blue", "white"], None, None]
    assert columns["listing.title"] == ["thing a", "thing b", "thing c"]


def test_a_slice_of_listings_gives_its_own_rows() -> None:
    """Lists of a sliced batch begin in the middle of their values."""
    rows = [_listing(str(i), category_path=["A", str(i)], tags=[str(i)],
                     attributes={"color": ["red", str(i)]}) for i in range(5)]  # fmt: skip
    batch = listing_rows(*rows)
    reads = [
        "listing.leaf_category", "listing.category", "listing.labels", "listing.facts",
        "listing.stated_attributes",
    ]  # fmt: skip
    whole, part = (listing_inputs(b, EURO, reads=reads) for b in (batch, batch.slice(2, 2)))
    assert part.to_pylist() == whole.slice(2, 2).to_pylist()
    assert listing_inputs(batch, EURO, reads=[]).num_rows == 5


def test_sellers_give_every_known_column() -> None:
    """As they stand."""
    row = {"seller_id": "s", "name": "Mug shop", "opened_ms": 5, "country": "DE", "rating": 4.5,
           "rating_count": 3, "updated_ms": 9}  # fmt: skip
    names = [n for n in KNOWN if n.startswith("seller.")]
    found = seller_inputs(pa.RecordBatch.from_pylist([row], SELLER), reads=names)
    assert found.to_pylist() == [{n: row[n.removeprefix("seller.")] for n in sorted(names)}]


def test_a_request_gives_every_known_column() -> None:
    """The same from a parsed query and from the record of its page; and from a page without one."""
    query = ParsedQuery(
        text="bleu mug",
        terms=(QueryTerm("blue"), QueryTerm("mug")),
        corrections=(Correction("bleu", "blue"),),
        did_you_mean="blue mug",
        wanted=(AttributeWish("color", "Blue", "blue"), AttributeWish("category", "Mugs", "mug")),
        excluded_terms=(("red",),),
        price_max_micros=20,
    )
    found = request_inputs("bleu mug", query.to_dict(), surface="search", visitor_id="v")
    names = {n for n in KNOWN if n.split(".")[0] in ("query", "context", "buyer", "session")}
    assert set(found) == names - {"query.vector", "context.now_ms"}
    assert found["query.text"] == "blue mug"
    assert found["query.terms"] == ["blue", "mug"]
    assert found["query.categories"] == ["Mugs"]
    assert found["query.values"] == ["Blue"]
    assert found["query.wishes"] == ["color=Blue"]
    assert found["query.wished_attributes"] == ["color"]
    assert found["query.excluded"] == ["red"]
    assert found["query.corrections"] == 1
    assert (found["query.price_min_micros"], found["query.price_max_micros"]) == (None, 20)
    bare = request_inputs("", {}, surface="home")
    assert (bare["query.text"], bare["query.terms"]) == ("", [])
