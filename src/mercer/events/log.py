"""The role "event log": every change of the catalogue and every event, in the order it was accepted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pyarrow as pa

from mercer.schema.event import EVENT
from mercer.schema.listing import DELETION, LISTING
from mercer.schema.seller import SELLER

ChangeKind = Literal["listings", "deletions", "sellers", "events"]

CHANGE_SCHEMAS: Mapping[ChangeKind, pa.Schema] = {
    "listings": LISTING,
    "deletions": DELETION,
    "sellers": SELLER,
    "events": EVENT,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One record of the log: rows that were accepted together."""

    kind: ChangeKind
    rows: pa.RecordBatch  # of CHANGE_SCHEMAS[kind]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record where it lies in the log."""

    position: int
    change: Change


class Log(Protocol):
    """Append-only and durable; all other state is a view over it.

    Laws (tests/contract/test_log.py):
    1. what `append` returned for is there after a crash, whole and once;
    2. `read(after=p)` gives every later record in the order appended, and nothing at or before p;
    3. rows come back equal to what was appended;
    4. positions only grow; what they mean is the engine's business.
    """

    def append(self, changes: Sequence[Change]) -> int:
        """Make all changes durable in one step; the position of the last one.

        Raises:
            SchemaError: rows that are not of their kind's schema; nothing was appended.
        """
        ...

    def read(self, *, after: int) -> Iterator[Entry]:
        """The records after that position; 0 is before the first.

        Raises:
            CorruptError: a record that cannot be read.
        """
        ...

    def end(self) -> int:
        """The position of the last record; 0 where there is none."""
        ...
