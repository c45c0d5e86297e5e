"""Searches read the short way are what the models read, or are left to them."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.datastructures import QueryParams

from mercer.retrieve.request import SearchRequest
from mercer.serve.problem import Problem
from mercer.serve.quick_read import search_of_body, search_of_url, suggest_of_url
from mercer.serve.wire import SearchParams, split_facets

MAX_DEPTH = 10_000
NAMES = (*SearchParams.model_fields, "surface", "Q", "")
TEXTS = st.sampled_from(
    ["", "mug", "0", "1", "01", "+1", "1.0", "1e2", " 2", "2 ", "-1", "250", "251", "1_0", "٣", "nan",
     "inf", "true", "null", "hybrid", "Hybrid", "lexical", "relevance", "price_asc", "color,category",
     " a , b ,", "*", "x" * 200, "x" * 201, "é", "\u2028", "10000", "999999999999999999999", "a&b=c"]
)  # fmt: skip
VALUES = TEXTS | st.text(max_size=8)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats() | VALUES | st.just(10**30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(VALUES, inner, max_size=2),
    max_leaves=4,
)


def _outcome(read: Callable[[], SearchParams]) -> SearchRequest | None:
    """The search as the models read it; None where they refuse it."""
    try:
        return read().to_request(max_depth=MAX_DEPTH)
    except (ValidationError, Problem):
        return None


def _by_model(query: bytes) -> SearchRequest | None:
    """As FastAPI hands a URL to the model: the last value of a name, all of a list."""
    given = QueryParams(query)
    found: dict[str, Any] = {
        name: given.getlist(name) if name == "facets" else given[name] for name in given
    }

    def read() -> SearchParams:
        params = SearchParams.model_validate(found)
        return params.model_copy(update={"facets": split_facets(params.facets)})

    return _outcome(read)


@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=5))
def test_a_url_is_what_the_model_reads(pairs: list[tuple[str, str]]) -> None:
    """What is read the short way is what the model reads; what it refuses is left to it."""
    query = urlencode(pairs).encode()
    quick = search_of_url(query, max_depth=MAX_DEPTH)
    assert quick is None or quick == _by_model(query)


@given(st.binary(max_size=40) | st.text("qfacets=&%+;12,", max_size=30).map(str.encode))
def test_any_bytes_of_a_url(query: bytes) -> None:
    """The same for a query that no client of ours would write."""
    quick = search_of_url(query, max_depth=MAX_DEPTH)
    assert quick is None or quick == _by_model(query)


@given(st.dictionaries(st.sampled_from(NAMES), JSONS, max_size=4) | JSONS)
def test_a_body_is_what_the_model_reads(value: Any) -> None:
    """The same for JSON bodies."""
    body = json.dumps(value).encode()
    quick = search_of_body(body, max_depth=MAX_DEPTH)
    by_model = _outcome(lambda: SearchParams.model_validate_json(body, strict=True))
    assert quick is None or quick == by_model


@given(st.binary(max_size=60) | st.text('{}[]"qpage:1.0e,\\ud8', max_size=40).map(str.encode))
def test_any_bytes_of_a_body(body: bytes) -> None:
    """The same for a body that is hardly JSON."""
    quick = search_of_body(body, max_depth=MAX_DEPTH)
    by_model = _outcome(lambda: SearchParams.model_validate_json(body, strict=True))
    assert quick is None or quick == by_model


@pytest.mark.parametrize(
    "body", [b'{"page": 1.0}', b'{"q": "\\ud800"}', b'{"q": "a", "q": "b"}', b'{"budget_ms": 5}']
)
def test_where_readers_of_json_differ(body: bytes) -> None:
    """Numbers, halves of characters and names that come twice are read as the model reads them."""
    quick = search_of_body(body, max_depth=MAX_DEPTH)
    by_model = _outcome(lambda: SearchParams.model_validate_json(body, strict=True))
    assert quick is None or quick == by_model


def test_what_shops_ask_is_read_the_short_way() -> None:
    """The searches of a usual page need no model."""
    asked = {
        "q": "wooden mug",
        "filter": "price < 20",
        "facets": "*",
        "per_page": "24",
        "page": "2",
    }
    query = urlencode(asked).encode()
    quick = search_of_url(query, max_depth=MAX_DEPTH)
    assert quick is not None
    assert quick == _by_model(query)
    body = json.dumps({"q": "mug", "facets": ["color"], "budget_ms": 20.5, "cursor": None}).encode()
    assert search_of_body(body, max_depth=MAX_DEPTH) is not None
    assert search_of_url(b"page=500&per_page=24", max_depth=MAX_DEPTH) is None  # too deep


@given(st.lists(st.tuples(st.sampled_from(["q", "limit", "x"]), VALUES), max_size=3))
def test_what_is_typed(pairs: list[tuple[str, str]]) -> None:
    """A completion is asked for with the text and the number that the URL says, or not the short way."""
    quick = suggest_of_url(urlencode(pairs).encode())
    if quick is not None:
        said = dict(parse_qsl(urlencode(pairs), keep_blank_values=True))
        assert set(said) <= {"q", "limit"}
        assert len(said) == len(pairs)
        assert quick == (said.get("q", ""), int(said.get("limit", "8")))
        assert 1 <= quick[1] <= 50
