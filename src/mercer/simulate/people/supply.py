"""What sellers do while people look: new listings and shops, other prices, more stock, an end."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from mercer.simulate.people.shelf import Shelf
from mercer.simulate.seller import DAY_MS

NEW_A_DAY: Final = 0.003  # of the listings
REPRICED_A_DAY: Final = 0.004
RESTOCKED_A_DAY: Final = 0.002
WITHDRAWN_A_DAY: Final = 0.0005

Deed = Literal["release", "reprice", "restock", "withdraw"]


@dataclass(frozen=True, slots=True)
class Supply:
    """One thing that a seller does."""

    at_ms: int
    deed: Deed
    row: int
    amount: float  # factor of the price, or pieces


def n_new_listings(n_listings: int, *, days: float) -> int:
    """How many listings appear within the days; at least one on a day."""
    return int(np.ceil(max(n_listings * NEW_A_DAY, 1.0) * days))


def plan_supply(
    rng: np.random.Generator,
    *,
    n_opening: int,
    n_released: int,
    n_new: int,
    start_ms: int,
    days: float,
) -> list[Supply]:
    """What sellers will do, in the order of time.

    New listings come in the order of their rows, which begins after those that `n_released` earlier
    runs brought; the last ones are of shops that nobody knew before.
    """
    span = days * DAY_MS
    first = n_opening + n_released
    times = np.sort(start_ms + (rng.random(n_new) * span).astype(np.int64)).tolist()
    deeds = [Supply(at, "release", first + i, 1.0) for i, at in enumerate(times)]
    for deed, share in (
        ("reprice", REPRICED_A_DAY), ("restock", RESTOCKED_A_DAY), ("withdraw", WITHDRAWN_A_DAY),
    ):  # fmt: skip
        n = int(rng.poisson(n_opening * share * days))
        when = start_ms + (rng.random(n) * span).astype(np.int64)
        rows = rng.integers(n_opening, size=n)
        amounts = rng.uniform(0.7, 1.12, n) if deed == "reprice" else rng.integers(1, 6, n) * 1.0
        deeds += [
            Supply(int(at), deed, int(row), float(amount))  # type: ignore[arg-type]
            for at, row, amount in zip(when, rows, amounts, strict=True)
        ]
    return sorted(deeds, key=lambda one: (one.at_ms, one.row))


def apply(shelf: Shelf, one: Supply) -> None:
    """Do it; one of a kind is never made again."""
    match one.deed:
        case "release":
            shelf.release(one.row, at_ms=one.at_ms)
        case "reprice":
            price = int(shelf.price_micros[one.row] * one.amount) // 10_000 * 10_000
            shelf.reprice(one.row, price_micros=max(price, 10_000))
        case "restock":
            if not shelf.truth.is_vintage[one.row] and shelf.quantity[one.row] != 1:
                shelf.restock(one.row, quantity=int(one.amount))
        case _:
            shelf.withdraw(one.row)
