"""How far the counters have the log, and how that is written down.

    catalogue:17,events:229,row:512

Events are counted up to and with record 229 of the partition `events`, and the first 512 rows of the
record behind it, each with the catalogue as it stood when its record was written: 17 at the last.
"""

from dataclasses import dataclass
from typing import Final

from mercer.engines.embedded.log.market_log import parse_position, position_of
from mercer.events.log import Position
from mercer.schema.errors import InputError

BEGINNING: Final = "events:0"
"""What a page names where nothing was counted yet: the start of the log, which is no missing place."""

_PARTS: Final = frozenset(("catalogue", "events", "row"))


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in the log; a later one compares as greater."""

    events: int = 0  # the last record that is counted as a whole
    row: int = 0  # rows of the next one
    catalogue: int = 0  # the last record of which the listings are known

    @property
    def position(self) -> Position:
        """As text."""
        parts = {"catalogue": self.catalogue, "events": self.events, "row": self.row}
        return position_of(parts)

    @classmethod
    def parse(cls, position: str) -> "Place":
        """What `position` wrote.

        Raises:
            InputError: it is no position of counters.
        """
        parts = parse_position(Position(position))
        if unknown := sorted(set(parts) - _PARTS):
            raise InputError(
                f"counters position {position!r}: got {unknown[0]!r}, allowed are "
                f"{', '.join(sorted(_PARTS))}; positions are copied as they were given"
            )
        return cls(**parts)
