"""The shop without a browser: listing page, favourites, cart, checkout, visitors, and what they tell."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from mercer.schema.errors import MarketBusyError
from support.plain_market import PAGE_ID, PlainMarket, listing

HTML = {"accept": "text/html"}
PART = {"hx-request": "true"}
FROM = {"page": PAGE_ID, "position": "3", "token": "t0k"}


def _events(market: PlainMarket, kind: str) -> list[Mapping[str, Any]]:
    return [event for event in market.events.values() if event["kind"] == kind]


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]* value="([^"]*)"', page)
    assert found, name
    return found.group(1)


def test_the_start_page_has_categories_and_rows(
    client_of: Callable[..., TestClient],
) -> None:
    """Without words there are categories, what is new and what is worth a look; no listing twice."""
    market = PlainMarket([listing(f"L{i}", f"Mug {i}") for i in range(60)])
    page = client_of(market).get("/").text
    assert 'href="/?f=category%3A' in page
    assert "Just listed" in page
    ids = re.findall(r'data-listing="(L\d+)"', page)
    assert len(ids) == len(set(ids)) > 12


def test_the_listing_page_shows_all_of_it(client_of: Callable[..., TestClient]) -> None:
    """Title, price, seller, category, attributes, tags, text, stock, and listings like it."""
    market = PlainMarket(
        [
            listing(
                "m1", "White mug", attributes={"color": ["white"]}, tags=["gift"], quantity=3,
                description="First.\n\nSecond.", images=["sim:1:0", "sim:1:1", "https://x.example/a"],
            ),
            listing("m2", "Blue mug"),
        ]
    )  # fmt: skip
    page = client_of(market, draw=lambda ref, size: b"").get("/listing/m1").text
    for text in ("White mug", "€12.50", "s1", "Mugs", "white", "gift", "Only 3 left", "Blue mug"):
        assert text in page
    assert "<p>First.</p><p>Second.</p>" in page
    assert page.count("?size=720") == 2
    assert "x.example" not in page


@pytest.mark.parametrize("fields", [{"quantity": 0}, {"price_micros": None}])
def test_what_cannot_be_bought_has_no_cart_button(
    client_of: Callable[..., TestClient], fields: dict[str, Any]
) -> None:
    """Sold out, or without a price: the page is there, the button is not."""
    page = client_of(PlainMarket([listing("m1", "Mug", **fields)])).get("/listing/m1")
    assert page.status_code == 200
    assert "Add to cart" not in page.text


def test_gone_and_hidden_listings_are_a_friendly_404(client_of: Callable[..., TestClient]) -> None:
    """A listing that was taken down is gone, like one that never was."""
    client = client_of(PlainMarket([listing("m1", "Mug", is_hidden=True)]))
    for listing_id in ("m1", "none"):
        answer = client.get(f"/listing/{listing_id}", headers=HTML)
        assert answer.status_code == 404
        assert "sold, taken down or never there" in answer.text


def test_a_visit_is_known_again_and_asks_in_its_name(
    client: TestClient, market: PlainMarket
) -> None:
    """Both cookies are set once, kept from scripts and other sites, and go with every search."""
    answer = client.get("/?q=mug")
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert all("HttpOnly" in one and "SameSite=lax" in one for one in cookies)
    assert "Max-Age=1800" in next(one for one in cookies if one.startswith("mercer_session"))
    client.get("/?q=mug")
    client.get("/listing/m1")
    first, *others = market.searches
    assert first.visitor_id
    assert first.session_id
    assert {(one.visitor_id, one.session_id) for one in others} == {
        (first.visitor_id, first.session_id)
    }


def test_a_malformed_visitor_is_a_new_one(client: TestClient, market: PlainMarket) -> None:
    """Nobody can put text of their own choice into the log by a cookie."""
    client.cookies.set("mercer_visitor", "<script>")
    client.get("/?q=mug")
    assert re.fullmatch(r"[0-9a-f]{32}", market.searches[0].visitor_id or "")


def test_a_click_without_a_script_is_told_once(client: TestClient, market: PlainMarket) -> None:
    """The address says where the card stood; a reload is the same click, a script tells its own."""
    client.get("/listing/m1", params=FROM)
    client.get("/listing/m1", params=FROM)
    client.get("/listing/m2", params=FROM | {"by": "script"})
    client.get("/listing/m2")
    (click,) = _events(market, "click")
    assert (click["listing_id"], click["page_id"], click["position"]) == ("m1", PAGE_ID, 3)
    assert (click["token"], click["source"]) == ("t0k", "shop")


def test_favourites_are_kept_and_let_go(client: TestClient, market: PlainMarket) -> None:
    """The heart names the state that is wanted; keeping is an event, letting go is none."""
    form = {"listing_id": "m1", "keep": "1", **FROM}
    answer = client.post("/favourites", data=form, headers=PART | {"referer": "http://localhost/"})
    assert 'aria-pressed="true"' in answer.text
    assert 'id="n-favourites" hx-swap-oob="true">1<' in answer.text
    client.post("/favourites", data=form, headers=PART)
    (event,) = _events(market, "favourite")
    assert (event["listing_id"], event["position"]) == ("m1", 3)
    assert "White ceramic mug" in client.get("/favourites").text
    answer = client.post(
        "/favourites",
        data=form | {"keep": "0"},
        headers={"referer": "http://localhost/?q=mug"},
        follow_redirects=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/?q=mug")
    assert "Nothing here yet" in client.get("/favourites").text


def test_the_way_back_never_leaves_the_shop(client: TestClient) -> None:
    """A referrer of another site is no address to send anybody to."""
    for referer in ("https://evil.example/x", "http://localhost//evil.example", ""):
        answer = client.post(
            "/favourites",
            data={"listing_id": "m1", "keep": "1"},
            headers={"referer": referer},
            follow_redirects=False,
        )
        assert answer.headers["location"] == "/favourites"


def test_a_purchase_from_card_to_log(client: TestClient, market: PlainMarket) -> None:
    """What was picked on a page is bought with that page, at the price of now, one event per line."""
    client.post("/cart", data={"listing_id": "m1", "quantity": "1", "once": "a", **FROM})
    client.post("/cart", data={"listing_id": "m1", "quantity": "1", "once": "b"})
    client.post("/cart", data={"listing_id": "m2", "quantity": "1", "once": "c"})
    assert [event["quantity"] for event in _events(market, "cart")] == [1, 1, 1]
    cart = client.get("/cart").text
    assert "€45.00" in cart  # two at 12.50 and one at 20
    checkout = client.get("/checkout").text
    assert "demo checkout" in checkout
    order_id = _hidden(checkout, "order_id")
    thanks = client.post("/checkout", data={"order_id": order_id})
    assert "Thank you" in thanks.text
    assert "€45.00" in thanks.text
    one, two = _events(market, "purchase")
    assert one["order_id"] == two["order_id"] == order_id
    assert (one["listing_id"], one["quantity"], one["price_micros"]) == ("m1", 2, 12_500_000)
    assert (one["page_id"], one["position"], one["token"]) == (PAGE_ID, 3, "t0k")
    assert (two["listing_id"], two["quantity"], two["currency"]) == ("m2", 1, "EUR")
    assert "page_id" not in two
    assert one["visitor_id"] == market.searches[0].visitor_id if market.searches else True
    assert "Your cart is empty" in client.get("/cart").text
    client.post("/checkout", data={"order_id": order_id})
    assert len(_events(market, "purchase")) == 2


def test_an_order_that_cannot_be_written_keeps_the_cart(
    client: TestClient, market: PlainMarket
) -> None:
    """The cart is emptied by a durable purchase only."""
    client.post("/cart", data={"listing_id": "m1"})
    order_id = _hidden(client.get("/checkout").text, "order_id")
    market.fault = MarketBusyError("the owner is away")
    answer = client.post("/checkout", data={"order_id": order_id}, headers=HTML)
    assert answer.status_code >= 400
    market.fault = None
    assert "White ceramic mug" in client.get("/cart").text
    assert _hidden(client.get("/checkout").text, "order_id") == order_id
    client.post("/checkout", data={"order_id": order_id})
    assert len(_events(market, "purchase")) == 1
    client.post("/cart", data={"listing_id": "m1", "once": "again"})
    assert _hidden(client.get("/checkout").text, "order_id") != order_id


def test_a_lost_favourite_event_does_not_fail_the_page(
    client: TestClient, market: PlainMarket, lines: list[str]
) -> None:
    """The heart is the visitor's; that the log missed it is the operator's to read."""
    market.fault = MarketBusyError("the owner is away")
    answer = client.post("/favourites", data={"listing_id": "m1", "keep": "1"}, headers=PART)
    assert answer.status_code == 200
    assert any("shop_event_lost" in line for line in lines)


def test_the_cart_never_holds_more_than_there_is(client: TestClient, market: PlainMarket) -> None:
    """Two are in stock: five become two; one that is sold meanwhile is left out and named."""
    client.post("/cart", data={"listing_id": "m1", "quantity": "5"})
    client.post("/cart", data={"listing_id": "m2"})
    assert client.get("/kept").json()["n_cart"] == 3
    market.listings["m2"]["quantity"] = 0
    market.listings["m1"]["quantity"] = 1
    page = client.get("/cart").text
    assert "Only 1 left: the quantity was lowered" in page
    assert "left out: Blue ceramic mug" in page
    client.post("/cart/line", data={"listing_id": "m1", "remove": "1"})
    client.post("/cart/line", data={"listing_id": "m2", "quantity": "0"})
    assert "Your cart is empty" in client.get("/cart").text
    assert client.get("/checkout", follow_redirects=False).headers["location"] == "/cart"


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}],
)
def test_forms_of_other_sites_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    """Another site cannot make a visitor's browser buy or like anything."""
    for path in ("/cart", "/favourites", "/checkout", "/cart/line", "/theme"):
        assert client.post(path, data={"listing_id": "m1"}, headers=headers).status_code in (
            400,
            403,
        )


