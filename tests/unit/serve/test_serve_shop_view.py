"""What cards, filters and chips show, each rule alone."""

from typing import Any

import pytest

from mercer.retrieve.query import AttributeWish, Correction, ParsedQuery, SizeLimit
from mercer.retrieve.request import FacetValue, Hit, PriceStats
from mercer.serve.shop import card as view
from mercer.serve.shop.chip import selected_chips, understood_chips
from mercer.serve.shop.facet import facets_of, price_steps
from mercer.serve.shop.query import PageQuery


@pytest.mark.parametrize(
    ("micros", "currency", "shown"),
    [
        (12_500_000, "EUR", "€12.50"), (0, "USD", "$0.00"), (1_234_567_890_000, "GBP", "£1,234,567.89"),
        (999_999, "USD", "$1.00"), (12_500_000, "CHF", "CHF 12.50"), (1_200_000_000, "JPY", "¥1,200"),
        (None, "EUR", ""), (5_000_000, None, "5.00"), (True, "EUR", ""),
    ],
)  # fmt: skip
def test_money(micros: object, currency: object, shown: str) -> None:
    """Micros as people write amounts, rounded to cents without floats."""
    assert view.money(micros, currency) == shown


def _card(**document: Any) -> view.Card:
    return view.card_of(Hit(1, "L1", 1.0, document), can_draw=True)


def test_a_card_needs_nothing_but_an_id() -> None:
    """A document without fields still makes a card."""
    card = _card()
    assert card.title == "L1"
    assert (card.price, card.seller, card.rating, card.image_url) == ("", "", None, "")
    assert _card(rating=float("nan")).rating is None


def test_only_pictures_that_we_draw_are_shown() -> None:
    """A foreign address is never put into a page; a drawn reference is, with everything escaped."""
    assert _card(images=["https://evil.example/x.png", "data:x"]).image_url == ""
    assert _card(images=["sim:1:0:a b&c"]).image_url == "/images/sim:1:0:a%20b%26c?size=360"
    hit = Hit(1, "L1", 1.0, {"images": ["sim:1:0"]})
    assert view.card_of(hit, can_draw=False).image_url == ""


def test_a_tile_has_the_colour_of_its_listing() -> None:
    """The stated colour wins, else the category decides; the same listing looks the same always."""
    blue = view.tile_of("L1", ["Home"], {"color": ["Dark Blue"]})
    assert blue.background == view.tile_of("L2", ["Art"], {"Colour": ["blue"]}).background
    assert view.tile_of("L1", ["Home"], {}) == view.tile_of("L1", ["Home"], {})
    assert view.tile_of("L1", [], {}).letter == "·"


def test_facets_put_the_category_first_and_keep_what_is_checked() -> None:
    """Fields that nobody filters by are left out; a checked value keeps its box at zero matches."""
    counts = {
        "color": (FacetValue("red", 3), FacetValue("blue", 1)),
        "currency": (FacetValue("EUR", 3), FacetValue("USD", 1)),
        "material": (FacetValue("oak", 4),),
        "category": (FacetValue("Mugs", 3), FacetValue("Bowls", 1)),
    }
    query = PageQuery(selected=(("color", "green"), ("size", "XL")))
    facets = facets_of(counts, query)
    assert [f.label for f in facets] == ["Category", "Color", "Size"]
    assert [(b.label, b.count, b.is_selected) for b in facets[1].boxes] == [
        ("red", 3, False),
        ("blue", 1, False),
        ("green", 0, True),
    ]


def test_categories_stand_as_a_tree() -> None:
    """Each node stands below its parent and is set in; siblings keep their order."""
    paths = [
        "Home",
        "Home > Mugs",
        "Art",
        "Home > Bowls",
        "Art > Prints",
        "Home > Mugs > Camp",
        "X > Y",
    ]
    counts = {"category": tuple(FacetValue(path, 9 - i) for i, path in enumerate(paths))}
    (facet,) = facets_of(counts, PageQuery())
    assert [(box.level, box.label) for box in facet.boxes] == [
        (0, "Home"), (1, "Mugs"), (2, "Camp"), (1, "Bowls"), (0, "Art"), (1, "Prints"), (1, "Y"),
    ]  # fmt: skip
    assert facet.boxes[2].parameter == "category:Home > Mugs > Camp"


def test_measures_are_no_boxes() -> None:
    """Nobody ticks single widths; a long list of colours ends, but not before a checked one."""
    counts = {
        "width_cm": (FacetValue("10.5", 3), FacetValue("11", 1)),
        "color": tuple(FacetValue(f"c{i}", 30 - i) for i in range(20)),
    }
    (facet,) = facets_of(counts, PageQuery(selected=(("color", "c17"),)))
    assert [box.label for box in facet.boxes] == [*(f"c{i}" for i in range(12)), "c17"]


