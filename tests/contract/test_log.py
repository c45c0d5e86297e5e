"""The laws of `events.log.Log`, over every engine; one of them shuffles all that may be shuffled."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercer.events.log import KEYS, START, Change, Log
from mercer.schema.errors import InputError, SchemaError
from support.log_kit import ENGINES, LogEngine, change_of, event_rows, rows_of


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> LogEngine:
    return ENGINES[request.param]


@pytest.fixture
def log(engine: LogEngine, tmp_path: Path) -> Iterator[Any]:
    opened = engine.open(tmp_path / "log")
    yield opened
    engine.close(opened)


def listings(*pairs: tuple[str, int]) -> Change:
    rows = ({"listing_id": key, "title": f"{key}{at}", "updated_ms": at} for key, at in pairs)
    return change_of("listings", *rows)


CHANGES = [
    listings(("a", 1), ("b", 1)),
    change_of("deletions", {"listing_id": "a", "updated_ms": 2}),
    change_of("sellers", {"seller_id": "s", "name": "Shop"}),
    change_of("campaigns", {"campaign_id": "c", "listing_ids": ["a", "b"], "bid_micros": 5}),
    change_of("rules", {"rule_id": "r", "listing_ids": ["a"], "weight": 0.5}),
    Change("events", event_rows("e1", "e2")),
    change_of("erasures", {"visitor_id": "v"}),
    listings(("a", 3), *((f"l{i}", 3) for i in range(100))),
]


def key_of(kind: Any, row: dict[str, Any]) -> tuple[str, Any]:
    """What keeps its order: a kind's rows of one key; a deletion is a version of its listing."""
    return "listings" if kind == "deletions" else kind, row[KEYS[kind]]


def by_key(log: Log, **read: Any) -> dict[tuple[str, Any], list[Any]]:
    """What was read: for each key its rows, in the order they came."""
    found = defaultdict(list)
    for entry in log.read(after=read.pop("after", START), **read):
        kind = entry.change.kind
        for row in entry.change.rows.to_pylist():
            found[key_of(kind, row)].append((kind, row))
    return dict(found)


def expected(changes: list[Change]) -> dict[tuple[str, Any], list[Any]]:
    found = defaultdict(list)
    for change in changes:
        for row in change.rows.to_pylist():
            found[key_of(change.kind, row)].append((change.kind, row))
    return dict(found)


def test_rows_come_back_equal_and_in_order_for_each_key(log: Any) -> None:
    """Law 2: every kind, nothing lost, nothing twice, a listing's deletion where it was put."""
    for change in CHANGES:
        log.append([change])
    assert by_key(log) == expected(CHANGES)


def test_many_changes_of_one_call(log: Any) -> None:
    """One call is as good as many."""
    log.append(CHANGES)
    assert by_key(log) == expected(CHANGES)
    assert log.append([]) == START


def test_it_is_there_when_opened_again(log: Any, engine: LogEngine, tmp_path: Path) -> None:
    """Law 1, as far as a process can see it; positions stay good, and what is known stays known."""
    log.append(CHANGES[:4])
    at = log.end()
    log.append(CHANGES[4:])
    again = engine.reopen(log, tmp_path / "log")
    assert by_key(again) == expected(CHANGES)
    assert by_key(again, after=at) == expected(CHANGES[4:])
    again.append([Change("events", event_rows("e2", "e3"))])
    assert sorted(row["event_id"] for row in rows_of(again, "events")) == ["e1", "e2", "e3"]
    engine.close(again)


def test_a_reader_goes_on_where_it_stopped(log: Any) -> None:
    """Law 3: stopped at any entry, however often, it has everything once and in order."""
    log.append(CHANGES)
    for step in (1, 2, 5):
        position, found = START, defaultdict(list)
        while log.lag(position):
            for n, entry in enumerate(log.read(after=position)):
                kind = entry.change.kind
                for row in entry.change.rows.to_pylist():
                    found[key_of(kind, row)].append((kind, row))
                position = entry.position
                if n + 1 == step:
                    break
        assert dict(found) == expected(CHANGES)
        assert list(log.read(after=position)) == []


