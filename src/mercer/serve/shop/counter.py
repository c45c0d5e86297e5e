"""What changes something: favourites, cart, checkout. Each tells the market what happened.

A visitor's own list is kept in cookies by the caller; here it is worked out and the event is sent.
Every method runs in a worker thread.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from mercer.schema.errors import InputError, MarketError
from mercer.serve.log import Log
from mercer.serve.market import Market
from mercer.serve.shop.basket import Line, Order, Source, put_line
from mercer.serve.shop.event import SOURCE, picked, purchases
from mercer.serve.shop.order import CartView, order_of, order_totals, ordered_lines, view_cart
from mercer.serve.shop.shop import Shop
from mercer.serve.shop.visit import Visit

ONCE_CHARS = 64


@dataclass(frozen=True, slots=True)
class Choice:
    """What a form on a card or a listing's page says."""

    listing_id: str
    source: Source
    quantity: int = 1
    once: str = ""  # made with the form: sent twice it is one event


@final
class Counter:
    """Favourites, cart and checkout."""

    def __init__(self, market: Market, shop: Shop, *, now_ms: Callable[[], int]) -> None:
        self._market, self._shop, self._now_ms = market, shop, now_ms

    def clicked(self, visit: Visit, listing_id: str, source: Source, *, log: Log) -> None:
        """A card was followed by a browser that does not report it itself."""
        event = picked("click", listing_id, source, visit.visitor, now_ms=self._now_ms())
        self._tell([event], log=log)

    def favour(self, visit: Visit, choice: Choice, *, is_kept: bool, log: Log) -> tuple[str, ...]:
        """The favourites with one listing kept or let go. Raises NotFoundError."""
        others = tuple(one for one in visit.favourites if one != choice.listing_id)
        if not is_kept:
            return others
        self._market.listing(choice.listing_id)
        if len(others) == len(visit.favourites):
            now_ms = self._now_ms()
            event = picked(
                "favourite", choice.listing_id, choice.source, visit.visitor, now_ms=now_ms
            )
            self._tell([event], log=log)
        return (*others, choice.listing_id)

    def put(self, visit: Visit, choice: Choice, *, log: Log) -> tuple[Line, ...]:
        """The cart with some pieces more; never more than there are. Raises NotFoundError."""
        document = self._market.listing(choice.listing_id)
        stock = 0 if document.get("is_hidden") else int(document.get("quantity") or 0)
        line = Line(choice.listing_id, max(1, choice.quantity), choice.source)
        cart = put_line(visit.cart, line, is_added=True)
        have = next(one.quantity for one in cart if one.listing_id == choice.listing_id)
        if have > stock:
            line = Line(choice.listing_id, stock, choice.source)
            cart = put_line(visit.cart, line, is_added=False)
        if stock:
            event = picked(
                "cart",
                choice.listing_id,
                choice.source,
                visit.visitor,
                now_ms=self._now_ms(),
                once=choice.once,
            )
            self._tell([event | {"quantity": max(1, choice.quantity)}], log=log)
        return cart

    def view(self, visit: Visit) -> CartView:
        """The cart as it stands now."""
        documents = self._shop.documents([line.listing_id for line in visit.cart])
        return view_cart(
            visit.cart,
            documents,
            can_draw=self._shop.can_draw,
            sellers=self._shop.sellers_of(documents.values()),
        )

    def cart(self, visit: Visit) -> str:
        """The page of the cart."""
        return self._shop.render("cart.html", visit, cart=self.view(visit))

    def checkout(self, visit: Visit, order_id: str) -> str:
        """The page before the order."""
        return self._shop.render("checkout.html", visit, cart=self.view(visit), order_id=order_id)

    def place(self, visit: Visit, order_id: str) -> Order:
        """Buy what is in the cart: one purchase event for each line, durable when this returns.

        Raises:
            InputError: nothing in the cart can be bought.
            MarketError: the events could not be written; the cart stays as it is.
        """
        view = self.view(visit)
        if not view.lines:
            raise InputError("nothing in the cart can be bought any more; look at the cart again")
        order = order_of(view, order_id=order_id)
        events = purchases(order, visit.visitor, now_ms=self._now_ms())
        results = self._market.put_events(events, source=SOURCE)
        refused = [one.reason for one in results if one.verdict == "rejected"]
        if refused:
            raise InputError(f"the order could not be placed: {refused[0]}")
        return order

    def ordered(self, visit: Visit, order_id: str, order: Order | None) -> str:
        """The page after the order."""
        shown = order if order is not None and order.order_id == order_id else None
        return self._shop.render(
            "ordered.html",
            visit,
            order_id=order_id,
            order=shown,
            lines=ordered_lines(shown) if shown else (),
            totals=order_totals(shown) if shown else (),
        )

    def _tell(self, events: Sequence[Mapping[str, Any]], *, log: Log) -> None:
        """Send events whose loss must not fail the page."""
        try:
            results = self._market.put_events(events, source=SOURCE)
        except MarketError as error:
            log.error("shop_event_lost", error=error, kind=events[0]["kind"])
            return
        for one in results:
            if one.verdict == "rejected":
                log.warning("shop_event_rejected", reason=one.reason)
