"""hash_list: one id of a whole list in its order, such as a category path."""

from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from mercer.features.column import Column, I64s, U64s, ragged_of
from mercer.features.hash import combined, combined_plain
from mercer.features.kernel_types import U8S
from mercer.features.transform import ColumnOp, Params, Transform
from mercer.text.kernel_types import I8S


@nb.njit(nb.void(I8S, I8S, U8S, nb.u8[::1]), cache=True, nogil=True)
def hash_lists(starts: I64s, stops: I64s, ids: U64s, out: U64s) -> None:
    """out[i] = the ids of list i combined from 1 on; 0 where the list is missing."""
    for i in range(out.size):
        h = np.uint64(1) if stops[i] >= starts[i] else np.uint64(0)
        for at in range(starts[i], stops[i]):
            h = combined(h, ids[at])
        out[i] = h


def _run(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> U64s:
    ids = ragged_of(inputs[0])
    out = np.empty(n, np.uint64)
    hash_lists(ids.starts, ids.stops, ids.values, out)
    return out


def twin(ids: Sequence[int] | None, **_: Any) -> int:
    """The same of one list."""
    if ids is None:
        return 0
    h = 1
    for one in ids:
        h = combined_plain(h, one)
    return h


TRANSFORM = Transform(
    name="hash_list",
    summary="One id of a whole list in its order, such as a category path.",
    inputs=(("ids",),),
    output="id",
    run=ColumnOp(_run),
    twin=twin,
)
