"""Page records: written before the reply, whole, sampled by their id, and never without their tokens."""

from typing import Any

import numpy as np
import pytest

from mercer.engines.embedded.index.live_index import LiveIndex
from mercer.retrieve.request import SearchRequest
from mercer.serve.search.page_record import MIN_WRITE_S, Visit, has_detail
from mercer.serve.search.search import NOT_LOGGED, SearchService
from mercer.serve.search.stages import SearchParams
from support.index_kit import RATES, changed_rows, generation_of
from support.page_kit import MemoryPages, SlowPages, recorder_of

ITEMS = [
    {
        "listing_id": f"l{i}",
        "title": f"red mug {'wool ' * (i % 3)}",
        "attributes": {"color": "red" if i % 2 else "blue"},
        "category_path": ["Home", "Mugs"],
        "seller_id": f"s{i % 2}",
        "price": i,
        "sold_count": i * i,
        "description": "long",
    }
    for i in range(20)
]
ASKED = SearchRequest(q="red wool mug", per_page=5, visitor_id="v1", budget_ms=60_000)


@pytest.fixture(scope="module")
def index() -> LiveIndex:
    return LiveIndex(generation_of(changed_rows(ITEMS, range(20)), threshold=-1.0), RATES)


def service_of(index: LiveIndex, writer: MemoryPages, **params: Any) -> SearchService:
    return SearchService(index, SearchParams(), recorder=recorder_of(writer, **params))


def test_the_record_is_the_page(index):
    """What the reply shows is what the record holds, and each hit carries a token of its place."""
    log = MemoryPages()
    reply = service_of(index, log).search(ASKED)
    page = log.pages[reply.page_id]
    assert [(s.listing_id, s.position) for s in page.shown] == [
        (h.listing_id, h.position) for h in reply.hits
    ]
    assert [round(s.score, 6) for s in page.shown] == [h.score for h in reply.hits]
    assert [h.token for h in reply.hits] == [
        f"{reply.page_id}/{h.listing_id}/{h.position}" for h in reply.hits
    ]
    assert (page.found, page.generation, page.cursor) == (20, reply.generation, reply.cursor)
    assert page.catalogue_version == index.snapshot().version
    assert page.visitor_id == "v1"
    assert "visitor_id" not in page.request
    assert page.understood == reply.understood
    assert {s.propensity for s in page.shown} == {1.0}
    assert page.models[0].startswith("first_pass@")


@pytest.mark.parametrize("per_seller", [None, 1])
@pytest.mark.parametrize("number", [1, 3])
def test_parts_sum_to_the_score(index, per_seller, number):
    """Of every listing shown, on every page of a slate, also where sellers were spread."""
    log = MemoryPages()
    asked = SearchRequest(q="red wool", per_page=5, page=number, per_seller=per_seller)
    reply = service_of(index, log).search(asked)
    page = log.pages[reply.page_id]
    parts = page.shown_parts.reshape(len(page.shown), len(page.part_names))
    assert "semantic" in page.part_names
    np.testing.assert_allclose(parts.sum(axis=1), [s.score for s in page.shown], rtol=1e-5)


def test_candidates_are_in_their_final_order(index):
    """The first rows are those shown; no more than `max_candidates` are kept, and parts with them."""
    log = MemoryPages()
    service = service_of(index, log, max_candidates=7)
    page = log.pages[service.search(ASKED).page_id]
    assert page.candidate_rows[:5].tolist() == [s.row_id for s in page.shown]
    assert len(page.candidate_rows) == len(page.candidate_scores) == 7
    assert page.stages == ("first_pass",)
    assert page.list_stats["candidates"] == 20
    second = SearchRequest(q="red wool mug", per_page=5, page=2, cursor=page.cursor)
    more = log.pages[service.search(second).page_id]
    assert more.cursor == page.cursor
    parts = more.shown_parts.reshape(5, -1)
    assert np.isnan(parts).all(axis=1).tolist() == [False, False, True, True, True]


