"""The role "event log": every change of the catalogue, every served page and every event."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import pyarrow as pa

from mercer.schema.campaign import CAMPAIGN
from mercer.schema.erasure import ERASURE
from mercer.schema.event import EVENT
from mercer.schema.listing import DELETION, LISTING
from mercer.schema.page import PAGE
from mercer.schema.position import START, Position
from mercer.schema.rule import RULE
from mercer.schema.seller import SELLER

__all__ = [
    "CATALOGUE_KINDS",
    "KEYS",
    "RECORD_KINDS",
    "RECORD_SCHEMAS",
    "START",
    "Change",
    "Entry",
    "Log",
    "Position",
    "RecordKind",
]

RecordKind = Literal[
    "listings", "deletions", "sellers", "campaigns", "rules", "events", "pages", "erasures"
]
RECORD_KINDS: tuple[RecordKind, ...] = get_args(RecordKind)

RECORD_SCHEMAS: Mapping[RecordKind, pa.Schema] = {
    "listings": LISTING,
    "deletions": DELETION,
    "sellers": SELLER,
    "campaigns": CAMPAIGN,
    "rules": RULE,
    "events": EVENT,
    "pages": PAGE,
    "erasures": ERASURE,
}

KEYS: Mapping[RecordKind, str] = {
    "listings": "listing_id",
    "deletions": "listing_id",
    "sellers": "seller_id",
    "campaigns": "campaign_id",
    "rules": "rule_id",
    "events": "visitor_id",
    "pages": "page_id",
    "erasures": "visitor_id",
}
"""The column whose equal values keep their order: within a kind, and of a listing with its deletions.

Rows without a value have no order.
"""

# What the catalogue view is made of; the rest is for consumers.
CATALOGUE_KINDS: frozenset[RecordKind] = frozenset({"listings", "deletions", "sellers"})


@dataclass(frozen=True, slots=True)
class Change:
    """One record of the log: rows that were accepted together."""

    kind: RecordKind
    rows: pa.RecordBatch  # of RECORD_SCHEMAS[kind]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record where it lies in the log."""

    position: Position  # everything up to and with this record has been read
    change: Change


class Log(Protocol):
    """Append-only and durable; all other state is a view over it.

    Laws (tests/contract/test_log.py):
    1. what `append` returned for is there after a crash, whole and once;
    2. rows come back equal to what was appended, cut into records as the engine likes, in the order
       they were appended for each key (`KEYS`), and in any order for different keys;
    3. whichever entry a reader stops at, `read(after=entry.position)` gives all the rest and nothing
       of what it had, if it asks for the same kinds;
    4. an event whose `event_id` the log has already is left out; everything else is kept as it comes;
    5. rows of a wrong schema are refused, and the whole call leaves nothing.

    A position belongs to the kinds it was read with: a reader that wants other kinds starts anew.
    """

    def append(self, changes: Sequence[Change]) -> Position:
        """Make all changes durable; the position just behind them in the parts where they lie.

        Parts of the log that got nothing are at their start there: `join` it with what was read
        before to say "this too". What a crash interrupts was not acknowledged; of several kinds some
        may be there, each of them whole.

        Raises:
            SchemaError: rows that are not of their kind's schema; nothing was appended.
        """
        ...

    def read(
        self, *, after: Position, kinds: Collection[RecordKind] | None = None
    ) -> Iterator[Entry]:
        """The records of those kinds (None: of all) after that position; `START` is before the first.

        Raises:
            CorruptError: a record that cannot be read.
            InputError: a position that this log never gave.
        """
        ...

    def end(self, *, kinds: Collection[RecordKind] | None = None) -> Position:
        """The position of a reader of those kinds that has read everything."""
        ...

    def lag(self, position: Position, *, kinds: Collection[RecordKind] | None = None) -> int:
        """How many rows of those kinds lie after that position; 0 where all was read."""
        ...

    def join(self, *positions: Position) -> Position:
        """Everything that was read at any of them; `join(a, b) == a` where `a` has all of `b`."""
        ...
