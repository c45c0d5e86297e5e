"""Queries, their true relevance, judgments and the benchmark mix."""

import collections
import re
import time

import numpy as np
import pytest

from mercer.schema.errors import InputError
from mercer.simulate import (
    MixQuery,
    SimQuery,
    World,
    generate_catalogue,
    generate_queries,
    grades,
    judgments,
    query_mix,
    relevance,
)
from mercer.simulate.mix import HEAD_SHARE
from mercer.simulate.query import KINDS, plural
from mercer.simulate.truth import COLUMN, VOCABULARIES
from mercer.simulate.typing_error import mistype

NOW_MS = 1_780_000_000_000


@pytest.fixture(scope="module")
def world() -> World:
    return generate_catalogue(n_listings=5_000, seed=1, now_ms=NOW_MS)


@pytest.fixture(scope="module")
def queries(world: World) -> list[SimQuery]:
    return generate_queries(world, n=300, seed=5)


def _query(**changed: object) -> SimQuery:
    plain = {"query_id": "q", "text": "mug", "clean_text": "mug", "kind": "specific", "wanted": (),
             "unwanted": (), "price_min_micros": None, "price_max_micros": None}  # fmt: skip
    return SimQuery(**{**plain, **changed})  # type: ignore[arg-type]


def test_every_kind_in_turn_and_no_text_twice(queries: list[SimQuery]) -> None:
    """300 queries: 50 of each kind, distinct, with distinct ids."""
    assert collections.Counter(q.kind for q in queries) == dict.fromkeys(KINDS, 50)
    assert len({q.text for q in queries}) == len({q.query_id for q in queries}) == 300


def test_the_same_seed_gives_the_same_queries(world: World, queries: list[SimQuery]) -> None:
    """Queries are a function of world and seed."""
    assert generate_queries(world, n=300, seed=5) == queries
    assert generate_queries(world, n=300, seed=6) != queries


def test_kinds_are_what_they_say(queries: list[SimQuery]) -> None:
    """A limit where limited, a refusal where negated, one slip where misspelt, a theme where niche."""
    for q in queries:
        limits = [q.price_min_micros, q.price_max_micros]
        sized = [n for n, _ in q.wanted if n.endswith("_cm")]
        assert bool(q.unwanted) == (q.kind == "negated")
        assert (any(x is not None for x in limits) or bool(sized)) == (q.kind == "limited")
        assert (q.text != q.clean_text) == (q.kind == "misspelt")
        if q.kind == "niche":
            assert dict(q.wanted)["theme"]
        if q.kind == "misspelt":
            assert _edits(q.text, q.clean_text) <= 2  # a swap counts twice here
            assert re.findall(r"\d+", q.text) == re.findall(r"\d+", q.clean_text)


def _edits(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def test_every_query_has_a_best_answer(world: World, queries: list[SimQuery]) -> None:
    """Somebody had a listing in mind, so one of the top grade exists, in [0, 1] like all."""
    for q in queries:
        r = relevance(world, q)
        assert r.dtype == np.float32
        assert r.shape == (world.n_listings,)
        assert 0 <= r.min() <= r.max() <= 1
        assert grades(r).max() >= 2, q
    assert np.mean([grades(relevance(world, q)).max() == 3 for q in queries]) > 0.9


def test_what_was_refused_is_worth_nothing(world: World, queries: list[SimQuery]) -> None:
    """A listing that truly has an unwanted value has relevance 0, also as its second colour."""
    t = world.truth
    for q in (q for q in queries if q.unwanted):
        name, value = q.unwanted[0]
        number = VOCABULARIES[COLUMN[name]].index(value)
        has = t.values[:, COLUMN[name]] == number
        if name == "color":
            has |= t.second_color == number
        assert relevance(world, q)[has].max(initial=0) == 0
        assert relevance(world, q).max() > 0


def test_beyond_a_limit_is_worth_nothing(world: World, queries: list[SimQuery]) -> None:
    """Prices outside the stated range are 0, those inside keep their worth."""
    price = world.truth.price_micros
    for q in (q for q in queries if q.kind == "limited"):
        r = relevance(world, q)
        low, high = q.price_min_micros or 0, q.price_max_micros or 10**15
        assert r[(price < low) | (price > high)].max(initial=0) == 0
    wide = _query(wanted=(("category", "Mugs"), ("width_cm", "<=9")))
    assert relevance(world, wide)[world.truth.width_cm > 9].max() == 0


def test_sold_out_and_hidden_are_worth_nothing(world: World) -> None:
    """Nobody can buy it, so it answers nothing."""
    t = world.truth
    r = relevance(world, _query())
    assert r[(t.quantity == 0) | t.is_hidden].max() == 0
    assert r[(t.quantity > 0) & ~t.is_hidden].min() > 0


def test_truth_counts_where_the_text_is_silent(world: World) -> None:
    """A white mug is a white mug, whether or not the seller says so."""
    t = world.truth
    r = relevance(world, _query(wanted=(("color", "white"),)))
    white = (t.values[:, COLUMN["color"]] == COLUMN_WHITE) & (t.quantity > 0) & ~t.is_hidden
    silent = white & ~t.in_text[:, COLUMN["color"]] & ~t.in_attributes[:, COLUMN["color"]]
    assert silent.sum() > 20
    assert grades(r[silent]).min() == 3


COLUMN_WHITE = VOCABULARIES[COLUMN["color"]].index("white")


def test_one_more_wish_never_raises_relevance(world: World, queries: list[SimQuery]) -> None:
    """Each wanted value can only narrow."""
    for q in [q for q in queries if q.kind == "specific" and len(q.wanted) >= 2][:20]:
        fewer = _query(wanted=q.wanted[:-1])
        assert (relevance(world, _query(wanted=q.wanted)) <= relevance(world, fewer) + 1e-6).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("colour", "red"),
        ("color", "reddish"),
        ("category", "Spaceships"),
        ("root", "X"),
        ("width_cm", "12"),
    ],
)
def test_unknown_wishes_are_refused(world: World, name: str, value: str) -> None:
    """A name or value that does not exist is an error that names it."""
    with pytest.raises(InputError):
        relevance(world, _query(wanted=((name, value),)))