def test_chips_say_what_was_understood() -> None:
    """Every part of a parsed query has its words on the page."""
    parsed = ParsedQuery(
        text="",
        was_cut=True,
        corrections=(Correction("mugg", "mug"),),
        wanted=(AttributeWish("color", "white", "white"),),
        unwanted=(AttributeWish("closure", "laces", "without laces"),),
        excluded_terms=(("for", "kids"),),
        price_max_micros=20_000_000,
        sizes=(SizeLimit("width", 10.0, 12.5, "cm"), SizeLimit(None, 8.0, 8.0, "fl_oz")),
    )
    chips = understood_chips(parsed.to_dict(), PageQuery(), currency="EUR")
    assert [chip.text for chip in chips] == [
        "mugg → mug", "Color: white", "not Closure: laces", "without “for kids”", "up to €20.00",
        "Width: 10 cm to 12.5 cm", "Size: 8 fl oz", "Your query was long: its beginning counts",
    ]  # fmt: skip
    assert understood_chips(ParsedQuery(text="").to_dict(), PageQuery(), currency="") == ()


def test_a_measure_that_a_value_says_has_no_chip_of_its_own() -> None:
    """The sides of "16x20 in" are the value's; a limit and another measure still are chips."""
    parsed = ParsedQuery(
        text="",
        wanted=(AttributeWish("size", "16x20 in", "16x20 in"),),
        sizes=(
            SizeLimit(None, 16.0, 16.0, "in"), SizeLimit(None, 20.0, 20.0, "in"),
            SizeLimit(None, 30.0, 30.0, "cm"), SizeLimit("depth", None, 20.0, "in"),
        ),
    )  # fmt: skip
    chips = understood_chips(parsed.to_dict(), PageQuery(), currency="")
    assert [chip.text for chip in chips] == ["Size: 16x20 in", "Size: 30 cm", "Depth: up to 20 in"]


@pytest.mark.parametrize(
    ("q", "parsed", "left"),
    [
        ("white mug", {"wanted": (AttributeWish("color", "white", "white"),)}, "mug"),
        ("whit mug", {"wanted": (AttributeWish("color", "white", "white"),),
                      "corrections": (Correction("whit", "white"),)}, "mug"),
        ("mug not pink", {"unwanted": (AttributeWish("color", "pink", "pink"),)}, "mug"),
        ("mug without Laces", {"unwanted": (AttributeWish("x", "laces", "without laces"),)}, "mug"),
        ("mug -kids", {"excluded_terms": (("kids",),)}, "mug"),
        ("mug under $1,200.50", {"price_max_micros": 1}, "mug"),
        ("mug between 20 and 40 dollars", {"price_max_micros": 1}, "mug"),
        ("mug 20-40 usd", {"price_max_micros": 1}, "mug"),
        ("mug around 50 bucks", {"price_max_micros": 1}, "mug"),
        ("mug 12 fl oz or more", {"sizes": (SizeLimit(None, 12.0, None, "fl_oz"),)}, "mug"),
        ("shoes size 8", {"sizes": (SizeLimit("size", 8.0, 8.0, ""),)}, "shoes"),
        ("mug", {"wanted": (AttributeWish("category", "Mugs", "mug"),)}, None),
        ("mugs", {"wanted": (AttributeWish("color", "white", "white"),)}, None),
    ],
)  # fmt: skip
def test_a_chip_leads_to_the_search_without_it(
    q: str, parsed: dict[str, Any], left: str | None
) -> None:
    """What a chip stands for is cut out of the words; where that leaves nothing, it has no cross."""
    query, understood = PageQuery(q=q), ParsedQuery(text=q, **parsed).to_dict()
    chip = understood_chips(understood, query, currency="USD")[-1]
    assert chip.url == (PageQuery(q=left).url() if left else "")


def test_a_correction_leads_to_the_words_as_typed() -> None:
    """Quotation marks keep a word from being corrected; other words stay as they are."""
    parsed = ParsedQuery(text="", corrections=(Correction("mugg", "mug"),))
    (chip,) = understood_chips(parsed.to_dict(), PageQuery(q="red mugg"), currency="")
    assert chip.url == PageQuery(q='red "mugg"').url()


def test_price_steps_have_round_ends_and_cover_everything() -> None:
    """Three ranges that meet each other, none where prices hardly differ."""
    stats = PriceStats(
        count=9, min_micros=5_000_000, max_micros=400_000_000, mean_micros=87_000_000
    )
    steps = price_steps(stats, PageQuery(q="mug"), currency="USD")
    assert [step.label for step in steps] == ["Under $50", "$50 to $100", "Over $100"]
    assert [step.url for step in steps] == [
        "/?q=mug&max=50", "/?q=mug&min=50&max=100", "/?q=mug&min=100",
    ]  # fmt: skip
    assert price_steps(None, PageQuery(), currency="USD") == ()
    flat = PriceStats(count=9, min_micros=5_000_000, max_micros=6_000_000, mean_micros=5_500_000)
    assert price_steps(flat, PageQuery(), currency="USD") == ()


def test_the_price_chip_says_the_amount_as_people_do() -> None:
    """A chosen price has the sign of its currency."""
    (chip,) = selected_chips(PageQuery(min_price="5", max_price="50"), currency="USD")
    assert chip.text == "Price $5 to $50"
