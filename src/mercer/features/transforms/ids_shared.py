"""ids_shared: how many different ids of the first list the second has too."""

import math
from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from mercer.features.column import Column, F64s, I64s, U64s, ragged_of
from mercer.features.kernel_types import U8S
from mercer.features.lookup import has_key
from mercer.features.transform import ColumnOp, Params, Transform
from mercer.text.kernel_types import I8S


@nb.njit(nb.void(I8S, I8S, U8S, I8S, I8S, U8S, nb.f8[::1]), cache=True, nogil=True)
def shared(
    left_starts: I64s, left_stops: I64s, left: U64s,
    right_starts: I64s, right_stops: I64s, right: U64s, out: F64s,
) -> None:  # fmt: skip
    """Of each pair of lists; NaN where one is missing. Lists are short: wishes, attributes."""
    for row in range(out.size):
        first, last = left_starts[row], left_stops[row]
        if last < first or right_stops[row] < right_starts[row]:
            out[row] = np.nan
            continue
        n = 0
        for i in range(first, last):
            one = left[i]
            is_new = one != np.uint64(0) and not has_key(left, first, i, one)
            if is_new and has_key(right, right_starts[row], right_stops[row], one):
                n += 1
        out[row] = n


def _run(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F64s:
    left, right = ragged_of(inputs[0]), ragged_of(inputs[1])
    out = np.empty(n, np.float64)
    shared(
        left.starts, left.stops, left.values, right.starts, right.stops, right.values, out
    )  # fmt: skip
    return out


def twin(left: Sequence[int] | None, right: Sequence[int] | None, **_: Any) -> float:
    """The same of one row."""
    if left is None or right is None:
        return math.nan
    return float(len((set(left) & set(right)) - {0}))


TRANSFORM = Transform(
    name="ids_shared",
    summary="How many different ids of the first list the second has too.",
    inputs=(("ids", "ids"),),
    output="number",
    run=ColumnOp(_run),
    twin=twin,
)
