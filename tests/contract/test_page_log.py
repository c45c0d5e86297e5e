"""The laws of the page log, over every engine of it."""

import threading

import pytest

from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.log.page_writer import SlotWriter
from support.page_kit import MemoryPages
from support.page_samples import plain_page, same_page

NOW_MS = 1_790_000_000_000


class EmbeddedPages:
    """The page log of a folder with one slot."""

    def __init__(self, folder):
        self._writer, self._log = SlotWriter(folder / "pages-0"), PageLog(folder)
        self.write, self.find, self.recent = self._writer.write, self._log.find, self._log.recent
        self.close = self._writer.close


@pytest.fixture(params=["memory", "embedded"])
def log(request, tmp_path):
    if request.param == "memory":
        yield MemoryPages()
        return
    made = EmbeddedPages(tmp_path / "log")
    yield made
    made.close()


def test_a_written_page_is_found_equal(log):
    """A page whose write returned True is found by its id, equal in every field."""
    written = [plain_page(n) for n in range(20)]
    assert all(log.write(page, budget_s=10) for page in written)
    for page in written:
        assert same_page(log.find(page.page_id), page)


def test_an_unknown_page_is_none(log):
    """An id that was never written gives None, whether it looks like one or not."""
    log.write(plain_page(1), budget_s=10)
    assert log.find(plain_page(2).page_id) is None
    assert log.find("no such page") is None
    assert log.find("") is None


def test_an_empty_log_has_nothing(log):
    """A log that nothing was written to finds nothing and raises nothing."""
    assert log.find(plain_page(1).page_id) is None
    assert log.recent(limit=5) == []


def test_recent_is_newest_first(log):
    """`recent` gives the newest pages, newest first, whatever the order they were written in."""
    times = [5, 1, 9, 3, 7]
    for n, ms in enumerate(times):
        log.write(plain_page(n, ms=NOW_MS + ms), budget_s=10)
    assert [p.served_ms - NOW_MS for p in log.recent(limit=3)] == [9, 7, 5]
    assert [p.served_ms - NOW_MS for p in log.recent(limit=10)] == [9, 7, 5, 3, 1]


def test_recent_before(log):
    """With `before_ms`, only pages that were served before that instant."""
    for n in range(6):
        log.write(plain_page(n, ms=NOW_MS + n), budget_s=10)
    assert [p.served_ms - NOW_MS for p in log.recent(limit=2, before_ms=NOW_MS + 4)] == [3, 2]
    assert log.recent(limit=2, before_ms=NOW_MS) == []


def test_many_threads_write(log):
    """Pages that are written at the same time are all there, each once."""
    made = [[plain_page(n * 100 + i) for i in range(25)] for n in range(4)]

    def write_all(mine):
        for page in mine:
            assert log.write(page, budget_s=10)

    threads = [threading.Thread(target=write_all, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [page.page_id for page in log.recent(limit=1000)]
    assert sorted(ids) == sorted(page.page_id for mine in made for page in mine)
