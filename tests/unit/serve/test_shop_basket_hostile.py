"""Cart, favourites and order cookies that no page of ours made."""

import base64
import json
import zlib
from typing import Any

import pytest

from mercer.serve.shop.basket import (
    MAX_POSITION,
    MAX_QUANTITY,
    read_cart,
    read_favourites,
    read_order,
)


def _packed(value: Any) -> str:
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(value).encode())).decode().rstrip("=")


@pytest.mark.parametrize("text", ["\ud800", "\udc00\ud800", "a\x00b"])
def test_texts_that_nobody_can_store_are_no_ids(text: str) -> None:
    """Halves of a pair and NUL in a cookie are an empty cart, never an error in the tables."""
    assert read_cart(_packed([[text, 1, "", 1, ""]])) == ()
    assert read_cart(_packed([["m1", 1, "\ud800", 1, ""]])) == ()
    assert read_favourites(_packed([text])) == ()
    assert read_order(_packed(["o", [[text, "t", 1, 5, "EUR", "", 1, "\ud800"]]])) is None


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "=" * 50, _packed([[[]] * 9] * 9), _packed({"a": 1}), _packed("x"), "A" * 9_000,
     _packed(json.loads("[" * 400 + "]" * 400))],
)  # fmt: skip
def test_anything_may_stand_in_a_cookie(cookie: str) -> None:
    """What is not ours is empty."""
    assert read_cart(cookie) == ()
    assert read_favourites(cookie) == ()
    assert read_order(cookie) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("quantity", "x"), ("quantity", []), ("quantity", 10**40), ("quantity", -1), ("quantity", True),
     ("price_micros", "x"), ("price_micros", None), ("price_micros", 10**16), ("title", 1),
     ("currency", "<b>bold</b>"), ("listing_id", ""), ("listing_id", None)],
)  # fmt: skip
def test_an_order_with_a_line_that_no_checkout_made_is_none(name: str, value: object) -> None:
    """A line of the order's cookie has the fields and the ranges of an order, or the order is unknown."""
    line = {"listing_id": "m1", "title": "Mug", "quantity": 1, "price_micros": 5, "currency": "EUR"}
    assert read_order(_packed({"order_id": "o", "lines": [line]})) is not None
    assert read_order(_packed({"order_id": "o", "lines": [line | {name: value}]})) is None
    assert read_order(_packed({"order_id": "o", "lines": [value]})) is None


def test_a_cart_with_numbers_out_of_range_can_still_be_bought() -> None:
    """Positions and quantities of a cart are those that an event may have."""
    (line,) = read_cart(_packed([["m1", 10**30, "p", 10**30, "t"]]))
    assert (line.quantity, line.source.position) == (MAX_QUANTITY, MAX_POSITION)
    (line,) = read_cart(_packed([["m1", True, "p", True, "t"]]))
    assert type(line.quantity) is type(line.source.position) is int


def test_a_cookie_that_unpacks_to_very_much_is_not_ours() -> None:
    """Ten megabytes of blanks in ten kilobytes are cut before they are read."""
    bomb = base64.urlsafe_b64encode(zlib.compress(b"[" + b" " * 4_000_000 + b"]")).decode()
    assert read_cart(bomb) == ()
