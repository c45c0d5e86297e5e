"""HTTP of favourites, cart and checkout: forms in, a page, a part of one, or a way back out."""

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mercer.schema.errors import NotFoundError
from mercer.serve.problem import Problem
from mercer.serve.shop.assets import TEMPLATES
from mercer.serve.shop.basket import (
    CART_COOKIE,
    CHECKOUT_COOKIE,
    FAVOURITES_COOKIE,
    ORDER_COOKIE,
    Line,
    cart_cookie,
    favourites_cookie,
    order_cookie,
    put_line,
    read_order,
)
from mercer.serve.shop.counter import ONCE_CHARS, Choice, Counter
from mercer.serve.shop.shop import Shop, new_once
from mercer.serve.shop.visit import Visit, read_form, read_source, read_visit, way_back
from mercer.serve.shop.visitor import THEME_COOKIE, VISITOR_AGE_S, remember, set_cookie
from mercer.serve.workers import Workers

CART_AGE_S = 30 * 24 * 3600
ORDER_AGE_S = 24 * 3600
_ORDER_ID = re.compile(r"[0-9a-f-]{32,36}")
_SEE_OTHER = 303


@final
class CounterRoutes:
    """The handlers of what a visitor keeps and buys."""

    def __init__(
        self, shop: Shop, counter: Counter, *, reads: Workers, writes: Workers, max_form_bytes: int
    ) -> None:
        self._shop, self._counter = shop, counter
        self._reads, self._writes, self._max_form_bytes = reads, writes, max_form_bytes

    async def favour(self, request: Request) -> Response:
        """Keep a listing, or let it go: the form names the state that is wanted."""
        visit, form = await self._form(request)
        choice, is_kept = _choice(form), form.get("keep") == "1"
        call = partial(self._counter.favour, visit, choice, is_kept=is_kept, log=request.state.log)
        kept = await self._writes.run(call)
        if visit.is_part:
            part = TEMPLATES.render(
                "kept.html",
                key=form.get("key", "")[:16],
                listing_id=choice.listing_id,
                label=form.get("title", "")[:200],
                source=choice.source,
                is_kept=is_kept,
                is_wide=form.get("wide") == "1",
                n_kept=len(kept),
            )
            answer = html(part, visit)
        else:
            answer = _go(way_back(request, otherwise="/favourites"), visit)
        cookie = favourites_cookie(kept)
        _keep(answer, FAVOURITES_COOKIE, cookie, visit, age_s=VISITOR_AGE_S)
        return answer

    async def kept(self, request: Request) -> Response:
        """What the visitor keeps, for a page that the browser had in memory."""
        visit = read_visit(request)
        body = json.dumps({"n_cart": visit.n_cart, "favourites": visit.favourites})
        return Response(body, media_type="application/json")

    async def cart(self, request: Request) -> Response:
        """The page of the cart."""
        visit = read_visit(request)
        return html(await self._reads.run(partial(self._counter.cart, visit)), visit)

    async def put(self, request: Request) -> Response:
        """Put a listing into the cart."""
        visit, form = await self._form(request)
        choice = _choice(form)
        call = partial(self._counter.put, visit, choice, log=request.state.log)
        try:
            cart = await self._writes.run(call)
        except NotFoundError:  # sold and gone since the page was made
            if not visit.is_part:
                raise
            cart = visit.cart
        if visit.is_part:
            part = TEMPLATES.render(
                "added.html",
                n_cart=sum(line.quantity for line in cart),
                n_pieces=next((x.quantity for x in cart if x.listing_id == choice.listing_id), 0),
                once=new_once(),
            )
            answer = html(part, visit)
        else:
            answer = _go("/cart", visit)
        _keep(answer, CART_COOKIE, cart_cookie(cart), visit, age_s=CART_AGE_S)
        return answer

    async def change(self, request: Request) -> Response:
        """Another quantity of one line of the cart; 0 takes it out."""
        visit, form = await self._form(request)
        quantity = 0 if form.get("remove") else _number(form.get("quantity", ""))
        line = Line(_listing_id(form), quantity)
        answer = _go("/cart", visit)
        cart = put_line(visit.cart, line, is_added=False)
        _keep(answer, CART_COOKIE, cart_cookie(cart), visit, age_s=CART_AGE_S)
        return answer

    async def checkout(self, request: Request) -> Response:
        """The page before the order."""
        visit = read_visit(request)
        if not visit.cart:
            return _go("/cart", visit)
        # One number until the order is placed: whoever tries again after an error orders once.
        order_id = request.cookies.get(CHECKOUT_COOKIE, "")
        order_id = order_id if _ORDER_ID.fullmatch(order_id) else str(uuid4())
        page = partial(self._counter.checkout, visit, order_id)
        answer = html(await self._reads.run(page), visit)
        _keep(answer, CHECKOUT_COOKIE, order_id, visit, age_s=ORDER_AGE_S, path="/checkout")
        return answer

    async def place(self, request: Request) -> Response:
        """Place the order; sent twice it is one order."""
        visit, form = await self._form(request)
        order_id = form.get("order_id", "")
        if not _ORDER_ID.fullmatch(order_id):
            raise Problem("bad-request", "the form has no order number; start at the cart again")
        if not visit.cart:  # sent twice: the first one was taken
            return _go(f"/order/{order_id}", visit)
        order = await self._writes.run(partial(self._counter.place, visit, order_id))
        answer = _go(f"/order/{order_id}", visit)
        _keep(answer, ORDER_COOKIE, order_cookie(order), visit, age_s=ORDER_AGE_S, path="/order")
        _keep(answer, CART_COOKIE, "", visit, age_s=CART_AGE_S)
        _keep(answer, CHECKOUT_COOKIE, "", visit, age_s=ORDER_AGE_S, path="/checkout")
        return answer

    async def ordered(self, request: Request) -> Response:
        """The page after the order."""
        visit, order_id = read_visit(request), request.path_params["order_id"]
        if not _ORDER_ID.fullmatch(order_id):
            raise Problem("not-found", "there is no such order")
        order = read_order(request.cookies.get(ORDER_COOKIE, ""))
        page = partial(self._counter.ordered, visit, order_id, order)
        return html(await self._reads.run(page), visit)

    async def theme(self, request: Request) -> Response:
        """Light or dark, as the visitor says."""
        visit, form = await self._form(request)
        answer = Response(status_code=204) if visit.is_part else None
        answer = answer or _go(way_back(request, otherwise="/"), visit)
        theme = "dark" if form.get("theme") == "dark" else "light"
        _keep(answer, THEME_COOKIE, theme, visit, age_s=VISITOR_AGE_S)
        return answer

    async def _form(self, request: Request) -> tuple[Visit, Mapping[str, str]]:
        return read_visit(request), await read_form(request, max_bytes=self._max_form_bytes)


