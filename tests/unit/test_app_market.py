"""A real market on disk: sold means gone, what was acknowledged is found, merges lose nothing."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mercer.app_index
from mercer.app import open_market, own_market
from mercer.engines.embedded.index import follower
from mercer.engines.embedded.index.generation import current_generation
from mercer.retrieve.request import SearchRequest
from mercer.schema.errors import ConfigError, NotFoundError
from mercer.serve.embedded_market import EmbeddedMarket
from mercer.serve.process.owner import Owner
from support.market_kit import T0, items, make_market, small_encoder

EVERYTHING = SearchRequest(per_page=250, budget_ms=60_000)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[EmbeddedMarket]:
    make_market(tmp_path / "shop", items(60))
    with own_market(tmp_path / "shop") as opened:
        yield opened


def owner_of(market: EmbeddedMarket) -> Owner:
    return market._parts.writes


def ids(response: Any) -> list[str]:
    return [hit.listing_id for hit in response.hits]


def answers(market: EmbeddedMarket) -> list[Any]:
    """What a market says to some searches, scores left out: they depend on the statistics."""
    found = []
    for request in (
        EVERYTHING,
        replace(EVERYTHING, q="red mug", mode="lexical", facets=("*", "seller")),
        replace(EVERYTHING, filter='color = "red" AND price > 10', sort="price_asc"),
        replace(EVERYTHING, q="wool", mode="lexical", filter="seller = s1", facets=("color",)),
    ):
        response = market.search(request)
        order = ids(response) if request.sort != "relevance" else sorted(ids(response))
        counts = {
            name: sorted((v.value, v.count) for v in values)
            for name, values in response.facet_counts.items()
        }
        found.append((order, response.found, counts, response.price_stats))
    return found


GONE: dict[str, Callable[[EmbeddedMarket, dict[str, Any]], Any]] = {
    "sold out": lambda m, item: m.put_listings([{**item, "quantity": 0, "updated_ms": T0 + 2}]),
    "hidden": lambda m, item: m.put_listings([{**item, "is_hidden": True, "updated_ms": T0 + 2}]),
    "deleted": lambda m, item: m.delete_listings([item["listing_id"]], updated_ms=T0 + 2),
}


@pytest.mark.parametrize("how", GONE)
def test_sold_means_gone(market: EmbeddedMarket, how: str) -> None:
    """Acknowledged, a listing is on no later page of a cursor, in no new search, in no similar list."""
    by_id = {item["listing_id"]: item for item in items(60)}
    request = SearchRequest(q="red mug", per_page=5, budget_ms=60_000)
    first = market.search(request)
    second = market.search(replace(request, page=2, cursor=first.cursor))
    victim = second.hits[1].listing_id
    relative = second.hits[2].listing_id
    assert victim in [hit.listing_id for hit in market.similar(relative, limit=100).hits]
    assert [r.verdict for r in GONE[how](market, by_id[victim])] == ["accepted"]
    again = market.search(replace(request, page=2, cursor=first.cursor))
    assert ids(again) == [i for i in ids(second) if i != victim]
    assert victim not in ids(market.search(EVERYTHING))
    assert market.search(EVERYTHING).found == 59
    assert market.health().n_listings == 59
    assert victim not in [hit.listing_id for hit in market.similar(relative, limit=100).hits]
    if how == "deleted":
        with pytest.raises(NotFoundError, match=victim):
            market.similar(victim)
    else:
        assert market.similar(victim).hits == ()


def test_a_changed_listing_is_found_at_once(market: EmbeddedMarket) -> None:
    """By its new words, category and attributes, also such as no listing had; and within a second."""
    began = time.monotonic()
    (result,) = market.put_listings(
        [
            {
                "listing_id": "l3",
                "title": "quokka",
                "attributes": {"fur": "soft"},
                "updated_ms": T0 + 2,
            }
        ]
    )
    assert result.verdict == "accepted"
    for request in (
        SearchRequest(q="quokka"), SearchRequest(filter='fur = "soft"'), SearchRequest(q="quok"),
    ):  # fmt: skip
        assert ids(market.search(replace(request, budget_ms=60_000)))[0] == "l3"
    assert time.monotonic() - began < 1.0
    hit = market.search(SearchRequest(q="quokka")).hits[0]
    assert hit.document["attributes"] == {"fur": ["soft"]}
    old = [r.verdict for r in market.put_listings([{**items(4)[3], "updated_ms": T0 + 1}])]
    assert old == ["duplicate"]
    assert ids(market.search(SearchRequest(q="quokka")))[0] == "l3"


def test_a_batch_answers_item_by_item(market: EmbeddedMarket) -> None:
    """Bad items have a reason, good ones beside them are taken; the order is that of the request."""
    results = market.put_listings(
        [{"listing_id": "n1", "title": "new lamp"}, {"title": "nameless"}, {"listing_id": "n2"},
         {"listing_id": "n3", "title": "ring", "price": -1}, {"listing_id": "n4", "title": "ring"}]
    )  # fmt: skip
    assert [r.verdict for r in results] == [
        "accepted", "rejected", "rejected", "rejected", "accepted",
    ]  # fmt: skip
    assert all(r.reason for r in results if r.verdict == "rejected")
    assert {"n1", "n4"} <= set(ids(market.search(EVERYTHING)))


def test_searches_beside_writes_never_show_what_is_gone(
    market: EmbeddedMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads search while others put, sell out and delete; after an acknowledgement the listing is
    gone from every search that begins, and nothing is ever raised."""
    lock, gone, faults = threading.Lock(), set(), []
    is_done = threading.Event()

    def look() -> None:
        rng = random.Random(threading.get_ident())
        while not is_done.is_set():
            with lock:
                before = set(gone)
            try:
                q = rng.choice(["", "red mug", "wool ring"])
                first = market.search(SearchRequest(q=q, per_page=20, budget_ms=60_000))
                page = market.search(SearchRequest(q=q, per_page=20, page=2, cursor=first.cursor))
                seen = ids(first) + ids(page)
                near = ids_of_similar(market, seen)
                shown = set(seen + near) & before
                if shown or len(set(seen)) != len(seen):
                    faults.append((q, shown, seen))
            except Exception as fault:  # a thread of its own: the test fails on any
                faults.append(fault)

    def write(n: int) -> None:
        try:
            for i in range(n, 60, 3):
                item = items(60)[i]
                market.put_listings([{**item, "title": f"red mug {i}", "updated_ms": T0 + 1}])
                GONE[("sold out", "hidden", "deleted")[n]](market, item)
                with lock:
                    gone.add(item["listing_id"])
        except Exception as fault:  # a thread of its own: the test fails on any
            faults.append(fault)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    owner_of(market)._writes._interval_s = 0.005
    monkeypatch.setattr(follower, "APPLY_EVERY_S", 0.0)
    for thread in (*lookers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    is_done.set()
    for thread in lookers:
        thread.join()
    assert faults == []
    assert market.search(EVERYTHING).found == 0


def ids_of_similar(market: EmbeddedMarket, seen: list[str]) -> list[str]:
    try:
        return [hit.listing_id for hit in market.similar(seen[0]).hits] if seen else []
    except NotFoundError:
        return []


def test_a_reader_sees_what_the_owner_committed(market: EmbeddedMarket, tmp_path: Path) -> None:
    """A market opened for reading answers like the owner does, and may not write."""
    market.put_listings([{"listing_id": "new", "title": "red mug", "updated_ms": T0 + 2}])
    market.delete_listings(["l5"], updated_ms=T0 + 2)
    reader = open_market(tmp_path / "shop")
    assert answers(reader) == answers(market)
    with pytest.raises(ConfigError, match="only its owner may write"):
        reader.put_listings([{"listing_id": "x", "title": "x"}])
    reader.close()


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.02)


