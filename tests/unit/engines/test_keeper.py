"""The keeper of the pages: sealing, erasing, expiring, and being killed in between."""

import os
import random
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from mercer.engines.embedded import durable
from mercer.engines.embedded.log import keeper
from mercer.engines.embedded.log.erased import ErasedVisitors
from mercer.engines.embedded.log.keeper import Keeper, KeeperParams
from mercer.engines.embedded.log.page_folder import PageFolder, partitions
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.log.page_segment import read_segment
from mercer.engines.embedded.log.page_writer import SlotWriter, WriterParams
from mercer.schema.errors import MarketBusyError
from mercer.schema.time import DAY_MS
from support import page_child
from support.page_samples import plain_page, same_page

NOW_MS = 1_790_000_000_000
SMALL = WriterParams(rotate_bytes=600)


def write_all(folder, made, *, slot=0, params=SMALL):
    writer = SlotWriter(folder / f"pages-{slot}", params)
    assert all(writer.write(page, budget_s=5) for page in made)
    writer.close()


def erase(folder, visitor_id, *, erased_ms):
    """Order it, and say that the log has it and the events are gone."""
    erased = ErasedVisitors(folder)
    erased.add(visitor_id, erased_ms=erased_ms)
    erased.mark_recorded({visitor_id: erased_ms})


def some_pages(n, *, start=0, ms=NOW_MS, visitors=("ann", "bob", None)):
    return [
        plain_page(i, ms=ms + i, visitor_id=visitors[i % len(visitors)])
        for i in range(start, start + n)
    ]


def state_of(folder):
    """All that a reader can see: each partition in order, and the pages themselves."""
    log = PageLog(folder)
    seen = {}
    for name, part in log.partitions().items():
        rows = [c.rows for _, c in part.read(0, kinds={"pages"})]
        seen[name] = [(row["page_id"], row["q"]) for batch in rows for row in batch.to_pylist()]
    return seen, [repr(log.find(page.page_id).shown) for page in log.recent(limit=1000)]


def keep(folder, *, keep_days=400, now_ms=NOW_MS + 3_600_000, **more):
    return Keeper(folder, keep_days=keep_days).run(now_ms=now_ms, **more)


def files_of(folder):
    return [(file.path.suffix, file.first, file.last) for file in PageFolder(folder).files()]


def test_sealing_changes_nothing_that_is_read(tmp_path):
    """What is read after sealing is what was read before, in the same order; no journal is left."""
    made = some_pages(30)
    write_all(tmp_path, made)
    write_all(tmp_path, some_pages(10, start=100), slot=1)
    before = state_of(tmp_path)
    report = keep(tmp_path, seal_all=True)
    assert (report.sealed_pages, report.faults) == (40, [])
    assert state_of(tmp_path) == before
    assert files_of(tmp_path / "pages-0") == [(".arrow", 1, 30)]
    log = PageLog(tmp_path)
    assert all(same_page(log.find(page.page_id), page) for page in made)


def test_a_dry_run_changes_no_file(tmp_path):
    """With `dry_run` the same is counted and nothing is done."""
    write_all(tmp_path, some_pages(12))
    erase(tmp_path, "ann", erased_ms=NOW_MS + 5)
    before = sorted((p.name, p.read_bytes()) for p in (tmp_path / "pages-0").iterdir())
    told = keep(tmp_path, seal_all=True, dry_run=True)
    assert sorted((p.name, p.read_bytes()) for p in (tmp_path / "pages-0").iterdir()) == before
    assert (told.sealed_pages, told.erased_pages) == (10, 2)
    done = keep(tmp_path, seal_all=True)
    assert (done.sealed_pages, done.erased_pages) == (10, 2)


def test_small_young_journals_wait(tmp_path):
    """Journals are sealed when they are old or many bytes together, not one by one."""
    write_all(tmp_path, some_pages(6))
    written_ms = int(max(p.stat().st_mtime for p in (tmp_path / "pages-0").iterdir()) * 1000)
    assert keep(tmp_path, now_ms=written_ms).sealed_journals == 0
    params = KeeperParams(seal_bytes=1000)
    report = Keeper(tmp_path, keep_days=400, params=params).run(now_ms=written_ms)
    assert report.sealed_journals > 1
    write_all(tmp_path, some_pages(2, start=20))
    assert keep(tmp_path, now_ms=written_ms).sealed_journals == 0
    assert keep(tmp_path, now_ms=written_ms + 4_000_000).sealed_journals == 1


def test_an_open_journal_is_not_touched(tmp_path):
    """A journal that its writer has open stays as it is, whatever is due."""
    writer = SlotWriter(tmp_path / "pages-0", SMALL)
    made = some_pages(12)
    assert all(writer.write(page, budget_s=5) for page in made)
    newest = PageFolder(tmp_path / "pages-0").files()[-1].path
    erase(tmp_path, "ann", erased_ms=NOW_MS + 1000)
    content = newest.read_bytes()
    report = keep(tmp_path, seal_all=True, now_ms=NOW_MS + 500 * DAY_MS)
    assert newest.read_bytes() == content
    more = plain_page(77, ms=NOW_MS + 77)
    assert writer.write(more, budget_s=5)
    writer.close()
    assert PageLog(tmp_path).find(more.page_id)
    assert report.faults == []


