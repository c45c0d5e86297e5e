"""How much each reader has to do: a few numbers in a file that all of them map.

    run/readers    16 bytes a reader: open connections, searches under way or waiting; a reader that takes
                   changes in has so many more as cost a search about as much time

A reader that has more connections than another one gives way before it takes the next, so that long-lived
connections are spread evenly. What a dead reader has left standing there costs the others a few
milliseconds a connection, until it is back.
"""

import mmap
import os
import threading
from pathlib import Path
from typing import Final, final

TAKING_AS_SEARCHES: Final = 2  # 20 to 30 ms in which a search shares its interpreter
_CELLS: Final = 2
_OPEN, _BUSY = range(_CELLS)


@final
class ReaderBoard:
    """The board of one market's readers; each writes its own numbers.

    Args:
        path: of the file; made where it is not there.
        slot: of this reader, from 0.
        n: readers.
    """

    def __init__(self, path: Path, *, slot: int, n: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        n_bytes = 8 * _CELLS * n
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(handle).st_size < n_bytes:
                os.ftruncate(handle, n_bytes)
            self._map = mmap.mmap(handle, n_bytes)
        finally:
            os.close(handle)
        self._cells = memoryview(self._map).cast("q")
        self._at = _CELLS * slot
        self._others = [(other, _CELLS * other) for other in range(n) if other != slot]
        self._is_open = True
        self._n_busy, self._extra, self._lock = 0, 0, threading.Lock()
        self.tell(0)
        self.tell_busy(0)

    def tell(self, n_open: int) -> None:
        """So many connections are open here."""
        self._cells[self._at + _OPEN] = n_open

    def tell_busy(self, n_busy: int) -> None:
        """So many searches are under way or wait here; nothing once the board is closed."""
        with self._lock:
            self._n_busy = n_busy
            self._tell_both()

    def tell_taking(self, *, is_taking: bool) -> None:
        """Whether changes are taken in here; nothing once the board is closed."""
        with self._lock:
            self._extra = TAKING_AS_SEARCHES if is_taking else 0
            self._tell_both()

    def _tell_both(self) -> None:
        if self._is_open:
            self._cells[self._at + _BUSY] = self._n_busy + self._extra

    @property
    def n_busy(self) -> int:
        """Searches that are under way or wait here."""
        return self._n_busy

    @property
    def extra(self) -> int:
        """What is to be added here to the number of searches."""
        return self._extra

    def has_more_than_another(self) -> bool:
        """Whether another reader has fewer connections."""
        mine = self._cells[self._at + _OPEN]
        return any(self._cells[at + _OPEN] < mine for _, at in self._others)

    def others_busy(self) -> list[tuple[int, int]]:
        """(slot, searches and what is added to them) of each other reader."""
        return [(slot, self._cells[at + _BUSY]) for slot, at in self._others]

    def close(self) -> None:
        """Give the mapping back; no connection is open any more."""
        self.tell(0)
        self.tell_busy(0)
        with self._lock:
            self._is_open = False
            self._cells[self._at + _BUSY] = 0
            self._cells.release()
            self._map.close()