def test_grades_are_steps_of_relevance() -> None:
    """Grades rise with relevance, from 0 to 3."""
    r = np.linspace(0, 1, 101, dtype=np.float32)
    g = grades(r)
    assert (np.diff(g) >= 0).all()
    assert (g[0], g[-1], g.dtype) == (0, 3, np.int8)


def test_judgments_hold_all_good_listings(world: World, queries: list[SimQuery]) -> None:
    """Every listing of grade > 0 is in the table with its grade, and some of grade 0."""
    table = judgments(world, queries[:12], n_zero=7)
    for q in queries[:12]:
        mine = table.filter(np.array(table["query_id"]) == q.query_id)
        g = grades(relevance(world, q))
        given = {
            int(i[1:]): int(x)
            for i, x in zip(mine["listing_id"].to_pylist(), mine["grade"].to_pylist(), strict=True)
        }
        assert {i for i, x in given.items() if x > 0} == set(np.flatnonzero(g).tolist())
        assert all(g[i] == x for i, x in given.items())
        assert sum(x == 0 for x in given.values()) == 7
    assert len(judgments(world, [])) == 0


def test_relevance_is_fast_enough(world: World, queries: list[SimQuery]) -> None:
    """Well below 5 ms for one query and 20,000 listings, or evaluation would wait for it."""
    some = queries[:60]
    start = time.thread_time()
    for q in some:
        relevance(world, q)
    assert (time.thread_time() - start) / len(some) < 0.005


def test_too_small_a_world_is_refused() -> None:
    """Nothing for sale, nothing to ask."""
    with pytest.raises(InputError, match="too small"):
        generate_queries(generate_catalogue(n_listings=0, seed=1, now_ms=NOW_MS), n=1, seed=1)


def test_a_slip_changes_one_word_and_no_number() -> None:
    """Numbers and short words stay; a text without a long word stays as it is."""
    rng = np.random.default_rng(1)
    assert mistype("no. 5 mug 1234567", rng) == "no. 5 mug 1234567"
    for _ in range(200):
        wrong = mistype("white ceramic mug under 20", rng)
        assert wrong != "white ceramic mug under 20"
        assert "20" in wrong
        assert "mug" in wrong.replace(" ", "")


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("mug", "mugs"),
        ("drinking glass", "drinking glasses"),
        ("bookshelf", "bookshelves"),
        ("pocket knife", "pocket knives"),
        ("earrings", "earrings"),
        ("key holder", "key holders"),
        ("paint brush", "paint brushes"),
        ("toy", "toys"),
        ("pony", "ponies"),
    ],
)
def test_plurals(one: str, many: str) -> None:
    """English plurals of the last word."""
    assert plural(one) == many


@pytest.fixture(scope="module")
def mix(world: World) -> list[MixQuery]:
    return query_mix(world, n=1_000, seed=3)


def test_the_mix_has_its_shares(world: World, mix: list[MixQuery]) -> None:
    """10/40/30/10/10 %, all distinct, faceted ones with two facets, the same for the same seed."""
    assert collections.Counter(q.kind for q in mix) == {
        "head": 100, "torso": 400, "tail": 300, "misspelt": 100, "faceted": 100,
    }  # fmt: skip
    assert len(set(mix)) == 1_000
    assert mix == query_mix(world, n=1_000, seed=3)
    for q in mix:
        assert (q.filter.count(" IN [") == 2) == (q.kind == "faceted")


def test_head_matches_a_third_of_everything_and_tail_nearly_nothing(
    world: World, mix: list[MixQuery]
) -> None:
    """Counted again, word by word and price by price."""
    batch = next(world.batches(8_192))
    columns = (batch[c].to_pylist() for c in ("title", "tags", "description"))
    texts = [
        set(re.findall(r"[a-z]+", f"{title} {' '.join(tags)} {description}".lower()))
        for title, tags, description in zip(*columns, strict=True)
    ]
    price = world.truth.price_micros / 1e6
    head = [q for q in mix if q.kind == "head"]
    has = {w: np.array([w in t for t in texts]) for w in {w for q in head for w in q.text.split()}}
    for q in head:
        rows = np.logical_and.reduce([has[w] for w in q.text.split()])
        for sign, limit in re.findall(r"price (>=|<=) ([\d.]+)", q.filter):
            rows = rows & (price >= float(limit) if sign == ">=" else price <= float(limit))
        assert rows.mean() >= HEAD_SHARE - 1e-9, q
    tail = [set(re.findall(r"[a-z]+", q.text)) for q in mix if q.kind == "tail"][:100]
    assert np.mean([sum(q <= text for text in texts) for q in tail]) < 0.01 * len(texts)
