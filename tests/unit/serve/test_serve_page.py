"""The results page: its address, what it shows, that nothing in it is dangerous or from elsewhere."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mercer.retrieve.filter_language import parse_filter
from mercer.retrieve.filter_schema import FieldKind, FilterSchema
from mercer.serve.shop.query import SORTS, PageQuery, read_page_query
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
