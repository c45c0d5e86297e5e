"""Laws of the counters: whatever the order and the partition of the events, the same bits."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.features.counter_decay import (
    LANDMARK_MS,
    MAX_SUM,
    SPAN,
    SUM_BITS,
    HalfLives,
    plain_count,
)
from mercer.features.counter_read import evicted, find_rows, look_up, turn_back
from mercer.features.counter_table import (
    UNDO_WORDS,
    CounterTable,
    add_rows,
    empty_table,
    merge,
    occupied,
    roll_back,
    update,
)

HOUR = 3_600_000
HALF_LIVES = HalfLives((HOUR, 5 * HOUR, 24 * HOUR))
NOW = LANDMARK_MS + 10_000 * HOUR
Events = tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]


@st.composite
def events(draw: st.DrawFn) -> Events:
    """Events of a few keys, close together, far apart, and at the edges of epochs."""
    n = draw(st.integers(0, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    keys = rng.integers(0, draw(st.integers(2, 12)), n).astype(np.uint64) * np.uint64(2**60 + 7)
    span = draw(st.sampled_from([HOUR, 30 * HOUR, 900 * HOUR, 9_000 * HOUR]))
    times = NOW - rng.integers(0, span, n)
    edges = NOW - NOW % (SPAN * HOUR) + rng.integers(-2, 3, n) * SPAN * HOUR
    return keys, np.where(rng.random(n) < 0.2, edges, times)


def table_of(keys: npt.NDArray[np.uint64], times: npt.NDArray[np.int64]) -> CounterTable:
    """A table without room for doubt: far more places than keys."""
    table = empty_table(HALF_LIVES, max_keys=200)
    update(table, keys, times)
    return table


def assert_same(one: CounterTable, other: CounterTable) -> None:
    """The same keys with the same bits."""
    for mine, its in zip(occupied(one), occupied(other), strict=True):
        np.testing.assert_array_equal(mine, its)


@settings(deadline=None)
@given(events(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_order_and_any_partition_give_the_same_bits(
    made: Events, random: object, n_parts: int
) -> None:
    """Shuffled events, in parts that are merged in any order, are the events themselves."""
    keys, times = made
    order = list(range(len(keys)))
    random.shuffle(order)  # type: ignore[attr-defined]
    parts = [table_of(keys[order[i::n_parts]], times[order[i::n_parts]]) for i in range(n_parts)]
    random.shuffle(parts)  # type: ignore[attr-defined]
    whole = empty_table(HALF_LIVES, max_keys=200)
    for part in parts:
        merge(whole, part)
    assert_same(whole, table_of(keys, times))


@settings(deadline=None)
@given(events(), events(), events())
def test_merge_is_associative_and_commutative(a: Events, b: Events, c: Events) -> None:
    """(a + b) + c = c + (b + a), and nothing is the neutral element."""
    left, right = table_of(*a), table_of(*c)
    merge(left, table_of(*b))
    merge(left, table_of(*c))
    other = table_of(*b)
    merge(other, table_of(*a))
    merge(right, other)
    merge(right, empty_table(HALF_LIVES, max_keys=64))
    assert_same(left, right)


@settings(deadline=None)
@given(events(), st.integers(-50 * HOUR, 2_000 * HOUR))
def test_counts_are_those_of_the_formula(made: Events, later_ms: int) -> None:
    """A count is the sum of 2^(-age / h) over the events of two epochs, but for rounding."""
    keys, times = made
    table, asked = table_of(keys, times), np.unique(keys)
    found = look_up(table, asked, now_ms=NOW + later_ms)
    for i, key in enumerate(asked.tolist()):
        for h, half_life_ms in enumerate(HALF_LIVES.ms):
            mine = times[keys == key] if key else times[:0]
            want = plain_count(mine, half_life_ms=half_life_ms, now_ms=NOW + later_ms)
            assert found[i, h] == pytest.approx(want, rel=2e-4, abs=1e-30)


@settings(deadline=None)
@given(events(), st.integers(1, 7))
def test_a_batch_is_its_rows(made: Events, step: int) -> None:
    """Batches of any size count alike, and a look-up of many is that of each."""
    keys, times = made
    parts = empty_table(HALF_LIVES, max_keys=200)
    for i in range(0, len(keys), step):
        update(parts, keys[i : i + step], times[i : i + step])
    whole = table_of(keys, times)
    assert_same(parts, whole)
    found = look_up(whole, keys, now_ms=NOW)
    for i in range(len(keys)):
        np.testing.assert_array_equal(look_up(whole, keys[i : i + 1], now_ms=NOW)[0], found[i])


def test_what_is_full_stays_full() -> None:
    """Sums saturate, in any order of merging, and do not wrap around."""
    row = np.zeros((2, 8), np.uint64)
    row[0, 0] = (np.uint64(7) << np.uint64(SUM_BITS)) | np.uint64(MAX_SUM - 5)
    row[0, 1] = MAX_SUM - 1
    key = np.array([9], np.uint64)
    table = empty_table(HALF_LIVES, max_keys=10)
    add_rows(table, key, row)
    add_rows(table, key, row)
    _, rows = occupied(table)
    assert int(rows[0, 0]) & MAX_SUM == MAX_SUM
    assert int(rows[0, 0]) >> SUM_BITS == 7
    assert int(rows[0, 1]) == MAX_SUM


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(300, 1_500))
def test_what_is_evicted_bounds_the_error(seed: int, n: int) -> None:
    """In a table that overflows no count is too high, and all are too low by `evicted` together."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(1, 400, n).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    times = NOW - rng.integers(0, 5 * HOUR, n)
    small, large = empty_table(HALF_LIVES, max_keys=64), empty_table(HALF_LIVES, max_keys=2_000)
    done = update(small, keys, times)
    update(large, keys, times)
    asked = np.unique(keys)
    short = look_up(large, asked, now_ms=NOW) - look_up(small, asked, now_ms=NOW)
    lost = evicted(small, now_ms=NOW)
    assert (short >= -1e-3).all()
    np.testing.assert_allclose(short.sum(axis=0), lost, rtol=1e-3, atol=1e-2)
    assert done.n_new - done.n_evicted == len(occupied(small)[0])
    assert (done.n_evicted == 0) == (not lost.any())


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(0, 1_200), n_tables=st.integers(2, 4))
def test_tables_that_evicted_merge_within_what_they_lost(seed: int, n: int, n_tables: int) -> None:
    """Merged in any order, no count is too high, and all are too low by `evicted` together: of what the
    tables had lost before, and of what had to go when they were merged."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(1, 400, n).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    times = NOW - rng.integers(0, 5 * HOUR, n)
    of = rng.integers(0, n_tables, n)
    large = empty_table(HALF_LIVES, max_keys=2_000)
    update(large, keys, times)
    asked = np.unique(keys)
    for order in (range(n_tables), range(n_tables)[::-1]):
        merged = empty_table(HALF_LIVES, max_keys=64)
        for part in order:
            one = empty_table(HALF_LIVES, max_keys=64)
            update(one, keys[of == part], times[of == part])
            merge(merged, one)
        short = look_up(large, asked, now_ms=NOW) - look_up(merged, asked, now_ms=NOW)
        assert (short >= -1e-3).all()
        lost = evicted(merged, now_ms=NOW)
        np.testing.assert_allclose(short.sum(axis=0), lost, rtol=1e-3, atol=1e-2)


def table_with_ring() -> CounterTable:
    """A table that overflows soon and remembers its last changes."""
    plain = empty_table(HALF_LIVES, max_keys=20)
    ring = np.zeros((512, UNDO_WORDS), np.uint64)
    return CounterTable(HALF_LIVES, plain.keys, plain.rows, ring, plain.n_undo)


@settings(deadline=None)
@given(events(), events(), st.integers(0, 60))
def test_changes_can_be_undone(before: Events, after: Events, seed: int) -> None:
    """Whoever read at any moment gets the counts of an earlier one; a roll-back restores all of it.

    New and evicted keys included; done twice, a roll-back is the same.
    """
    rng = np.random.default_rng(seed)
    many = rng.integers(1, 2**64 - 1, 70, dtype=np.uint64)
    table, now = table_with_ring(), np.full(70, NOW)
    update(table, many, now)
    update(table, *before)
    since = int(table.n_undo[0])
    keys, rows = table.keys.copy(), table.rows.copy()
    asked = np.concatenate([many, before[0], after[0], many[::-1]])
    then = find_rows(table, asked).spread()
    update(
        table, np.concatenate([after[0], many[::2] + np.uint64(1)]), np.append(after[1], now[::2])
    )
    found = find_rows(table, asked).spread()
    turn_back(table, asked, found, since=since, until=int(table.n_undo[0]))
    np.testing.assert_array_equal(found, then)
    for _ in range(2):
        roll_back(table, to=since)
        np.testing.assert_array_equal(table.keys, keys)
        np.testing.assert_array_equal(table.rows, rows)


def test_the_hottest_places_of_time() -> None:
    """Before the landmark, and after the last epoch, an event counts nothing."""
    keys = np.array([1, 2, 3], np.uint64)
    end = LANDMARK_MS + HOUR * SPAN * 65_535
    table = table_of(keys, np.array([LANDMARK_MS - 1, LANDMARK_MS, end]))
    found = look_up(table, keys, now_ms=LANDMARK_MS)
    assert found[:, 0].tolist() == [0.0, 1.0, 0.0]
