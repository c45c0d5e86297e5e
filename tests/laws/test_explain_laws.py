"""Explanations against brute force: other searches, and the plain twin of the match set."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mercer.engines.embedded.index import live_index
from mercer.rank.chosen import CandidateParams
from mercer.retrieve.filter_language import parse_filter
from mercer.retrieve.filter_match import matches
from mercer.retrieve.match import MatchParams
from mercer.retrieve.query import UnderstandOptions
from mercer.retrieve.request import SearchRequest
from mercer.retrieve.understand import understand
from mercer.schema.errors import FilterError, NotFoundError
from mercer.serve.explain.explain import ListingWhy, PageWhy
from mercer.serve.explain.explainer import Explainer
from mercer.serve.explain.steps import Known
from mercer.serve.search.page_record import Visit
from mercer.serve.search.search import SearchService
from mercer.serve.search.stages import SearchParams
from support.index_kit import RATES, with_text
from support.page_kit import MemoryPages, recorder_of
from support.plain_text_index import PlainTextIndex
from support.random_shop import CURRENCIES, FILTER, N_IDS, QUERY, Shop, random_change, random_shop
from support.search_twin import TwinQuery, price

FEW = CandidateParams(all_below=2, lexical=2, quality=2, max_lexical=3)
FEW_BY_TEXT = replace(FEW, max_lookups=0)  # the text index chooses
OPTIONS = UnderstandOptions(currency="USD", rates=RATES)


@pytest.fixture(autouse=True, scope="module")
def small_pieces() -> Iterator[None]:
    with (
        mock.patch.object(live_index, "YOUNG_ROWS", 3),
        mock.patch.object(live_index, "MAX_JOINED_ROWS", 12),
    ):
        yield


class Case:
    """A shop, its search service with a page log, and its explainer."""

    def __init__(self, shop: Shop, candidates: CandidateParams, **log: Any) -> None:
        self.shop, self.log = shop, MemoryPages()
        match = MatchParams(enough=3)
        self.params = SearchParams(
            match=match, candidates=candidates, understand=OPTIONS, budget_ms=60_000
        )
        self.service = SearchService(shop.index, self.params, recorder=recorder_of(self.log, **log))
        self.plain = SearchService(shop.index, self.params)
        self.explainer = Explainer(shop.index, self.params, pages=self.log, known=self.known)
        self.twin = shop.twin(match)
        self._hits: dict[Any, list[Any]] = {}

    def known(self, listing_id: str) -> Known | None:
        row_id = int(listing_id[1:])
        if row_id not in self.shop.versions:
            return None
        why = "" if row_id in self.shop.live else "it is sold out"
        return Known(
            row_id=row_id, version=self.shop.versions[row_id], title="a title", gone_because=why
        )

    def all_hits(self, request: SearchRequest) -> list[Any]:
        """Every hit of a search, in order; sellers are spread as they are for this page size."""
        key = replace(request, page=1)
        if key not in self._hits:
            self._hits[key] = self._all_hits(key)
        return self._hits[key]

    def _all_hits(self, request: SearchRequest) -> list[Any]:
        first = self.plain.search(request)
        hits = list(first.hits)
        for number in range(2, -(-first.found // request.per_page) + 1):
            more = replace(request, page=number, cursor=first.cursor)
            hits += self.plain.search(more).hits
        return hits

    def explain(self, page_id: str, row_id: int) -> tuple[PageWhy, ListingWhy]:
        why = self.explainer.explain(page_id, f"l{row_id}")
        assert why.listing is not None
        return why, why.listing


def expected_reason(case: Case, request: SearchRequest, shown: list[str], row_id: int) -> str:
    """The stage at which a listing leaves, told from other searches alone."""
    listing_id = f"l{row_id}"
    if listing_id in shown:
        return "shown"
    if row_id not in case.shop.versions:
        return "unknown"
    if row_id not in case.shop.live:
        return "gone"
    order = case.all_hits(request)
    ids = [hit.listing_id for hit in order]
    first = (request.page - 1) * request.per_page
    if listing_id in ids:
        place = ids.index(listing_id)
        assert not first <= place < first + request.per_page
        if place < first:
            return "earlier_page"
        is_ranked = any(hit.sources for hit in order)
        if is_ranked and not order[place].sources:
            return "not_scored"
        plain = [hit.listing_id for hit in case.all_hits(replace(request, per_seller=None))]
        return (
            "moved_down" if plain.index(listing_id) < first + request.per_page else "further_down"
        )
    if listing_id in [hit.listing_id for hit in case.all_hits(replace(request, filter=""))]:
        return "filtered"
    return "no_match" if row_id in case.twin.allowed(asked_of(case, request)) else "ruled_out"


def asked_of(case: Case, request: SearchRequest) -> TwinQuery:
    query = understand(request.q, lexicon=case.shop.index.snapshot().lexicon, options=OPTIONS)
    return TwinQuery.of(query, case.twin.known_stems)


# Shops that are full enough for every reason to occur.
SHOPS = st.builds(random_shop, st.integers(0, 10**9), st.integers(12, N_IDS), st.integers(0, 4))
REQUEST = st.builds(
    SearchRequest,
    q=st.one_of(QUERY, st.sampled_from(["", "red", "mug", "red mug", "red blue mug lamp wool"])),
    filter=st.one_of(st.just(""), FILTER),
    mode=st.sampled_from(["hybrid", "hybrid", "lexical", "semantic"]),
    sort=st.sampled_from(["relevance", "relevance", "relevance", "price_asc"]),
    page=st.integers(1, 2),
    per_page=st.integers(1, 4),
    per_seller=st.sampled_from([None, None, 1, 2]),
)


@settings(max_examples=50)
@example(random_shop(0, 12, 0), SearchRequest(per_page=2, page=2), None, 0.0)
@example(random_shop(0, 25, 2), SearchRequest(q="red mug", per_page=2), FEW, 0.0)
@example(random_shop(0, 28, 0), SearchRequest(q="mug", per_page=3, per_seller=1), None, 1.0)
@example(random_shop(2, 25, 2), SearchRequest(q="mug", sort="newest", per_page=2), None, 1.0)
@given(SHOPS, REQUEST, st.sampled_from([None, FEW, FEW_BY_TEXT]), st.sampled_from([0.0, 1.0]))
def test_every_listing_has_the_reason_that_brute_force_finds(shop, request, few, share):
    """On the index that served the page, from the record and without its heavy part alike."""
    if few is not None:
        with_text(shop.index, PlainTextIndex.of_segment(shop.index.snapshot().segments[0]))
    case = Case(shop, few or CandidateParams(), detail_share=share)
    try:
        reply = case.service.search(request)
    except FilterError:
        return
    shown = [hit.listing_id for hit in reply.hits]
    for row_id in range(N_IDS + 1):
        why, found = case.explain(reply.page_id, row_id)
        assert found.reason == expected_reason(case, request, shown, row_id), found.sentence
        assert why.basis == "same_index"
        assert sum(step.outcome == "stopped" for step in found.steps) == (found.reason != "shown")
        check_numbers(case, request, row_id, found)


def check_numbers(case: Case, request: SearchRequest, row_id: int, found: ListingWhy) -> None:
    """What the sentence says by how much is what plain Python computes."""
    row, numbers = case.shop.live.get(row_id), found.numbers
    if found.reason == "no_match" and request.mode != "semantic":
        assert numbers["words_had"] == case.twin.n_groups(row_id, asked_of(case, request))
        assert numbers["words_had"] < numbers["words_needed"] <= numbers["words_asked"]
    if "cosine" in numbers and found.reason == "no_match":
        assert numbers["cosine"] < numbers["threshold"]
    if "price_micros" in numbers:
        assert row is not None
        assert numbers["price_micros"] == price(row, CURRENCIES)
        assert numbers["gap_micros"] > 0
    if found.reason == "filtered":
        assert row is not None
        tree = parse_filter(request.filter, case.shop.index.snapshot().fields)
        clauses = [parse_filter(c, case.shop.index.snapshot().fields) for c in found.faults]
        assert clauses
        priced = row | {"price_micros": price(row, CURRENCIES)}
        assert not any(matches(clause, priced) for clause in clauses)
        assert not matches(tree, priced)
    if found.position is not None:
        hit = case.all_hits(request)[found.position - 1]
        assert hit.listing_id == found.listing_id
        if found.score is not None and hit.sources:  # what was not ranked has no score
            assert found.score == pytest.approx(hit.score, abs=2e-6)
    if found.parts:
        assert sum(part.value for part in found.parts) == pytest.approx(found.score, abs=2e-6)


@settings(max_examples=25)
@given(SHOPS, REQUEST, st.booleans())
def test_the_parts_of_what_is_shown_sum_to_its_score(shop, request, is_few):
    """Of every hit whose parts are known; a page ordered by a sort has none."""
    case = Case(shop, FEW if is_few else CandidateParams())
    try:
        reply = case.service.search(request)
    except FilterError:
        return
    why = case.explainer.explain(reply.page_id)
    assert [hit.listing_id for hit in why.hits] == [hit.listing_id for hit in reply.hits]
    for hit, served in zip(why.hits, reply.hits, strict=True):
        if hit.parts:
            assert sum(part.value for part in hit.parts) == pytest.approx(hit.score, abs=2e-6)
        assert hit.sources == served.sources
        if "semantic" in hit.sources and request.mode == "hybrid":
            assert hit.cosine >= why.threshold - 1e-5


@settings(max_examples=20)
@given(SHOPS, REQUEST, st.randoms(use_true_random=False))
def test_an_old_page_is_told_from_its_record(shop, request, rng):
    """After the catalogue changed: logged candidates keep their place, and nothing claims to be exact
    that is not."""
    case = Case(shop, CandidateParams())
    try:
        reply = case.service.search(request)
    except FilterError:
        return
    page = case.log.pages[reply.page_id]
    before = {}
    for row_id in shop.versions:
        before[row_id] = case.explain(reply.page_id, row_id)[1]
    shop.apply(random_change(rng), 100)
    for row_id in range(N_IDS + 1):
        why, found = case.explain(reply.page_id, row_id)
        assert why.basis == "now"
        assert page.generation in why.note
        if row_id in page.candidate_rows.tolist():
            assert found.basis == "logged"
            assert found.position == before[row_id].position
            if request.per_seller is None:
                assert found.reason == before[row_id].reason
        elif found.reason != "shown" and shop.versions.get(row_id, 0) > page.catalogue_version:
            assert found.basis == "now"


def test_a_place_left_empty_is_told():
    """A listing that was sold between the first page and the second is gone, with its place."""
    shop = Shop([{"title": f"red mug {i}", "quantity": 1, "sold_count": i} for i in range(6)], [])
    case = Case(shop, CandidateParams())
    asked = SearchRequest(q="red mug", per_page=3)
    first = case.service.search(asked)
    order = case.all_hits(asked)
    sold = int(order[4].listing_id[1:])
    shop.apply([(sold, {"title": "red mug", "quantity": 0})], 2)
    second = case.service.search(replace(asked, page=2, cursor=first.cursor))
    _, found = case.explain(second.page_id, sold)
    assert (found.reason, found.position, found.basis) == ("gone", 5, "logged")


def test_similar_pages_tell_how_much_further(caplog):
    """The cosine of a listing that is not shown, against the last one shown."""
    rng = random.Random(3)
    titles = [" ".join(rng.choices(["red", "mug", "lamp", "oak"], k=3)) for _ in range(8)]
    shop = Shop([{"title": t, "quantity": 1} for t in titles], [])
    case = Case(shop, CandidateParams())
    made = case.service.similar("l0", 0, limit=3, visit=Visit())
    for row_id in range(9):
        _, found = case.explain(made.page_id, row_id)
        if row_id == 0:
            assert found.reason == "itself"
        elif row_id == 8:
            assert found.reason == "unknown"
        elif f"l{row_id}" in [hit.listing_id for hit in made.hits]:
            assert found.reason == "shown"
        else:
            assert found.reason == "further_down"
            assert found.score <= found.last_shown_score + 1e-6


def test_an_unknown_page_says_what_to_do():
    """Where ids come from, and how long pages are kept."""
    case = Case(Shop([{"title": "mug"}], []), CandidateParams())
    with pytest.raises(NotFoundError, match="keep_days"):
        case.explainer.explain("0198c7a0-5b7c-7d31-9f6e-000000000000")


def test_what_was_dropped_for_time_is_dropped_again():
    """A page whose meaning was left out is explained without meaning."""
    shop = Shop([{"title": f"red mug {'oak ' * i}", "quantity": 1} for i in range(6)], [])
    case = Case(shop, CandidateParams())
    reply = case.service.search(SearchRequest(q="red lamp", budget_ms=0.0001))
    assert reply.degraded
    why = case.explainer.explain(reply.page_id)
    assert any(text.startswith("semantic:") for text in why.dropped)
    assert why.threshold is None
    assert np.isfinite([hit.score for hit in why.hits]).all()
