"""Searches in the counters: what a page said is counted once, wherever its partition was read up to."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mercer.engines.embedded.counters.keeper import CounterKeeper
from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.reader import SharedCounters
from mercer.engines.embedded.counters.replay import in_order, replay_to
from mercer.engines.embedded.counters.store import LIVE
from mercer.engines.embedded.log.erase import record_erasures
from mercer.engines.embedded.log.keeper import Keeper
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_writer import SlotWriter
from mercer.features.counter_keys import counter_keys, price_bands
from mercer.features.counter_searches import MAX_WISHES, word_ids
from mercer.features.counter_table import occupied
from mercer.features.text.cut import cut_plain
from mercer.schema.page import Page
from support.counter_kit import HOUR, PARAMS, events, ids, listing, log_with
from support.log_kit import T0, change_of

State = list[bytes]


def page(i: int, understood: Mapping[str, Any], **values: Any) -> Page:
    """A served search of session x."""
    plain = {
        "page_id": f"{T0 + i:012x}"[:8] + f"-{T0 + i:012x}"[-5:] + f"-7000-8000-{i:012x}",
        "served_ms": T0 + i,
        "surface": "search",
        "q": "",
        "request": {"q": "", "page": 1},
        "understood": understood,
        "found": 0,
        "generation": "g",
        "catalogue_version": 1,
        "shown": (),
        "session_id": "x",
        "visitor_id": "v",
    }
    return Page(**(plain | values))


def wish(name: str, value: str) -> dict[str, Any]:
    return {"field": name, "value": value, "text": value, "is_exact": True}


def wishes(i: int) -> dict[str, Any]:
    """What the i-th of many searches says."""
    rng = np.random.default_rng(i)
    wanted = [wish(("color", "size", "category")[rng.integers(3)], f"v{rng.integers(4)}")
              for _ in range(rng.integers(4))]  # fmt: skip
    return {
        "wanted": wanted,
        "terms": [{"word": ("mugs", "mug", "lamp")[rng.integers(3)]}],
        "price_max_micros": None if rng.random() < 0.5 else float(rng.integers(1, 90) * 10**6),
    }


def write(folder: Path, slot: int, *pages: Page) -> None:
    writer = SlotWriter(folder / "log" / f"pages-{slot}")
    assert all(writer.write(one, budget_s=60) for one in pages)
    writer.close()


def state_of(table: Any) -> State:
    return [part.tobytes() for part in occupied(table)]


def counted(folder: Path, log: EmbeddedLog) -> State:
    """All counts, made at once."""
    keeper = CounterKeeper(folder, log, PARAMS)
    keeper.catch_up()
    state = state_of(keeper._live.file.table)
    keeper.close()
    return state


def count(folder: Path, entity: str, *key: Any) -> float:
    view = SharedCounters(folder / LIVE, PARAMS.half_lives).view()
    return float(view.lookup(counter_keys(entity, "search", *key), T0)[0, 0])


def test_what_a_search_counts_for(tmp_path: Path) -> None:
    """Its session's wishes, their attributes, category, price limit and words; its visitor's wishes."""
    log = log_with(tmp_path / "log", [])
    said = {
        "wanted": [wish("color", "red"), wish("color", "blue"), wish("category", "Mugs")],
        "terms": [{"word": "mugs"}, {"word": "mug"}, {"word": "nice"}],
        "price_max_micros": 20e6,
    }
    write(tmp_path, 0, page(0, said), page(1, said, request={"page": 2}))
    write(tmp_path, 3, page(2, {}, surface="similar"), page(3, {"wanted": [wish("color", "red")]}))
    counted(tmp_path / "c", log)
    mug, nice = (
        word_ids(np.array(one, np.uint32)) for one in cut_plain(["mug", "nice"], stem_words=True)
    )
    for entity, key, n in (
        ("session", (ids("x"),), 2),
        ("visitor", (ids("v"),), 2),
        ("session_wishes", (ids("x"),), 2),
        ("session.fact", (ids("x"), ids("color=red")), 2),
        ("session.fact", (ids("x"), ids("color=blue")), 1),
        ("visitor.fact", (ids("v"), ids("color=red")), 2),
        ("session.fact", (ids("x"), ids("category=Mugs")), 0),
        ("session.attribute", (ids("x"), ids("color")), 2),
        ("session.category_name", (ids("x"), ids("Mugs")), 1),
        ("session.price_limit", (ids("x"), price_bands(np.array([20e6]))), 1),
        ("session.word", (ids("x"), mug), 1),
        ("session.word", (ids("x"), nice), 1),
        ("session", (ids("y"),), 0),
    ):  # fmt: skip
        assert count(tmp_path / "c", entity, *key) == pytest.approx(n, rel=1e-3), entity
    log.close()


def test_a_page_that_says_too_much_or_nothing(tmp_path: Path) -> None:
    """Of many wishes the first count; without session and visitor, or in words of another version, none."""
    log = log_with(tmp_path / "log", [])
    many = {"wanted": [wish("color", f"c{i}") for i in range(MAX_WISHES + 1)]}
    nobody = {"session_id": None, "visitor_id": None}
    odd = page(2, {"wanted": 7})
    write(tmp_path, 0, page(0, many), page(1, many, **nobody), odd)
    counted(tmp_path / "c", log)
    folder = tmp_path / "c"
    assert count(folder, "session.fact", ids("x"), ids(f"color=c{MAX_WISHES - 1}")) > 0.9
    assert count(folder, "session.fact", ids("x"), ids(f"color=c{MAX_WISHES}")) == 0
    assert count(folder, "session", ids("x")) == pytest.approx(2, rel=1e-3)
    log.close()


@pytest.fixture
def log(tmp_path: Path) -> EmbeddedLog:
    """Events, listings, and 400 pages in three partitions."""
    parts: list[tuple[str, list[dict[str, Any]]]] = [
        ("listings", [listing(i) for i in range(5)]), ("events", events(1, 200))
    ]  # fmt: skip
    made = log_with(tmp_path / "log", parts)
    for slot in range(3):
        some = [
            page(i, wishes(i), session_id=f"x{i % 7}", visitor_id=f"v{i % 5}", buyer_id=f"b{i % 2}")
            for i in range(slot, 400, 3)
        ]
        write(tmp_path, slot, *some)
    return made


def test_any_way_through_the_log_gives_the_same_bits(log: EmbeddedLog, tmp_path: Path) -> None:
    """In small steps or at once, one partition first or all in turn, with pages in journals or sealed;
    and a replay to each position on the way has the bits that were there."""
    whole = counted(tmp_path / "whole", log)
    keeper = CounterKeeper(tmp_path / "c", log, PARAMS)
    states: dict[str, State] = {}
    more = True
    while more:
        more = keeper.step(max_events=40)
        states[keeper.position] = state_of(keeper._live.file.table)
    assert states[keeper.position] == whole
    keeper.close()
    places = [Place.parse(one) for one in states]
    assert len(places) > 3
    assert all(after.covers(one) for one, after in pairwise(places))
    end = places[-1]
    for _ in range(2):
        within = ["pages-1:40", "events:1,pages-1:40,pages-2:77", end.position]
        seen = [state_of(again.table) for again in replay_to(log, PARAMS, within)]
        assert len({one[0] for one in seen}) == 3
        assert seen[-1] == whole
        for folder in (None, tmp_path / "c"):
            for again in replay_to(log, PARAMS, in_order(states), folder=folder):
                assert state_of(again.table) == states[again.position]
        Keeper(tmp_path / "log", keep_days=400).run(
            now_ms=T0 + HOUR
        )  # what was a journal is sealed
        assert counted(tmp_path / "sealed", log) == whole
    log.close()


def test_pages_that_come_one_by_one(tmp_path: Path) -> None:
    """The counters stand at every page that was written when they looked, as a replay finds them."""
    log = log_with(tmp_path / "log", [])
    keeper = CounterKeeper(tmp_path / "c", log, PARAMS)
    writers = [SlotWriter(tmp_path / "log" / f"pages-{slot}") for slot in range(2)]
    states = {}
    for i in range(24):
        assert writers[i % 2].write(page(i, wishes(i)), budget_s=60)
        if i % 3:
            keeper.catch_up()
            states[keeper.position] = state_of(keeper._live.file.table)
    assert "pages-0:12,pages-1:12" in states
    assert len(states) == 16
    for again in replay_to(log, PARAMS, in_order(states)):
        assert state_of(again.table) == states[again.position]
    for writer in writers:
        writer.close()
    keeper.close()
    log.close()


def test_an_erased_visitor_leaves_no_wish(log: EmbeddedLog, tmp_path: Path) -> None:
    """Counters are made anew without the pages of the visitor, also while these are still in a file."""
    now = [0.0]
    keeper = CounterKeeper(tmp_path / "c", log, PARAMS, clock=lambda: now[0])
    keeper.catch_up()
    wished = counter_keys("visitor", "search", ids("v1"))
    counters = SharedCounters(tmp_path / "c" / LIVE, PARAMS.half_lives)
    assert counters.view().lookup(wished, T0)[0, 0] > 10
    order = {"visitor_id": "v1", "erased_ms": T0 + 99 * HOUR}
    log.pages.erased.add(**order)
    log.append([change_of("erasures", order)])
    record_erasures(log, now_ms=T0 + 100 * HOUR)
    now[0] += 2.0
    keeper.catch_up()
    assert counters.view().lookup(wished, T0)[0, 0] == 0
    here = state_of(keeper._live.file.table)
    (again,) = replay_to(log, PARAMS, [keeper.position])
    assert state_of(again.table) == here
    keeper.close()
    log.close()
