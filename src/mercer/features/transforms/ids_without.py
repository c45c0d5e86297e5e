"""ids_without: the ids of the first list that the second has not."""

from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from mercer.features.column import Column, I64s, Ragged, U64s, ragged_of
from mercer.features.kernel_types import U8S
from mercer.features.transform import ColumnOp, Params, Transform
from mercer.text.kernel_types import I8S


@nb.njit(
    nb.i8(I8S, I8S, U8S, I8S, I8S, U8S, nb.i8[::1], nb.i8[::1], nb.u8[::1]), cache=True, nogil=True
)
def without(
    left_starts: I64s, left_stops: I64s, left: U64s,
    right_starts: I64s, right_stops: I64s, right: U64s,
    starts: I64s, stops: I64s, out: U64s,
) -> Any:  # fmt: skip
    """What is left of each list, in its order, and how many ids in all; missing stays missing.

    The second list is short (the wishes of a query), and where it is missing nothing is taken away.
    """
    at = np.int64(0)
    for row in range(starts.size):
        first, last = left_starts[row], left_stops[row]
        starts[row] = at
        for i in range(first, last):
            is_there = False
            for j in range(right_starts[row], right_stops[row]):
                is_there |= right[j] == left[i]
            if not is_there:
                out[at] = left[i]
                at += 1
        stops[row] = at if last >= first else starts[row] - 1
    return at


def _run(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> Ragged:
    left, right = ragged_of(inputs[0]), ragged_of(inputs[1])
    if not (right.stops > right.starts).any():
        return left
    room = int(np.maximum(left.stops - left.starts, 0).sum())
    starts, stops, out = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(room, np.uint64)
    n_left = without(
        left.starts, left.stops, left.values, right.starts, right.stops, right.values,
        starts, stops, out,
    )  # fmt: skip
    return Ragged(starts, stops, out[:n_left])


def twin(left: Sequence[int] | None, right: Sequence[int] | None, **_: Any) -> list[int] | None:
    """The same of one row."""
    return None if left is None else [one for one in left if one not in (right or ())]


TRANSFORM = Transform(
    name="ids_without",
    summary="The ids of the first list that the second has not: what a listing states beyond the wishes "
    "of the query.",
    inputs=(("ids", "ids"),),
    output="ids",
    run=ColumnOp(_run),
    twin=twin,
)
