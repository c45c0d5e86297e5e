"""Tastes, needs, true utility and reading: the laws of the people."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mercer.schema.errors import InputError
from mercer.simulate import World, draw_buyer_photo, draw_look, generate_catalogue
from mercer.simulate.people.examine import Cards, appeal, examined, n_examined, page_value
from mercer.simulate.people.need import Need, draw_need
from mercer.simulate.people.person import People, draw_people
from mercer.simulate.people.purchase import Desire, desire_of
from mercer.simulate.people.season import Climate, draw_climate
from mercer.simulate.people.shelf import Shelf
from mercer.simulate.people.utility import price_value, utility, worth

NOW_MS = 1_767_225_600_000


@pytest.fixture(scope="module")
def world() -> World:
    return generate_catalogue(n_listings=2_000, seed=1, now_ms=NOW_MS)


@pytest.fixture(scope="module")
def people() -> People:
    return draw_people(np.random.default_rng(1), n=300)


@pytest.fixture(scope="module")
def climate() -> Climate:
    return draw_climate(np.random.default_rng(1), start_ms=NOW_MS, days=30.0)


def _need(shelf: Shelf, people: People, climate: Climate, seed: int) -> tuple[int, Need]:
    rng = np.random.default_rng(seed)
    number = int(rng.integers(300))
    return number, draw_need(people.one(number), shelf, climate, rng, at_ms=NOW_MS)


def test_utility_lies_in_0_to_1_and_is_0_for_what_cannot_be_had(
    world: World, people: People, climate: Climate
) -> None:
    """0 <= utility <= 1; sold out, hidden, above the budget or refused: 0; some needs are met."""
    shelf = Shelf(world)
    best = []
    for seed in range(40):
        number, need = _need(shelf, people, climate, seed)
        found = worth(shelf, people.one(number), need).utility
        assert found.dtype == np.float32
        assert ((found >= 0) & (found <= 1)).all()
        assert (found[~shelf.is_available] == 0).all()
        assert (found[shelf.price_micros > need.budget_micros] == 0).all()
        best.append(found.max())
    assert np.median(best) > 0.2


def test_one_listing_has_the_utility_of_its_row(
    world: World, people: People, climate: Climate
) -> None:
    """`utility` of a listing is its row of `worth`; also after it was sold out."""
    shelf = Shelf(world)
    number, need = _need(shelf, people, climate, 3)
    person = people.one(number)
    many = worth(shelf, person, need).utility
    for row in np.argsort(-many)[:5].tolist():
        assert utility(shelf, person, need, row) == many[row] > 0
        assert shelf.take(row, quantity=int(shelf.quantity[row]))
        assert utility(shelf, person, need, row) == 0


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=20),
    st.integers(1, 10**9),
    st.floats(0.7, 3.0),
)
def test_a_dearer_thing_is_never_worth_more(prices: list[int], budget: int, thrift: float) -> None:
    """The value of a price falls with it, is at least a half within the budget, and 0 above."""
    sorted_prices = np.sort(np.array(prices, np.int64))
    value = price_value(sorted_prices, budget, thrift=thrift)
    assert (np.diff(value) <= 1e-12).all()
    assert (value[sorted_prices > budget] == 0).all()
    assert (value[sorted_prices <= budget] >= 0.5 - 1e-12).all()


@given(st.integers(1, 200), st.floats(0.05, 0.995))
def test_examination_falls_from_one(n: int, patience: float) -> None:
    """The first card is always looked at, and none more often than the one above it."""
    chance = examined(n, patience=patience)
    assert chance[0] == 1.0
    assert (np.diff(chance) <= 0).all()
    assert (chance > 0).all()


def test_how_far_people_read_is_what_the_model_says() -> None:
    """The share of readers who look at card k is `examined`, within the error of 20,000 draws."""
    rng, patience = np.random.default_rng(1), 0.9
    depth = np.array([n_examined(rng, patience=patience) for _ in range(20_000)])
    seen = np.array([(depth > k).mean() for k in range(30)])
    np.testing.assert_allclose(seen, examined(30, patience=patience), atol=0.015)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.1, 0.99), st.integers(1, 24))
def test_the_best_order_is_by_utility(values: list[float], patience: float, n_places: int) -> None:
    """No order of the same listings has a higher page value than falling utility; the mean of all
    orders is the value of a page where each is worth the mean."""
    rng, worths = np.random.default_rng(1), np.array(values)
    best = page_value(-np.sort(-worths), patience=patience, n_places=n_places)
    for _ in range(5):
        order = rng.permutation(worths)
        assert page_value(order, patience=patience, n_places=n_places) <= best + 1e-12
    assert 0 <= best <= 1


@given(st.lists(st.floats(0, 1), min_size=2, max_size=10), st.floats(0.1, 0.99))
@settings(max_examples=20)
def test_random_order_is_worth_the_mean(values: list[float], patience: float) -> None:
    """The mean page value over cyclic shifts, which put every listing everywhere once, is that of a
    page on which each is worth the mean."""
    worths = np.array(values)
    n = len(worths)
    shifts = [page_value(np.roll(worths, k), patience=patience, n_places=n) for k in range(n)]
    flat = page_value(np.full(n, worths.mean()), patience=patience, n_places=n)
    assert np.mean(shifts) == pytest.approx(flat)


def test_what_fits_better_is_clicked_more() -> None:
    """The chance of a click rises with fit and looks, and falls with the price."""

    def chance(fit: float = 0.5, looks: float = 0.5, price_share: float = 0.5) -> float:
        one = (np.array([v]) for v in (fit, looks, price_share, 0.5, 4.0, 10.0))
        return float(appeal(Cards(*one))[0])

    assert 0 < chance() < chance(fit=0.9) < 1
    assert chance() < chance(looks=0.9)
    assert chance() > chance(price_share=0.9) > chance(price_share=1.5) > 0


def test_nothing_above_the_budget_is_put_in_the_cart(
    world: World, people: People, climate: Climate
) -> None:
    """However much it is liked: what is dearer than the budget, or gone, is not bought."""
    shelf = Shelf(world)
    rng = np.random.default_rng(5)
    for seed in range(20):
        number, need = _need(shelf, people, climate, seed)
        sight = worth(shelf, people.one(number), need)
        sight.utility[:] = 1.0  # liked without end
        for row in rng.integers(len(shelf), size=30).tolist():
            desire = desire_of(shelf, need, sight, row, rng)
            if desire is Desire.BUY:
                assert shelf.price_micros[row] <= need.budget_micros
                assert shelf.is_available[row]


def test_a_need_goes_from_vague_to_precise(world: World, people: People, climate: Climate) -> None:
    """Asks are distinct; on average later ones have more words; some have slips, some filters."""
    shelf = Shelf(world)
    needs = [_need(shelf, people, climate, seed)[1] for seed in range(300)]
    for need in needs:
        assert need.asks
        assert len({ask.clean_text for ask in need.asks}) == len(need.asks)
        assert not set(need.wanted) & set(need.unwanted)
        assert need.budget_micros > 0
    first = np.mean([len(need.asks[0].clean_text.split()) for need in needs])
    last = np.mean([len(need.asks[-1].clean_text.split()) for need in needs])
    assert last > first
    asks = [ask for need in needs for ask in need.asks]
    assert 0.02 < np.mean([ask.text != ask.clean_text for ask in asks]) < 0.2
    assert 0.05 < np.mean([bool(ask.filter) for ask in asks]) < 0.4


def test_a_shelf_never_sells_what_it_has_not(world: World) -> None:
    """`take` succeeds while there is enough, and changes nothing otherwise."""
    shelf = Shelf(world)
    row = int(np.flatnonzero(shelf.is_available)[0])
    n = int(shelf.quantity[row])
    assert not shelf.take(row, quantity=n + 1)
    assert not shelf.take(row, quantity=0)
    assert all(shelf.take(row) for _ in range(n))
    assert not shelf.take(row)
    assert shelf.quantity[row] == 0
    assert not shelf.is_available[row]
    (told,) = shelf.take_changed()
    assert told["quantity"] == 0
    assert shelf.take_changed() == []


def test_an_empty_world_is_refused() -> None:
    """A market without listings has nobody to visit it, and says so."""
    with pytest.raises(InputError, match="no listings"):
        Shelf(generate_catalogue(n_listings=0, seed=1, now_ms=NOW_MS))


def test_a_buyer_photo_is_deterministic_and_no_picture_of_the_listing(world: World) -> None:
    """Same look and seed, same bytes; other seeds and every seller's view are far from it."""
    look = world.look(42)
    photo = draw_buyer_photo(look, np.random.default_rng(1), size_px=96)
    assert photo == draw_buyer_photo(look, np.random.default_rng(1), size_px=96)
    assert photo != draw_buyer_photo(look, np.random.default_rng(2), size_px=96)
    pixels = np.asarray(Image.open(io.BytesIO(photo)), float)
    assert pixels.shape == (96, 96, 3)
    for view in range(5):
        own = np.asarray(draw_look(look, view=view, size_px=96), float)
        assert np.abs(pixels - own).mean() > 15.0
    with pytest.raises(InputError, match="pixels a side"):
        draw_buyer_photo(look, np.random.default_rng(1), size_px=5_000)