def test_forms_are_bounded(client: TestClient) -> None:
    """A form that is too large, of another type, or names no listing is refused."""
    assert client.post("/cart", data={"listing_id": "x" * 20_000}).status_code == 413
    assert client.post("/cart", json={"listing_id": "m1"}).status_code == 415
    assert client.post("/cart", data={"quantity": "1"}).status_code == 400
    assert client.post("/cart", data={f"f{i}": "1" for i in range(60)}).status_code == 400
    assert client.post("/checkout", data={"order_id": "<b>"}).status_code == 400
    assert client.get("/order/<b>").status_code == 404


def test_the_theme_is_kept(client: TestClient) -> None:
    """The chosen theme is in the page itself, so that nothing flashes."""
    assert "data-theme" not in client.get("/cart").text
    client.post("/theme", data={"theme": "dark"})
    assert '<html lang="en" data-theme="dark">' in client.get("/cart").text
    client.post("/theme", data={"theme": "light"}, headers=PART)
    assert '<html lang="en" data-theme="light">' in client.get("/cart").text


def test_a_part_is_what_changes_of_a_page(client: TestClient) -> None:
    """A script gets title and content, and the address to show: typing on replaces it."""
    part = client.get("/?q=mug&min=&sort=relevance", headers=PART)
    assert part.text.startswith("<title>mug · Mercer</title>")
    assert "<html" not in part.text
    assert part.headers["hx-push-url"] == "/?q=mug"
    typing = client.get("/?q=mug", headers=PART | {"mercer-typing": "true"})
    assert typing.headers["hx-replace-url"] == "/?q=mug"
    assert "hx-push-url" not in typing.headers
    wrong = client.get("/?f=nonsense:1", headers=PART)
    assert wrong.status_code == 400
    assert "<html" not in wrong.text


def test_suggestions_are_options(client: TestClient) -> None:
    """The list under the field is made of options with unique ids and escaped text."""
    part = client.get("/suggest?q=whi").text
    assert 'id="suggestion-0" role="option" aria-selected="false"' in part
    assert "Whi<b>te ceramic mug</b>" in part
    assert client.get("/suggest?q=").text.strip() == ""
