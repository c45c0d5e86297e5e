"""The writer of pages: slow and full disks, kills, rotation."""

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mercer.engines.embedded.log import page_journal, page_writer
from mercer.engines.embedded.log.page_folder import PageFolder
from mercer.engines.embedded.log.page_journal import Journal
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.log.page_writer import SlotWriter, WriterParams
from mercer.schema.errors import MarketBusyError
from support import page_child
from support.page_samples import plain_page, same_page


class HeldJournal:
    """A journal on a disk that answers only while `is_open` is set."""

    def __init__(self, folder, first, is_open):
        self._journal, self._is_open = Journal(folder, first=first), is_open

    def __getattr__(self, name):
        return getattr(self._journal, name)

    def append(self, frame):
        self._is_open.wait()
        self._journal.append(frame)


@pytest.fixture
def disk(tmp_path):
    """A writer over a disk that a test may hold; (writer, event, pages)."""
    answers = threading.Event()
    answers.set()
    writer = SlotWriter(
        tmp_path / "pages-0",
        WriterParams(stuck_s=0.2),
        make_journal=lambda folder, first: HeldJournal(folder, first, answers),
    )
    yield writer, answers, PageLog(tmp_path)
    answers.set()
    writer.close()


def ids_of(log, *, after=0):
    return [
        one
        for part in log.partitions().values()
        for _, change in part.read(after, kinds={"pages"})
        for one in change.rows["page_id"].to_pylist()
    ]


def test_a_hung_disk_holds_nobody(disk):
    """On a disk that does not answer, `write` is False within its budget, and soon without waiting."""
    writer, answers, _ = disk
    assert writer.write(plain_page(1), budget_s=5)
    answers.clear()
    began = time.monotonic()
    assert not writer.write(plain_page(2), budget_s=0.05)
    assert 0.04 <= time.monotonic() - began < 0.5
    time.sleep(0.25)
    began = time.monotonic()
    assert not any(writer.write(plain_page(n), budget_s=5) for n in range(3, 50))
    assert time.monotonic() - began < 1, "requests waited behind a disk that is known to hang"
    health = writer.health()
    assert health.written == 1
    assert health.refused == 48
    assert "the disk has not answered for" in health.fault


def test_a_late_page_is_there_once(disk):
    """What was under way when its request went on may land, is then found, and is never doubled."""
    writer, answers, log = disk
    answers.clear()
    late, dropped = plain_page(1), plain_page(2)
    assert not writer.write(late, budget_s=0.02)
    assert not writer.write(dropped, budget_s=0.02)  # waited behind it, so it was never begun
    answers.set()
    assert writer.write(late, budget_s=5)  # the outcome of the first, not a second frame
    assert writer.write(plain_page(3), budget_s=5)
    assert writer.write(late, budget_s=5)
    assert ids_of(log).count(late.page_id) == 1
    assert log.find(dropped.page_id) is None
    assert writer.write(dropped, budget_s=5)
    assert ids_of(log).count(dropped.page_id) == 1
    assert writer.health().fault == ""


class BusyJournal(HeldJournal):
    """A journal whose thread gets no CPU for a while, after the disk has the frame."""

    def append(self, frame):
        handle = os.open(self.path, os.O_WRONLY)
        os.pwrite(handle, frame, self.size)
        os.close(handle)
        time.sleep(0.03)
        self._journal.append(frame)


class BusyQueue(page_writer.SimpleQueue):
    """A queue whose reader gets no CPU for a while, before it has the frame."""

    def get(self, *args, **kwargs):
        found = super().get(*args, **kwargs)
        time.sleep(0.03)
        return found


@pytest.mark.parametrize("at", ["before", "after"])
def test_a_busy_machine_refuses_no_page(tmp_path, monkeypatch, at):
    """Where only the CPU is short, a page is written although its budget is gone."""
    more = {}
    if at == "after":
        more = {"make_journal": lambda folder, first: BusyJournal(folder, first, None)}
    else:
        monkeypatch.setattr(page_writer, "SimpleQueue", BusyQueue)
    writer = SlotWriter(tmp_path / "pages-0", WriterParams(starved_s=5), **more)
    made = [plain_page(n) for n in range(3)]
    assert all(writer.write(page, budget_s=0.001) for page in made)
    writer.close()
    assert ids_of(PageLog(tmp_path)) == [page.page_id for page in made]


