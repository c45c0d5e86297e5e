"""How processes hear that the market has changed: a few numbers in a file that all of them map.

    run/bell    64 bytes: the catalogue's version, the count of generations made current

The owner writes, readers look as often as they like, for the price of reading memory. A bell only says
"look": what is true stands in the tables and in the index folder.
"""

import mmap
import os
from pathlib import Path
from typing import final

_BYTES = 64
_VERSION, _GENERATIONS = 0, 1  # cells of 8 bytes, each read and written in one step


@final
class Bell:
    """The bell of one market. The file stays when all have gone, so that a mapping never goes stale."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(handle).st_size < _BYTES:
                os.ftruncate(handle, _BYTES)
            self._map = mmap.mmap(handle, _BYTES)
        finally:
            os.close(handle)
        self._cells = memoryview(self._map).cast("q")

    @property
    def version(self) -> int:
        """Of the catalogue, as the owner last told."""
        return self._cells[_VERSION]

    @property
    def generations(self) -> int:
        """How often the owner made a generation current; only whether it moved means something."""
        return self._cells[_GENERATIONS]

    def ring_version(self, version: int) -> None:
        """Tell of a commit."""
        self._cells[_VERSION] = version

    def ring_generation(self) -> None:
        """Tell of a generation that became current."""
        self._cells[_GENERATIONS] += 1

    def close(self) -> None:
        """Give the mapping back."""
        self._cells.release()
        self._map.close()
