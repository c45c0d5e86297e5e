"""How many connections each reader has open: a few numbers in a file that all of them map.

    run/connections    8 bytes a reader

A reader that has more than another one gives way before it takes the next connection, so that long-lived
connections, and with them the searches, are spread evenly. What a dead reader has left standing there
costs the others a few milliseconds a connection, until it is back.
"""

import mmap
import os
from pathlib import Path
from typing import final


@final
class ConnectionBoard:
    """The board of one market's readers.

    Args:
        path: of the file; made where it is not there.
        slot: of this reader, from 0.
        n: readers.
    """

    def __init__(self, path: Path, *, slot: int, n: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(handle).st_size < 8 * n:
                os.ftruncate(handle, 8 * n)
            self._map = mmap.mmap(handle, 8 * n)
        finally:
            os.close(handle)
        self._cells = memoryview(self._map).cast("q")
        self._slot, self._n = slot, n
        self.tell(0)

    def tell(self, n_open: int) -> None:
        """So many connections are open here."""
        self._cells[self._slot] = n_open

    def has_more_than_another(self) -> bool:
        """Whether another reader has fewer."""
        mine = self._cells[self._slot]
        return any(self._cells[i] < mine for i in range(self._n))

    def close(self) -> None:
        """Give the mapping back; no connection is open any more."""
        self.tell(0)
        self._cells.release()
        self._map.close()
