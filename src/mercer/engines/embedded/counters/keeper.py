"""Keeping the counters of a market up to date: in the learner, from the log."""

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

from mercer.engines.embedded.counters.losses import last_erasure, losses
from mercer.engines.embedded.counters.params import CounterParams
from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.snapshot import path_of, remove_drafts, remove_snapshots
from mercer.engines.embedded.counters.store import NEXT, CounterStore, restored, resumed
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.features.counter_table import occupied
from mercer.schema.errors import MarketBusyError, StorageError

MAX_EVENTS: Final = 20_000  # of one step
LOSSES_EVERY_S: Final = 1.0  # how often it is looked for what the log has lost
_WRITE_SHARE: Final = (
    20  # a snapshot that takes long is written less often: at most 5 % of the time
)
FOLDER: Final = "counters"  # below `views/`


@final
class CounterKeeper:
    """The one writer of a market's counters. One thread uses it.

    An erasure makes all counters new from the log, which has the visitor's events no more: tastes cannot
    be told apart otherwise, and sums come out as a replay finds them. So does a compaction, which takes
    versions of listings that clicks were counted by. Until the new ones have caught up, the old ones go
    on.

    Args:
        folder: `views/counters/` of a market; made where it is not there.
        log: need not be owned.
        clock: seconds, for what is done now and then.
    Raises:
        MarketBusyError: another process keeps them.
        StorageError: there is no room for them.
    """

    name: Final = "counters"

    def __init__(
        self,
        folder: Path,
        log: EmbeddedLog,
        params: CounterParams,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder, self._log, self._params, self._clock = folder, log, params, clock
        self._lock = _locked(folder / ".writer")
        try:
            (folder / NEXT).unlink(missing_ok=True)
            remove_drafts(folder)
            self._erased = 0
            self._live = self._opened()
        except BaseException:
            os.close(self._lock)
            raise
        self._next: CounterStore | None = None  # without what was lost; catching up
        self._losses_at = self._snapshot_at = clock()
        self._writing: threading.Thread | None = None
        self._write_fault: OSError | None = None
        self._write_s = 0.0

    def _opened(self) -> CounterStore:
        lost = self._losses()
        found = resumed(self._folder, self._log, self._params, losses=lost)
        if found is None:
            found = restored(self._folder, self._log, self._params, losses=lost)
            found.become_live(self._folder, instead_of=None)
        return found

    @property
    def position(self) -> str:
        """Up to where events are counted."""
        return self._live.state.position

    def step(self, *, max_events: int = MAX_EVENTS) -> bool:
        """Read on; whether there may be more.

        Raises:
            CorruptError: a record that cannot be read.
            StorageError: the last snapshot could not be written; the counters go on all the same.
        """
        n = self._live.read_on(max_events=max_events)
        self._look_for_losses()
        has_more = n >= max_events or self._renew(max_events)
        every_s = max(self._params.snapshot_s, _WRITE_SHARE * self._write_s)
        if not has_more and self._clock() - self._snapshot_at >= every_s:
            self.begin_snapshot()
        self._raise_fault()
        return has_more

    def catch_up(self) -> None:
        """Count all that the log has."""
        while self.step():
            pass

    def state_hash(self) -> str:
        """Of all counts by their keys, wherever those lie; the position left out."""
        digest = hashlib.sha256()
        for part in occupied(self._live.file.table):
            digest.update(part.tobytes())
        return digest.hexdigest()

    # -- losses -----------------------------------------------------------------------------------

    def _has_erased(self) -> bool:
        """Whether the events of all who are to be erased are gone from the log."""
        return all(one.is_recorded for one in self._log.pages.erased.orders().values())

    def _losses(self) -> int:
        """Of the log; an erasure whose events are not all gone yet is looked for later."""
        if self._has_erased():
            self._erased = last_erasure(self._log, after=self._erased)
        return losses(self._log, erased=self._erased)

    def _look_for_losses(self) -> None:
        if self._next is not None or self._clock() - self._losses_at < LOSSES_EVERY_S:
            return
        self._losses_at = self._clock()
        if (lost := self._losses()) > self._live.file.losses:
            self._next = restored(self._folder, self._log, self._params, losses=lost, is_anew=True)

    def _renew(self, max_events: int) -> bool:
        """Go on with counters that are made anew; whether there may be more."""
        if self._next is None:
            return False
        if self._next.read_on(max_events=max_events) >= max_events:
            return True
        if self._writing is not None:
            self._writing.join()
        remove_snapshots(self._folder)  # also one that was written since
        self._next.become_live(self._folder, instead_of=self._live)
        self._live, self._next = self._next, None
        self.begin_snapshot()
        return False

    # -- snapshots --------------------------------------------------------------------------------

    def begin_snapshot(self) -> None:
        """Write one beside the counting, unless the last is still being written or nothing has changed."""
        if self._writing is not None and self._writing.is_alive():
            return
        self._snapshot_at = self._clock()
        if path_of(self._folder, Place.parse(self.position)).exists():
            return
        began = self._clock()
        try:
            draft = self._live.drafted(self._folder)
        except OSError as fault:
            self._write_fault = fault
            return

        def write() -> None:
            try:
                draft.finish()
            except OSError as fault:
                self._write_fault = fault
            self._write_s = self._clock() - began

        self._writing = threading.Thread(target=write, name="counters-snapshot")
        self._writing.start()

    def _raise_fault(self) -> None:
        fault, self._write_fault = self._write_fault, None
        if fault is not None:
            raise StorageError(
                f"{self._folder}: the snapshot of the counters could not be written ({fault}); "
                "it is tried again, make room on the disk"
            ) from fault

    def close(self) -> None:
        """Write a snapshot, and let the next keeper in."""
        self.begin_snapshot()
        if self._writing is not None:
            self._writing.join()
        os.close(self._lock)


@final
class LateKeeper:
    """A keeper that is opened at the first step, and again where that failed."""

    def __init__(self, opened: Callable[[], CounterKeeper]) -> None:
        self._opened = opened
        self._keeper: CounterKeeper | None = None

    def step(self) -> bool:
        """Read on; whether there may be more. Raises what opening or reading does."""
        if self._keeper is None:
            self._keeper = self._opened()
        return self._keeper.step()

    def close(self) -> None:
        """As the keeper's."""
        if self._keeper is not None:
            self._keeper.close()


def _locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise MarketBusyError(
            f"{path.parent} is kept by another process, and only one may write; stop it first"
        ) from None
    return handle
