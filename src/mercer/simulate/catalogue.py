"""A synthetic marketplace from a seed: sellers, listings in batches, and the truth behind them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mercer.schema.errors import InputError
from mercer.schema.listing import ATTRIBUTES_TYPE, LISTING
from mercer.schema.seller import SELLER
from mercer.simulate.option import NONE
from mercer.simulate.picture.look import LOOK_ATTRIBUTES, Look
from mercer.simulate.pool import PhrasePool
from mercer.simulate.seller import (
    SELLERS_PER_BLOCK,
    Sellers,
    draw_sellers,
    seller_ids,
    seller_table,
)
from mercer.simulate.truth import (
    ATTRIBUTES,
    BLOCK_ROWS,
    COLUMN,
    VOCABULARIES,
    Truth,
    age_days,
    concat,
    draw_truth,
)
from mercer.simulate.words.taxonomy import taxonomy
from mercer.simulate.writing import write

CURRENCY: Final = "USD"
MAX_IMAGES: Final = 5

# One random stream per block and purpose, so that listing i is the same whatever n_listings is.
_SELLERS, _TRUTH, _WRITING, _SIGNALS, _SELLER_TABLE = range(5)


@dataclass(frozen=True)
class World:
    """A whole synthetic market. Two worlds with equal fields are equal to the last byte."""

    n_listings: int
    seed: int
    now_ms: int

    @property
    def n_blocks(self) -> int:
        """Blocks of BLOCK_ROWS listings, the last one maybe cut."""
        return -(-self.n_listings // BLOCK_ROWS)

    @cached_property
    def sellers(self) -> pa.Table:
        """All sellers, a table of SELLER."""
        tables = [
            seller_table(self._sellers(b), self._rng(b, _SELLER_TABLE), block=b, now_ms=self.now_ms)
            for b in range(self.n_blocks)
        ]
        return pa.concat_tables([SELLER.empty_table(), *tables]).combine_chunks()

    @cached_property
    def truth(self) -> Truth:
        """What every listing really is, row i for listing i: about 150 bytes a listing."""
        return concat([self.block_truth(b) for b in range(max(self.n_blocks, 1))]).head(
            self.n_listings
        )

    def block_truth(self, block: int) -> Truth:
        """The truth of one whole block, also past n_listings."""
        return draw_truth(
            self._rng(block, _TRUTH), self._sellers(block), block=block, now_ms=self.now_ms
        )

    @cached_property
    def seller_trust(self) -> NDArray[np.float32]:
        """(n_sellers,) latent trust in (0, 1) of every seller, by seller number."""
        blocks = [self._sellers(b).trust for b in range(max(self.n_blocks, 1))]
        return np.concatenate(blocks).astype(np.float32)

    def rows(self, block: int) -> pa.RecordBatch:
        """The listings of one block as a batch of LISTING, as they were when the market opened."""
        return self._block(block)

    def batches(self, batch_rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """The listings as batches of LISTING with `batch_rows` rows, the last one maybe shorter.

        Memory is bounded by one batch and one block. Raises InputError for batch_rows < 1.
        """
        if batch_rows < 1:
            raise InputError(f"batch_rows must be at least 1, got {batch_rows}")
        held: list[pa.RecordBatch] = []
        n_held = 0
        for block in range(self.n_blocks):
            rows = self._block(block)
            held.append(rows)
            n_held += len(rows)
            while n_held >= batch_rows:
                joined = pa.concat_batches(held) if len(held) > 1 else held[0]
                yield joined.slice(0, batch_rows)
                held, n_held = [joined.slice(batch_rows)], n_held - batch_rows
        if n_held:
            yield pa.concat_batches(held)

    def look(self, listing_number: int) -> Look:
        """What the pictures of a listing show: the truth, also where no text states it.

        Raises:
            InputError: no such listing.
        """
        if not 0 <= listing_number < self.n_listings:
            raise InputError(f"listing {listing_number} of {self.n_listings} does not exist")
        t = self.truth
        second = int(t.second_color[listing_number])
        seen = {a: int(t.values[listing_number, COLUMN[a]]) for a in LOOK_ATTRIBUTES}
        return Look(
            listing_number,
            taxonomy()[int(t.category[listing_number])],
            **{a: "" if v < 0 else VOCABULARIES[COLUMN[a]].values[v] for a, v in seen.items()},
            second_color="" if second < 0 else VOCABULARIES[COLUMN["color"]].values[second],
        )

    def _rng(self, block: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, block, purpose])

    def _sellers(self, block: int) -> Sellers:
        return draw_sellers(self._rng(block, _SELLERS), now_ms=self.now_ms)

    def _block(self, block: int) -> pa.RecordBatch:
        sellers, truth = self._sellers(block), self.block_truth(block)
        first = block * BLOCK_ROWS
        written = write(self._rng(block, _WRITING), truth, sellers)
        signals = _signals(self._rng(block, _SIGNALS), truth, sellers, now_ms=self.now_ms)
        number = pc.cast(pa.array(np.arange(first, first + BLOCK_ROWS)), pa.string())
        columns = {
            "listing_id": pc.binary_join_element_wise("L", pc.utf8_lpad(number, 8, "0"), ""),
            "seller_id": _seller_column(truth, block),
            "title": written.title,
            "description": written.description,
            "tags": written.tags,
            "category_path": _category_column(truth),
            "attributes": _attribute_column(truth),
            "price_micros": pa.array(truth.price_micros),
            "currency": _constant(CURRENCY),
            "quantity": pa.array(truth.quantity),
            "images": _image_column(truth, number, signals.n_images),
            "created_ms": pa.array(truth.created_ms),
            "updated_ms": pa.array(signals.updated_ms),
            "rating": pa.array(signals.rating, pa.float32(), mask=signals.rating_count == 0),
            "rating_count": pa.array(signals.rating_count),
            "sold_count": pa.array(signals.sold_count),
            "favourite_count": pa.array(signals.favourite_count),
            "is_hidden": pa.array(truth.is_hidden),
        }
        batch = pa.RecordBatch.from_arrays([columns[f.name] for f in LISTING], schema=LISTING)
        return batch.slice(0, min(BLOCK_ROWS, self.n_listings - first))


def generate_catalogue(*, n_listings: int, seed: int, now_ms: int) -> World:
    """A market of n_listings listings; the same arguments give the same bytes, in any process.

    Args:
        n_listings: >= 0. Listing i is the same for every n_listings > i.
        seed: >= 0.
        now_ms: the day of the catalogue, ms since 1970 UTC; nothing is younger.
    Raises:
        InputError: an argument is out of range.
    """
    if n_listings < 0 or seed < 0 or now_ms <= 0:
        raise InputError(
            f"n_listings and seed must be >= 0 and now_ms > 0, got {n_listings}, {seed}, {now_ms}"
        )
    return World(n_listings, seed, now_ms)


@dataclass(frozen=True, slots=True)
class _Signals:
    """What the past left behind, (n,) each."""

    updated_ms: NDArray[np.int64]
    sold_count: NDArray[np.int64]
    favourite_count: NDArray[np.int64]
    rating_count: NDArray[np.int64]
    rating: NDArray[np.float32]
    n_images: NDArray[np.int64]


def _signals(rng: np.random.Generator, truth: Truth, sellers: Sellers, *, now_ms: int) -> _Signals:
    """Sales grow with age, craft and beauty and are very unequal; ratings measure craft and trust."""
    n, shop = len(truth.category), truth.seller % SELLERS_PER_BLOCK
    appeal = 2.2 * (truth.craft.astype(np.float64) - 0.5) + 2.0 * (truth.beauty - 0.5)
    rate = np.exp(appeal + rng.normal(0.0, 0.9, n)) * age_days(truth, now_ms=now_ms)
    unique = np.minimum(truth.quantity, 1) == truth.quantity
    sold = rng.poisson(np.minimum(rate * 0.018, 20_000.0))
    sold = np.where(unique | truth.is_vintage, 0, sold)  # one of a kind: it is still here
    rated = rng.binomial(sold, 0.3)
    true_rating = 2.9 + 1.3 * truth.craft + 1.0 * sellers.trust[shop]
    rating = np.clip(true_rating + rng.normal(0.0, 0.7, n) / np.sqrt(rated + 1.0), 1.0, 5.0)
    touched = (rng.random(n) ** 2 * (now_ms - truth.created_ms)).astype(np.int64)
    return _Signals(
        updated_ms=now_ms - touched,
        sold_count=sold.astype(np.int64),
        favourite_count=rng.poisson(np.minimum(rate * 0.11, 100_000.0)).astype(np.int64),
        rating_count=rated.astype(np.int64),
        rating=np.round(rating, 2).astype(np.float32),
        n_images=1 + rng.binomial(MAX_IMAGES - 1, 0.25 + 0.6 * sellers.care[shop]),
    )


def _constant(value: str) -> pa.StringArray:
    return pa.array([value]).take(pa.array(np.zeros(BLOCK_ROWS, np.int32)))


def _seller_column(truth: Truth, block: int) -> pa.StringArray:
    first = block * SELLERS_PER_BLOCK
    ids = seller_ids(np.arange(first, first + SELLERS_PER_BLOCK))
    return ids.take(pa.array(truth.seller - first))


def _category_column(truth: Truth) -> pa.ListArray:
    paths = pa.array([[leaf.root, leaf.name] for leaf in taxonomy()])
    return paths.take(pa.array(truth.category))


def _image_column(
    truth: Truth, number: pa.StringArray, n_images: NDArray[np.int64]
) -> pa.ListArray:
    """References `sim:<listing number>:<view>:<look>` that a server draws when asked for.

    The look is what the camera would see, also where the seller does not say it.
    """
    offsets = np.concatenate([[0], np.cumsum(n_images)]).astype(np.int32)
    owner = np.repeat(np.arange(len(n_images)), n_images)
    view = np.arange(len(owner)) - offsets[owner]
    views = pa.array([f":{v}:" for v in range(MAX_IMAGES)]).take(pa.array(view))
    seen = [
        truth.category,
        *(truth.values[:, COLUMN[a]] for a in LOOK_ATTRIBUTES),
        truth.second_color,
    ]
    codes = [_CODES.take(pa.array(column.astype(np.int32) + 1)) for column in seen]
    look = pc.binary_join_element_wise(*codes, ".").take(pa.array(owner))
    text = pc.binary_join_element_wise("sim:", number.take(pa.array(owner)), views, look, "")
    return pa.ListArray.from_arrays(pa.array(offsets), text)


# The parts of a look code by value number + 1: "x" for none, then the numbers.
_CODES: Final = pa.array(["x", *(str(i) for i in range(1_000))])


class _AttributeWords:
    """Attribute names and values as phrase numbers, and lengths by half centimetre."""

    def __init__(self) -> None:
        self.pool = PhrasePool()
        self.names = self.pool.add_all([*ATTRIBUTES, "width_cm", "height_cm"])
        self.values = [self.pool.add_all(v.values) for v in VOCABULARIES]
        self.lengths = self.pool.add_all(f"{i / 2:g}" for i in range(1601))
        self.pool.strings()


_WORDS: Final = _AttributeWords()


def _attribute_column(truth: Truth) -> pa.MapArray:
    """Name -> values for what the seller filled in; a second colour makes a second value."""
    n, k = len(truth.category), len(_WORDS.names)
    value = np.full((n, k), -1, np.int32)
    for name, c in COLUMN.items():
        number = np.where(truth.in_attributes[:, c], truth.values[:, c], NONE)
        value[:, c] = np.where(number >= 0, _WORDS.values[c][number], -1)
        assert ATTRIBUTES[c] == name
    for c, cm in ((k - 2, truth.width_cm), (k - 1, truth.height_cm)):
        half = np.minimum(np.rint(cm * 2).astype(np.int64), 1_600)
        value[:, c] = np.where(truth.shows_dimensions, _WORDS.lengths[half], -1)
    second = np.full((n, k), -1, np.int32)
    color = COLUMN["color"]
    two = truth.in_attributes[:, color] & (truth.second_color != NONE)
    second[:, color] = np.where(two, _WORDS.values[color][truth.second_color], -1)
    use = value >= 0
    keys = np.broadcast_to(_WORDS.names, (n, k))[use]
    both = np.stack([value[use], second[use]], axis=1)  # (n_entries, 2)
    counts = (both >= 0).sum(axis=1)
    items = pa.ListArray.from_arrays(_offsets(counts), _WORDS.pool.take(both[both >= 0]))
    return pa.MapArray.from_arrays(
        _offsets(use.sum(axis=1)), _WORDS.pool.take(keys), items, type=ATTRIBUTES_TYPE
    )


def _offsets(counts: NDArray[np.int64]) -> pa.Int32Array:
    return pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
