"""People against a market: what is asked, told and sold."""

from collections import Counter

import numpy as np
import pytest

from mercer.simulate import World, generate_catalogue
from mercer.simulate.people.person import draw_people
from mercer.simulate.people.plan import arrivals
from mercer.simulate.people.season import draw_climate
from mercer.simulate.people.shelf import Shelf
from mercer.simulate.people.step import Search, Who
from mercer.simulate.people.supply import n_new_listings, plan_supply
from mercer.traffic.clock import SimulatedClock
from mercer.traffic.driver import Amount, Traffic
from mercer.traffic.report import Report
from mercer.traffic.shop import NO_HURRY_MS, InProcess, Page, Refused
from support.plain_market import PlainMarket, listing
from support.plain_shop import PlainShop

NOW_MS = 1_767_225_600_000
N_LISTINGS = 3_000


@pytest.fixture(scope="module")
def world() -> World:
    return generate_catalogue(n_listings=N_LISTINGS, seed=1, now_ms=NOW_MS)


class _ClosedShop(PlainShop):
    """Refuses every search."""

    def search(self, search: Search) -> Page:
        raise Refused(503, "no")


def _played(
    world: World,
    *,
    seed: int,
    sessions: int,
    days: float = 3.0,
    make: type[PlainShop] = PlainShop,
) -> tuple[PlainShop, Shelf, Report]:
    n_new = n_new_listings(world.n_listings, days=days)
    shelf = Shelf(world, n_new=n_new)
    shop = make(shelf, start_ms=NOW_MS)
    people = draw_people(np.random.default_rng(seed), n=500)
    supply = plan_supply(
        np.random.default_rng(seed), n_opening=world.n_listings, n_released=0, n_new=n_new,
        start_ms=NOW_MS, days=days,
    )  # fmt: skip
    coming = arrivals(people, seed=seed, run=0, n_expected=sessions, start_ms=NOW_MS, days=days)
    traffic = Traffic(
        shop, shelf, people,
        draw_climate(np.random.default_rng(seed), start_ms=NOW_MS, days=days),
        coming, supply, seed=seed, start_ms=NOW_MS, amount=Amount(sessions=sessions, days=days),
    )  # fmt: skip
    return shop, shelf, traffic.run()


@pytest.fixture(scope="module")
def run(world: World) -> tuple[PlainShop, Shelf, Report]:
    return _played(world, seed=1, sessions=250)


def test_the_same_seed_makes_the_same_requests_and_events(
    world: World, run: tuple[PlainShop, Shelf, Report]
) -> None:
    """Same seed, same market: same searches, same events, in the same order; another seed differs."""
    again, _, _ = _played(world, seed=1, sessions=250)
    asked = [(s.at_ms, s.q, s.filter, s.page, s.who) for s in run[0].searches]
    assert [(s.at_ms, s.q, s.filter, s.page, s.who) for s in again.searches] == asked
    assert again.events == run[0].events
    other, _, _ = _played(world, seed=2, sessions=20)
    assert {s.q for s in other.searches} != {s.q for s in run[0].searches}


def test_oracle_is_never_below_what_was_served_or_random(
    run: tuple[PlainShop, Shelf, Report],
) -> None:
    """For every search: oracle >= served, shuffled and random matches; all in [0, 1]."""
    worths = run[2].worths
    assert len(worths) > 100
    for one in worths:
        assert 0.0 <= one.served <= one.oracle + 1e-6 <= 1.0 + 1e-6
        assert 0.0 <= one.shuffled <= one.oracle + 1e-6
        assert np.isnan(one.matches) or 0.0 <= one.matches <= one.oracle + 1e-6


def test_nothing_is_sold_beyond_stock(run: tuple[PlainShop, Shelf, Report]) -> None:
    """Pieces bought are at most the pieces there were, and the market is told what is left."""
    shop, shelf, report = run
    bought = Counter[str]()
    for event in shop.events:
        if event["kind"] == "purchase":
            bought[event["listing_id"]] += event["quantity"]
    assert sum(bought.values()) == shelf.sold.sum() > 0
    assert (shelf.quantity >= 0).all()
    for listing_id in bought:
        row = int(listing_id[1:])
        assert bought[listing_id] == shelf.sold[row]
        assert shop.listings[listing_id]["quantity"] == shelf.quantity[row]
    assert report.revenue_micros > 0


def test_events_belong_to_pages_that_were_served(run: tuple[PlainShop, Shelf, Report]) -> None:
    """A click has a page, a position and a token; a checkout may have lost them; ids are unique."""
    events = run[0].events
    assert len({event["event_id"] for event in events}) == len(events)
    clicks = [e for e in events if e["kind"] == "click"]
    assert clicks
    assert all(e["page_id"] and e["position"] >= 1 and e["token"] for e in clicks)
    assert all("price_micros" in e and "order_id" in e for e in events if e["kind"] == "purchase")


def test_new_listings_come_and_are_told(run: tuple[PlainShop, Shelf, Report]) -> None:
    """Listings past the opening catalogue are put into the market with the time they came."""
    new = [one for one in run[0].listings.values() if int(one["listing_id"][1:]) >= N_LISTINGS]
    assert new
    assert all(one["created_ms"] >= NOW_MS and one["rating"] is None for one in new)


def test_latent_factors_stay_hidden(run: tuple[PlainShop, Shelf, Report]) -> None:
    """No listing, search or event says what only the simulator knows, or who is a machine."""
    shop, _, _ = run
    names = {name for one in shop.listings.values() for name in one}
    names |= {name for event in shop.events for name in event}
    assert not names & {"taste", "craft", "beauty", "trust", "utility", "role", "is_bot"}
    assert all("bot" not in event["visitor_id"] for event in shop.events)


def test_what_was_refused_is_counted_and_not_judged(world: World) -> None:
    """A search that the market refused served nothing: neither a page without a result nor one of no
    worth, which would make a market that is away look like a bad one."""
    _, _, report = _played(world, seed=2, sessions=5, make=_ClosedShop)
    assert report.refused[503] > 0
    assert (report.worths, report.n_zero) == ([], 0)
    told = report.summary(seed=2)
    assert told["utility"]["served"]["n"] == 0
    assert told["zero_result_rate"] is told["utility"]["share_of_oracle"] is None


def test_a_busy_machine_changes_no_page() -> None:
    """In process a search has time: what it shows depends on the seed, and not on the machine."""
    market = PlainMarket([listing("m1", "White mug")])
    shop = InProcess(market, SimulatedClock(NOW_MS))
    shop.search(Search(at_ms=NOW_MS, who=Who("v", "s", None), q="mug"))
    assert market.searches[-1].budget_ms == NO_HURRY_MS
