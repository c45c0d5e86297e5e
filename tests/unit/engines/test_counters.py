"""The counters of a market: fed from the log, read beside the writer, the same after any end."""

import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mercer.engines.embedded.counters.keeper import CounterKeeper
from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.reader import SharedCounters
from mercer.engines.embedded.counters.replay import in_order, replay_to
from mercer.engines.embedded.counters.shared_file import Layout, SharedFile, State, create_file
from mercer.engines.embedded.counters.store import LIVE
from mercer.engines.embedded.counters.watch import CounterWatch
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.features.counter_keys import counter_keys
from mercer.features.counter_table import occupied, update
from mercer.schema.errors import InputError, MarketBusyError
from support.counter_kit import HOUR, PARAMS, events, ids, listing, log_with
from support.log_kit import T0, change_of

NOW = T0 + HOUR
CLICK = {"kind": "click", "listing_id": "l1", "visitor_id": "v", "time_ms": T0}


def click(event_id: str, **values: Any) -> dict[str, Any]:
    return CLICK | {"event_id": event_id, "received_ms": T0} | values


def count(log: EmbeddedLog, folder: Path, entity: str, kind: str, *texts: str) -> float:
    """A count by the first half-life, as a reader finds it at T0 once all is counted."""
    keeper = CounterKeeper(folder, log, PARAMS)
    keeper.catch_up()
    keys = counter_keys(entity, kind, *(ids(one) for one in texts))
    found = SharedCounters(folder / LIVE, PARAMS.half_lives).view().lookup(keys, T0)
    keeper.close()
    return float(found[0, 0])


def test_what_a_click_counts_for(tmp_path: Path) -> None:
    """The listing, its seller and category, the query, the pair, the person, and the person's tastes."""
    log = log_with(
        tmp_path / "log",
        [
            ("listings", [listing(1)]),
            (
                "events",
                [click("a", query=" Red  MUG", session_id="x"), click("b", listing_id="l9")],
            ),
        ],
    )
    for entity, texts, n in (
        ("listing", ("l1",), 1),
        ("listing", ("l9",), 1),
        ("seller", ("s1",), 1),
        ("category", ("home > c1",), 1),
        ("query", ("red mug",), 1),
        ("query_listing", ("red mug", "l1"), 1),
        ("query_listing", ("red mug", "l9"), 0),
        ("visitor", ("v",), 2),
        ("session", ("x",), 1),
        ("visitor.category", ("v", "home > c1"), 1),
        ("visitor.root_category", ("v", "home"), 1),
        ("visitor.seller", ("v", "s1"), 1),
        ("visitor.attributes.color", ("v", "blue"), 1),
        ("session.attributes.color", ("x", "blue"), 1),
    ):
        assert count(log, tmp_path / "c", entity, "click", *texts) == pytest.approx(n, rel=1e-3)
    log.close()


def test_what_does_not_count(tmp_path: Path) -> None:
    """A forged token counts nothing; an impression is no taste; a later time is the time of receipt."""
    shown = click("i", kind="impression")
    rows = [click("f", standing="forged"), shown, click("t", time_ms=T0 + 99 * HOUR)]
    log = log_with(tmp_path / "log", [("listings", [listing(1)]), ("events", rows)])
    folder = tmp_path / "c"
    assert count(log, folder, "listing", "click", "l1") == pytest.approx(1, rel=1e-3)
    assert count(log, folder, "listing", "impression", "l1") == pytest.approx(1, rel=1e-3)
    assert count(log, folder, "visitor.category", "impression", "v", "home > c1") == 0
    log.close()


def test_an_event_counts_for_the_listing_as_it_stood(tmp_path: Path) -> None:
    """However late the counters read the log, a click counts for what was clicked on."""
    blue = listing(1)
    red = listing(1, attributes=[("color", ["red"])], updated_ms=T0 + 1)
    parts = [("listings", [blue]), ("events", [click("a")]), ("listings", [red])]
    log = log_with(tmp_path / "log", [*parts, ("events", [click("b")])])
    for colour in ("red", "blue"):
        n = count(log, tmp_path / "c", "visitor.attributes.color", "click", "v", colour)
        assert n == pytest.approx(1, rel=1e-3)
    log.close()


def history(folder: Path) -> EmbeddedLog:
    """A log whose listings change between its events."""
    parts: list[tuple[str, list[dict[str, Any]]]] = []
    for i in range(6):
        changed = [listing(k + i, listing_id=f"l{k}", updated_ms=T0 + i) for k in range(5)]
        parts += [("listings", changed), ("events", events(i, 40, first=40 * i))]
    return log_with(folder, parts)


