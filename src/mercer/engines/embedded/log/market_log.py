"""The log of a market: its partitions behind one protocol.

A position is the vector of the partitions' offsets, `catalogue:17,events:230`; a partition that it
does not name was not read yet.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import final

from mercer.engines.embedded.log.catalogue_log import CatalogueLog
from mercer.engines.embedded.log.compaction import Compacted
from mercer.engines.embedded.log.event_log import EventLog
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.log.partition import Partition
from mercer.events.log import (
    RECORD_KINDS,
    RECORD_SCHEMAS,
    Change,
    Entry,
    Log,
    Position,
    RecordKind,
)
from mercer.schema.arrow import require
from mercer.schema.errors import InputError

_PART = re.compile(r"([a-z][a-z0-9-]*):([0-9]+)")


def parse_position(position: Position) -> dict[str, int]:
    """The offsets by partition.

    Raises:
        InputError: it is no position of an embedded log.
    """
    offsets = {}
    for part in position.split(",") if position else ():
        found = _PART.fullmatch(part)
        if found is None:
            raise InputError(
                f"log position {position!r}: got {part!r}, a part is PARTITION:OFFSET; "
                "positions are copied as they were given"
            )
        offsets[found[1]] = int(found[2])
    return offsets


def position_of(offsets: Mapping[str, int]) -> Position:
    """The one way in which a position is written: partitions by name, those at their start left out."""
    return Position(",".join(f"{name}:{at}" for name, at in sorted(offsets.items()) if at))


@final
class EmbeddedLog:
    """The log in a folder. One process owns it, any may read; its methods are thread-safe.

    Args:
        folder: `log/` of a market.
        is_owner: this process writes; else what is committed is read.
    """

    def __init__(self, folder: Path, *, is_owner: bool = True) -> None:
        self.catalogue = CatalogueLog(folder, is_owner=is_owner)
        self.events = EventLog(
            folder, is_owner=is_owner, catalogue_end=lambda: self.catalogue.committed
        )
        self.pages = PageLog(folder)
        # Kept, because one that was read before knows where the new pages begin.
        self._page_partitions: dict[str, Partition] = {}
        if is_owner:
            self._move_events()

    def _move_events(self) -> None:
        """Give events their partition: older versions kept them with the catalogue.

        Interrupted in between, they are moved again; those that arrived already are duplicates.
        """
        offsets = []
        for offset, change in self.catalogue.read(0, kinds=self.events.kinds):
            self.events.append(change.rows)
            offsets.append(offset)
        if offsets:
            self.catalogue.remove(offsets)

    def _partitions(self) -> Mapping[str, Partition]:
        for name, one in self.pages.partitions().items():
            self._page_partitions.setdefault(name, one)
        return {"catalogue": self.catalogue, "events": self.events, **self._page_partitions}

    def _wanted(self, kinds: Collection[RecordKind] | None) -> Mapping[str, Partition]:
        """Those that may hold one of the kinds."""
        asked = frozenset(RECORD_KINDS if kinds is None else kinds)
        return {name: one for name, one in self._partitions().items() if one.kinds & asked}

    def partitions(self, kinds: Collection[RecordKind] | None = None) -> Mapping[str, Partition]:
        """Those that may hold one of the kinds, by name, as they are now."""
        return self._wanted(kinds)

    def append(self, changes: Sequence[Change]) -> Position:
        """Make all changes durable; the position just behind them in their partitions."""
        for change in changes:
            if change.kind == "pages":
                raise InputError(
                    "pages are written by a PageWriter, in the process that serves them"
                )
            require(change.rows, RECORD_SCHEMAS[change.kind], at=f"log record of {change.kind}")
        offsets = {}
        if rest := [change for change in changes if change.kind != "events"]:
            offsets["catalogue"] = self.catalogue.append(rest)
        waiting = [self.events.begin(c.rows) for c in changes if c.kind == "events"]
        for one in waiting:
            one.result()
        if waiting:
            offsets["events"] = self.events.end()
        return position_of(offsets)

    def read(
        self, *, after: Position, kinds: Collection[RecordKind] | None = None
    ) -> Iterator[Entry]:
        """The records after that position, a few of each partition in turn."""
        offsets, asked = parse_position(after), RECORD_KINDS if kinds is None else kinds
        open_ones = {
            name: one.read(offsets.get(name, 0), kinds=asked)
            for name, one in self._wanted(kinds).items()
        }
        while open_ones:
            for name, records in list(open_ones.items()):
                found = next(records, None)
                if found is None:
                    del open_ones[name]
                    continue
                offsets[name], change = found
                yield Entry(position_of(offsets), change)

    def end(self, *, kinds: Collection[RecordKind] | None = None) -> Position:
        """The position of a reader of those kinds that has read everything."""
        return position_of({name: one.end() for name, one in self._wanted(kinds).items()})

    def lag(self, position: Position, *, kinds: Collection[RecordKind] | None = None) -> int:
        """How many rows of those kinds lie after that position; 0 where all was read."""
        offsets, asked = parse_position(position), RECORD_KINDS if kinds is None else kinds
        return sum(
            one.n_rows(offsets.get(name, 0), kinds=asked)
            for name, one in self._wanted(kinds).items()
        )

    def join(self, *positions: Position) -> Position:
        """Everything that was read at any of them."""
        offsets: dict[str, int] = {}
        for position in positions:
            for name, at in parse_position(position).items():
                offsets[name] = max(at, offsets.get(name, 0))
        return position_of(offsets)

    def compact(self, up_to: Position, *, is_dry_run: bool = False) -> Compacted:
        """Keep of each listing, seller, campaign and rule its newest version up to that position."""
        offsets = parse_position(up_to)
        return self.catalogue.compact(offsets.get("catalogue", 0), is_dry_run=is_dry_run)

    def close(self) -> None:
        """Give the files back; the log can be opened again."""
        self.events.close()
        self.catalogue.close()


_conforms: type[Log] = EmbeddedLog
