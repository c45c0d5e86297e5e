"""A visit from the first letter to the order, and what the market hears of it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]


def _open_one_with(page: Page, selector: str) -> None:
    """Go to the first listing of the results whose page has what a selector names."""
    links = page.locator(".card-link").evaluate_all("links => links.map(a => a.pathname)")
    origin = page.url.split("/?")[0]
    for link in links:
        page.goto(origin + link)
        if page.locator(selector).count():
            return
    raise AssertionError(f"no listing has {selector}")


def test_results_follow_the_typing(visit: Visit) -> None:
    """Results come while one types, the field keeps its focus, and one step back is where one was."""
    page = visit("/")
    box = page.get_by_role("combobox", name="Search")
    box.click()
    page.keyboard.type("vint", delay=20)
    expect(page.locator("h1")).to_contain_text("vint")
    expect(page).to_have_url(re.compile(r"\?q=vint$"))
    page.keyboard.type("age r", delay=20)
    expect(page).to_have_url(re.compile(r"\?q=vintage\+r$"))
    expect(page.locator("#spoken")).to_contain_text("results for vintage r")
    expect(box).to_be_focused()
    assert page.title().startswith("vintage r")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("One of a kind")


def test_filters_apply_in_place_and_the_history_has_each(visit: Visit) -> None:
    """A box changes the results without a reload, keeps its focus, and can be gone back on."""
    page = visit("/?q=vintage")
    page.evaluate("window.isSame = true")
    first = page.get_by_role("list", name="Color", exact=True).get_by_role("checkbox").first
    first.focus()
    page.keyboard.press("Space")
    expect(page.locator("a.chip-selected")).to_have_count(1)
    assert page.evaluate("window.isSame")
    expect(first).to_be_focused()
    expect(first).to_be_checked()
    page.go_back()
    expect(page.locator("a.chip-selected")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?q=vintage$"))


def test_a_price_step_and_what_was_understood_can_be_taken_back(visit: Visit) -> None:
    """A step of the prices filters; a chip of the words leads to the search without it."""
    page = visit("/?q=vintage+under+%2490")
    page.locator(".chip-limit").click()
    expect(page).to_have_url(re.compile(r"\?q=vintage$"))
    page.locator(".price-steps a").first.click()
    expect(page.locator("a.chip-selected")).to_contain_text("Price up to")
    prices = page.locator(".card .price").all_inner_texts()
    limit = float(page.locator("#max").input_value())
    assert prices
    assert all(float(text.strip("$").replace(",", "")) <= limit for text in prices)


def test_paging_repeats_nothing(visit: Visit) -> None:
    """Three pages of one frozen slate have no listing in common."""
    page, seen = visit("/?q=handmade"), []
    for number in (1, 2, 3):
        expect(page.locator("[aria-current=page]")).to_contain_text(str(number))
        seen += page.locator(".card").evaluate_all("cards => cards.map(c => c.dataset.listing)")
        if number < 3:
            page.get_by_role("link", name="Next").click()
    assert len(seen) == len(set(seen)) == 72


def test_only_what_was_seen_is_an_impression(visit: Visit, heard: Any) -> None:
    """Half of a card for a second makes one impression; what is below the screen makes none."""
    page = visit("/?q=vintage")
    n_seen = page.evaluate(
        """[...document.querySelectorAll('.card')].filter(card => {
            const box = card.getBoundingClientRect();
            return Math.min(box.bottom, innerHeight) - Math.max(box.top, 0) >= box.height / 2;
        }).length"""
    )
    assert 0 < n_seen < 24
    found = heard.of("impression", n=n_seen)
    page.wait_for_timeout(1_500)
    found = heard.of("impression", n=n_seen)
    assert sorted(event["position"] for event in found) == [*range(1, n_seen + 1)]
    assert len({event["event_id"] for event in found}) == n_seen
    assert {event["page_id"] for event in found} == {
        page.locator(".card").first.get_attribute("data-page")
    }
    page.mouse.wheel(0, 40_000)
    page.wait_for_timeout(300)  # shorter than a glance
    page.mouse.wheel(0, -40_000)
    page.wait_for_timeout(2_500)
    assert len(heard.of("impression", n=n_seen)) == n_seen


def test_a_page_over_plain_http_tells_clicks_too(visit: Visit, heard: Any) -> None:
    """Away from TLS and localhost browsers have no `randomUUID`; seen and clicked is told all the same."""
    page = visit("/?q=")
    page.evaluate("delete Crypto.prototype.randomUUID")
    assert page.evaluate("crypto.randomUUID === undefined")
    assert heard.of("impression", n=1)  # a card has to be looked at for a second
    page.locator(".card").nth(1).locator(".card-link").click()
    (click,) = heard.of("click", n=1)
    assert re.fullmatch("[0-9a-f]{32}", click["event_id"])


def test_a_click_is_told_once_by_the_script(visit: Visit, heard: Any) -> None:
    """The click carries page, position and token; the listing's address is clean; back is as left."""
    page = visit("/?q=vintage")
    card = page.locator(".card").nth(2)
    listing_id, token = card.get_attribute("data-listing"), card.get_attribute("data-token")
    page_id = card.get_attribute("data-page")
    card.locator(".card-link").click()
    expect(page).to_have_url(re.compile(rf"/listing/{listing_id}$"))
    (click,) = heard.of("click", n=1)
    assert (click["listing_id"], click["page_id"], click["position"]) == (listing_id, page_id, 3)
    assert click.get("token", "") == token
    page.reload()
    page.wait_for_timeout(500)
    assert len(heard.of("click", n=1)) == 1


