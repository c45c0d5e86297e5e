"""The console in a real Chromium: from a list of pages to why a listing is not there, on any screen."""

import json
import urllib.request
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from support.accessibility import faults_in_both_themes

pytestmark = pytest.mark.browser


def _answer(url: str, path: str, body: object = None) -> dict:
    asked = urllib.request.Request(
        url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def test_from_a_page_to_the_reason(visit: Callable[..., Page], url: str) -> None:
    """Find the page by its query, open it, ask about a listing of the next page, follow a hit, and see by
    what those above it are ahead."""
    asked = {"q": "gift", "per_page": 5, "visitor_id": "console-visitor"}
    first = _answer(url, "/v1/search", asked)
    second = _answer(url, "/v1/search", asked | {"page": 2, "cursor": first["cursor"]})
    further = second["hits"][0]["listing_id"]
    page = visit("/console/pages")
    page.get_by_label("visitor").fill("console-visitor")
    page.get_by_role("button", name="Find").click()
    page.locator("tbody a", has_text="gift").last.click()
    expect(page.locator("h1")).to_have_text("gift")
    expect(page.locator(".hits tbody tr")).to_have_count(5)
    page.get_by_label("Why is this listing not there?").fill(further)
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".sentence")).to_contain_text("at place 6, 1 below this page")
    expect(page.locator(".ladder .stopped")).to_have_text("on the page")
    page.locator(".hits .name a").nth(2).click()
    expect(page.locator(".sentence").first).to_contain_text("at position 3")
    for n, other in ((1, "at position 2"), (2, "at position 1")):  # those above it
        expect(page.locator(".sentence").nth(n)).to_contain_text(other)
        expect(page.locator(".sentence").nth(n)).to_contain_text("of the first pass")
        expect(page.locator(".gaps th:first-child").nth(n - 1)).to_have_text("part of the score")


def test_events_show_up_by_themselves(visit: Callable[..., Page], url: str) -> None:
    """An event appears with its verdict and what its token is worth, without a reload."""
    page = visit("/console/events?visitor=debugged-visitor")
    expect(page.locator(".events")).to_have_count(0)
    good = {
        "event_id": "console-1", "kind": "click", "listing_id": "L1",
        "visitor_id": "debugged-visitor",
    }  # fmt: skip
    _answer(url, "/v1/events", {"events": [good]})
    expect(page.locator(".events")).to_contain_text("without a token", timeout=8_000)


@pytest.mark.parametrize("path", ["/console", "/console/events", "/console/pages"])
@pytest.mark.parametrize("screen", ["desktop", "phone", "small"])
def test_nothing_sticks_out(visit: Callable[..., Page], path: str, screen: str) -> None:
    """No page scrolls sideways; wide tables scroll in themselves."""
    page = visit(path, screen=screen)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_accessibility_rules_hold(visit: Callable[..., Page], url: str) -> None:
    """axe-core finds nothing against WCAG 2.2 A and AA, in both themes, with something to show."""
    found = _answer(url, "/v1/search", {"q": "white vintage mug", "visitor_id": "axe"})
    explained = f"/console/pages/{found['page_id']}?listing=L00000001"
    page = visit("/console", errors=("404",))
    for path in ("/console", "/console/events", "/console/pages", explained, "/console/pages/no",
                 "/console/login"):  # fmt: skip
        page.goto(url + path)
        assert faults_in_both_themes(page) == [], path
