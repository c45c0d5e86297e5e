"""How good a listing is before anybody asked for anything."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

F32s = npt.NDArray[np.float32]

# A listing with no ratings is taken as one with this many average ones.
PRIOR_RATING, PRIOR_RATINGS = 4.0, 10.0
# Sales at which popularity counts in full; from there on more of it says nothing new.
FULL_POPULARITY = 1_000.0
_WEIGHTS = (0.45, 0.40, 0.15)  # popularity, rating, completeness


def quality_prior(listings: pa.RecordBatch | pa.Table) -> F32s:
    """(n,) quality in [0, 1] of rows of LISTING: popularity, smoothed rating, completeness.

    Popularity is logarithmic in sales, favourites (a third) and ratings (a half); the rating is
    smoothed by PRIOR_RATINGS at PRIOR_RATING; complete is a listing with a picture, a price and a
    description. It decides between the millions that match "jewelry" equally well.
    """
    sold, favourites, n_ratings = (
        np.asarray(listings.column(name)).astype(np.float64)
        for name in ("sold_count", "favourite_count", "rating_count")
    )
    popularity = np.log1p(sold + favourites / 3 + n_ratings / 2) / np.log1p(FULL_POPULARITY)
    rating = np.asarray(pc.fill_null(listings.column("rating"), PRIOR_RATING)).astype(np.float64)
    smoothed = (rating * n_ratings + PRIOR_RATING * PRIOR_RATINGS) / (n_ratings + PRIOR_RATINGS)
    has_picture = np.asarray(pc.greater(pc.list_value_length(listings.column("images")), 0))
    has_price = np.asarray(pc.is_valid(listings.column("price_micros")))
    has_text = np.asarray(pc.not_equal(listings.column("description"), ""))
    complete = (has_picture.astype(np.float64) + has_price + has_text) / 3
    parts = np.stack([np.minimum(popularity, 1.0), smoothed / 5, complete])
    prior: F32s = (np.array(_WEIGHTS) @ parts).astype(np.float32)
    return prior
