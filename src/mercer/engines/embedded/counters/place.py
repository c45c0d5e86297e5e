"""How far the counters have the log, and how that is written down.

    catalogue:17,events:229,pages-0:4711,pages-1:4802,row:512

Events are counted up to and with record 229 of the partition `events`, and the first 512 rows of the
record behind it, each with the catalogue as it stood when its record was written: 17 at the last.
Searches are counted up to and with page 4711 of the partition `pages-0`, and so on; of a partition that
is not named, and in positions of versions that counted none, no page is counted.

What pages name ends with `losses:40` where the log had lost something (`losses.py`) when the counters were
made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mercer.engines.embedded.log.market_log import parse_position, position_of
from mercer.engines.embedded.log.page_folder import PARTITION_PREFIX
from mercer.events.log import Position
from mercer.schema.errors import InputError

BEGINNING: Final = "events:0"
"""What a page names where nothing was counted yet: the start of the log, which is no missing place."""

_PARTS: Final = frozenset(("catalogue", "events", "losses", "row"))


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the log.

    Of two that were read apart (after a power cut, say) neither need cover the other.
    """

    events: int = 0  # the last record that is counted as a whole
    row: int = 0  # rows of the next one
    catalogue: int = 0  # the last record of which the listings are known
    pages: Mapping[str, int] = field(default_factory=dict)  # the last, by partition
    losses: int = 0  # of the log when the counters were made

    @property
    def n_pages(self) -> int:
        """Pages of all partitions."""
        return sum(self.pages.values())

    @property
    def position(self) -> Position:
        """As text."""
        parts = {"catalogue": self.catalogue, "events": self.events, "row": self.row}
        if self.losses:
            parts["losses"] = self.losses
        return position_of({**parts, **self.pages})

    def with_page(self, partition: str, ordinal: int) -> "Place":
        """The same with the pages of a partition up to that one."""
        return replace(self, pages={**self.pages, partition: ordinal})

    def covers(self, other: "Place") -> bool:
        """Whether all that is counted at the other place is counted at this one."""
        return (
            (other.events, other.row) <= (self.events, self.row)
            and other.catalogue <= self.catalogue
            and all(at <= self.pages.get(name, 0) for name, at in other.pages.items())
        )

    @classmethod
    def parse(cls, position: str) -> "Place":
        """What `position` wrote.

        Raises:
            InputError: it is no position of counters.
        """
        parts = parse_position(Position(position))
        pages = {name: at for name, at in parts.items() if name.startswith(PARTITION_PREFIX)}
        plain = {name: at for name, at in parts.items() if name not in pages}
        if unknown := sorted(set(plain) - _PARTS):
            raise InputError(
                f"counters position {position!r}: got {unknown[0]!r}, allowed are "
                f"{', '.join(sorted(_PARTS))} and {PARTITION_PREFIX}N; "
                "positions are copied as they were given"
            )
        return cls(**plain, pages=pages)
