"""The search service and its slates: what is frozen, what expires, what is dropped, what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mercer.engines.embedded.index.live_index import LiveIndex
from mercer.rank.candidates import Head
from mercer.rank.first_pass import mean_lengths
from mercer.retrieve import bitmap
from mercer.retrieve.documents import CARD_CHARS
from mercer.retrieve.query import ParsedQuery
from mercer.retrieve.request import SearchRequest
from mercer.retrieve.segment import Segment
from mercer.schema.errors import InputError
from mercer.serve.search.hit import similar_hits
from mercer.serve.search.search import SearchService
from mercer.serve.search.slate import Slate, SlateStore
from mercer.serve.search.slate_pins import memory_of
from mercer.serve.search.stages import SearchParams
from support.index_kit import RATES, changed_rows, columns_of, generation_of, segment_of

ITEMS = [
    {
        "listing_id": f"l{i}",
        "title": f"red mug {'wool ' * (i % 3)}",
        "attributes": {"color": "red" if i % 2 else "blue"},
        "category_path": ["Home", "Mugs"],
        "price": i,
        "sold_count": i * i,
        "description": "long " * 100,
    }
    for i in range(10)
]


class Clock:
    """A clock that a test moves."""

    def __init__(self, *, step: float = 0.0) -> None:
        self.now, self.step = 1_000.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture(scope="module")
def generation() -> Any:
    return generation_of(changed_rows(ITEMS, range(10)), threshold=-1.0)


@pytest.fixture
def index(generation: Any) -> LiveIndex:
    return LiveIndex(generation, RATES)


def service_of(index: LiveIndex, **more: Any) -> SearchService:
    return SearchService(index, SearchParams(), **more)


def ids(response: Any) -> list[str]:
    return [hit.listing_id for hit in response.hits]


# -- slates ---------------------------------------------------------------------------------------

SEGMENT = segment_of(columns_of(changed_rows(ITEMS, range(10))))


def slate(cursor: str, *, n_head: int = 0, sort: str = "relevance") -> Slate:
    matches = bitmap.full(SEGMENT.n)
    rows = np.arange(n_head)[::-1].astype(np.int64)
    head = Head(
        np.zeros(n_head, np.int32), rows, np.ones(n_head, np.float32), np.full(n_head, 1, np.uint8)
    )
    return Slate(
        request=SearchRequest(sort=sort), cursor=cursor, generation="g", segments=(SEGMENT,),
        matches=(matches,), head=head, found=SEGMENT.n, query=ParsedQuery(text=""), degraded=(),
        facet_counts={}, price_stats=None,
    )  # fmt: skip


def test_a_slate_is_kept_for_its_time_and_no_longer() -> None:
    """Ten minutes by the clock; using it does not prolong it."""
    clock = Clock()
    store = SlateStore(ttl_s=600, clock=clock)
    kept = slate("a")
    store.keep(kept)
    clock.now += 599
    assert store.find("a") is kept
    clock.now += 2
    assert store.find("a") is None
    assert store.find("never there") is None


def test_expired_slates_make_room() -> None:
    """What nobody can ask for any more does not stay in memory once another is kept."""
    clock = Clock()
    store = SlateStore(ttl_s=10, clock=clock)
    for name in "abc":
        store.keep(slate(name))
    store.find("a")
    clock.now += 11
    store.keep(slate("d"))
    assert list(store._slates) == ["d"]
    assert store._bytes == slate("d").n_bytes


def test_the_least_recently_used_go_first() -> None:
    """Beyond the bytes allowed; a single slate larger than all of them is kept all the same."""
    size = slate("x").n_bytes
    store = SlateStore(max_bytes=2 * size, clock=Clock())
    for name in "ab":
        store.keep(slate(name))
    assert store.find("a") is not None
    store.keep(slate("c"))
    assert store.find("b") is None
    assert store.find("a") is not None
    assert store.find("c") is not None
    giant = SlateStore(max_bytes=1, clock=Clock())
    giant.keep(slate("a"))
    giant.keep(slate("b"))
    assert giant.find("a") is None
    assert giant.find("b") is not None


def test_segments_that_only_slates_hold_count_once() -> None:
    """A change makes the youngest segment anew: old ones that slates keep alive use up their room."""
    young = [segment_of(columns_of(changed_rows(ITEMS, range(10)))) for _ in range(4)]
    size = memory_of(young[0])
    assert size > 10 * 4  # at least the columns

    def over(cursor: str, *delta: Segment) -> Slate:
        return replace(slate(cursor), segments=(SEGMENT, *delta))

    store = SlateStore(clock=Clock())
    for i, delta in enumerate((young[0], young[0], young[1])):
        store.keep(over(str(i), delta))
    assert store.n_bytes == 3 * slate("x").n_bytes + 2 * size
    small = SlateStore(max_bytes=3 * size, clock=Clock())
    for i, delta in enumerate(young):
        small.keep(over(str(i), delta))
    assert list(small._slates) == ["2", "3"]
    assert small.n_bytes == 2 * slate("x").n_bytes + 2 * size


@pytest.mark.parametrize("n_head", [0, 3, 10])
def test_head_then_tail_each_once(n_head: int) -> None:
    """Any window over a slate is a part of one order: the head, then the rest by quality."""
    made = slate("a", n_head=n_head)
    everything = [entry.row_id for entry in made.entries(0, 100)]
    head = SEGMENT.row_id[:n_head][::-1].tolist()
    assert everything == head + SEGMENT.row_id[n_head:].tolist()
    for first in range(11):
        for last in range(first, 12):
            found = [entry.row_id for entry in made.entries(first, last)]
            assert found == everything[first:last]


def test_cursors_are_never_the_same() -> None:
    """Two searches never share a name."""
    store = SlateStore()
    assert len({store.new_cursor() for _ in range(100)}) == 100


# -- the service ----------------------------------------------------------------------------------


def test_a_cursor_keeps_the_order_while_the_market_changes(index: LiveIndex) -> None:
    """What comes after the first page is not there; what was there comes as it is now."""
    service = service_of(index)
    request = SearchRequest(q="red mug", per_page=4, budget_ms=60_000)
    first = service.search(request)
    before = [i for p in (1, 2, 3) for i in ids(service.search(replace(request, page=p)))]
    new = {"listing_id": "new", "title": "red mug", "sold_count": 10**6}
    changed = {**ITEMS[int(before[5][1:])], "title": "green lamp"}
    index.apply(changed_rows([new, changed], [77, int(before[5][1:])], version=2))
    second = service.search(replace(request, page=2, cursor=first.cursor))
    assert ids(first) + ids(second) == before[:8]
    assert second.hits[1].document["title"] == "green lamp"
    assert (second.found, second.cursor, second.degraded) == (10, first.cursor, ())
    assert ids(service.search(request))[0] == "new"


def test_an_expired_cursor_is_a_new_search_that_says_so(index: LiveIndex) -> None:
    """The page is served all the same, under another cursor."""
    clock = Clock()
    service = service_of(index, slates=SlateStore(ttl_s=600, clock=clock))
    request = SearchRequest(q="red mug", per_page=4, page=2, budget_ms=60_000)
    first = service.search(request)
    clock.now += 601
    again = service.search(replace(request, cursor=first.cursor))
    assert ids(again) == ids(first)
    assert again.cursor != first.cursor
    assert again.degraded == ("cursor: expired, the search was made anew",)


def test_a_search_over_its_budget_drops_the_semantic_part(index: LiveIndex) -> None:
    """And says so; the lexical part is served whole."""
    request = SearchRequest(q="red mug", budget_ms=50.0)
    slow = service_of(index, clock=Clock(step=0.030)).search(request)
    fast = service_of(index, clock=Clock()).search(request)
    assert slow.degraded == ("semantic: the time budget of 50 ms was used up",)
    assert fast.degraded == ()
    assert set(ids(slow)) == set(ids(fast))
    assert all(hit.sources == ("lexical",) for hit in slow.hits)
    assert any("semantic" in hit.sources for hit in fast.hits)
    assert slow.search_time_ms > 50


@pytest.mark.parametrize("q", ["", "   ", "the of"])
def test_a_query_of_nothing_is_the_whole_market_best_first(index: LiveIndex, q: str) -> None:
    """An empty query is browsing: everything by quality. Words that say nothing are searched for."""
    found = service_of(index).search(SearchRequest(q=q, per_page=50, facets=("color",)))
    if q.strip():
        assert found.found == 0
        return
    assert ids(found) == [f"l{i}" for i in range(9, -1, -1)]
    assert {v.value: v.count for v in found.facet_counts["color"]} == {"red": 5, "blue": 5}
    assert found.price_stats is not None
    assert found.price_stats.mean_micros == 4_500_000


def test_pages_beyond_the_end_are_empty(index: LiveIndex) -> None:
    """Also page a thousand million; found stays what it is."""
    service = service_of(index)
    for page in (4, 10**9):
        found = service.search(SearchRequest(q="red mug", per_page=4, page=page, budget_ms=60_000))
        assert (found.hits, found.found, found.page) == ((), 10, page)


@pytest.mark.parametrize("sort", ["relevance", "newest", "price_asc", "price_desc"])
@pytest.mark.parametrize("mode", ["lexical", "semantic", "hybrid"])
@pytest.mark.parametrize("q", ["", "mug", "xyzzy"])
def test_an_empty_market_answers(sort: Any, mode: Any, q: str) -> None:
    """Nothing is found, nothing fails."""
    index = LiveIndex(generation_of(changed_rows(ITEMS, range(10)).slice(0, 0)), RATES)
    found = service_of(index).search(
        SearchRequest(q=q, sort=sort, mode=mode, facets=("*", "seller"), per_seller=1)
    )
    assert (found.hits, found.found, found.price_stats) == ((), 0, None)
    assert not any(found.facet_counts.values())


@pytest.mark.parametrize("mode", ["lexical", "semantic", "hybrid"])
def test_words_that_nobody_has_find_nothing(index: LiveIndex, mode: Any) -> None:
    """In no mode."""
    assert service_of(index).search(SearchRequest(q="xyzzy qwop", mode=mode)).found == 0


def test_semantic_mode_ranks_by_nearness(index: LiveIndex) -> None:
    """All that is near matches, nearest first, by no words."""
    found = service_of(index).search(
        SearchRequest(q="wool", mode="semantic", per_page=50, budget_ms=60_000)
    )
    assert found.found == 10
    assert [h.score for h in found.hits] == sorted((h.score for h in found.hits), reverse=True)
    assert all(hit.sources == ("semantic",) for hit in found.hits)


def test_all_that_cannot_be_served_is_told_at_once(index: LiveIndex) -> None:
    """One message with every fault."""
    request = SearchRequest(page=0, per_page=251, per_seller=0, max_facet_values=-1)
    with pytest.raises(InputError) as told:
        service_of(index).search(request)
    for name in ("page", "per_page", "per_seller", "max_facet_values"):
        assert name in str(told.value)


def test_a_selected_value_is_always_among_the_facets(index: LiveIndex) -> None:
    """Marked, with its count, also where it is not among the most frequent ones."""
    found = service_of(index).search(
        SearchRequest(filter='color = "RED"', facets=("color", "category"), max_facet_values=1)
    )
    shown = [(v.value, v.count, v.is_selected) for v in found.facet_counts["color"]]
    assert shown == [("blue", 5, False), ("red", 5, True)]
    assert [v.count for v in found.facet_counts["category"]] == [5]


def test_a_numeric_value_that_was_chosen_is_marked() -> None:
    """`size = 10` marks the value that is written "10"."""
    items = [
        {"listing_id": f"n{i}", "title": "ring", "attributes": {"size": s}}
        for i, s in enumerate(["10", "12", "12"])
    ]
    index = LiveIndex(generation_of(changed_rows(items, range(3))), RATES)
    found = service_of(index).search(SearchRequest(filter="size = 10", facets=("size",)))
    shown = {v.value: (v.count, v.is_selected) for v in found.facet_counts["size"]}
    assert shown == {"12": (2, False), "10": (1, True)}


def test_a_chosen_category_is_marked() -> None:
    """By its own name or by its path."""
    items = [{"listing_id": "a", "title": "mug", "category_path": ["Home", "Mugs"]}]
    service = service_of(LiveIndex(generation_of(changed_rows(items, [0])), RATES))
    for text in ('category = "mugs"', 'category = "Home > Mugs"'):
        found = service.search(SearchRequest(filter=text, facets=("category",)))
        shown = {v.value: v.is_selected for v in found.facet_counts["category"]}
        assert shown == {"Home": False, "Home > Mugs": True}


def test_cards_are_short_and_say_what_matched(index: LiveIndex) -> None:
    """A long description is cut at a word; the query words that the listing has are named."""
    found = service_of(index).search(SearchRequest(q="mug wool", per_page=10, budget_ms=60_000))
    top = found.hits[0]
    assert len(top.document["description"]) <= CARD_CHARS["description"] + 1
    assert top.document["description"].endswith("long…")
    assert top.matched == ("mug", "wool")
    assert {hit.matched for hit in found.hits} == {("mug", "wool"), ("mug",)}


def test_similar_listings_are_near_for_sale_and_others(index: LiveIndex) -> None:
    """Nearest first, never the listing itself, never one that is gone; none of one that is gone."""
    near = similar_hits(index, 3, limit=5)
    assert len(near) == 5
    assert [h.score for h in near] == sorted((h.score for h in near), reverse=True)
    assert "l3" not in [h.listing_id for h in near]
    gone = int(near[0].listing_id[1:])
    index.apply(changed_rows([{**ITEMS[gone], "quantity": 0}], [gone], version=2))
    assert f"l{gone}" not in [h.listing_id for h in similar_hits(index, 3, limit=50)]
    assert similar_hits(index, gone, limit=5) == ()


def test_mean_lengths_of_nothing_are_zero() -> None:
    """And of something the plain means."""
    assert mean_lengths(np.zeros((0, 4), np.uint16)).tolist() == [0, 0, 0, 0]
    assert mean_lengths(np.array([[1, 2, 3, 4], [3, 2, 1, 0]], np.uint16)).tolist() == [2, 2, 2, 2]


def test_every_stage_is_timed(index: LiveIndex) -> None:
    """With the names of the stages, also on a later page."""
    service: SearchService = service_of(index)
    first = service.search(SearchRequest(q="mug"))
    stages = {"understand", "lexical", "semantic", "match", "rank", "facets", "page"}
    assert stages <= set(first.timings_us)
    later = service.search(SearchRequest(q="mug", cursor=first.cursor))
    assert set(later.timings_us) == {"page"}
