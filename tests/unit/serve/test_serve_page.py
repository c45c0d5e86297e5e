"""The results page: its address, what it shows, that nothing in it is dangerous or from elsewhere."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mercer.retrieve.filter_language import parse_filter
from mercer.retrieve.filter_schema import FieldKind, FilterSchema
from mercer.retrieve.query import AttributeWish, Correction, ParsedQuery, SizeLimit
from mercer.retrieve.request import FacetValue, Hit, PriceStats
from mercer.serve import shop_card as view
from mercer.serve.page_query import SORTS, PageQuery, read_page_query
from mercer.serve.shop_chip import selected_chips, understood_chips
from mercer.serve.shop_facet import facets_of, price_steps
from support.plain_market import PlainMarket, listing

FILES = [
    f"/static/{name}"
    for name in ("shop.css", "shop_pages.css", "shop.js", "suggest.js", "track.js")
]
HTML = {"accept": "text/html,application/xhtml+xml"}
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
QUERIES = st.builds(
    PageQuery,
    q=WORDS.map(str.strip),
    selected=st.lists(
        st.tuples(WORDS.filter(str.strip), WORDS.filter(str.strip)), max_size=4, unique=True
    ).map(tuple),
    min_price=st.sampled_from(["", "5", "7.50"]),
    max_price=st.sampled_from(["", "8", "1000"]),
    sort=st.sampled_from(sorted(SORTS)),
    page=st.integers(1, 10**8),
)


@given(QUERIES)
@example(PageQuery(selected=(("a:b%3A", "c:d"), ("%", "%3A&f=x"))))
def test_the_address_carries_all_state(query: PageQuery) -> None:
    """Reading the address of a state gives the state back, whatever characters are in it."""
    pairs = parse_qsl(urlsplit(query.url()).query, keep_blank_values=True)
    assert read_page_query(pairs) == query


@given(QUERIES)
def test_the_filter_of_a_page_can_always_be_read(query: PageQuery) -> None:
    """Whatever names and values are checked, the page writes a filter that the language takes."""
    names = {name for name, _ in query.selected}
    schema = FilterSchema(
        attributes=dict.fromkeys(names, FieldKind.TEXT),
        fields={"price": FieldKind.MONEY},
        aliases={},
    )
    tree = parse_filter(query.filter(), schema)
    assert (tree is None) == (not query.has_filters)


@given(
    st.lists(
        st.tuples(st.sampled_from(["q", "f", "min", "max", "sort", "page", "cursor", "x"]), WORDS)
    )
)
def test_no_address_is_refused(pairs: list[tuple[str, str]]) -> None:
    """A person may type anything into the address; what is not usable is left out."""
    query = read_page_query(pairs)
    assert query.page >= 1
    assert query.sort in SORTS


def test_unusable_parts_of_an_address_are_noted() -> None:
    """A price that is no number and an unknown order are said, not silently dropped."""
    query = read_page_query([("min", "cheap"), ("sort", "best"), ("page", "-3")])
    assert (query.min_price, query.sort, query.page) == ("", "relevance", 1)
    assert len(query.notes) == 2
    assert read_page_query([("min", "9"), ("max", "3,5")]).filter() == "price: 3.5..9"


def test_values_of_one_field_are_alternatives_and_fields_restrict_each_other() -> None:
    """Two colours widen, a colour and a material narrow: disjunctive facets."""
    query = PageQuery(selected=(("color", "red"), ("material", "oak"), ("color", "sky blue")))
    assert query.filter() == 'color IN ["red", "sky blue"] AND material = "oak"'


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


def _many(n: int) -> PlainMarket:
    return PlainMarket([listing(f"L{i}", f"Mug {i}") for i in range(n)])


def test_the_page_shows_results_facets_and_pages(client_of: Callable[..., TestClient]) -> None:
    """A search page has its cards, the number found, boxes, and links that keep the slate."""
    page = client_of(_many(60)).get("/?q=mug&page=2").text
    assert page.count('<li class="card"') == 24
    assert "60 results, page 2" in page
    assert 'rel="next" href="/?q=mug&amp;page=3&amp;cursor=c1"' in page
    assert 'rel="prev" href="/?q=mug"' in page
    assert 'aria-current="page"' in page


def test_a_stale_cursor_gives_the_page_of_a_new_slate(client_of: Callable[..., TestClient]) -> None:
    """A bookmark outlives its slate and still works."""
    answer = client_of(_many(60)).get("/?q=mug&page=2&cursor=old")
    assert answer.status_code == 200
    assert "page 2" in answer.text


def test_paging_ends_at_the_deepest_page(client_of: Callable[..., TestClient]) -> None:
    """No link leads deeper than paging reaches, and a deeper address shows the deepest page."""
    client = client_of(_many(60), max_depth=48)
    page = client.get("/?page=999999").text
    assert "page 2" in page
    assert "page=3" not in page


def test_nothing_found_says_what_to_do(client: TestClient) -> None:
    """An empty page offers the way out, without the filters where there are some."""
    page = client.get("/?q=zzz&f=color:white").text
    assert "Nothing matches “zzz” with these filters" in page
    assert 'href="/?q=zzz"' in page
    assert "Worth a look" in page
    assert "White ceramic mug" in page


def test_text_of_visitors_and_sellers_is_escaped(client_of: Callable[..., TestClient]) -> None:
    """No title, seller, value or query can put markup into a page."""
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    market = PlainMarket(
        [
            listing(f"{evil}{i}", evil, seller_id=evil, attributes={evil: [f"{evil}{i}"]})
            for i in "ab"
        ]
    )
    client = client_of(market)
    for path, params in (
        ("/", {}),
        ("/", {"q": evil}),
        ("/", {"f": f"{evil}:{evil}"}),
        (f"/listing/{evil}a", {}),
    ):
        page = client.get(path, params=params, headers=HTML).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_pages_load_nothing_from_elsewhere(client: TestClient) -> None:
    """No address outside this server, no inline script or style, in any page or file."""
    for path in ("/", "/?q=mug", "/cart", "/favourites", "/docs", "/listing/m1", *FILES):
        text = client.get(path).text
        assert not re.search(r"""(?:src|href|action|url\()\s*=?\s*["']?(?:https?:)?//""", text), (
            path
        )
        assert "<style" not in text
        assert not re.search(r"\sstyle=", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path
        assert not re.search(r"<[^>]*\son[a-z]+=", text), path


def test_files_are_kept_for_ever_under_their_hash(client: TestClient) -> None:
    """The page names each file with its hash, so that a browser may keep it and never is stale."""
    url = re.search(r"/static/shop\.css\?v=[0-9a-f]{12}", client.get("/").text)
    assert url
    answer = client.get(url.group())
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/static/..%2Fpage.py").status_code == 404
    assert client.get("/static/none.css").status_code == 404
    assert client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"


def test_a_person_gets_errors_as_a_page_a_program_as_a_document(client: TestClient) -> None:
    """The same problem, in the form that the asker reads."""
    page = client.get("/nothing", headers=HTML)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-request-id"] in page.text
    assert client.get("/nothing").headers["content-type"] == "application/problem+json"
    api = client.get("/v1/nothing", headers=HTML)
    assert api.headers["content-type"] == "application/problem+json"
    wrong = client.get("/?f=nonsense:1", headers=HTML)
    assert wrong.status_code == 400
    assert "^" in wrong.text


def test_a_market_without_index_says_so(client_of: Callable[..., TestClient]) -> None:
    """The page tells the operator what to run."""
    answer = client_of(PlainMarket(is_ready=False)).get("/", headers=HTML)
    assert answer.status_code == 503
    assert "mercer index" in answer.text


def test_a_name_of_the_market_and_its_dropped_parts_are_shown(
    client_of: Callable[..., TestClient], market: PlainMarket
) -> None:
    """The market's own name is on the page, and what was left out to stay fast."""
    market.degraded = ("semantic: time budget",)
    page = client_of(market, title="Curio & Co").get("/?q=").text
    assert "Curio &amp; Co" in page
    assert "semantic: time budget" in page


def test_the_reference_page_lists_everything(client: TestClient) -> None:
    """Every operation and every kind of problem has its place, so that `type` links lead somewhere."""
    page = client.get("/docs").text
    spec = client.get("/openapi.json").json()
    for methods in spec["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page
    assert 'id="problem-bad-filter"' in page