def html(
    page: str,
    visit: Visit | None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page as a response, with the visitor's cookies where there is a visit."""
    # Text that is no valid Unicode (half of a pair, from a foreign catalogue) must not fail a page.
    content = page.encode("utf-8", "replace")
    # no-cache, not no-store: going back shows the page as it was left, without asking again.
    given = {"Cache-Control": "private, no-cache", "Vary": "HX-Request, Cookie"} | dict(
        headers or {}
    )
    answer = Response(content, status, headers=given, media_type="text/html")
    if visit is not None:
        remember(answer, visit.visitor, is_secure=visit.is_secure)
    return answer


def _go(url: str, visit: Visit) -> Response:
    answer = RedirectResponse(url, _SEE_OTHER)
    remember(answer, visit.visitor, is_secure=visit.is_secure)
    return answer


def _keep(
    answer: Response, name: str, value: str, visit: Visit, *, age_s: int, path: str = "/"
) -> None:
    age_s = age_s if value else 0
    set_cookie(answer, name, value, age_s=age_s, is_secure=visit.is_secure, path=path)


def _choice(form: Mapping[str, str]) -> Choice:
    quantity = _number(form.get("quantity", "1"))
    once = form.get("once", "")[:ONCE_CHARS]
    return Choice(_listing_id(form), read_source(form), quantity, once)


def _listing_id(form: Mapping[str, str]) -> str:
    listing_id = form.get("listing_id", "")
    if not 1 <= len(listing_id) <= 200:
        raise Problem("bad-request", "the form names no listing; reload the page and try again")
    return listing_id


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
