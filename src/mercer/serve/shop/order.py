"""From the lines of a cart to an order: prices, what is gone, totals. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mercer.retrieve.request import Hit
from mercer.serve.shop.basket import Bought, Line, Order
from mercer.serve.shop.card import NOBODY, Card, card_of, listing_url, money
from mercer.serve.shop.listing import MAX_CHOICES


@dataclass(frozen=True, slots=True)
class CartLine:
    """One line of the cart as it stands now."""

    card: Card
    line: Line
    quantity: int  # that can be bought; what is in stock bounds it
    stock: int
    price_micros: int
    currency: str
    total: str
    note: str  # what changed since it was put in; "" where nothing did
    choices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CartView:
    """A cart as its page shows it."""

    lines: tuple[CartLine, ...]
    gone: tuple[str, ...]  # what can no longer be bought: titles, or ids where those are gone too
    totals: tuple[str, ...]  # one for each currency
    n_pieces: int


def view_cart(
    cart: Sequence[Line],
    documents: Mapping[str, Mapping[str, Any]],
    *,
    can_draw: bool,
    sellers: Mapping[str, str] = NOBODY,
) -> CartView:
    """The cart against the listings as they stand.

    Args:
        cart: what the visitor put in.
        documents: listing_id -> LISTING fields; an id that is missing is gone.
    """
    lines, gone = [], []
    for line in cart:
        document = documents.get(line.listing_id)
        if document is None or not _can_be_bought(document):
            gone.append(str(document["title"]) if document else line.listing_id)
            continue
        lines.append(_cart_line(line, document, can_draw=can_draw, sellers=sellers))
    sums: dict[str, int] = {}
    for one in lines:
        sums[one.currency] = sums.get(one.currency, 0) + one.price_micros * one.quantity
    totals = tuple(money(micros, currency) for currency, micros in sums.items())
    return CartView(tuple(lines), tuple(gone), totals, sum(one.quantity for one in lines))


def _can_be_bought(document: Mapping[str, Any]) -> bool:
    return (
        int(document.get("quantity") or 0) > 0
        and not document.get("is_hidden")
        and document.get("price_micros") is not None
    )


def _cart_line(
    line: Line, document: Mapping[str, Any], *, can_draw: bool, sellers: Mapping[str, str]
) -> CartLine:
    stock, price = int(document["quantity"]), int(document["price_micros"])
    quantity, currency = min(line.quantity, stock), str(document.get("currency") or "")
    return CartLine(
        card=card_of(Hit(0, line.listing_id, 0.0, document), can_draw=can_draw, sellers=sellers),
        line=line,
        quantity=quantity,
        stock=stock,
        price_micros=price,
        currency=currency,
        total=money(price * quantity, currency),
        note=f"Only {stock} left: the quantity was lowered" if stock < line.quantity else "",
        choices=tuple(range(1, min(stock, max(MAX_CHOICES, quantity)) + 1)),
    )


def order_of(view: CartView, *, order_id: str) -> Order:
    """The order that buys a cart at the prices of now."""
    return Order(
        order_id,
        tuple(
            Bought(
                one.card.listing_id, one.card.title, one.quantity, one.price_micros, one.currency,
                one.line.source,
            )
            for one in view.lines
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """One line of a placed order as it is shown."""

    title: str
    url: str
    quantity: int
    total: str


def ordered_lines(order: Order) -> tuple[OrderedLine, ...]:
    """The lines of an order in words."""
    return tuple(
        OrderedLine(
            line.title,
            listing_url(line.listing_id),
            line.quantity,
            money(line.price_micros * line.quantity, line.currency),
        )
        for line in order.lines
    )


def order_totals(order: Order) -> tuple[str, ...]:
    """What an order costs, for each currency."""
    sums: dict[str, int] = {}
    for line in order.lines:
        sums[line.currency] = sums.get(line.currency, 0) + line.price_micros * line.quantity
    return tuple(money(micros, currency) for currency, micros in sums.items())
