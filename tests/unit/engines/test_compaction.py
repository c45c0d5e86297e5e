"""Compaction of the catalogue's records: nothing that anybody reads in the end changes."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercer.engines.embedded.log.catalogue_log import INLINE_ROWS, CatalogueLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import Store, open_store, rebuild
from mercer.events.log import Change
from support.forked import status_of
from support.log_kit import change_of

Step = tuple[str, list[tuple[int, int]]]  # kind, and (key, time) of its rows


def change(step: Step, n: int) -> Change:
    kind, rows = step
    key = {"listings": "listing_id", "deletions": "listing_id"}.get(kind, f"{kind[:-1]}_id")
    return change_of(
        kind,
        *(
            {key: f"k{k}", "updated_ms": t, "title": f"{n} {i}", "name": f"{n} {i}", "tags": ["x"]}
            for i, (k, t) in enumerate(rows)
        ),
    )


def newest(records: Iterable[tuple[int, Change]]) -> dict[Any, Any]:
    """The state of a reader that keeps the latest version of each key."""
    state: dict[Any, Any] = {}
    for _, one in records:
        for row in one.rows.to_pylist():
            group = "listings" if one.kind == "deletions" else one.kind
            key = group, row.get("listing_id") or row.get("seller_id") or row.get("rule_id")
            before = state.get(key)
            if before is None or row["updated_ms"] >= before[1]["updated_ms"]:
                state[key] = (one.kind, row)
    return state


_ROWS = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), min_size=1, max_size=5)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["listings", "listings", "deletions", "sellers", "rules"]), _ROWS),
    max_size=10,
)


@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(steps=_STEPS, more=_STEPS, cut=st.integers(0, 10))
def test_any_reader_comes_to_the_same_state(
    tmp_path_factory: pytest.TempPathFactory, steps: Any, more: Any, cut: int
) -> None:
    """From the start and from any position, also after a second compaction and with later records."""
    log = CatalogueLog(tmp_path_factory.mktemp("log"))
    for n, step in enumerate(steps):
        log.append([change(step, n)])
    expected = [newest(log.read(0))]
    seen: list[tuple[int, Change]] = list(log.read(0))
    would = log.compact(cut, is_dry_run=True)
    assert list(log.read(0)) == seen
    assert log.compact(cut) == would
    assert log.n_rows(0) == would.n_rows - would.n_dropped + sum(
        c.rows.num_rows for at, c in seen if at > cut
    )
    assert newest(log.read(0)) == expected[0]
    for at, _ in [(0, None), *seen]:
        read_before = newest(r for r in seen if r[0] <= at)
        later = newest(log.read(at))
        joined = read_before | {
            k: v
            for k, v in later.items()
            if k not in read_before or v[1]["updated_ms"] >= read_before[k][1]["updated_ms"]
        }
        assert joined == expected[0]
    again = log.compact(cut, is_dry_run=True)
    assert (again.n_dropped, again.n_blanked) == (0, would.n_blanked)
    for n, step in enumerate(more, start=100):
        log.append([change(step, n)])
    whole = newest(log.read(0))
    log.compact(log.end())
    assert newest(log.read(0)) == whole
    assert log.orphans() == []
    log.close()


@pytest.fixture
def market(tmp_path: Path) -> MarketFolder:
    folder = MarketFolder(tmp_path / "market")
    folder.create()
    return folder


def fill(store: Store) -> None:
    """Small and large records, versions that come late, deletions, sellers, events between."""
    n = INLINE_ROWS + 30
    write = store.writer.write
    write([change(("listings", [(k, 5) for k in range(9)]), 0)])
    write([change(("listings", [(k, 1 + k % 3) for k in reversed(range(n))]), 1)])
    write([change(("events", [(1, 1)]), 1)])
    write([change(("listings", [(k, 7) for k in range(0, n, 2)]), 2)])
    write([change(("deletions", [(k, 8) for k in range(0, n, 5)]), 3)])
    write([change(("deletions", [(k, 2) for k in (1, 500, 501)]), 4)])
    write([change(("listings", [(500, 9), (3, 9), (3, 8)]), 5)])
    write([change(("sellers", [(1, 1), (2, 2), (1, 3)]), 6), change(("sellers", [(2, 1)]), 7)])


def view(store: Store) -> tuple[Any, Any]:
    """All that stands, with its row ids, by id; and the sellers."""
    rows = pa.Table.from_batches(store.catalogue.changes(since=0)).to_pylist()
    by_id = {row["listing_id"]: {k: v for k, v in row.items() if k != "version"} for row in rows}
    return by_id, store.catalogue.sellers(["k1", "k2"]).to_pylist()


def test_a_rebuilt_view_is_the_same(market: MarketFolder) -> None:
    """Contents and row ids; no version is lower than it was, so that an index misses nothing."""
    with open_store(market) as store:
        fill(store)
        before, position = view(store), store.catalogue.position()
        versions = {
            row["row_id"]: row["version"]
            for batch in store.catalogue.changes(since=0)
            for row in batch.to_pylist()
        }
        report = store.log.compact(position)
        assert report.n_dropped > 20
        assert report.n_blanked > 20
        rebuild(store)
        assert view(store) == before
        assert store.log.lag(store.catalogue.position(), kinds=("listings", "sellers")) == 0
        rebuilt = [row for b in store.catalogue.changes(since=0) for row in b.to_pylist()]
        assert all(row["version"] >= versions[row["row_id"]] for row in rebuilt)
        assert store.log.events.n_rows(0) == 1
    (market.path / "tables.db").unlink()
    with open_store(market) as store:
        assert view(store) == before
        assert store.catalogue.version() == max(row["version"] for row in rebuilt)


def test_a_view_that_lies_behind_goes_on(market: MarketFolder) -> None:
    """Compacted beyond the position of a view, which then reads the rest."""
    with open_store(market) as store:
        fill(store)
        before, end = view(store), store.log.end()
        middle = [entry.position for entry in store.log.read(after="")][4]
        store.catalogue.clear()
        for entry in store.log.read(after="", kinds=("listings", "deletions", "sellers")):
            store.writer._apply(entry.change, position=entry.position)
            if entry.position == middle:
                break
        store.log.compact(end)
        store.writer.recover()
        assert view(store) == before


@pytest.mark.parametrize("at", ["files", "written", "committed"])
def test_kill_9_in_a_compaction(market: MarketFolder, at: str) -> None:
    """The log is as it was or as it was to be; the next compaction leaves no file behind."""
    with open_store(market) as store:
        fill(store)
        before, position = view(store), store.catalogue.position()

    def child() -> None:
        log = CatalogueLog(market.log, on_step=lambda s: s == at and os.kill(os.getpid(), 9))
        log.compact(99)

    assert status_of(child) == signal.SIGKILL
    with open_store(market) as store:
        assert bool(store.log.catalogue.n_dropped()) == (at == "committed")
        rebuild(store)
        assert view(store) == before
        store.log.compact(position)
        rebuild(store)
        assert view(store) == before
        store.log.catalogue._remove_orphans()
        named = len(os.listdir(market.log / "files"))
        assert named <= 2


def test_readers_go_on_while_it_is_compacted(tmp_path: Path) -> None:
    """A reader that looked records up before finds those that were moved to other files."""
    log = CatalogueLog(tmp_path)
    n = INLINE_ROWS + 1
    for t in range(1, 4):
        log.append([change(("listings", [(k, t) for k in range(n)]), t)])
    reading = log.read(0)
    first = next(reading)
    log.compact(log.end())
    rest = list(reading)
    assert newest([first, *rest]) == newest(log.read(0))
    assert {row["updated_ms"] for _, row in newest(log.read(0)).values()} == {3}
    log.close()
