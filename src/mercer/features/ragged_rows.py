"""Ragged columns as flat values."""

from typing import Any

import numpy as np
import numpy.typing as npt

from mercer.features.column import I64s, Ragged


def lengths_of(column: Ragged) -> I64s:
    """(n,) values of each row; 0 where it is missing."""
    lengths: I64s = np.maximum(column.stops - column.starts, 0)
    return lengths


def owner_of_values(column: Ragged) -> I64s:
    """The row of each value, in the order of rows."""
    return np.repeat(np.arange(len(column)), lengths_of(column))


def present_values(column: Ragged) -> npt.NDArray[Any]:
    """The values of all rows one after the other; values that rows share are there again."""
    lengths = lengths_of(column)
    before = np.cumsum(lengths) - lengths
    at = np.arange(int(lengths.sum())) + np.repeat(column.starts - before, lengths)
    values: npt.NDArray[Any] = column.values[at]
    return values
