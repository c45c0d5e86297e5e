"""What a listing is really worth to somebody: the truth that a served page is measured against."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mercer.simulate.option import Floats, Ints
from mercer.simulate.people.need import Need
from mercer.simulate.people.person import Person
from mercer.simulate.people.shelf import Shelf
from mercer.simulate.picture.look import LOOK_ATTRIBUTES
from mercer.simulate.relevance import fit_of, has_value
from mercer.simulate.truth import COLUMN, Truth

# What a listing is liked for, summing to 1.
TASTE_SHARE: Final = 0.40
BEAUTY_SHARE: Final = 0.20
CRAFT_SHARE: Final = 0.25
TRUST_SHARE: Final = 0.15
FIT_ALONE: Final = 0.2  # of the utility of a thing that fits, however little it is liked
AT_BUDGET: Final = 0.5  # of the utility that is left where all of the budget has to be spent
UNSEEN_FIT: Final = 0.85  # what is assumed of an attribute that a card does not show

_SEEN_ALWAYS: Final = frozenset((*LOOK_ATTRIBUTES, "category", "root"))  # in the picture


@dataclass(frozen=True, slots=True)
class Worth:
    """All listings in the eyes of one person with one need; columns of (n,)."""

    utility: NDArray[np.float32]  # in [0, 1]; 0 for what cannot be had
    seen_fit: NDArray[np.float32]  # in [0, 1]: how far it fits as far as a card shows
    liking: NDArray[np.float32]  # in [0, 1]: taste, beauty, craft and trust together
    looks: NDArray[np.float32]  # in [0, 1]: what of it a picture shows


def worth(shelf: Shelf, person: Person, need: Need) -> Worth:
    """The worth of every listing; `utility` is what a page is judged by.

    utility = fit x (FIT_ALONE + (1 - FIT_ALONE) x liking) x price value, where

    - fit is the product over what is wanted, as in `relevance`: 1 for the value itself, less for
      another one, 0 where it has what is refused;
    - liking weighs how near the taste vectors are, beauty, craft and the seller's trust;
    - price value falls from 1 to AT_BUDGET on the way to the budget, faster for the thrifty, and is
      0 above it;
    - what is sold out, hidden or not yet there is worth 0.
    """
    t = shelf.truth
    fit, seen = _fits(t, need)
    near = 0.5 + 0.5 * (t.taste @ person.taste)  # (n,) in [0, 1]
    liking = TASTE_SHARE * near + BEAUTY_SHARE * t.beauty
    looks = liking / (TASTE_SHARE + BEAUTY_SHARE)
    liking = liking + CRAFT_SHARE * t.craft + TRUST_SHARE * shelf.trust
    priced = price_value(shelf.price_micros, need.budget_micros, thrift=person.thrift)
    utility = fit * (FIT_ALONE + (1.0 - FIT_ALONE) * liking) * priced * shelf.is_available
    bounded = np.clip(utility, 0.0, 1.0).astype(np.float32)
    return Worth(bounded, seen, liking.astype(np.float32), looks.astype(np.float32))


def utility(shelf: Shelf, person: Person, need: Need, row: int) -> float:
    """The utility in [0, 1] of one listing: the same as its row of `worth`."""
    return float(worth(shelf, person, need).utility[row])


def price_value(price_micros: Ints, budget_micros: int, *, thrift: float) -> Floats:
    """(n,) what the price leaves of the worth: 1 for a gift, AT_BUDGET at the budget, 0 above."""
    share = price_micros / budget_micros
    left: Floats = 1.0 - (1.0 - AT_BUDGET) * np.minimum(share, 1.0) ** thrift
    return np.where(share <= 1.0, left, 0.0)


def _fits(t: Truth, need: Need) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(true fit, fit as a card shows it) of every listing."""
    names_a_thing = any(name in ("category", "theme") for name, _ in need.wanted)
    fit = np.ones(len(t.category), np.float32)
    seen = fit.copy()
    for name, value in need.wanted:
        one = fit_of(t, name, value)
        one = (one if names_a_thing else one * one).astype(np.float32)
        fit *= one
        if name in _SEEN_ALWAYS or name not in COLUMN:
            seen *= one
        else:
            is_told = t.in_text[:, COLUMN[name]] | t.in_attributes[:, COLUMN[name]]
            seen *= np.where(is_told, one, np.float32(UNSEEN_FIT))
    for name, value in need.unwanted:
        is_free = ~has_value(t, name, value)
        fit *= is_free
        seen *= is_free
    return fit, seen
