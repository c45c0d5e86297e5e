"""The random swap: two places of one page in a hundred or so change their listings, so that the log
knows what position alone does.

The swap is bounded twice, to the first places of a page and to places near each other, so that no buyer
sees a page that is much worse. It is drawn by one number, and its propensities go with the page, so that
whoever reads the log knows the chance of every listing to stand where it stood.

Source: Joachims et al. 2017, doi:10.1145/3018661.3018699 (swap interventions); the propensities are
those of the mixture of the order as ranked and all its bounded swaps.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from mercer.metrics.ragged import Floats, Ints
from mercer.schema.errors import InputError

MIN_SHARE = 1e-6  # of the pages, where it is not 0: what is rarer tells nothing
MAX_SHARE = 0.2  # of the pages; above it is no longer an exception
SWAPPED_BELOW = 0.5  # a logged propensity below this is that of a listing that was swapped


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapParams:
    """How often and how far; 0 never swaps."""

    share: float = 0.015  # of the pages: 0, or in [MIN_SHARE, MAX_SHARE]
    depth: int = 10  # first places among which a swap happens, >= 2
    reach: int = 4  # places that a listing moves at most, >= 1

    def __post_init__(self) -> None:
        is_share = self.share == 0 or MIN_SHARE <= self.share <= MAX_SHARE
        if not (is_share and self.depth >= 2 and self.reach >= 1):
            raise InputError(
                f"swaps: share must be 0 or lie in {MIN_SHARE:g}..{MAX_SHARE}, depth from 2, reach from 1; "
                f"got {self.share}, {self.depth}, {self.reach}"
            )


@dataclass(frozen=True, slots=True)
class Swap:
    """The order of one page, and how likely it was."""

    order: Ints  # (n,) the place, as ranked, of the listing that stands at each place
    propensity: Floats  # (n,) chance in (0, 1] that this listing stands at this place
    pair: tuple[int, int] | None = None  # the places that changed, from 0, the upper first


def pairs_of(n_places: int, params: SwapParams) -> Ints:
    """(n_pairs, 2) places from 0 that may change with each other, the upper first."""
    depth = min(n_places, params.depth)
    upper, lower = np.triu_indices(depth, k=1)
    is_near = lower - upper <= params.reach
    return np.column_stack([upper[is_near], lower[is_near]]).astype(np.int64)


def swapped(n_places: int, draw: float, params: SwapParams) -> Swap:
    """The order of a page of n_places.

    Args:
        n_places: listings on the page, >= 0.
        draw: in [0, 1); below `share` the page has one swap, each pair as likely as any other.
        params: how often and how far.
    Returns:
        The order as ranked where nothing is swapped; its propensities tell that it might have been.
    """
    order = np.arange(n_places)
    pairs, unmoved = _chances(n_places, params)
    propensity = unmoved.copy()
    if len(pairs) == 0 or draw >= params.share:
        return Swap(order, propensity)
    at = min(int(draw / params.share * len(pairs)), len(pairs) - 1)
    upper, lower = int(pairs[at, 0]), int(pairs[at, 1])
    order[upper], order[lower] = lower, upper
    propensity[[upper, lower]] = params.share / len(pairs)
    return Swap(order, propensity, (upper, lower))


@lru_cache(maxsize=64)
def _chances(n_places: int, params: SwapParams) -> tuple[Ints, Floats]:
    """The pairs, and (n_places,) how likely each listing is to stand where it was ranked."""
    pairs = pairs_of(n_places, params)
    propensity = np.ones(n_places)
    if len(pairs):
        touching = np.bincount(pairs.ravel(), minlength=n_places)
        propensity -= params.share * touching / len(pairs)
    return pairs, propensity


def draw_of(key: str) -> float:
    """A number in [0, 1) that a key fixes, such as a slate's cursor: the same page swaps again."""
    drawn = blake2b(key.encode(), digest_size=8, person=b"swap").digest()
    return int.from_bytes(drawn, "big") / 2**64


def ranked_place(position: Ints, propensity: Floats, page: Ints) -> Ints:
    """(n,) where listings would have stood without the swap, from the log.

    Args:
        position: (n,) where they stood, from 1.
        propensity: (n,) as logged.
        page: (n,) which page; the rows of a page are next to each other.
    Returns:
        (n,) from 1: the position, or that of the other one of the pair.
    """
    out: Ints = position.copy()
    moved = np.flatnonzero(propensity < SWAPPED_BELOW)
    same_page = np.flatnonzero(page[moved][1:] == page[moved][:-1])
    first, second = moved[same_page], moved[same_page + 1]
    out[first], out[second] = position[second], position[first]
    return out
