"""The search core against a brute-force twin, over random catalogues in generation and delta."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.engines.embedded.index import live_index
from mercer.rank.candidates import sorted_head
from mercer.rank.chosen import CandidateParams
from mercer.rank.first_pass import statistics, word_scores
from mercer.retrieve import bitmap, facet_reference
from mercer.retrieve.filter_language import parse_filter
from mercer.retrieve.match import MatchParams
from mercer.retrieve.query import UnderstandOptions
from mercer.retrieve.request import SearchRequest
from mercer.retrieve.understand import understand
from mercer.schema.errors import FilterError
from mercer.serve.search.search import SearchService
from mercer.serve.search.stages import SearchParams, Stopwatch, head_of, matched
from support.index_kit import RATES, with_text
from support.plain_text_index import PlainTextIndex
from support.random_shop import (
    CURRENCIES,
    FACETS,
    FILTER,
    QUERY,
    SHOPS,
    Shop,
    random_change,
)
from support.search_twin import Twin, TwinQuery, price, prior


@pytest.fixture(autouse=True, scope="module")
def small_pieces() -> Iterator[None]:
    """What hundreds or thousands of rows decide is decided by a few."""
    with (
        mock.patch.object(live_index, "YOUNG_ROWS", 3),
        mock.patch.object(live_index, "MAX_JOINED_ROWS", 12),
        mock.patch.object(facet_reference, "_FROM_ROWS", 5),  # facets by difference there
    ):
        yield


def service_of(shop: Shop, match: MatchParams, candidates: CandidateParams) -> SearchService:
    options = UnderstandOptions(currency="USD", rates=RATES)
    params = SearchParams(match=match, candidates=candidates, understand=options)
    return SearchService(shop.index, params)


def pages(service: SearchService, request: SearchRequest) -> tuple[Any, list[Any]]:
    """The first response, and the hits of all pages under its cursor."""
    first = service.search(request)
    hits = list(first.hits)
    for page in range(2, -(-first.found // request.per_page) + 2):
        more = service.search(replace(request, page=page, cursor=first.cursor))
        assert (more.found, more.cursor) == (first.found, first.cursor)
        hits += more.hits
    return first, hits


def row_of(hit: Any) -> int:
    return int(hit.listing_id[1:])


def parsed(shop: Shop, q: str) -> Any:
    options = UnderstandOptions(currency="USD", rates=RATES)
    return understand(q, lexicon=shop.index.snapshot().lexicon, options=options)


@settings(max_examples=80)
@given(
    SHOPS, QUERY, FILTER, st.sampled_from([1, 3, 100]), st.sampled_from([1, 4, 24]), st.booleans()
)
def test_a_search_is_what_brute_force_finds(shop, q, filter_text, enough, per_page, is_narrow):
    """Same match set, found, facet counts, price stats and order as the twin; every match is on
    exactly one page."""
    match = MatchParams(enough=enough)
    service = service_of(shop, match, CandidateParams())
    request = SearchRequest(
        q=q, filter=filter_text, facets=FACETS, per_page=per_page, budget_ms=60_000
    )
    few = (
        ("category", "color", "size", "currency") if is_narrow else FACETS
    )  # not tags, not sellers
    facets = tuple(f for f in few if shop.index.snapshot().fields.resolve(f))
    tree, twin = parsed_filter(shop, filter_text), shop.twin(match)
    if tree is NOT_THERE:
        return
    query = parsed(shop, q)
    asked = TwinQuery.of(query, twin.known_stems)
    near, cosine = semantic(shop, query, asked)
    response, hits = pages(service, SearchRequest(**fields(request) | {"facets": facets}))
    unfiltered = twin.unfiltered(asked, near)
    expected = twin.filtered(tree, unfiltered)
    assert [h.position for h in hits] == list(range(1, len(hits) + 1))
    assert len(hits) == len({h.listing_id for h in hits})
    assert {row_of(h) for h in hits} == expected
    assert response.found == len(expected)
    counts = {
        f: {v.value: v.count for v in vs if v.count} for f, vs in response.facet_counts.items()
    }
    assert counts == twin.facets(facets, tree, unfiltered)
    check_prices(response.price_stats, twin.prices(expected))
    check_order(twin, asked, hits, expected, cosine)


NOT_THERE = object()


def parsed_filter(shop: Shop, text: str) -> Any:
    """The tree, NOT_THERE where no listing has such an attribute."""
    try:
        return parse_filter(text, shop.index.snapshot().fields)
    except FilterError:
        return NOT_THERE


def fields(request: SearchRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in SearchRequest.__dataclass_fields__}


def semantic(shop: Shop, query: Any, asked: TwinQuery) -> tuple[set[int], Any]:
    """Row ids at or above the threshold, and the cosine of a row; none where nothing is asked, or
    no listing that is for sale has any of the words."""
    known = shop.twin(MatchParams()).live_stems()
    if not any(set(way.stems) <= known for ways in asked.groups for way in ways):
        return set(), None
    words = [t.word for t in query.terms if not t.is_optional] or [t.word for t in query.terms]
    snapshot = shop.index.snapshot()
    cosine = shop.cosines(snapshot.encoder.encode_query(query.text, words))
    return {r for r, c in cosine.items() if c >= snapshot.threshold}, cosine.__getitem__


def check_prices(stats: Any, prices: list[int]) -> None:
    if not prices:
        assert stats is None
        return
    assert (stats.count, stats.min_micros, stats.max_micros) == (len(prices), prices[0], prices[-1])
    assert abs(stats.mean_micros - sum(prices) / len(prices)) <= 1


def check_order(twin: Twin, asked: TwinQuery, hits: list[Any], expected: Any, cosine: Any) -> None:
    """Served scores are the twin's, and fall; equal ones stand by quality, then by row id."""
    if not asked.groups:
        keys = [(-np.float32(prior(twin.live[row_of(h)])), row_of(h)) for h in hits]
        assert_sorted(keys)
        return
    scores = twin.scores(asked, expected, cosine)
    for hit in hits:
        assert hit.score == pytest.approx(scores[row_of(hit)], abs=3e-6)
    order = [(-scores[row_of(h)], -prior(twin.live[row_of(h)]), row_of(h)) for h in hits]
    for one, two in itertools.pairwise(order):
        assert one[0] <= two[0] + 3e-6  # float32 against double
        if one[0] == two[0] and abs(one[1] - two[1]) > 1e-6:
            assert one[1] < two[1]
        if one[:2] == two[:2]:
            assert one[2] < two[2]


