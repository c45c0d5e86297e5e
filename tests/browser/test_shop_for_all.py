"""The shop for everybody: accessibility rules, keyboard alone, contrast, themes, small screens."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from support.accessibility import faults, faults_in_both_themes

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
PAGES = ("/", "/?q=vintge&f=color:white", "/?q=qqqqq", "/favourites", "/cart", "/docs", "/nothing")


def test_the_accessibility_rules_hold(visit: Visit, url: str) -> None:
    """axe-core finds nothing against WCAG 2.2 A and AA on any page, in both themes."""
    page = visit("/", errors=("404",))
    for path in PAGES:
        page.goto(url + path)
        assert faults_in_both_themes(page) == [], path


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_listing_and_checkout_are_accessible(visit: Visit, screen: str) -> None:
    """The same on the way to an order, with suggestions and the phone's filters open."""
    page = visit("/?q=vintage", screen=screen)
    if screen == "phone":
        page.locator(".to-filters").click()
        assert faults(page) == []
        page.keyboard.press("Escape")
    page.get_by_role("combobox", name="Search").fill("vin")
    expect(page.locator("#suggestions li").first).to_be_visible()
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.locator(".card-link").first.click()
    page.wait_for_url("**/listing/**")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.locator("#added")).to_contain_text("in your cart")
    assert faults(page) == []
    for name, kind in (("View cart", "link"), ("Check out", "link"), ("Place the order", "button")):
        page.get_by_role(kind, name=name).click()  # type: ignore[arg-type]  # both are roles
        page.wait_for_load_state()
        assert faults(page) == []


def _tab_to(page: Page, selector: str, *, most: int = 120) -> None:
    """Press Tab until what a selector names has the focus, which has to be visible all the way."""
    for _ in range(most):
        page.keyboard.press("Tab")
        is_seen = page.evaluate(
            """() => { const e = document.activeElement, style = getComputedStyle(e);
              const after = getComputedStyle(e, '::after');
              return e === document.body || style.outlineStyle !== 'none'
                || style.boxShadow !== 'none' || after.outlineStyle !== 'none'; }"""
        )
        assert is_seen, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached with Tab")


def test_an_order_by_keyboard_alone(visit: Visit) -> None:
    """From the start page to an order with Tab, arrows, Space and Enter; the focus is always seen."""
    page = visit("/")
    _tab_to(page, "#q")
    page.keyboard.type("vintage")
    expect(page.locator("#suggestions li").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("vintage")
    _tab_to(page, ".card-link")
    page.keyboard.press("Enter")
    page.wait_for_url("**/listing/**")
    _tab_to(page, ".buy-form button")
    page.keyboard.press("Enter")
    expect(page.locator("#added")).to_contain_text("in your cart")
    _tab_to(page, "#added a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cart")
    _tab_to(page, ".summary .button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/checkout")
    _tab_to(page, ".summary button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")


def test_the_theme_can_be_chosen_and_is_kept(visit: Visit) -> None:
    """The button turns the page dark at once; the next page is dark from its first byte."""
    page = visit("/?q=vintage", color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Light or dark").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    assert page.evaluate(paper) == dark
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("path", ["/", "/?q=vintage", "/cart", "/favourites", "listing"])
def test_a_phone_never_scrolls_sideways(visit: Visit, path: str) -> None:
    """At 360 and 320 pixels nothing is wider than the screen, and what is pressed is large enough."""
    page = visit("/?q=vintage" if path == "listing" else path, screen="phone")
    if path == "listing":
        page.locator(".card-link").first.click()
        page.wait_for_url("**/listing/**")
    for width in (360, 320):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        small = page.evaluate(
            """[...document.querySelectorAll('header button, header a, .heart button')].filter(e => {
                const box = e.getBoundingClientRect();
                return box.width && (box.width < 24 || box.height < 24) && !e.matches('.skip');
            }).map(e => e.outerHTML.slice(0, 90))"""
        )
        assert small == []


def test_nothing_moves_where_motion_is_not_wanted(visit: Visit) -> None:
    """With reduced motion no element has a transition or an animation."""
    page = visit("/?q=vintage", reduced_motion="reduce")
    moving = page.evaluate(
        """[...document.querySelectorAll('*')].filter(e => {
            const style = getComputedStyle(e);
            return style.transitionDuration.split(', ').some(t => t !== '0s')
              || style.animationName !== 'none';
        }).length"""
    )
    assert moving == 0


def test_pictures_have_their_room_before_they_come(visit: Visit) -> None:
    """The layout does not shift while pictures load, on the start page and the results."""
    for path in ("/", "/?q=vintage"):
        page = visit(path)
        page.wait_for_load_state("networkidle")
        shift = page.evaluate(
            """new Promise(done => new PerformanceObserver(list => done(
                list.getEntries().reduce((sum, e) => sum + e.value, 0)
              )).observe({type: 'layout-shift', buffered: true})
              || setTimeout(() => done(0), 300))"""
        )
        assert shift < 0.05, re.sub(r"\W+", " ", path)
