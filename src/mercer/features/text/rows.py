"""From what a kernel wrote to a column of a plan."""

import numpy as np
from numpy.typing import NDArray

from mercer.features.column import I64s, Ragged


def as_rows(offsets: I64s, values: NDArray[np.generic], like: Ragged) -> Ragged:
    """Row i is values[offsets[i]:offsets[i + 1]]; missing where it is in `like`."""
    starts, stops = offsets[:-1], offsets[1:]
    missing = like.stops < like.starts
    if missing.any():
        stops = np.where(missing, starts - 1, stops)
    return Ragged(starts, stops, values)