def assert_sorted(keys: list[Any]) -> None:
    """Ascending, where a step of float32's own size is no step."""
    for one, two in itertools.pairwise(keys):
        assert one[0] <= two[0] + 2e-7
        if one[0] == two[0]:
            assert one[1:] < two[1:]


@settings(max_examples=35)
@given(SHOPS, QUERY, st.sampled_from(["newest", "price_asc", "price_desc"]), st.booleans())
def test_a_sort_orders_the_whole_match_set(shop, q, sort, is_short):
    """By the key, unknown prices last, ties by quality and row id, over head and tail alike."""
    service = service_of(shop, MatchParams(), CandidateParams())
    head = mock.patch("mercer.serve.search.stages.sorted_head", _short_head) if is_short else None
    with head or mock.MagicMock():
        _, hits = pages(service, SearchRequest(q=q, sort=sort, per_page=3, budget_ms=60_000))
    keys = []
    for hit in hits:
        row = shop.live[row_of(hit)]
        cost = price(row, CURRENCIES)
        known = float("inf") if cost is None else cost if sort == "price_asc" else -cost
        key = -row["created_ms"] if sort == "newest" else known
        keys.append((key, -np.float32(prior(row)), row_of(hit)))
    for one, two in itertools.pairwise(keys):
        assert one[0] <= two[0]
        if one[0] == two[0]:
            assert_sorted([one[1:], two[1:]])
    relevance, _ = pages(service, SearchRequest(q=q, per_page=3, budget_ms=60_000))
    assert len(hits) == len({h.listing_id for h in hits}) == relevance.found


def _short_head(*args: Any, **more: Any) -> Any:
    return sorted_head(*args, **more | {"limit": 4})


@settings(max_examples=35)
@given(SHOPS, QUERY, FILTER, st.integers(1, 3))
def test_a_limit_per_seller_only_reorders(shop, q, filter_text, per_seller):
    """The same listings with and without it."""
    service = service_of(shop, MatchParams(), CandidateParams())
    if parsed_filter(shop, filter_text) is NOT_THERE:
        return
    request = SearchRequest(q=q, filter=filter_text, per_page=5, budget_ms=60_000)
    _, plain = pages(service, request)
    _, spread = pages(service, SearchRequest(**fields(request) | {"per_seller": per_seller}))
    assert sorted(h.listing_id for h in plain) == sorted(h.listing_id for h in spread)