def test_a_replay_has_the_bits_of_the_live_counters(tmp_path: Path) -> None:
    """At every position that the live counters had, also one within a record, in one pass."""
    log = history(tmp_path / "log")
    keeper = CounterKeeper(tmp_path / "c", log, PARAMS)
    states = []
    while keeper.step(max_events=7):
        states.append((keeper.position, occupied(keeper._live.file.table)))
    assert len({position for position, _ in states}) == len(states) > 3
    keeper.close()
    for folder in (None, tmp_path / "c"):
        replayed = replay_to(log, PARAMS, [position for position, _ in states], folder=folder)
        for (position, live), again in zip(states, replayed, strict=True):
            assert again.position == position
            for mine, its in zip(live, occupied(again.table), strict=True):
                np.testing.assert_array_equal(mine, its)
    log.close()


def test_positions_of_a_replay(tmp_path: Path) -> None:
    """They may come in any order; a position of somebody else is refused with a sentence."""
    log = history(tmp_path / "log")
    there = ["events:3,pages-0:1", "events:2", "events:1,pages-0:2", "events:3"]
    found = {}
    for positions in (there, in_order(there), [*there[2:], *there[:2]]):
        for again in replay_to(log, PARAMS, positions):
            state = [part.tobytes() for part in occupied(again.table)]
            assert found.setdefault(again.position, state) == state
    with pytest.raises(InputError, match="allowed are catalogue, events, losses, row and pages-N"):
        next(replay_to(log, PARAMS, ["sellers:3"]))
    assert list(replay_to(log, PARAMS, [])) == []
    log.close()


def test_places_are_put_into_chains() -> None:
    """Of places of one writer each covers the one before; those of another one are a chain of their own."""
    mine = [
        "events:1",
        "events:1,pages-1:4",
        "events:1,pages-0:1,pages-1:4",
        "events:3,pages-0:2,pages-1:9",
    ]
    other = ["events:2,pages-0:1", "events:2,pages-0:7"]
    found = in_order([*reversed(mine), "", *other, *mine])
    assert sorted(found) == sorted(mine + other)
    places = [Place.parse(one) for one in found]
    n_turns = sum(not after.covers(one) for one, after in pairwise(places))
    assert n_turns == 1
    assert all(Place.parse(one).position == one for one in found)


def test_a_request_sees_one_state(tmp_path: Path) -> None:
    """All look-ups of a view are as of the first one, whatever is counted in between."""
    log = log_with(tmp_path / "log", [("events", [click("a")])])
    keeper = CounterKeeper(tmp_path / "c", log, PARAMS)
    keeper.catch_up()
    counters = SharedCounters(tmp_path / "c" / LIVE, PARAMS.half_lives)
    view, key = counters.view(), counter_keys("listing", "click", ids("l1"))
    first = view.lookup(key, T0)
    for i in range(3):
        log.append([change_of("events", click(f"b{i}"), click(f"c{i}", listing_id=f"l{i + 5}"))])
        keeper.catch_up()
        np.testing.assert_array_equal(view.lookup(key, T0), first)
        later = view.lookup(counter_keys("listing", "click", ids(f"l{i + 5}")), T0)
        assert later[0, 0] == 0.0
    assert counters.view().lookup(key, T0)[0, 0] == pytest.approx(4, rel=1e-3)
    assert not view.is_degraded
    keeper.close()
    log.close()


def test_within_a_section_readers_see_the_state_before(tmp_path: Path) -> None:
    """A section that is open, or was left open by a writer that died, shows nothing of itself."""
    log = log_with(tmp_path / "log", [("events", [click("a")])])
    keeper = CounterKeeper(tmp_path / "c", log, PARAMS)
    keeper.catch_up()
    live = keeper._live.file
    key = counter_keys("listing", "click", ids("l1"))
    live.begin()
    update(live.table, np.repeat(key, 50), np.full(50, T0))
    counters = SharedCounters(tmp_path / "c" / LIVE, PARAMS.half_lives)
    view = counters.view()
    assert view.lookup(key, T0)[0, 0] == pytest.approx(1, rel=1e-3)
    assert view.position == keeper.position
    live.recover()  # as the next writer does
    assert counters.view().lookup(key, T0)[0, 0] == pytest.approx(1, rel=1e-3)
    assert view.lookup(key, T0)[0, 0] == pytest.approx(1, rel=1e-3)
    keeper.close()
    log.close()