def test_no_time_left_is_no_write(disk):
    """A budget of nothing writes nothing and says so."""
    writer, _, log = disk
    page = plain_page(1)
    assert not writer.write(page, budget_s=0)
    assert "no time left" in writer.health().fault
    assert log.find(page.page_id) is None


def test_what_waits_is_bounded(tmp_path):
    """No more frames wait than were allowed; the others are refused at once."""
    answers = threading.Event()
    writer = SlotWriter(
        tmp_path / "pages-0",
        WriterParams(max_waiting=3, stuck_s=60),
        make_journal=lambda folder, first: HeldJournal(folder, first, answers),
    )
    results = []

    def write(n):
        results.append(writer.write(plain_page(n), budget_s=30))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(results) < 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert results == [False] * 8  # one is being written, three wait
    assert "full" in writer.health().fault
    answers.set()
    for thread in threads:
        thread.join()
    writer.close()
    assert sorted(results) == [False] * 8 + [True] * 4


@pytest.mark.parametrize("n_taken", [0, 5, 100])
def test_a_full_disk_is_told_and_heals(tmp_path, monkeypatch, n_taken):
    """ENOSPC, also in the middle of a frame, refuses that page with the reason; later ones go in."""
    writer = SlotWriter(tmp_path / "pages-0")
    log = PageLog(tmp_path)
    before, refused, after = (plain_page(n) for n in range(3))
    assert writer.write(before, budget_s=5)
    real, is_full = os.pwrite, True

    def pwrite(handle, data, at):
        if not is_full:
            return real(handle, data, at)
        if n_taken and len(data) > n_taken and at == size:
            return real(handle, data[:n_taken], at)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (file,) = PageFolder(tmp_path / "pages-0").files()
    size = file.path.stat().st_size
    monkeypatch.setattr(page_journal.os, "pwrite", pwrite)
    assert not writer.write(refused, budget_s=5)
    assert writer.health().fault == "No space left on device"
    assert file.path.stat().st_size == size, "a torn frame was left in front of later ones"
    is_full = False
    assert writer.write(after, budget_s=5)
    assert writer.health().fault == ""
    assert ids_of(log) == [before.page_id, after.page_id]
    assert writer.write(refused, budget_s=5)
    writer.close()


def test_a_broken_journal_is_left(tmp_path, monkeypatch):
    """Where a torn frame cannot be taken back, the writer begins another file, and no page is lost."""
    writer = SlotWriter(tmp_path / "pages-0")
    assert writer.write(plain_page(0), budget_s=5)
    real, broken = os.pwrite, [True]

    def pwrite(handle, data, at):
        if broken.pop() if broken else False:
            real(handle, data[:9], at)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(handle, data, at)

    def ftruncate(handle, size):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(page_journal.os, "pwrite", pwrite)
    monkeypatch.setattr(page_journal.os, "ftruncate", ftruncate)
    assert not writer.write(plain_page(1), budget_s=5)
    assert "Input/output error" in writer.health().fault
    assert writer.write(plain_page(2), budget_s=5)
    writer.close()
    assert len(PageFolder(tmp_path / "pages-0").files()) == 2
    assert len(ids_of(PageLog(tmp_path))) == 2


def test_journals_rotate_by_size_and_age(tmp_path):
    """A journal is closed when it is large or old; all its pages stay where they were, in order."""
    writer = SlotWriter(tmp_path / "pages-0", WriterParams(rotate_bytes=1000, sync_s=0.01))
    made = [plain_page(n) for n in range(20)]
    assert all(writer.write(page, budget_s=5) for page in made)
    writer.close()
    assert len(PageFolder(tmp_path / "pages-0").files()) > 3
    assert ids_of(PageLog(tmp_path)) == [page.page_id for page in made]
    writer = SlotWriter(tmp_path / "pages-0", WriterParams(rotate_s=0, sync_s=0.01))
    n = len(PageFolder(tmp_path / "pages-0").files())
    assert all(writer.write(plain_page(n), budget_s=5) for n in range(30, 33))
    writer.close()
    assert len(PageFolder(tmp_path / "pages-0").files()) == n + 3
    assert PageFolder(tmp_path / "pages-0").end() == 23


