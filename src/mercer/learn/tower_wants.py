"""From pages and what was done on them to queries with wanted listings, cut into spans of time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mercer.learn.tower_fit import Wants
from mercer.learn.tower_loss import Ints
from mercer.schema.errors import ConfigError

Floats = NDArray[np.float64]
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantParams:
    """What counts as wanted, and which pages are kept from the training."""

    gains: Mapping[str, float] = field(
        default_factory=lambda: {"click": 1.0, "favourite": 3.0, "cart": 5.0, "purchase": 5.0}
    )
    stop_share: float = 0.15  # of the pages, by time: say when to stop
    held_share: float = 0.15  # the last ones: judge

    def __post_init__(self) -> None:
        """Raise ConfigError for values out of range."""
        if not (0 < self.stop_share < 1 and 0 < self.held_share < 1):
            raise ConfigError("train retrieval: the shares of the spans must lie between 0 and 1")
        if self.stop_share + self.held_share >= 0.9:
            raise ConfigError(
                "train retrieval: stop and held-out spans leave less than a tenth of the pages, got "
                f"{self.stop_share:g} and {self.held_share:g}"
            )


@dataclass(frozen=True, slots=True)
class Asked:
    """Pages of searches by people, oldest first; columns of (n_pages,)."""

    served_ms: Ints
    words: Sequence[Words]  # as understood; never empty


@dataclass(frozen=True, slots=True)
class Done:
    """What was done on those pages; columns of (n,)."""

    page: Ints  # row of Asked
    listing: Ints  # row of the catalogue
    kind: Sequence[str]  # a key of `gains`


@dataclass(frozen=True, slots=True)
class Spans:
    """Where the spans begin, in ms."""

    stop_ms: int
    held_ms: int

    @classmethod
    def of(cls, asked: Asked, params: WantParams) -> "Spans":
        """By the share of pages."""
        n = len(asked.served_ms)
        first_held = int(n * (1 - params.held_share))
        first_stop = int(n * (1 - params.held_share - params.stop_share))
        return cls(int(asked.served_ms[first_stop]), int(asked.served_ms[first_held]))


def wants_of(
    asked: Asked,
    done: Done,
    code_of: Mapping[str, int],
    params: WantParams,
    *,
    from_ms: int,
    to_ms: int,
) -> Wants:
    """Each different query of a span with all that was wanted for it, gains added up.

    Args:
        code_of: of each word of a query.
        from_ms, to_ms: of the pages, the end left out.
    """
    gains: dict[Words, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for page, listing, kind in zip(
        done.page.tolist(), done.listing.tolist(), done.kind, strict=True
    ):
        if not from_ms <= asked.served_ms[page] < to_ms or not params.gains.get(kind, 0.0):
            continue
        gains[asked.words[page]][listing] += params.gains[kind]
    order = sorted(gains)
    return Wants(
        words=[np.array([code_of[w] for w in words], np.int64) for words in order],
        listings=[np.array(list(gains[words]), np.int64) for words in order],
        gain=[np.array(list(gains[words].values())) for words in order],
    )