def test_pages_without_a_ranking_keep_no_scores(index):
    """A sort or an empty query orders by no score, so no stage is named."""
    for asked in (SearchRequest(q="mug", sort="price_asc"), SearchRequest()):
        log = MemoryPages()
        reply = service_of(index, log).search(asked)
        page = log.pages[reply.page_id]
        assert page.stages == page.models == page.part_names == ()
        assert page.candidate_scores.size == page.shown_parts.size == 0
        assert len(page.shown) == 20


def test_the_heavy_part_is_drawn_by_the_id():
    """The same ids always, and about the share that was asked for."""
    ids = [f"0198c7a0-5b7c-7d31-9f6e-{n:012x}" for n in range(4_000)]
    drawn = [has_detail(one, share=0.25) for one in ids]
    assert 0.22 < np.mean(drawn) < 0.28
    assert not any(has_detail(one, share=0.0) for one in ids)
    assert all(has_detail(one, share=1.0) for one in ids)


def test_a_light_page_still_says_what_was_shown(index):
    """Without the heavy part: no candidates, no list statistics, all else."""
    log = MemoryPages()
    reply = service_of(index, log, detail_share=0.0).search(ASKED)
    page = log.pages[reply.page_id]
    assert not page.is_detailed
    assert page.candidate_rows.size == page.candidate_scores.size == len(page.list_stats) == 0
    assert len(page.shown) == 5
    assert page.shown_parts.size == 5 * len(page.part_names) > 0


def test_a_page_that_was_not_written_has_no_tokens(index):
    """It is served all the same, and says so."""
    service = SearchService(index, SearchParams(), recorder=recorder_of(SlowPages()))
    reply = service.search(ASKED)
    assert len(reply.hits) == 5
    assert {h.token for h in reply.hits} == {""}
    assert NOT_LOGGED in reply.degraded
    visit = Visit(visitor_id="v1")
    similar = service.similar("l1", 1, limit=3, visit=visit)
    assert {h.token for h in similar.hits} == {""}


def test_the_write_gets_what_is_left_of_the_budget(index):
    """Never more than the request had, and a moment where nothing is left."""
    log = MemoryPages()
    service = service_of(index, log)
    service.search(SearchRequest(q="mug", budget_ms=2_000))
    service.search(SearchRequest(q="mug", budget_ms=0.001))
    assert 1 < log.budgets_s[0] < 2
    assert log.budgets_s[1] == MIN_WRITE_S


def test_similar_pages_are_pages(index):
    """Surface, the listing asked about, cosines, tokens, and who asked."""
    log = MemoryPages()
    visit = Visit(visitor_id="v1", session_id="s1", buyer_id="b1")
    made = service_of(index, log).similar("l1", 1, limit=3, visit=visit)
    page = log.pages[made.page_id]
    assert (page.surface, page.q, len(page.shown)) == ("similar", "l1", 3)
    assert (page.visitor_id, page.session_id, page.buyer_id) == ("v1", "s1", "b1")
    assert [h.token for h in made.hits] == [
        f"{made.page_id}/{h.listing_id}/{h.position}" for h in made.hits
    ]


def test_a_similar_page_that_is_not_kept_says_so(index):
    """It is given out without tokens, and `degraded` tells why."""
    service = SearchService(index, SearchParams(), recorder=recorder_of(SlowPages()))
    made = service.similar("l1", 1, limit=3, visit=Visit())
    assert len(made.hits) == 3
    assert {h.token for h in made.hits} == {""}
    assert made.degraded == (NOT_LOGGED,)


def test_nothing_is_kept_without_a_recorder(index):
    """No parts, no tokens."""
    reply = SearchService(index, SearchParams()).search(ASKED)
    assert {h.token for h in reply.hits} == {""}
    assert reply.degraded == ()
    assert "log" not in reply.timings_us