def test_only_the_kinds_that_were_asked_for(log: Any) -> None:
    """Law 3 for a reader of some kinds: their lag counts, that of others does not."""
    log.append(CHANGES)
    kinds = ("sellers", "deletions")
    wanted = [change for change in CHANGES if change.kind in kinds]
    assert by_key(log, kinds=kinds) == expected(wanted)
    assert log.lag(START, kinds=kinds) == 2
    position = START
    for entry in log.read(after=START, kinds=kinds):
        position = entry.position
    assert log.lag(position, kinds=kinds) == 0
    assert list(log.read(after=position, kinds=kinds)) == []
    assert list(log.read(after=log.end(kinds=kinds), kinds=kinds)) == []
    assert list(log.read(after=START, kinds=())) == []


def test_lag_counts_rows(log: Any) -> None:
    """From all to none, by the rows of each entry."""
    log.append(CHANGES)
    n = sum(change.rows.num_rows for change in CHANGES)
    assert log.lag(START) == n
    for entry in log.read(after=START):
        n -= entry.change.rows.num_rows
        assert log.lag(entry.position) == n
    assert log.lag(log.end()) == 0


def test_positions_join(log: Any) -> None:
    """A join has what either has; the end has everything that `append` ever returned."""
    first, second = log.append(CHANGES[:3]), log.append(CHANGES[3:])
    both = log.join(first, second)
    assert log.join(both, first) == log.join(second, both) == log.join(both, START) == both
    assert log.join(log.end(), both) == log.end()
    assert log.lag(both) == 0
    assert log.join(START, START) == START


def test_an_event_is_kept_once(log: Any) -> None:
    """Law 4: within a call, over calls, and a call of nothing new adds nothing."""
    log.append([Change("events", event_rows("a", "b", "a"))])
    log.append([Change("events", event_rows("b", "c")), Change("events", event_rows("c", "d"))])
    end = log.end()
    log.append([Change("events", event_rows("d", "a"))])
    assert log.end() == end
    assert sorted(row["event_id"] for row in rows_of(log, "events")) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("kind", ["listings", "events"])
def test_rows_of_another_schema_leave_nothing(log: Any, kind: Any) -> None:
    """Law 5: one bad change refuses the whole call, and the message names the column."""
    good = [listings(("a", 1)), Change("events", event_rows("a"))]
    (bad,) = [change for change in good if change.kind == kind]
    column = bad.rows.schema.names[2]
    with pytest.raises(SchemaError, match=column):
        log.append([*good, Change(kind, bad.rows.drop_columns([column]))])
    assert (log.end(), log.lag(START)) == (START, 0)
    log.append(good)  # the same event is no duplicate
    assert log.lag(START) == 2


def test_a_foreign_position_is_refused(log: Any) -> None:
    """It cannot be read as a place in this log."""
    with pytest.raises((InputError, ValueError)):
        list(log.read(after="here"))


_STEPS = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["listings", "deletions", "events", "sellers"]), st.integers(0, 5)
        ),
        min_size=1,
        max_size=6,
    ),
    max_size=8,
)


@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(steps=_STEPS, stops=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_any_calls_and_any_stops(log: Any, steps: Any, stops: list[int]) -> None:
    """Laws 2 to 4 over random calls, a reader that stops now and then, and keys that come again."""
    position, start, n = log.end(), log.end(), 0
    changes: list[Change] = []
    seen = {row["event_id"] for row in rows_of(log, "events")}
    found = defaultdict(list)
    for turn, step in enumerate(steps):
        call = []
        for kind, key in step:
            n += 1
            made = change_of(
                kind,
                {
                    KEYS[kind]: f"k{key}",
                    "updated_ms": n,
                    "time_ms": n,
                    "event_id": f"{key} {n % 3}",
                },
            )
            call.append(made)
            if kind != "events" or f"{key} {n % 3}" not in seen:
                changes.append(made)
                seen.add(f"{key} {n % 3}" if kind == "events" else "")
        log.append(call)
        for entry, _ in zip(
            log.read(after=position), range(stops[turn % len(stops)]), strict=False
        ):
            for row in entry.change.rows.to_pylist():
                found[key_of(entry.change.kind, row)].append((entry.change.kind, row))
            position = entry.position
    for entry in log.read(after=position):
        for row in entry.change.rows.to_pylist():
            found[key_of(entry.change.kind, row)].append((entry.change.kind, row))
    assert dict(found) == expected(changes)
    assert by_key(log, after=start) == expected(changes)
