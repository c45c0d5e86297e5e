"""What the learner does again and again takes so much memory, however large that is which it works on."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mercer.engines.embedded.counters import snapshot
from mercer.engines.embedded.counters.shared_file import State
from mercer.engines.embedded.counters.snapshot import drafted, path_of, read_snapshot
from mercer.engines.embedded.log.erased import ErasedVisitors
from mercer.engines.embedded.log.keeper import Keeper
from mercer.engines.embedded.log.page_frame import encode_page
from mercer.engines.embedded.log.page_journal import Journal
from mercer.engines.embedded.log.page_log import PageLog
from mercer.features.counter_decay import HalfLives
from mercer.features.counter_facets import FacetTable
from mercer.features.counter_read import evicted
from mercer.features.counter_table import CounterTable, empty_table, occupied, update
from support.log_kit import T0
from support.page_samples import big_page

MIB = 2**20


def peak(step: Callable[[], object]) -> int:
    """The most bytes that a step had at a time, of Python, numpy and Arrow together."""
    before, pool = pa.default_memory_pool(), pa.proxy_memory_pool(pa.system_memory_pool())
    tracemalloc.start()
    pa.set_memory_pool(pool)
    try:
        step()
        return tracemalloc.get_traced_memory()[1] + int(pool.max_memory())
    finally:
        pa.set_memory_pool(before)
        tracemalloc.stop()


def full_journals(log: Path, n_files: int, *, mib: int) -> None:
    """Closed journals of that size together, with some 80 pages to a MiB."""
    (log / "pages-0").mkdir(parents=True)
    frames = [encode_page(big_page(n, visitor_id=("ann", "bob")[n % 2])) for n in range(40)]
    first = 1
    for _ in range(n_files):
        journal = Journal(log / "pages-0", first=first)
        while journal.size * n_files < mib * MIB:
            journal.append(frames[journal.n % len(frames)])
        first += journal.n
        journal.close()


def test_sealing_takes_as_much_for_many_pages_as_for_few(tmp_path: Path) -> None:
    """Journals of 16 MiB are sealed, and their segment is written again without a visitor, in 13 MiB."""
    full_journals(tmp_path, 4, mib=16)

    def keep() -> None:
        report = Keeper(tmp_path, keep_days=40_000).run(now_ms=T0, seal_all=True)
        assert report.faults == []

    assert peak(keep) < 13 * MIB
    erased = ErasedVisitors(tmp_path)
    erased.add("ann", erased_ms=2**60)
    erased.mark_recorded({"ann": 2**60})
    assert peak(keep) < 13 * MIB
    (part,) = PageLog(tmp_path).partitions().values()
    visitors = {v for _, c in part.read(0, kinds={"pages"}) for v in c.rows["visitor_id"].unique()}
    assert {one.as_py() for one in visitors} == {"bob"}


def test_pages_of_a_journal_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    """Who reads a journal of 16 MiB record by record has some of it at a time."""
    full_journals(tmp_path, 1, mib=16)
    (part,) = PageLog(tmp_path).partitions().values()

    def read() -> None:
        assert sum(change.rows.num_rows for _, change in part.read(0, kinds={"pages"})) > 1_200

    assert peak(read) < 13 * MIB


def filled(n: int) -> CounterTable:
    """A table that is full, and has evicted some."""
    table = empty_table(HalfLives((3_600_000, 86_400_000)), max_keys=n)
    keys = np.random.default_rng(5).integers(1, 2**64, 2 * n, dtype=np.uint64)
    update(table, keys, np.full(len(keys), T0))
    return table


def facets_of(n: int) -> FacetTable:
    made, rng = FacetTable(3), np.random.default_rng(6)
    keys = rng.integers(1, 2**64, n, dtype=np.uint64)
    made.put(keys, np.arange(n), rng.integers(0, 9, (n, 3), dtype=np.uint64))
    return made


def test_a_snapshot_takes_a_small_part_of_the_table(tmp_path: Path) -> None:
    """A snapshot of 20 MiB is written in 5 MiB, and read again where it lies."""
    table, facets, state = filled(200_000), facets_of(20_000), State(position="events:7")

    def write() -> None:
        drafted(tmp_path, table, facets, state, digest=bytes(32), losses=3).finish()

    assert peak(write) < 5 * MIB
    (path,) = tmp_path.iterdir()
    assert path.stat().st_size > 20 * MIB
    assert peak(lambda: read_snapshot(path)) < MIB


@pytest.mark.parametrize("part_rows", [1, 7, 64, 10**6])
def test_a_snapshot_is_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part_rows: int
) -> None:
    """In whatever parts it is copied, what is read back is all that the table and the facets had."""
    monkeypatch.setattr(snapshot, "PART_ROWS", part_rows)
    table, facets = filled(200), facets_of(50)
    state = State(position="catalogue:2,events:7", n_keys=9)
    drafted(tmp_path, table, facets, state, digest=bytes(range(32)), losses=3).finish()
    found = read_snapshot(path_of(tmp_path, snapshot.Place.parse(state.position)))
    assert (found.digest, found.state, found.losses) == (bytes(range(32)), state, 3)
    again = empty_table(table.half_lives, max_keys=200)
    found.put_into(again)
    np.testing.assert_array_equal(again.keys, table.keys)
    for mine, its in zip(occupied(again), occupied(table), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert evicted(again, now_ms=T0).min() > 0
    for mine, its in zip(found.facets().all(), facets.all(), strict=True):
        np.testing.assert_array_equal(np.sort(mine, axis=0), np.sort(its, axis=0))
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []
