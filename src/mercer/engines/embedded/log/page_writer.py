"""Writes the pages of one serving process, never longer than a request can wait.

The request's thread encodes the page and hands the frame to a thread of its own, which appends it; the
request waits for that at most its budget. A frame that was not begun by then is dropped. One whose
write() was already under way (a hung disk) may still land: it is then in the log although `write`
returned False, which harms nobody, for its page was served without tokens. It is never written twice:
a frame is tried once, and a later `write` of the same page waits for the outcome of the first.
"""

import fcntl
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import final

from mercer.engines.embedded.durable import sync_folder
from mercer.engines.embedded.log.page_folder import PageFolder
from mercer.engines.embedded.log.page_frame import encode_page
from mercer.engines.embedded.log.page_journal import Journal
from mercer.events.page_log import PageWriter
from mercer.schema.errors import MarketBusyError
from mercer.schema.page import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterParams:
    """When a journal is closed, how often it is synced, how much may wait."""

    rotate_bytes: int = 32 << 20
    rotate_s: float = 600.0
    sync_s: float = 0.2  # a power cut may lose the pages of so long; a killed process loses none
    max_waiting: int = 256  # frames
    stuck_s: float = 0.25  # a write() that takes longer: requests do not wait behind it
    starved_s: float = 0.1  # a request waits so much longer where not the disk is slow but the CPU
    close_s: float = 2.0  # for what waits, when the writer is closed


@dataclass(frozen=True, slots=True)
class WriterHealth:
    """What became of the pages of this process."""

    written: int
    refused: int  # served, and not written within their budget
    fault: str  # "" where the last page was written


class _State(Enum):
    WAITING = auto()
    WRITING = auto()
    WRITTEN = auto()
    FAILED = auto()
    DROPPED = auto()  # its request went on before it was begun


class _Ticket:
    """One frame on its way."""

    __slots__ = ("done", "frame", "is_given_up", "state")

    def __init__(self, frame: bytes) -> None:
        self.frame = frame  # emptied when it was tried
        self.state, self.is_given_up = _State.WAITING, False
        self.done = threading.Lock()  # held until there is an outcome
        self.done.acquire()


_REMEMBERED = 4096  # of the newest pages it is known what became of them
_AGE_CHECK_S = 1.0  # how often an idle writer looks whether its journal is old


