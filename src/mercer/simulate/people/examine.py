"""How a page is read: from the top down, card by card, until patience or the need ends.

A cascade in the sense of the dynamic Bayesian network model: the next card is looked at with the
person's patience, a card that is looked at is clicked by how it appeals, and what a click brings may
end the search (`visit.py`). Position enters only through patience: the same card is clicked as
willingly at the bottom, if it is looked at.

Source: Chapelle & Zhang 2009, doi:10.1145/1526709.1526711; Craswell et al. 2008,
doi:10.1145/1341531.1341545.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mercer.simulate.option import Floats

# Log-odds of a click on a card that is looked at. Calibrated: docs/why/simulator.md.
BIAS: Final = -8.6
FIT_WEIGHT: Final = 4.2
LOOKS_WEIGHT: Final = 3.2
PRICE_WEIGHT: Final = 1.4
TITLE_WEIGHT: Final = 0.6
PROOF_WEIGHT: Final = 0.5
OVER_BUDGET: Final = -1.0  # a card that is too dear is looked at for the dream of it


@dataclass(frozen=True, slots=True)
class Cards:
    """What the cards of a page show, (k,) each, best position first."""

    fit: Floats  # in [0, 1] as far as it can be seen
    looks: Floats  # in [0, 1]
    price_share: Floats  # of the budget
    title_match: Floats  # in [0, 1]: share of the query's words that the title says
    rating: Floats  # 1..5, NaN where nobody rated
    sold_count: Floats  # >= 0


def appeal(cards: Cards) -> Floats:
    """(k,) chance in (0, 1) that a card is clicked when it is looked at."""
    stars: Floats = np.nan_to_num(cards.rating, nan=3.8) - 3.8
    sold: Floats = np.log10(1.0 + cards.sold_count)
    proof = 0.6 * stars + 0.25 * sold
    affordable: Floats = 1.0 - 0.5 * cards.price_share
    price: Floats = np.where(cards.price_share <= 1.0, affordable, np.float64(OVER_BUDGET))
    logit: Floats = (
        BIAS
        + FIT_WEIGHT * cards.fit
        + LOOKS_WEIGHT * cards.looks
        + PRICE_WEIGHT * price
        + TITLE_WEIGHT * cards.title_match
        + PROOF_WEIGHT * proof
    )
    chance: Floats = 1.0 / (1.0 + np.exp(-logit))
    return chance


def examined(n: int, *, patience: float) -> Floats:
    """(n,) chance that each of n places is looked at by somebody who clicks nothing: 1, then less."""
    chance: Floats = np.power(patience, np.arange(n, dtype=np.float64))
    return chance


def page_value(utility: NDArray[Any], *, patience: float, n_places: int) -> float:
    """Mean utility of what is looked at on a page of n_places, in [0, 1].

    Args:
        utility: (k,) of the listings in the order shown; places past k are worth 0, those past
            n_places do not count.
        patience: in (0, 1).
        n_places: >= 1.
    """
    look = examined(n_places, patience=patience)
    shown = utility[:n_places]
    return float(shown @ look[: len(shown)] / look.sum())


def n_examined(rng: np.random.Generator, *, patience: float) -> int:
    """How many cards somebody looks at who finds nothing, >= 1; mean 1 / (1 - patience)."""
    return int(rng.geometric(1.0 - patience))