def test_one_keeper_at_a_time(tmp_path, monkeypatch):
    """A second keeper is refused while one is at work."""
    write_all(tmp_path, some_pages(3))
    real = keeper.write_segment

    def write_segment(*args, **kwargs):
        with pytest.raises(MarketBusyError, match="wait until it is done"):
            keep(tmp_path)
        return real(*args, **kwargs)

    monkeypatch.setattr(keeper, "write_segment", write_segment)
    assert keep(tmp_path, seal_all=True).sealed_pages == 3


class KilledError(BaseException):
    """As kill -9: nothing after it runs that could tidy up."""


def kill_at(monkeypatch, step):
    """Die just before the step-th change of the disk; the number of changes seen."""
    seen = count()

    def dying(real):
        def call(*args, **kwargs):
            if next(seen) == step:
                raise KilledError
            return real(*args, **kwargs)

        return call

    monkeypatch.setattr(durable.os, "fsync", dying(os.fsync))
    monkeypatch.setattr(durable.os, "replace", dying(os.replace))
    monkeypatch.setattr(Path, "unlink", dying(Path.unlink))


@pytest.mark.parametrize("step", range(17))
def test_a_killed_keeper_changes_nothing(tmp_path, step):
    """Killed before any change of the disk, a run leaves the same pages, and the next one finishes."""
    write_all(tmp_path, some_pages(8))
    keep(tmp_path, seal_all=True)
    write_all(tmp_path, some_pages(8, start=8))
    erase(tmp_path, "bob", erased_ms=NOW_MS + 10)
    before = state_of(tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        kill_at(patched, step)
        try:
            keep(tmp_path, seal_all=True)
        except KilledError:
            was_killed = True
        else:
            was_killed = False
    assert was_killed == (step < 16), "the number of steps has changed; cover them all"
    assert state_of(tmp_path) == before
    keep(tmp_path, seal_all=True)
    assert state_of(tmp_path) == before
    assert files_of(tmp_path / "pages-0") == [(".arrow", 1, 8), (".arrow", 9, 16)]
    assert ErasedVisitors(tmp_path).visitors() == {}
    assert not list((tmp_path / "pages-0").glob(".*.part"))
    assert PageFolder(tmp_path / "pages-0").superseded() == []


def test_an_erased_visitor_is_hidden_at_once_and_then_gone(tmp_path):
    """From the order on nobody reads the visitor's pages; after the keeper no file has them."""
    made = some_pages(20)
    write_all(tmp_path, made[:10])
    keep(tmp_path, seal_all=True)
    write_all(tmp_path, made[10:])
    ann = [page for page in made if page.visitor_id == "ann"]
    others = [page.page_id for page in made if page.visitor_id != "ann"]
    log = PageLog(tmp_path)
    part = log.partitions()["pages-0"]
    erase(tmp_path, "ann", erased_ms=NOW_MS + 1000)
    for _ in ("hidden", "gone"):
        assert all(log.find(page.page_id) is None for page in ann)
        assert [p.page_id for p in log.recent(limit=99)] == others[::-1]
        read = [c.rows["page_id"].to_pylist() for _, c in part.read(0, kinds={"pages"})]
        assert [one for rows in read for one in rows] == others
        report = keep(tmp_path, seal_all=True)
    assert report.erased_pages == 0
    kept = [read_segment(file.path) for file in PageFolder(tmp_path / "pages-0").files()]
    rows = [batch["visitor_id"].to_pylist() for segment in kept for batch in segment.batches]
    assert "ann" not in [one for some in rows for one in some]
    assert sum(segment.n_erased for segment in kept) == len(ann)
    assert sum(segment.n_lost for segment in kept) == 0
    assert ErasedVisitors(tmp_path).visitors() == {}
    assert part.end() == 20


def test_an_erasure_that_is_not_recorded_stays_on_the_list(tmp_path):
    """Before the owner has recorded it and removed the events, an erasure is not finished."""
    write_all(tmp_path, some_pages(3))
    erased = ErasedVisitors(tmp_path)
    erased.add("ann", erased_ms=NOW_MS + 5)
    assert keep(tmp_path, seal_all=True).waiting == ["ann"]
    erased.mark_recorded({"ann": NOW_MS + 5})
    erased.add("ann", erased_ms=NOW_MS + 9)  # ordered again
    assert keep(tmp_path).waiting == ["ann"]
    erased.mark_recorded({"ann": NOW_MS + 9})
    assert keep(tmp_path).waiting == []


def test_a_visitor_who_comes_back_is_kept(tmp_path):
    """An erasure is of what was before it; later pages of the visitor stay."""
    write_all(tmp_path, some_pages(9))
    erase(tmp_path, "ann", erased_ms=NOW_MS + 3)
    keep(tmp_path, seal_all=True)
    mine = [p for p in PageLog(tmp_path).recent(limit=99) if p.visitor_id == "ann"]
    assert [p.served_ms - NOW_MS for p in mine] == [6]


def test_an_erasure_waits_for_an_open_journal(tmp_path):
    """While an open journal holds a page of the visitor, it stays hidden and on the list."""
    writer = SlotWriter(tmp_path / "pages-0")
    assert all(writer.write(page, budget_s=5) for page in some_pages(6))
    erase(tmp_path, "ann", erased_ms=NOW_MS + 1000)
    assert keep(tmp_path, seal_all=True).waiting == ["ann"]
    assert all(p.visitor_id != "ann" for p in PageLog(tmp_path).recent(limit=99))
    writer.close()
    assert keep(tmp_path).waiting == []  # such a journal is sealed however small and young
    assert len(PageLog(tmp_path).recent(limit=99)) == 4


def test_a_page_that_arrives_after_its_erasure_is_removed_too(tmp_path):
    """While a journal is open, an order stays a minute: a page may be served before and land after it."""
    writer = SlotWriter(tmp_path / "pages-0")
    assert writer.write(plain_page(1, ms=NOW_MS, visitor_id="bob"), budget_s=5)
    erase(tmp_path, "ann", erased_ms=NOW_MS + 10)
    assert keep(tmp_path, now_ms=NOW_MS + 20).waiting == ["ann"]
    late = plain_page(2, ms=NOW_MS + 5, visitor_id="ann")
    assert writer.write(late, budget_s=5)
    assert PageLog(tmp_path).find(late.page_id) is None
    writer.close()
    keep(tmp_path)
    assert ErasedVisitors(tmp_path).visitors() == {}
    assert PageLog(tmp_path).find(late.page_id) is None


def test_old_pages_expire_and_ordinals_go_on(tmp_path):
    """Pages older than keep_days go; the next page has the next ordinal, also when nothing is left."""
    write_all(tmp_path, some_pages(5))
    keep(tmp_path, seal_all=True)
    write_all(tmp_path, some_pages(5, start=5, ms=NOW_MS + 2 * DAY_MS))
    report = keep(tmp_path, seal_all=True, keep_days=10, now_ms=NOW_MS + 11 * DAY_MS)
    assert report.expired_pages == 5
    assert files_of(tmp_path / "pages-0") == [(".arrow", 6, 10)]
    report = keep(tmp_path, seal_all=True, keep_days=10, now_ms=NOW_MS + 20 * DAY_MS)
    assert report.expired_pages == 5
    log = PageLog(tmp_path)
    assert log.recent(limit=9) == []
    write_all(tmp_path, some_pages(1, start=50, ms=NOW_MS + 20 * DAY_MS))
    part = log.partitions()["pages-0"]
    assert part.end() == 11
    offsets = [offset for offset, change in part.read(10, kinds={"pages"})]
    assert offsets == [11]
    assert keep(tmp_path, keep_days=10, now_ms=NOW_MS + 20 * DAY_MS).expired_pages == 0
    assert files_of(tmp_path / "pages-0") == [(".journal", 11, None)]


def test_a_damaged_segment_does_not_stop_the_rest(tmp_path):
    """A file that cannot be read is told by its name; what else is due is done."""
    write_all(tmp_path, some_pages(5))
    keep(tmp_path, seal_all=True)
    (file,) = PageFolder(tmp_path / "pages-0").files()
    file.path.write_bytes(file.path.read_bytes()[:-30])
    write_all(tmp_path, some_pages(5, start=5), slot=1)
    erase(tmp_path, "ann", erased_ms=NOW_MS + 1000)
    report = keep(tmp_path, seal_all=True)
    assert report.sealed_pages == 3
    assert len(report.faults) == 1
    assert file.path.name in report.faults[0]
    assert "ann" in ErasedVisitors(tmp_path).visitors()


def test_pages_are_read_and_sealed_while_they_are_written(tmp_path):
    """With a writer that is killed and started, a keeper and a reader at once, each page is read once."""
    told, got, at = [], [], 0
    command = [sys.executable, page_child.__file__, str(tmp_path), "0", "20000"]
    params = KeeperParams(seal_bytes=1)
    draw = random.Random(7)
    for _ in range(4):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            told.append(child.stdout.readline().strip())
            part = PageLog(tmp_path).partitions()["pages-0"]
            for _ in range(draw.randrange(3, 12)):
                report = Keeper(tmp_path, keep_days=400, params=params).run(now_ms=NOW_MS)
                assert report.faults == []
                for offset, change in part.read(at, kinds={"pages"}):
                    at, got = offset, [*got, *change.rows["page_id"].to_pylist()]
            child.kill()
            told += [line.strip() for line in child.stdout if line.endswith("\n")]
    part = PageLog(tmp_path).partitions()["pages-0"]
    for _, change in part.read(at, kinds={"pages"}):
        got += change.rows["page_id"].to_pylist()
    assert len(set(got)) == len(got)
    assert got == sorted(got)  # ids of one process grow, and the processes followed each other
    assert set(told) <= set(got)
    assert any(file.segment for folder in partitions(tmp_path) for file in folder.files())