def test_a_slot_has_one_writer(tmp_path):
    """A second writer of a slot is refused; another slot is free; a closed one can be opened again."""
    writer = SlotWriter(tmp_path / "pages-0")
    with pytest.raises(MarketBusyError, match="a slot of its own"):
        SlotWriter(tmp_path / "pages-0")
    SlotWriter(tmp_path / "pages-1").close()
    writer.close()
    SlotWriter(tmp_path / "pages-0").close()


def test_a_reader_reads_on_while_pages_are_written(tmp_path):
    """A partition that is read again and again gives each page once, in order, and knows its lag."""
    writer = SlotWriter(tmp_path / "pages-0", WriterParams(rotate_bytes=3000))
    log, made, got, at = PageLog(tmp_path), [], [], 0
    part = None
    for n in range(60):
        made.append(plain_page(n))
        assert writer.write(made[-1], budget_s=5)
        if n % 7 == 0:
            part = part or log.partitions()["pages-0"]
            assert part.n_rows(at, kinds={"pages"}) == len(made) - len(got)
            for offset, change in part.read(at, kinds={"pages"}):
                assert offset == at + change.rows.num_rows
                at, got = offset, [*got, *change.rows["page_id"].to_pylist()]
            assert got == [page.page_id for page in made]
            assert part.end() == at
    assert list(part.read(0, kinds={"events"})) == []
    writer.close()


def test_a_kill_loses_nothing_and_doubles_nothing(tmp_path):
    """After kill -9 at any moment, each page whose write returned True is there, and each once."""
    told = []
    for n in range(5):
        command = [sys.executable, page_child.__file__, str(tmp_path), "0", "60000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            told += [child.stdout.readline().strip() for _ in range(40 + 23 * n)]
            child.kill()
            told += [line.strip() for line in child.stdout if line.endswith("\n")]
    ids = ids_of(PageLog(tmp_path))
    assert len(set(ids)) == len(ids)
    assert set(told) <= set(ids)
    assert len(ids) <= len(told) + 5  # one of each child was in before it could be told
    log = PageLog(tmp_path)
    assert all(log.find(one).page_id == one for one in told[::50])
    assert Path(tmp_path / "pages-0").is_dir()


def test_pages_written_after_a_torn_tail(tmp_path):
    """A writer that opens after a kill leaves the torn frame behind and goes on with the next ordinal."""
    writer = SlotWriter(tmp_path / "pages-0")
    made = [plain_page(n) for n in range(3)]
    assert all(writer.write(page, budget_s=5) for page in made)
    writer.close()
    (file,) = PageFolder(tmp_path / "pages-0").files()
    with open(file.path, "r+b") as journal:
        journal.truncate(file.path.stat().st_size - 5)
    writer = SlotWriter(tmp_path / "pages-0")
    assert writer.write(made[2], budget_s=5)
    writer.close()
    log = PageLog(tmp_path)
    assert ids_of(log) == [page.page_id for page in made]
    assert same_page(log.find(made[2].page_id), made[2])


def test_closing_on_a_hung_disk_waits_without_work(tmp_path):
    """Who waits for a disk that does not answer leaves the processor to others."""
    answers = threading.Event()
    writer = SlotWriter(
        tmp_path / "pages-0",
        WriterParams(close_s=0.6, sync_s=0.05),
        make_journal=lambda folder, first: HeldJournal(folder, first, answers),
    )
    assert not writer.write(plain_page(1), budget_s=0.01)
    before_s = time.process_time()
    writer.close()
    assert time.process_time() - before_s < 0.1
    answers.set()
    for thread in writer._threads:
        thread.join(5)
    writer.close()