def change_all(market: EmbeddedMarket, *, version: int) -> None:
    """Some new, some other, some gone."""
    market.put_listings([{**item, "updated_ms": version} for item in items(70, seed=version)[20:]])
    market.delete_listings(["l1", "l2", "l30"], updated_ms=version)


def test_a_merge_changes_no_answer_and_loses_nothing(
    market: EmbeddedMarket, tmp_path: Path
) -> None:
    """Changes that come while the generation is built, and while it is adopted, are all there; a
    cursor from before goes on; a market opened anew says the same."""
    change_all(market, version=T0 + 2)
    before, generation = answers(market), market.health().generation
    request = SearchRequest(q="red mug", per_page=5, budget_ms=60_000)
    first = market.search(request)
    all_pages = ids(market.search(replace(request, per_page=250)))
    with small_encoder():
        mercer.app_index.merge(tmp_path / "shop")  # as the process does that the owner starts
    assert answers(market) == before
    market.put_listings([{"listing_id": "late", "title": "red mug", "updated_ms": T0 + 3}])
    market.delete_listings([all_pages[7]], updated_ms=T0 + 3)
    expected = answers(market)
    assert market.adopt_generation() != generation
    assert market.health().generation == current_generation(tmp_path / "shop" / "index")
    assert market.health().n_delta == 1
    assert answers(market) == expected
    second = market.search(replace(request, page=2, cursor=first.cursor))
    assert ids(second) == [i for i in all_pages[5:10] if i != all_pages[7]]
    market.put_listings([{"listing_id": "last", "title": "red mug", "updated_ms": T0 + 3}])
    assert "last" in ids(market.search(EVERYTHING))


