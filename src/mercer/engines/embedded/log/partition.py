"""A partition of the embedded log: records at growing whole offsets, in one order."""

from collections.abc import Collection, Iterator
from typing import Protocol

from mercer.events.log import Change, RecordKind


class Partition(Protocol):
    """One ordered part of the log, read by offset; 0 is before the first record."""

    @property
    def kinds(self) -> frozenset[RecordKind]:
        """Those it may hold."""
        ...

    def read(self, after: int, *, kinds: Collection[RecordKind]) -> Iterator[tuple[int, Change]]:
        """(offset, record) of those kinds after that offset, by offset."""
        ...

    def end(self) -> int:
        """The offset of the last record."""
        ...

    def n_rows(self, after: int, *, kinds: Collection[RecordKind]) -> int:
        """Rows of those kinds after that offset."""
        ...
