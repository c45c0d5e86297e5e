"""Visitors: their taste, purse, patience and habits; nothing of it is visible in the market."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mercer.simulate.option import NONE, Floats, OptionTable, option_table, parse_options
from mercer.simulate.truth import TASTE_DIM, taste_of_styles
from mercer.simulate.words.attribute import STYLE
from mercer.simulate.words.likelihood import ROOT_WEIGHT, STYLES_OF
from mercer.simulate.words.motif import MOTIFS
from mercer.simulate.words.taxonomy import taxonomy

N_PEOPLE: Final = 20_000  # who might come; the same ones for every amount of traffic
N_FAVOURITES: Final = 5


@dataclass(frozen=True, slots=True)
class Person:
    """One visitor; `number` is what ids are made from."""

    number: int
    taste: NDArray[np.float32]  # (TASTE_DIM,) unit vector
    style: int  # liked best
    theme: int  # a motif close to the heart, or NONE
    leaves: NDArray[np.int16]  # (N_FAVOURITES,) categories looked at most
    spend: float  # log of the budget over what such things usually cost
    thrift: float  # > 0: how fast value falls on the way to the budget
    patience: float  # in (0, 1): chance to look at the next card
    keenness: float  # in (0, 1): how little it takes to buy
    typo_share: float  # of typed queries with a slip
    uses_filters: bool
    has_account: bool
    pace_ms: float  # per card looked at


@dataclass(frozen=True, slots=True)
class People:
    """The same in columns of (n,); `visits` is how often each comes, summing to 1."""

    taste: NDArray[np.float32]  # (n, TASTE_DIM)
    style: NDArray[np.int16]
    theme: NDArray[np.int16]
    leaves: NDArray[np.int16]  # (n, N_FAVOURITES)
    spend: Floats
    thrift: Floats
    patience: Floats
    keenness: Floats
    typo_share: Floats
    uses_filters: NDArray[np.bool_]
    has_account: NDArray[np.bool_]
    pace_ms: Floats
    visits: Floats

    def one(self, number: int) -> Person:
        """The person of a row."""
        return Person(
            number=number,
            taste=self.taste[number],
            style=int(self.style[number]),
            theme=int(self.theme[number]),
            leaves=self.leaves[number],
            spend=float(self.spend[number]),
            thrift=float(self.thrift[number]),
            patience=float(self.patience[number]),
            keenness=float(self.keenness[number]),
            typo_share=float(self.typo_share[number]),
            uses_filters=bool(self.uses_filters[number]),
            has_account=bool(self.has_account[number]),
            pace_ms=float(self.pace_ms[number]),
        )


def draw_people(rng: np.random.Generator, *, n: int = N_PEOPLE) -> People:
    """n people; a few come often, most of them once or twice."""
    root = rng.choice(len(ROOT_WEIGHT), size=n, p=_root_shares())
    style = _styles().draw(root, rng.random(n))
    taste = taste_of_styles()[style] + rng.normal(0.0, 0.25, (n, TASTE_DIM)).astype(np.float32)
    visits = (1.0 - rng.random(n)) ** -0.6  # Pareto with a heavy tail
    return People(
        taste=taste / np.linalg.norm(taste, axis=1, keepdims=True),
        style=style,
        theme=np.where(rng.random(n) < 0.3, rng.integers(len(MOTIFS), size=n), NONE).astype(
            np.int16
        ),
        leaves=_favourites(rng, root),
        spend=rng.normal(0.45, 0.4, n),
        thrift=rng.uniform(0.7, 3.0, n),
        patience=1.0 - 1.0 / (4.0 + rng.gamma(2.0, 8.0, n)),
        keenness=rng.beta(2.0, 2.0, n),
        typo_share=np.minimum(rng.gamma(1.2, 0.06, n), 0.6),
        uses_filters=rng.random(n) < 0.3,
        has_account=rng.random(n) < 0.45,
        pace_ms=np.exp(rng.normal(6.9, 0.4, n)),  # about a second
        visits=visits / visits.sum(),
    )


def _favourites(rng: np.random.Generator, root: NDArray[np.int64]) -> NDArray[np.int16]:
    """(n, N_FAVOURITES) leaves, most of them of the favourite root, the rest of anywhere."""
    n = len(root)
    leaf_root = _roots_of_leaves()
    out = rng.integers(len(leaf_root), size=(n, N_FAVOURITES))
    for r in range(len(ROOT_WEIGHT)):
        mine = np.flatnonzero(root == r)
        own = np.flatnonzero(leaf_root == r)
        drawn = own[rng.integers(len(own), size=(len(mine), N_FAVOURITES))]
        out[mine] = np.where(rng.random(drawn.shape) < 0.65, drawn, out[mine])
    return out.astype(np.int16)


@cache
def _roots_of_leaves() -> NDArray[np.int64]:
    roots = list(ROOT_WEIGHT)
    return np.array([roots.index(leaf.root) for leaf in taxonomy()])


@cache
def _root_shares() -> Floats:
    weight: Floats = np.array(list(ROOT_WEIGHT.values()), float)
    shares: Floats = weight / weight.sum()
    return shares


@cache
def _styles() -> OptionTable:
    return option_table([parse_options(STYLES_OF[root], STYLE.values) for root in ROOT_WEIGHT])
