"""Sellers: their age, quality, taste, prices and habits of writing; the part that nobody sees."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mercer.schema.arrow import require
from mercer.schema.seller import SELLER
from mercer.simulate.option import Floats, OptionTable, option_table, parse_options
from mercer.simulate.words.attribute import COLOR, STYLE
from mercer.simulate.words.likelihood import COLORS_OF, COUNTRIES, ROOT_WEIGHT, STYLES_OF
from mercer.simulate.words.phrase import SELLER_NAME_ENDS, SELLER_NAME_STARTS
from mercer.simulate.words.taxonomy import taxonomy

SELLERS_PER_BLOCK = 205  # about forty listings each
HOME_LEAVES = 6  # categories that a seller works in
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Sellers:
    """The sellers of one block; arrays of (n_sellers,) unless said otherwise."""

    opened_ms: NDArray[np.int64]
    country: NDArray[np.int16]  # row of COUNTRIES
    quality: Floats  # latent, in (0, 1): of the work
    trust: Floats  # latent, in (0, 1): of the service; what ratings measure with noise
    price_level: Floats  # added to the log of a price
    style: NDArray[np.int16]  # favourite
    color: NDArray[np.int16]  # favourite
    leaves: NDArray[np.int16]  # (n_sellers, HOME_LEAVES)
    is_vintage: NDArray[np.bool_]
    is_fandom: NDArray[np.bool_]
    writes_inches: NDArray[np.bool_]
    care: Floats  # in (0, 1): how fully and correctly the seller fills in a listing
    stuffs_tags: NDArray[np.bool_]
    title_case: NDArray[np.int8]  # 0 first letter, 1 Every Word, 2 as it comes
    habit: NDArray[np.int64]  # (n_sellers, 4) preferred phrasing, reduced modulo each choice
    price_ending: NDArray[np.int8]  # 0 .00, 1 .99, 2 .50, 3 .95


@cache
def _leaves_by_root() -> OptionTable:
    leaves = taxonomy()
    roots = list(ROOT_WEIGHT)
    return option_table(
        [[(i, 1.0) for i, leaf in enumerate(leaves) if leaf.root == root] for root in roots]
    )


@cache
def _root_table() -> OptionTable:
    return option_table([list(enumerate(ROOT_WEIGHT.values()))])


@cache
def _style_table() -> OptionTable:
    return option_table([parse_options(STYLES_OF[root], STYLE.values) for root in ROOT_WEIGHT])


@cache
def _color_table() -> OptionTable:
    return option_table([parse_options(COLORS_OF["textile"], COLOR.values)])


@cache
def _country_table() -> OptionTable:
    return option_table([[(i, float(weight)) for i, (_, weight, _) in enumerate(COUNTRIES)]])


def draw_sellers(rng: np.random.Generator, *, now_ms: int) -> Sellers:
    """The SELLERS_PER_BLOCK sellers of one block."""
    n = SELLERS_PER_BLOCK
    zero = np.zeros(n, np.int16)
    root = np.stack([_root_table().draw(zero, rng.random(n)) for _ in range(2)], axis=1)
    second = rng.random((n, HOME_LEAVES)) < 0.2  # a side line in another root
    of_root = np.where(second, root[:, 1:], root[:, :1]).ravel()
    leaves = _leaves_by_root().draw(of_root, rng.random(of_root.size)).reshape(n, HOME_LEAVES)
    quality = rng.beta(3.2, 2.0, n)
    age_days = np.minimum(rng.gamma(1.6, 700.0, n), 17 * 365) + 5
    country = _country_table().draw(zero, rng.random(n))
    inches = np.array([inch for _, _, inch in COUNTRIES])[country]
    return Sellers(
        opened_ms=np.int64(now_ms) - (age_days * DAY_MS).astype(np.int64),
        country=country,
        quality=quality,
        trust=np.clip(0.55 * quality + 0.45 * rng.beta(5.0, 1.6, n), 0.02, 0.99),
        price_level=rng.normal(0.0, 0.22, n) + 0.35 * (quality - 0.6),
        style=_style_table().draw(root[:, 0], rng.random(n)),
        color=_color_table().draw(zero, rng.random(n)),
        leaves=leaves,
        is_vintage=rng.random(n) < 0.36,
        is_fandom=rng.random(n) < 0.1,
        writes_inches=inches,
        care=np.clip(0.5 * quality + 0.5 * rng.beta(2.5, 1.5, n), 0.05, 0.98),
        stuffs_tags=rng.random(n) < 0.15,
        title_case=rng.choice(3, n, p=[0.42, 0.45, 0.13]).astype(np.int8),
        habit=rng.integers(0, 1 << 30, (n, 4)),
        price_ending=rng.choice(4, n, p=[0.52, 0.22, 0.16, 0.10]).astype(np.int8),
    )


def seller_ids(numbers: NDArray[np.int64]) -> pa.StringArray:
    """Outside ids of seller numbers, counted over all blocks."""
    return pa.array([f"shop-{n:06d}" for n in numbers.tolist()], pa.string())


def seller_table(
    sellers: Sellers, rng: np.random.Generator, *, block: int, now_ms: int
) -> pa.Table:
    """What outsiders see of the sellers of one block: a table of SELLER."""
    n = len(sellers.trust)
    number = block * SELLERS_PER_BLOCK + np.arange(n)
    age_years = (now_ms - sellers.opened_ms) / (365 * DAY_MS)
    n_ratings = rng.poisson(18.0 * age_years * np.exp(rng.normal(0.0, 0.9, n)))
    noise = rng.normal(0.0, 1.0, n) * 0.6 / np.sqrt(n_ratings + 1.0)
    rating = np.clip(3.4 + 1.7 * sellers.trust + noise, 1.0, 5.0).astype(np.float32)
    starts = rng.integers(0, len(SELLER_NAME_STARTS), n)
    ends = rng.integers(0, len(SELLER_NAME_ENDS), n)
    countries = np.array([code for code, _, _ in COUNTRIES])[sellers.country]
    table = pa.table(
        {
            "seller_id": seller_ids(number),
            "name": [
                f"{SELLER_NAME_STARTS[s]} {SELLER_NAME_ENDS[e]}"
                for s, e in zip(starts.tolist(), ends.tolist(), strict=True)
            ],
            "opened_ms": sellers.opened_ms,
            "country": countries.tolist(),
            "rating": pa.array(rating, pa.float32(), mask=n_ratings == 0),
            "rating_count": n_ratings.astype(np.int64),
            "updated_ms": np.full(n, now_ms, np.int64),
        },
        schema=SELLER,
    )
    return require(table, SELLER, at="simulate: sellers")