def test_events_wait_for_the_connection(visit: Visit, heard: Any) -> None:
    """What cannot be sent is kept with its id and sent later; nothing is doubled."""
    page = visit("/?q=vintage", errors=("Failed to load resource",))
    page.route("**/v1/events", lambda route: route.abort())
    page.wait_for_timeout(3_600)
    assert heard.events == []
    kept = page.evaluate("JSON.parse(localStorage.getItem('mercer.unsent'))")
    assert kept
    page.unroute("**/v1/events")
    page.goto(page.url.split("?")[0] + "cart")
    found = heard.of("impression", n=len(kept))
    assert {event["event_id"] for event in kept} <= {event["event_id"] for event in found}
    page.wait_for_timeout(2_800)  # sent again by this page, known to the market, and then forgotten
    assert page.evaluate("localStorage.getItem('mercer.unsent')") == "[]"
    assert len(heard.events) == len({event["event_id"] for event in heard.events})


def test_a_heart_is_kept_without_a_reload(visit: Visit, heard: Any) -> None:
    """The heart fills, the number at the top follows, the favourites page has it; again lets it go."""
    page = visit("/?q=vintage")
    title = page.locator(".card-title").first.inner_text()
    heart = page.get_by_role("button", name=f"Favourite: {title}", exact=True).first
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "true")
    expect(heart).to_be_focused()
    expect(page.locator("#n-favourites")).to_have_text("1")
    (event,) = heard.of("favourite", n=1)
    assert (event["position"], event["source"]) == (1, "shop")
    page.locator(".tool[href='/favourites']").click()
    expect(page.locator(".card-title")).to_have_text([title])
    page.locator(".heart button").click()
    expect(page.locator("#n-favourites")).to_have_text("")
    page.reload()
    expect(page.get_by_role("heading", level=2)).to_have_text("Nothing here yet")


def test_hearts_pressed_in_a_hurry_are_all_kept(visit: Visit) -> None:
    """Each answer carries the whole list, so a second one waits for the first."""
    page = visit("/?q=vintage")
    for heart in page.locator(".heart button").all()[:3]:
        heart.click(no_wait_after=True)
    expect(page.locator("#n-favourites")).to_have_text("3")
    page.reload()
    expect(page.locator("#n-favourites")).to_have_text("3")


@pytest.mark.parametrize("has_script", [True, False])
def test_from_a_card_to_an_order(visit: Visit, heard: Any, has_script: bool) -> None:
    """A card, its page, the cart, the checkout: one purchase with the page on which it was found."""
    page = visit("/?q=vintage", java_script_enabled=has_script)
    card = page.locator(".card").first
    listing_id, page_id = card.get_attribute("data-listing"), card.get_attribute("data-page")
    price = card.locator(".price").inner_text()
    card.locator(".card-link").click()
    expect(page.locator(".buy-price")).to_have_text(price)
    page.get_by_role("button", name="Add to cart").click()
    if has_script:
        expect(page.locator("#added")).to_contain_text("1 in your cart")
        expect(page.locator("#n-cart")).to_have_text("1")
        page.get_by_role("link", name="View cart").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cart")
    expect(page.locator(".summary .total")).to_contain_text(price)
    page.get_by_role("link", name="Check out").click()
    expect(page.get_by_text("This is a demo checkout")).to_be_visible()
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    (bought,) = heard.of("purchase", n=1)
    assert (bought["listing_id"], bought["page_id"]) == (listing_id, page_id)
    assert (bought["quantity"], bought["position"]) == (1, 1)
    assert bought["price_micros"] == round(float(price.strip("$").replace(",", "")) * 1e6)
    assert bought["currency"] == "USD"
    assert bought["order_id"] in page.url
    assert len(heard.of("click", n=1)) == 1
    assert len(heard.of("cart", n=1)) == 1
    expect(page.locator("#n-cart")).to_have_text("")


def test_the_cart_changes_quantities_at_once(visit: Visit) -> None:
    """Another quantity is another total; without pieces the cart is empty and leads on."""
    page = visit("/?q=handmade+soap")
    _open_one_with(page, "select[name=quantity]")
    page.get_by_role("button", name="Add to cart").click()
    page.get_by_role("link", name="View cart").click()
    before = page.locator(".summary .total dd").inner_text()
    page.locator(".line select").select_option("2")
    expect(page.locator(".summary .total dd")).not_to_have_text(before)
    expect(page.locator("#n-cart")).to_have_text("2")
    page.get_by_role("button", name=re.compile("^Remove")).click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Your cart is empty")


def test_a_lost_connection_is_said(visit: Visit) -> None:
    """Offline the page stays, says why nothing comes, and is quiet again afterwards."""
    page = visit("/?q=vintage", errors=("Failed to load resource", "htmx:"))
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    page.get_by_role("combobox", name="Search").fill("lamp")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert page.locator(".card").count() == 24
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()


def test_the_gallery_shows_each_picture(visit: Visit) -> None:
    """A thumbnail brings its picture into view and is marked."""
    page = visit("/?q=vintage", reduced_motion="reduce")
    _open_one_with(page, ".thumbs li + li")
    page.locator(".thumbs a").nth(1).click()
    expect(page.locator(".thumbs a").nth(1)).to_have_attribute("aria-current", "true")
    expect(page.locator("#photo-2 img")).to_be_in_viewport(ratio=0.9)