@settings(max_examples=35)
@given(
    SHOPS, QUERY, FILTER, st.sampled_from(["lexical", "hybrid"]), st.sampled_from([0, 10, 1_000])
)
def test_head_and_tail_are_the_match_set(shop, q, filter_text, mode, max_lookups):
    """Where only some matches are scored, all of them still come, each once; those that are scored
    come first and fall by score."""
    if parsed_filter(shop, filter_text) is NOT_THERE:
        return
    twin = shop.twin(MatchParams())
    with_reference_text(shop)
    few = CandidateParams(all_below=2, lexical=2, quality=2, max_lexical=3, max_lookups=max_lookups)
    service = service_of(shop, MatchParams(), few)
    request = SearchRequest(q=q, filter=filter_text, per_page=4, mode=mode, budget_ms=60_000)
    response, hits = pages(service, request)
    query = parsed(shop, q)
    asked = TwinQuery.of(query, twin.known_stems)
    near, _ = semantic(shop, query, asked) if mode == "hybrid" else (set(), None)
    expected = twin.filtered(parsed_filter(shop, filter_text), twin.unfiltered(asked, near))
    assert [row_of(h) for h in sorted(hits, key=row_of)] == sorted(expected)
    assert response.found == len(expected)
    scores = [h.score for h in hits if h.score > 0]
    assert scores == sorted(scores, reverse=True)


@settings(max_examples=35)
@given(SHOPS, QUERY, FILTER, st.integers(1, 4))
def test_the_best_by_their_words_are_scored(shop, q, filter_text, n):
    """Of what matches by words in a generation, the n of which the words count most are in the head."""
    if parsed_filter(shop, filter_text) is NOT_THERE:
        return
    with_reference_text(shop)
    params = SearchParams(candidates=CandidateParams(all_below=0, lexical=n, quality=1))
    request, snapshot = SearchRequest(q=q, filter=filter_text), shop.index.snapshot()
    found = matched(request, snapshot, params, watch=Stopwatch())
    if found.wanted.is_empty or len(found.wanted.groups) == 1:  # nothing, or by quality
        return
    head = head_of(request, snapshot, params, found)
    rows = bitmap.rows_of(found.lexical.bits[0] & found.matches[0])
    stats = statistics(found.wanted, snapshot.segments, snapshot.lengths)
    counted = word_scores(rows, snapshot.segments[0], found.wanted, stats, params=params.first_pass)
    best = sorted(zip((-counted).tolist(), rows.tolist(), strict=True))[:n]
    assert {row for _, row in best} <= set(head.row[head.part == 0].tolist())


def with_reference_text(shop: Shop) -> None:
    """A text index that ranks by the number of groups a row has, over the generation."""
    with_text(shop.index, PlainTextIndex.of_segment(shop.index.snapshot().segments[0]))


@settings(max_examples=25)
@given(SHOPS, st.randoms(use_true_random=False), QUERY)
def test_what_went_is_on_no_later_page(shop, rng, q):
    """A listing that is gone, and only that, is missing on the later pages of a cursor."""
    service = service_of(shop, MatchParams(), CandidateParams())
    request = SearchRequest(q=q, per_page=3, budget_ms=60_000)
    first = service.search(request)
    _, before = pages(service, request)
    for version in (100, 101):
        shop.apply(random_change(rng), version)
    seen = []
    for page in range(2, -(-first.found // 3) + 1):
        more = service.search(
            SearchRequest(**fields(request) | {"page": page, "cursor": first.cursor})
        )
        seen += [row_of(h) for h in more.hits]
    assert seen == [row_of(h) for h in before[3:] if row_of(h) in shop.live]


def test_searches_beside_changes_see_one_moment(tmp_path):
    """While one thread replaces a listing again and again, a search always finds it exactly once."""
    shop = Shop([{"title": f"red mug {i}", "quantity": 1} for i in range(20)], [])
    service = service_of(shop, MatchParams(), CandidateParams())
    faults: list[Any] = []
    is_done = threading.Event()

    def look() -> None:
        while not is_done.is_set():
            try:
                found = service.search(SearchRequest(q="red mug", per_page=50, budget_ms=60_000))
                ids = [h.listing_id for h in found.hits]
                if found.found != 20 or len(set(ids)) != len(ids):
                    faults.append((found.found, ids))
            except Exception as fault:  # a thread of its own: the test fails on any of `faults`
                faults.append(fault)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for version in range(2, 60):
        shop.apply([(version % 20, {"title": f"red mug {version}", "quantity": 1})], version)
    is_done.set()
    for thread in threads:
        thread.join()
    assert faults == []
