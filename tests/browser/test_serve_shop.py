"""The pages in a real Chromium: what a visitor does, with and without JavaScript, on any screen."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
SCREENS = ("desktop", "tablet", "phone", "small")


def test_a_misspelt_query_a_facet_and_the_next_page(visit: Callable[..., Page]) -> None:
    """The first minute of a visitor: type with a slip, see results, narrow them, page on."""
    page = visit("/")
    page.get_by_role("combobox", name="Search").fill("vintge")
    page.keyboard.press("Enter")
    expect(page.locator(".meant")).to_contain_text("Showing results for vintage")
    expect(page.locator(".chip-correction")).to_contain_text("vintge → vintage")
    expect(page.locator(".card")).to_have_count(24)
    before = _found(page)
    colors = page.locator(".filters").get_by_role("list", name="Color", exact=True)
    n_expected = int(colors.locator(".box-count").first.inner_text().split()[0])
    colors.get_by_role("checkbox").first.check()
    expect(page.locator("a.chip-selected")).to_have_count(1)
    assert _found(page) == n_expected < before
    page.locator("a.chip-selected").click()
    expect(page.locator("a.chip-selected")).to_have_count(0)
    titles = page.locator(".card-title").all_inner_texts()
    page.get_by_role("link", name="Next").click()
    expect(page.locator("[aria-current=page]")).to_have_text(re.compile("2"))
    assert "q=vintge" in page.url
    assert set(titles).isdisjoint(page.locator(".card-title").all_inner_texts())
    page.go_back()
    assert page.locator(".card-title").all_inner_texts() == titles
    assert page.get_by_role("combobox", name="Search").input_value() == "vintge"


def _found(page: Page) -> int:
    text = page.locator("#found").inner_text()
    return int(text.split()[0].replace(",", ""))


def test_suggestions_by_keyboard(visit: Callable[..., Page]) -> None:
    """Arrows walk the list and come back to the typed text, Escape closes, Enter searches."""
    page = visit("/")
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Search")
    expect(box).to_be_focused()
    with page.expect_response("**/suggest?q=vint"):
        page.keyboard.type("vint")
    options = page.locator("#suggestions").get_by_role("option")
    expect(options.first).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[aria-selected=true]")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "suggestion-0")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    with page.expect_response("**/suggest?q=vinta"):
        page.keyboard.type("a")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[aria-selected=true]").get_attribute("data-text")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(chosen)


def test_the_list_stays_open_when_results_follow(visit: Callable[..., Page]) -> None:
    """Whoever is in the list already when the typed text is searched for is not thrown out of it."""
    page = visit("/")
    now_s = page.evaluate("Date.now()") / 1e3
    page.clock.install(time=now_s)
    page.clock.pause_at(now_s + 1)
    page.get_by_role("combobox", name="Search").focus()
    page.keyboard.type("vint")
    page.clock.run_for(100)  # the list is asked for
    first = page.locator("#suggestions").get_by_role("option").first
    expect(first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.clock.run_for(400)  # and the results
    page.clock.resume()
    expect(page.locator("h1")).to_contain_text("vint")
    expect(first).to_have_attribute("aria-selected", "true")


def test_everything_works_without_javascript(visit: Callable[..., Page]) -> None:
    """Search, sort, price, facets and pages are plain forms and links."""
    page = visit("/", java_script_enabled=False)
    page.locator("#q").fill("vintage")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page).to_have_url(re.compile("q=vintage"))
    everything = _found(page)
    page.locator("input[name=max]").fill("50")
    page.locator("#sort").select_option("price_desc")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("max=50"))
    assert 0 < _found(page) < everything
    assert page.locator("#sort").input_value() == "price_desc"
    expect(page.locator("a.chip-selected")).to_contain_text("up to $50")


def test_sorting_and_prices_apply_at_once_and_addresses_stay_short(
    visit: Callable[..., Page],
) -> None:
    """A changed order searches by itself; what is empty or at its default is not in the address."""
    page = visit("/?q=vintage")
    page.locator("#sort").select_option("price_asc")
    page.wait_for_url("**/?q=vintage&sort=price_asc")
    page.locator("#sort").select_option("relevance")
    page.wait_for_url("**/?q=vintage")


def test_pictures_are_drawn_and_fill_their_place(visit: Callable[..., Page]) -> None:
    """The drawn picture covers the tile; the page does not move while it loads."""
    page = visit("/?q=vintage")
    image = page.locator(".card img").first
    page.wait_for_function("document.querySelector('.card img').naturalWidth > 0")
    box, frame = image.bounding_box(), page.locator(".picture").first.bounding_box()
    assert box
    assert frame
    assert box["width"] == pytest.approx(frame["width"], abs=12)
    assert frame["width"] == pytest.approx(frame["height"], abs=1)


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("path", ["/", "/?q=vintage", "/?q=" + "w" * 300, "/docs", "/cart"])
def test_no_screen_scrolls_sideways(visit: Callable[..., Page], screen: str, path: str) -> None:
    """From 320 pixels on, nothing is wider than the screen, whatever the words."""
    page = visit(path, screen=screen)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_filters_of_a_phone_are_a_sheet(visit: Callable[..., Page]) -> None:
    """Several boxes are checked before anything is searched; Done searches and closes."""
    page = visit("/?q=vintage", screen="phone")
    expect(page.locator("#filters")).to_be_hidden()
    page.locator(".to-filters").click()
    boxes = page.get_by_role("list", name="Color", exact=True).get_by_role("checkbox")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.locator(".filters-head .button").click()
    expect(page.locator("a.chip-selected")).to_have_count(2)
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.locator(".card").first).to_be_visible()


def test_every_field_has_a_name_and_the_page_its_landmarks(visit: Callable[..., Page]) -> None:
    """A screen reader finds search, results, filters and pages, and no field without a name."""
    page = visit("/?q=vintage")
    for role, name in (("search", None), ("main", None), ("complementary", "Filters")):
        options = {"name": name} if name else {}
        expect(page.get_by_role(role, **options)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Pages")).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    unnamed = page.evaluate(
        """[...document.querySelectorAll('input,select,button,a')].filter(e =>
            !(e.labels && e.labels.length && e.labels[0].textContent.trim())
            && !e.textContent.trim() && !e.getAttribute('aria-label')
            && e.type !== 'hidden' && !e.closest('[aria-hidden=true]')).map(e => e.outerHTML)"""
    )
    assert unnamed == []
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_themes(visit: Callable[..., Page], scheme: str) -> None:
    """Text has a contrast of at least 4.5 to what is behind it (WCAG 2.2, 1.4.3)."""
    page = visit("/?q=vintage&f=color:white", color_scheme=scheme)
    weak = page.evaluate(CONTRAST)
    assert weak == []


CONTRAST = """() => {
  const rgb = (text) => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour[3] > 200) return colour;
    }
    return [255, 255, 255, 255];
  };
  const weak = [];
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') || e.closest('.unseen') || !e.checkVisibility({checkOpacity: true})) continue;
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) weak.push(e.outerHTML.slice(0, 120));
  }
  return weak;
}"""


def test_an_empty_and_a_wrong_page_lead_on(visit: Callable[..., Page]) -> None:
    """Nothing found is no dead end."""
    page = visit("/?q=qqqqqqq&f=color:white")
    page.get_by_role("link", name="See everything").click()
    expect(page.locator(".card")).to_have_count(24)
