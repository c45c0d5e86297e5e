"""Seasons, arrivals, sellers' deeds and machines."""

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.simulate import World, generate_catalogue
from mercer.simulate.people.machine import MACHINES
from mercer.simulate.people.person import draw_people
from mercer.simulate.people.plan import ROLE_SHARES, arrivals
from mercer.simulate.people.season import (
    WEEK_MS,
    YEAR_MS,
    demand,
    draw_climate,
    hour_factor,
    occasion_weights,
    week_factor,
    year_factor,
)
from mercer.simulate.people.shelf import Shelf
from mercer.simulate.people.step import Role, Search, Similar, Tell, Who, opaque
from mercer.simulate.people.supply import apply, plan_supply
from mercer.simulate.seller import DAY_MS
from mercer.simulate.words.attribute import OCCASION
from mercer.traffic.page import served_of
from support.plain_shop import PlainShop

NOW_MS = 1_767_225_600_000  # 2026-01-01


@pytest.fixture(scope="module")
def world() -> World:
    return generate_catalogue(n_listings=2_000, seed=1, now_ms=NOW_MS)


@given(st.integers(0, 2 * 10**12), st.integers(1, 5))
def test_seasons_are_periodic_and_positive(at_ms: int, periods: int) -> None:
    """Hour, weekday and season come again after a day, a week and a year; demand is above 0."""
    assert hour_factor(at_ms) == hour_factor(at_ms + periods * DAY_MS)
    assert week_factor(at_ms) == week_factor(at_ms + periods * WEEK_MS)
    assert year_factor(at_ms) == pytest.approx(year_factor(at_ms + periods * YEAR_MS))
    assert demand(at_ms) > 0


def test_holidays_are_on_minds_before_them() -> None:
    """Christmas weighs most in mid December, and is nearly forgotten in July."""
    start = 0  # 1970-01-01: day 0 of a year
    weights = np.array([occasion_weights(start + day * DAY_MS) for day in range(365)])
    christmas = weights[:, OCCASION.index("christmas")]
    assert 345 <= int(christmas.argmax()) <= 360
    assert christmas[190] < 0.1 * christmas.max()


def test_trends_rise_and_fall_and_shocks_fade() -> None:
    """A trend is at its height at its peak and gone far from it; a shock begins at once and fades."""
    climate = draw_climate(np.random.default_rng(1), start_ms=NOW_MS, days=60.0)
    trend = climate.trends[0]
    lift = [
        climate.trend_weights(trend.attribute, 300, trend.peak_ms + k * trend.width_ms)[trend.value]
        for k in (-6, -1, 0, 1, 6)
    ]
    assert lift[0] < lift[1] < lift[2] > lift[3] > lift[4]
    shock = min(climate.shocks, key=lambda one: one.start_ms)
    before, at, after = (
        climate.leaf_weights(shock.start_ms + d).max() for d in (-1, 0, 20 * shock.fade_ms)
    )
    assert before == 1.0 < at
    assert after < at or len(climate.shocks) > 1


def test_sessions_come_in_order_and_by_season() -> None:
    """Times rise; evenings are busier than nights; roles have their shares; returning ids exist."""
    people = draw_people(np.random.default_rng(1), n=2_000)
    coming = list(
        islice(arrivals(people, seed=1, run=0, n_expected=4_000, start_ms=NOW_MS, days=7.0), 4_000)
    )
    times = np.array([one.at_ms for one in coming])
    assert (np.diff(times) >= 0).all()
    assert times[0] >= NOW_MS
    assert times[-1] <= NOW_MS + 7 * DAY_MS
    hours = np.bincount((times % DAY_MS) // 3_600_000, minlength=24)
    assert hours[20] > 2.5 * hours[3]
    share = np.mean([one.role == "person" for one in coming])
    assert share == pytest.approx(ROLE_SHARES["person"], abs=0.02)
    visitors = [one.who.visitor_id for one in coming if one.role == "person"]
    assert len(set(visitors)) < 0.9 * len(visitors)
    assert len({one.who.session_id for one in coming}) == len(coming)
    assert any(one.who.buyer_id for one in coming)


def test_sellers_never_touch_what_is_not_there_yet(world: World) -> None:
    """New listings appear one after the other, later than the opening; one of a kind stays one."""
    shelf = Shelf(world, n_new=50)
    deeds = plan_supply(
        np.random.default_rng(1), n_opening=2_000, n_released=0, n_new=50, start_ms=NOW_MS, days=5.0
    )
    assert [d.at_ms for d in deeds] == sorted(d.at_ms for d in deeds)
    assert [d.row for d in deeds if d.deed == "release"] == list(range(2_000, 2_050))
    assert not shelf.is_available[2_000:].any()
    singles = shelf.quantity == 1
    for one in deeds:
        apply(shelf, one)
    assert shelf.is_available[2_000:].sum() > 40
    assert (shelf.quantity[singles] == 1).all()
    assert (shelf.price_micros > 0).all()


def _habits(world: World, role: Role, seed: int) -> dict[str, float]:
    """What a log would show of some visits of one role."""
    shelf = Shelf(world)
    shop = PlainShop(shelf, start_ms=NOW_MS)
    who, rng = Who("v", "s", None), np.random.default_rng(seed)
    steps = MACHINES[role](who, shelf, rng, NOW_MS)
    searches, clicks, impressions, times, answer = 0, 0, 0, [], None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration:
            break
        answer = None
        if isinstance(step, Search):
            searches += 1
            times.append(step.at_ms)
            answer = served_of(shop.search(step), n_rows=len(shelf))
        elif isinstance(step, Tell):
            clicks += sum(e["kind"] == "click" for e in step.events)
            impressions += sum(e["kind"] == "impression" for e in step.events)
        assert not isinstance(step, Similar)
    gap = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return {"searches": searches, "clicks": clicks, "impressions": impressions, "gap_ms": gap}


@pytest.mark.parametrize(
    ("role", "is_known_by"),
    [
        ("crawler", lambda h: h["clicks"] == 0 and h["impressions"] == 0 and h["gap_ms"] == 1_000),
        ("scraper", lambda h: h["searches"] >= 40 and h["gap_ms"] < 200 and h["clicks"] == 0),
        ("clicker", lambda h: h["clicks"] > h["searches"] and h["impressions"] == 0),
        ("monitor", lambda h: h["searches"] >= 4 and h["clicks"] == 0 and h["gap_ms"] == 60_000),
        ("ring", lambda h: h["searches"] <= 3 and h["impressions"] == 0),
    ],
)
def test_each_machine_has_its_own_habits(
    world: World, role: Role, is_known_by: Callable[[dict[str, float]], bool]
) -> None:
    """What a log shows of a role tells it from people, who look, wait and seldom click."""
    for seed in range(6):
        assert is_known_by(_habits(world, role, seed)), (role, seed, _habits(world, role, seed))


@given(st.lists(st.integers(0, 2**40), min_size=2, max_size=2, unique=True))
def test_ids_say_nothing_and_differ(numbers: list[int]) -> None:
    """Same number, same id; different numbers, different ids; the number cannot be read off."""
    one, other = (opaque("v", n) for n in numbers)
    assert one == opaque("v", numbers[0]) != other
    assert len(one) == 17
