"""What somebody in the market does next, and what comes back: the seam to whoever drives a market.

A visit is a generator: it yields steps, and the driver sends back a `Served` for each `Search` and
`Similar`, and None for all else. So the simulator knows no market, and a market no simulator.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mercer.simulate.option import Floats, Ints

Event: TypeAlias = Mapping[str, Any]  # of POST /v1/events
Role = Literal["person", "crawler", "scraper", "clicker", "monitor", "ring"]

PER_PAGE: Final = 24
_MIX: Final = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_64_BITS: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Who:
    """Under which ids somebody appears."""

    visitor_id: str
    session_id: str
    buyer_id: str | None  # of who is logged in

    def as_fields(self) -> dict[str, str]:
        """The ids that an event or a search carries."""
        both = {"visitor_id": self.visitor_id, "session_id": self.session_id}
        return both | ({"buyer_id": self.buyer_id} if self.buyer_id else {})


@dataclass(frozen=True, slots=True)
class Judge:
    """How the page that a search brings is measured."""

    utility: NDArray[np.float32]  # (n,) of every listing, for this person and need
    patience: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Ask for a page of results."""

    at_ms: int
    who: Who
    q: str
    filter: str = ""
    sort: str = "relevance"
    page: int = 1
    per_page: int = PER_PAGE
    cursor: str | None = None
    judge: Judge | None = None  # None: not a person's first page, so not measured


@dataclass(frozen=True, slots=True)
class Similar:
    """Ask for listings like one."""

    at_ms: int
    who: Who
    listing_id: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Send a batch of events now."""

    at_ms: int  # on the true clock
    events: tuple[Event, ...]
    skew_ms: int = 0  # how far the client's clock is ahead; their times have it in them


@dataclass(frozen=True, slots=True)
class Later:
    """Send events at a later time; where pieces are bought, only if they are still there."""

    at_ms: int
    events: tuple[Event, ...]
    row: int = -1  # of the listing bought; -1 where nothing is
    quantity: int = 0
    price_max_micros: int = 0  # nothing dearer is bought
    skew_ms: int = 0


@dataclass(frozen=True, slots=True)
class Review:
    """A buyer's stars, which the shop system adds to the listing."""

    at_ms: int
    row: int
    stars: float  # 1..5
    photo_seed: int | None = None  # of the buyer's photo, where one comes with it


Step: TypeAlias = Search | Similar | Tell | Later | Review


@dataclass(frozen=True, slots=True)
class Served:
    """A page as the client got it; (k,) each, best position first."""

    page_id: str
    listing_ids: tuple[str, ...]
    rows: Ints  # of the shelf
    positions: tuple[int, ...]
    tokens: tuple[str, ...]  # "" where the market gave none
    titles: tuple[str, ...]
    price_micros: Ints
    quantity: Ints
    rating: Floats  # NaN where nobody rated
    sold_count: Ints
    is_sponsored: tuple[bool, ...]
    found: int
    cursor: str

    def __len__(self) -> int:
        return len(self.rows)


Steps: TypeAlias = Generator[Step, Served | None, None]


def opaque(prefix: str, *numbers: int) -> str:
    """An id that says nothing of what it was made from; the same numbers give the same id."""
    state = 0
    for number in numbers:
        state = (state ^ (number & _64_BITS)) + _MIX[0] & _64_BITS
        state = (state ^ state >> 30) * _MIX[1] & _64_BITS
        state = (state ^ state >> 27) * _MIX[2] & _64_BITS
        state ^= state >> 31
    return f"{prefix}{state:016x}"
