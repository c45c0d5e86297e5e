"""From pages and what was done on them to queries with wanted listings, cut into spans of time."""

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
    shown: float = 0.2  # gain of standing on a page; 0: only what was chosen counts
    shown_depth: int = 24  # positions of a page that count as shown
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
        if self.shown < 0 or self.shown_depth < 1:
            raise ConfigError(
                "train retrieval: shown must be 0 or more and shown_depth 1 or more, got "
                f"{self.shown:g} and {self.shown_depth}"
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
class Shown:
    """What stood on those pages; columns of (n,)."""

    page: Ints  # row of Asked
    listing: Ints  # row of the catalogue


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
    shown: Shown | None,
    code_of: Mapping[str, int],
    params: WantParams,
    *,
    from_ms: int,
    to_ms: int,
) -> Wants:
    """Each different query of a span with all that was wanted for it, gains added up.

    What a page showed counts a little as wanted: the engine that ranked it had a reason, such as the
    very words, that the vectors do not know (Huang et al. 2020, arXiv:2006.11632, found impressions as
    good to learn retrieval from as clicks). What was chosen counts much more.

    Args:
        shown: None: only what was chosen counts.
        code_of: of each word of a query.
        from_ms, to_ms: of the pages, the end left out.
    """
    queries = sorted(set(asked.words))
    at = {words: i for i, words in enumerate(queries)}
    query = np.array([at[words] for words in asked.words], np.int64)
    is_in = (asked.served_ms >= from_ms) & (asked.served_ms < to_ms)
    page, listing = done.page, done.listing
    gain = np.array([params.gains.get(kind, 0.0) for kind in done.kind], np.float64)
    if shown is not None:
        page = np.concatenate([page, shown.page])
        listing = np.concatenate([listing, shown.listing])
        gain = np.concatenate([gain, np.full(len(shown.page), params.shown)])
    keep = np.flatnonzero(is_in[page] & (gain > 0))
    pairs, pair = np.unique(
        np.stack([query[page[keep]], listing[keep]], axis=1), axis=0, return_inverse=True
    )
    total = np.bincount(pair.reshape(-1), weights=gain[keep], minlength=len(pairs))
    found, first = np.unique(pairs[:, 0], return_index=True)
    return Wants(
        words=[np.array([code_of[w] for w in queries[i]], np.int64) for i in found.tolist()],
        listings=np.split(pairs[:, 1], first[1:]) if len(found) else [],
        gain=np.split(total, first[1:]) if len(found) else [],
    )
