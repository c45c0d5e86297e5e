"""The market as its shop system sees it: what is on sale, for how much, and how many are left.

The one mutable thing of the simulator. It does no I/O: whoever drives a market sends the rows that
changed (`take_changed`) and tells it what pages show (`see`). Not thread-safe.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mercer.schema.errors import InputError
from mercer.schema.listing import LISTING
from mercer.simulate.catalogue import World, generate_catalogue
from mercer.simulate.option import Floats, Ints
from mercer.simulate.truth import BLOCK_ROWS, COLUMN, Truth
from mercer.simulate.words.taxonomy import taxonomy

_KEPT_BLOCKS = 32  # of written-out listings, some 8 MiB each: all of a market of 125,000


@final
class Shelf:
    """n listings that are there from the start, and others that sellers will bring."""

    def __init__(self, world: World, *, n_new: int = 0, n_released: int = 0) -> None:
        """A market of `world`, with room for `n_new` more, `n_released` of which were brought before."""
        n_all = world.n_listings + n_new
        self.world = generate_catalogue(n_listings=n_all, seed=world.seed, now_ms=world.now_ms)
        self.truth: Truth = self.world.truth
        self.n_opening = world.n_listings
        self.trust: NDArray[np.float32] = self.world.seller_trust[self.truth.seller]
        self.price_micros: Ints = self.truth.price_micros.copy()
        self.quantity: Ints = self.truth.quantity.copy()
        self.sold: Ints = np.zeros(n_all, np.int64)  # in this run
        self._favourites: Ints = np.zeros(n_all, np.int64)
        self._stars: dict[int, list[float]] = {}
        self._created_ms: dict[int, int] = {}
        self._is_listed = ~self.truth.is_hidden
        self._is_listed[world.n_listings + n_released :] = False
        self._touched = np.zeros(n_all, bool)
        self._changed: dict[int, None] = {}
        self._rows_of_leaf = _grouped(self.truth.category, len(taxonomy()))
        self._rows_with: dict[str, list[Ints]] = {}
        self.leaf_sizes: Floats = np.array([len(rows) for rows in self._rows_of_leaf], float)
        self._read_block = lru_cache(maxsize=_KEPT_BLOCKS)(self.world.rows)
        if not len(self.truth.category) or not self.leaf_sizes.any():
            raise InputError("the market has no listings; nobody can want any")

    def __len__(self) -> int:
        return len(self.quantity)

    @property
    def is_available(self) -> NDArray[np.bool_]:
        """(n,) whether each listing can be bought now."""
        available: NDArray[np.bool_] = self._is_listed & (self.quantity > 0)
        return available

    def rows_of_leaf(self, leaf: int) -> Ints:
        """Rows of one category; where it has none, all rows."""
        rows = self._rows_of_leaf[leaf]
        return rows if len(rows) else np.arange(len(self))

    def rows_with(self, attribute: str, value: int) -> Ints:
        """Rows that really have an attribute's value; where there is none, all rows."""
        if attribute not in self._rows_with:
            column = self.truth.values[:, COLUMN[attribute]]
            self._rows_with[attribute] = _grouped(column, int(column.max(initial=0)) + 1)
        groups = self._rows_with[attribute]
        rows = groups[value] if 0 <= value < len(groups) else groups[0][:0]
        return rows if len(rows) else np.arange(len(self))

    def title(self, row: int) -> str:
        """What the seller calls it; the same in the market."""
        block, at = divmod(row, BLOCK_ROWS)
        return str(self._read_block(block).column("title")[at].as_py())

    def take(self, row: int, *, quantity: int = 1) -> bool:
        """Sell pieces; False, and nothing changes, where there are not so many."""
        if quantity < 1 or not self._is_listed[row] or self.quantity[row] < quantity:
            return False
        self.quantity[row] -= quantity
        self.sold[row] += quantity
        self._change(row)
        return True

    def restock(self, row: int, *, quantity: int) -> None:
        """The seller makes more of it."""
        self.quantity[row] += quantity
        self._change(row)

    def reprice(self, row: int, *, price_micros: int) -> None:
        """The seller asks another price."""
        self.price_micros[row] = price_micros
        self._change(row)

    def release(self, row: int, *, at_ms: int) -> None:
        """A listing appears."""
        self._is_listed[row] = not self.truth.is_hidden[row]
        self._created_ms[row] = at_ms
        self._change(row)

    def withdraw(self, row: int) -> None:
        """The seller hides it."""
        self._is_listed[row] = False
        self._change(row)

    def favourite(self, row: int) -> None:
        """Somebody keeps it in mind; told with the listing's next change."""
        self._favourites[row] += 1

    def review(self, row: int, *, stars: float) -> None:
        """A buyer says how good it was, 1..5."""
        self._stars.setdefault(row, []).append(stars)
        self._change(row)

    def see(self, rows: Ints, price_micros: Ints, quantity: Ints) -> None:
        """What a page shows of listings that nobody changed in this run: how earlier runs left them."""
        mine = ~self._touched[rows]
        self.price_micros[rows[mine]] = price_micros[mine]
        self.quantity[rows[mine]] = quantity[mine]

    def take_changed(self) -> list[dict[str, Any]]:
        """The listings that changed since the last call, whole, as objects that `PUT` takes."""
        rows = sorted(self._changed)
        self._changed = {}
        return [self._written(row) for row in rows]

    def n_changed(self) -> int:
        """How many wait to be told."""
        return len(self._changed)

    def _change(self, row: int) -> None:
        self._touched[row] = True
        self._changed[row] = None

    def _written(self, row: int) -> dict[str, Any]:
        block, at = divmod(row, BLOCK_ROWS)
        batch: pa.RecordBatch = self._read_block(block)
        (found,) = batch.slice(at, 1).to_pylist(maps_as_pydicts="strict")
        listing = {name: found[name] for name in LISTING.names if name != "updated_ms"}
        listing["price_micros"] = int(self.price_micros[row])
        listing["quantity"] = int(self.quantity[row])
        listing["is_hidden"] = not bool(self._is_listed[row])
        listing["sold_count"] += int(self.sold[row])
        listing["favourite_count"] += int(self._favourites[row])
        if row in self._created_ms:
            listing |= _NEWBORN | {"created_ms": self._created_ms[row]}
            listing["sold_count"] = int(self.sold[row])
        return listing | _rated(listing, self._stars.get(row, ()))


# A new listing has no past.
_NEWBORN: dict[str, Any] = {"rating": None, "rating_count": 0, "favourite_count": 0}


def _rated(listing: dict[str, Any], stars: Sequence[float]) -> dict[str, Any]:
    """The rating with new stars in it."""
    n = listing["rating_count"] + len(stars)
    if not n:
        return {"rating": None, "rating_count": 0}
    total = (listing["rating"] or 0.0) * listing["rating_count"] + sum(stars)
    return {"rating": round(min(max(total / n, 1.0), 5.0), 2), "rating_count": n}


def _grouped(column: NDArray[Any], n_groups: int) -> list[Ints]:
    """Rows by value; rows without a value are in no group."""
    order = np.argsort(column, kind="stable")
    ends = np.searchsorted(column[order], np.arange(n_groups + 1))
    return [order[ends[i] : ends[i + 1]] for i in range(n_groups)]