@final
class SlotWriter:
    """The only writer of one partition, a folder `log/pages-<slot>`. Thread-safe.

    Args:
        folder: made where it is missing.
        params: see there.
        make_journal: another file to write to, for tests.
    Raises:
        MarketBusyError: another process writes this partition.
        OSError: the folder cannot be made or read.
    """

    def __init__(
        self,
        folder: Path,
        params: WriterParams | None = None,
        *,
        make_journal: Callable[[Path, int], Journal] = lambda folder, first: Journal(
            folder, first=first
        ),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._params, self._make = folder, params or WriterParams(), make_journal
        self._lock_handle = _lock(folder)
        self._next = PageFolder(folder).end() + 1
        self._journal: Journal | None = None
        self._opened_s = 0.0
        self._synced = 0  # frames of the open journal
        self._retired: SimpleQueue[Journal] = SimpleQueue()
        self._queue: SimpleQueue[_Ticket | None] = SimpleQueue()
        self._mutex = threading.Lock()
        self._recent: OrderedDict[str, _Ticket] = OrderedDict()
        self._n_waiting = self._n_written = self._n_refused = 0
        self._fault = ""
        self._began_s: float | None = None  # of the write() under way
        self._is_closing = threading.Event()
        self._threads = [
            threading.Thread(target=run, name=f"pages-{name}", daemon=True)
            for name, run in (("write", self._write_all), ("sync", self._sync_all))
        ]
        for thread in self._threads:
            thread.start()

    def write(self, page: Page, *, budget_s: float) -> bool:
        """Whether the page was written within the budget; False is told by `health`."""
        until = time.monotonic() + budget_s
        ticket = self._submitted(page, budget_s)
        if ticket is None:
            return False
        is_told = ticket.done.acquire(timeout=max(0.0, until - time.monotonic()))
        if not is_told and self._is_starved(ticket):
            is_told = ticket.done.acquire(timeout=self._params.starved_s)
        if not is_told:
            return self._given_up(ticket)
        ticket.done.release()  # somebody else may wait for the same page
        return ticket.state is _State.WRITTEN

    def _is_starved(self, ticket: _Ticket) -> bool:
        """Whether the disk is not what this page waits for: it has the frame, or was not asked yet."""
        with self._mutex:
            if ticket.state is _State.WAITING:
                return self._began_s is None
            journal, frame = self._journal, ticket.frame
            is_writing = ticket.state is _State.WRITING and journal is not None
        return is_writing and journal is not None and journal.has(len(frame))

    def _submitted(self, page: Page, budget_s: float) -> _Ticket | None:
        """The ticket to wait for; None where there is nothing to wait for."""
        stuck = self._stuck()
        with self._mutex:
            earlier = self._recent.get(page.page_id)
            if earlier is not None and earlier.state not in (_State.FAILED, _State.DROPPED):
                return earlier
            if stuck or self._n_waiting >= self._params.max_waiting or self._is_closing.is_set():
                self._refused(stuck or "the page log is full or closed")
                return None
            if budget_s <= 0:
                self._refused("the request had no time left to write its page")
                return None
        ticket = _Ticket(encode_page(page))
        with self._mutex:
            self._n_waiting += 1
            self._recent[page.page_id] = ticket
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)
        self._queue.put(ticket)
        return ticket

    def _stuck(self) -> str:
        began = self._began_s
        if began is None or (for_s := time.monotonic() - began) < self._params.stuck_s:
            return ""
        return f"the disk has not answered for {for_s:.1f} s"

    def _refused(self, fault: str) -> None:
        self._n_refused += 1
        self._fault = fault

    def _given_up(self, ticket: _Ticket) -> bool:
        """The budget is gone: drop the frame, unless it was begun; that one may still land."""
        with self._mutex:
            if ticket.state is _State.WRITTEN:
                return True
            if ticket.state is not _State.FAILED:
                self._refused("the disk was slower than the request's budget")
                ticket.is_given_up = True
            if ticket.state is _State.WAITING:
                ticket.state = _State.DROPPED
        return False

    def _write_all(self) -> None:
        """The writing thread."""
        while True:
            try:
                ticket = self._queue.get(timeout=_AGE_CHECK_S)
            except Empty:
                self._retire_used_up()
                continue
            if ticket is None:
                return
            with self._mutex:
                self._n_waiting -= 1
                if ticket.state is _State.DROPPED:
                    continue
                ticket.state = _State.WRITING
            self._try(ticket)
            ticket.done.release()

    def _try(self, ticket: _Ticket) -> None:
        self._began_s = time.monotonic()
        try:
            self._append(ticket.frame)
            fault = ""
        except Exception as error:  # the thread lives on: the next page may find the disk healed
            fault = (isinstance(error, OSError) and error.strerror) or repr(error)
        self._began_s = None
        with self._mutex:
            ticket.state, ticket.frame = _State.FAILED if fault else _State.WRITTEN, b""
            self._fault = fault
            self._n_written += not fault
            self._n_refused += bool(fault) and not ticket.is_given_up

    def _append(self, frame: bytes) -> None:
        self._retire_used_up()
        if self._journal is None:
            journal = self._make(self._folder, self._next)
            self._opened_s, self._synced, self._journal = time.monotonic(), -1, journal
        self._journal.append(frame)
        self._next += 1

    def _retire_used_up(self) -> None:
        """Leave a journal that is full, old or broken; the syncing thread closes it."""
        journal = self._journal
        if journal is None:
            return
        is_old = time.monotonic() - self._opened_s >= self._params.rotate_s
        is_full = journal.size >= self._params.rotate_bytes
        if not journal.is_sound or (journal.n and (is_old or is_full)):
            self._journal = None
            self._retired.put(journal)

    def _sync_all(self) -> None:
        """The syncing thread: what was appended becomes durable, and used-up journals are closed."""
        is_last = False
        while not is_last:
            if is_last := self._is_closing.wait(self._params.sync_s):
                self._threads[0].join(self._params.sync_s)
                is_last = not self._threads[0].is_alive()
            self._sync_open()
            while not self._retired.empty():
                journal = self._retired.get()
                self._synced_or_told(journal)
                journal.close()

    def _sync_open(self) -> None:
        journal = self._journal
        if journal is None:
            return
        n = journal.n
        if n > self._synced:
            is_new, self._synced = self._synced < 0, n
            if not self._synced_or_told(journal):
                journal.is_sound = False  # what the kernel dropped it does not tell twice
            if is_new:
                with suppress(OSError):
                    sync_folder(self._folder)

    def _synced_or_told(self, journal: Journal) -> bool:
        try:
            journal.sync()
        except OSError as error:
            with self._mutex:
                self._fault = f"sync of {journal.path.name}: {error.strerror}"
            return False
        return True

    def health(self) -> WriterHealth:
        """How many pages were written and refused, and why the last one was not."""
        with self._mutex:
            return WriterHealth(self._n_written, self._n_refused, self._stuck() or self._fault)

    def close(self) -> None:
        """Write what waits, sync, and give the partition back."""
        self._queue.put(None)
        self._is_closing.set()
        for thread in self._threads:
            thread.join(self._params.close_s)
        if not any(thread.is_alive() for thread in self._threads):
            if self._journal is not None:
                self._journal.close()
            os.close(self._lock_handle)  # else a hung write still owns the partition


def _lock(folder: Path) -> int:
    handle = os.open(folder / ".writer", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise MarketBusyError(
            f"{folder} is written by another process; give each serving process a slot of its own"
        ) from None
    return handle


_conforms: type[PageWriter] = SlotWriter
