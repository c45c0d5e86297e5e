"""Ragged columns: one list per query, all lists end to end in one array.

List `i` is `values[offsets[i] : offsets[i + 1]]`, as in an Arrow list array, so that a thousand
queries with different numbers of results are two flat arrays and no Python object per query.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def pack(lists: Sequence[Sequence[float]]) -> tuple[Floats, Ints]:
    """(values, offsets) of lists; for tests and small inputs, bulk data comes in as columns."""
    offsets = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(one) for one in lists], out=offsets[1:])
    values = np.array([value for one in lists for value in one], np.float64)
    return values, offsets


def checked_offsets(offsets: npt.ArrayLike, *, n_values: int, name: str) -> Ints:
    """Offsets as the kernels need them: (n_lists + 1,) int64, contiguous, writeable.

    Raises:
        ValueError: they do not start at 0, fall, or do not end at `n_values`.
    """
    checked: Ints = np.require(offsets, np.int64, ["C", "W"])
    if checked.ndim != 1 or checked.size == 0:
        raise ValueError(f"{name} must be one row of n_lists + 1 numbers, got {checked.shape}")
    if checked[0] != 0 or checked[-1] != n_values or (np.diff(checked) < 0).any():
        raise ValueError(
            f"{name} must rise from 0 to the number of values, {n_values}; "
            f"got {checked[0]}..{checked[-1]}"
        )
    return checked


def checked_gains(gain: npt.ArrayLike, *, name: str) -> Floats:
    """Gains as the kernels need them: (n_values,) float64, contiguous, writeable.

    Raises:
        ValueError: a gain is negative, infinite or NaN.
    """
    checked: Floats = np.require(gain, np.float64, ["C", "W"])
    wrong = ~(np.isfinite(checked) & (checked >= 0))
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(f"{name} must be finite and >= 0, got {checked[at]} at {at}")
    return checked


def checked_flags(flags: npt.ArrayLike) -> Bools:
    """Flags as the kernels need them: (n_values,) bool, contiguous, writeable."""
    checked: Bools = np.require(flags, np.bool_, ["C", "W"])
    return checked


def sorted_descending(values: Floats, offsets: Ints) -> Floats:
    """Each list on its own, largest value first; (n_values,)."""
    owner = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))  # (n_values,)
    ordered: Floats = values[np.lexsort((-values, owner))]
    return ordered


def take(values: Floats, offsets: Ints, lists: Ints) -> tuple[Floats, Ints]:
    """(values, offsets) of some of the lists, in the order asked for, repeats allowed."""
    length = np.diff(offsets)[lists]
    taken = np.zeros(lists.size + 1, np.int64)
    np.cumsum(length, out=taken[1:])
    within = np.arange(taken[-1]) - np.repeat(taken[:-1], length)
    return values[np.repeat(offsets[:-1][lists], length) + within], taken