def test_readers_beside_a_busy_writer(tmp_path: Path) -> None:
    """Whatever the writer does meanwhile, all counts of a view are of the section that it names.

    Each section counts every key once, and some that come and go, so in a whole state all counts are
    equal, and equal to the number of sections.
    """
    path, n_sections = tmp_path / LIVE, 400
    layout = Layout(half_lives=PARAMS.half_lives, max_keys=2_000, digest=bytes(32))
    create_file(path, layout, losses=0)
    file, rng = SharedFile(path, is_writer=True), np.random.default_rng(3)
    keys = rng.integers(1, 2**64 - 1, 700, dtype=np.uint64)

    def write() -> None:
        for i in range(n_sections):
            file.begin()
            more = rng.integers(1, 2**64 - 1, 20, dtype=np.uint64) if i < 20 else keys[:0]
            section = rng.permutation(np.concatenate([keys, more]))
            update(file.table, section, np.full(len(section), T0))
            file.commit(State(position=f"events:{i + 1}", n_changes=file.n_changes))

    writing = threading.Thread(target=write)
    counters, n_read, seen = SharedCounters(path, PARAMS.half_lives), 0, set()
    writing.start()
    while writing.is_alive():
        view = counters.view()
        found = view.lookup(keys, T0)[:, 0]
        again = view.lookup(keys[::-1], T0)[::-1, 0]
        if view.is_degraded:
            continue
        n = int(view.position.partition(":")[2] or 0)
        np.testing.assert_array_equal(found, again)
        assert found.min() == found.max() == pytest.approx(n, rel=1e-4)
        seen.add(n)
        n_read += 1
    writing.join()
    assert n_read > 10
    assert len(seen) > 3
    assert counters.view().lookup(keys, T0)[:, 0].max() == pytest.approx(n_sections, rel=1e-4)


def test_a_reader_that_is_overtaken_says_so(tmp_path: Path) -> None:
    """When the ring no longer has its state, a view answers NaN and names no position."""
    log = log_with(tmp_path / "log", [("events", [click("a")])])
    keeper = CounterKeeper(tmp_path / "c", log, PARAMS)
    keeper.catch_up()
    view = SharedCounters(tmp_path / "c" / LIVE, PARAMS.half_lives).view()
    key = counter_keys("listing", "click", ids("l1"))
    view.lookup(key, T0)
    keeper._live.file.cells[3] += 10**6  # so many changes
    assert np.isnan(view.lookup(key, T0)).all()
    assert view.is_degraded
    assert view.position == ""
    keeper.close()
    log.close()


def test_without_counters(tmp_path: Path) -> None:
    """Before there are any, what is looked up is missing."""
    counters = SharedCounters(tmp_path / "none.bin", PARAMS.half_lives)
    view = counters.view()
    assert np.isnan(view.lookup(ids("l1"), T0)).all()
    assert (view.position, view.is_degraded, counters.state()) == ("", False, None)


def test_one_keeper(tmp_path: Path) -> None:
    """A second keeper of the same counters is refused."""
    log = log_with(tmp_path / "log", [])
    keeper = CounterKeeper(tmp_path / "c", log, PARAMS)
    with pytest.raises(MarketBusyError, match="only one may write"):
        CounterKeeper(tmp_path / "c", log, PARAMS)
    keeper.close()
    CounterKeeper(tmp_path / "c", log, PARAMS).close()
    log.close()


def test_what_health_tells(tmp_path: Path) -> None:
    """How far the counters are; that they do not move while there is something to count is a fault."""
    log, now = log_with(tmp_path / "log", [("events", [click("a")])]), [0.0]
    counters = SharedCounters(tmp_path / "c" / LIVE, PARAMS.half_lives)
    watch = CounterWatch(counters, log.events, clock=lambda: now[0])
    assert (watch.health(), watch.fault) == (None, "")
    keeper = CounterKeeper(tmp_path / "c", log, PARAMS)
    keeper.catch_up()
    now[0] += 2
    told = watch.health()
    assert told is not None
    assert (told.lag_events, told.n_events, told.newest_ms) == (0, 1, T0)
    now[0] += 3_600  # a quiet hour
    assert watch.fault == ""
    log.append([change_of("events", click("b"), click("c"))])
    for waited, fault in ((2, ""), (9, ""), (2, "counters are 2 events behind the log")):
        now[0] += waited
        assert watch.fault == fault
    keeper.catch_up()
    now[0] += 2
    assert watch.fault == ""
    keeper.close()
    log.close()