def test_a_large_delta_is_merged_beside_the_searches(
    market: EmbeddedMarket, tmp_path: Path
) -> None:
    """The owner starts a process by itself and adopts what it built; answers do not change, and
    changes made meanwhile are there."""
    owner_of(market).merge_when.rows = 10
    before = market.health().generation
    change_all(market, version=T0 + 2)
    newest, n = replace(EVERYTHING, sort="newest"), 0
    while market.health().generation == before:
        one = {"listing_id": f"m{n}", "title": "red mug", "updated_ms": T0 + 3 + n}
        market.put_listings([one])
        assert ids(market.search(newest))[0] == f"m{n}"
        n += 1
        time.sleep(0.1)
        assert n < 400, market.health()
    owner_of(market).merge_when.rows = 10**6
    found = ids(market.search(newest))  # a slow machine makes more of them than a page shows
    assert found[:n] == [f"m{i}" for i in reversed(range(n))][: len(found)]
    reader = open_market(tmp_path / "shop")
    assert answers(reader) == answers(market)
    reader.close()
    assert market.health().degraded == ()


def test_a_merge_that_fails_is_told_and_nothing_is_lost(
    market: EmbeddedMarket,
) -> None:
    """The delta goes on serving, health says what went wrong, and it is not tried at every write."""
    owner_of(market).merge_when.rows = 10
    merger = owner_of(market).merger
    merger._command = ["/bin/false"]
    change_all(market, version=T0 + 2)
    wait_until(lambda: market.health().degraded != ())
    assert "merge" in market.health().degraded[0]
    thread = merger._thread
    market.put_listings([{"listing_id": "late", "title": "red mug", "updated_ms": T0 + 3}])
    assert merger._thread is thread
    assert "late" in ids(market.search(EVERYTHING))


def test_an_empty_market_opens_and_takes_its_first_listing(tmp_path: Path) -> None:
    """Nothing to search is no fault."""
    make_market(tmp_path / "shop", [])
    with own_market(tmp_path / "shop") as market:
        assert market.search(replace(EVERYTHING, q="mug", facets=("*",))).found == 0
        assert list(market.suggest("mu")) == []
        assert market.health().n_listings == 0
        market.put_listings([{"listing_id": "a", "title": "red mug"}])
        assert ids(market.search(replace(EVERYTHING, q="mug"))) == ["a"]


def test_another_currency_asks_for_another_index(tmp_path: Path) -> None:
    """Prices of an index are in one currency; where the market names another, it is not opened."""
    folder = tmp_path / "shop"
    make_market(folder, items(5))
    config = folder / "mercer.toml"
    config.write_text(config.read_text().replace('# currency = "USD"', 'currency = "EUR"'))
    with pytest.raises(ConfigError, match=r"in EUR .* has them in USD .* run mercer index"):
        open_market(folder)


def test_a_sorted_page_names_no_source(market: EmbeddedMarket) -> None:
    """What was only sorted was not ranked by words or by meaning."""
    hits = market.search(SearchRequest(q="mug", sort="price_asc")).hits
    assert hits
    assert {hit.sources for hit in hits} == {()}


def test_the_budget_of_the_config_holds(tmp_path: Path) -> None:
    """A request that names no budget has the market's; past it the semantic part is dropped."""
    folder = tmp_path / "shop"
    make_market(folder, items(5))
    config = folder / "mercer.toml"
    config.write_text(config.read_text().replace("budget_ms = 60000 ", "budget_ms = 0.000001 ", 1))
    market = open_market(folder)
    assert "semantic" in market.search(SearchRequest(q="mug")).degraded[0]
    assert market.search(SearchRequest(q="mug", budget_ms=60_000)).degraded == ()


def test_a_deletion_is_judged_like_a_listing(market: EmbeddedMarket) -> None:
    """An id that no listing can have is refused, and the good ones beside it are not."""
    found = market.delete_listings(["l1", "a\x00b", "l2"], updated_ms=T0 + 1)
    assert [one.verdict for one in found] == ["accepted", "rejected", "accepted"]
    assert found[1].reason
    (late,) = market.delete_listings(["l3"], updated_ms=1)
    assert late.verdict == "duplicate"
    assert "not older" in late.reason


def test_a_cursor_belongs_to_its_search(market: EmbeddedMarket) -> None:
    """With other words it does not answer for the old ones."""
    first = market.search(SearchRequest(q="mug"))
    other = market.search(SearchRequest(q="lamp", cursor=first.cursor))
    assert other.found == market.search(SearchRequest(q="lamp")).found
    assert other.cursor != first.cursor
    assert "another search" in other.degraded[0]


def test_the_seller_limit_holds_without_words(market: EmbeddedMarket) -> None:
    """Browsing everything spreads sellers as a search does."""
    hits = market.search(SearchRequest(per_seller=1, per_page=2)).hits
    assert len({hit.document["seller_id"] for hit in hits}) == 2
