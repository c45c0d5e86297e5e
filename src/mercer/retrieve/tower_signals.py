"""What a listing's own numbers say of it beside its words: the inputs of the listing tower's bias."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mercer.retrieve.prior import PRIOR_RATING, PRIOR_RATINGS
from mercer.schema.money import MICROS

Floats = npt.NDArray[np.float64]

SIGNALS: Final = (
    "sold_count", "favourite_count", "rating_count", "rating", "price", "title_length",
    "description_length", "images",
)  # fmt: skip


def listing_signals(listings: pa.RecordBatch | pa.Table, *, currency: str) -> Floats:
    """(n, n_signals) numbers of rows of LISTING, in the order of SIGNALS; NaN where one is unknown.

    Counts, price and lengths (in characters) are logarithmic; the rating is smoothed as in the
    quality prior. A row's numbers depend on that row only.

    Args:
        currency: a price in another one counts as unknown, because no rates are known here.
    """

    def column(name: str) -> Floats:
        values: Floats = np.asarray(_one(listings, name)).astype(np.float64)
        return values

    n_ratings = column("rating_count")
    rating = np.asarray(pc.fill_null(_one(listings, "rating"), PRIOR_RATING)).astype(np.float64)
    smoothed = (rating * n_ratings + PRIOR_RATING * PRIOR_RATINGS) / (n_ratings + PRIOR_RATINGS)
    is_priced = pc.fill_null(pc.equal(_one(listings, "currency"), currency), False)
    price = np.asarray(pc.fill_null(_one(listings, "price_micros"), 0)).astype(np.float64) / MICROS
    known = np.asarray(pc.and_(is_priced, pc.is_valid(_one(listings, "price_micros"))))
    lengths = [
        np.asarray(pc.utf8_length(_one(listings, name))).astype(np.float64)
        for name in ("title", "description")
    ]
    images = np.asarray(pc.list_value_length(_one(listings, "images"))).astype(np.float64)
    return np.stack(
        [
            np.log1p(column("sold_count")),
            np.log1p(column("favourite_count")),
            np.log1p(n_ratings),
            smoothed,
            np.where(known, np.log1p(price), np.nan),
            np.log1p(lengths[0]),
            np.log1p(lengths[1]),
            np.log1p(images),
        ],
        axis=1,
    )


def _one(listings: pa.RecordBatch | pa.Table, name: str) -> pa.Array:
    column = listings.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
