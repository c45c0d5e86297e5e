"""cross: one id for two or three together, such as category by country; missing where one is."""

from typing import Any

import numba as nb
import numpy as np

from mercer.features.hash import combined, combined_plain
from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.transform import RowKernel, Transform

_NO_ID = np.uint64(0)


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """Combined from the left; a third input of -1 is not there."""
    for j in range(outs.size):
        a, b, out = ids[inputs[j, 0]], ids[inputs[j, 1]], ids[outs[j]]
        has_third = inputs.shape[1] > 2 and inputs[j, 2] >= 0
        c = ids[inputs[j, 2]] if has_third else a
        for i in range(n):
            if a[i] == _NO_ID or b[i] == _NO_ID or c[i] == _NO_ID:
                out[i] = _NO_ID
            elif has_third:
                out[i] = combined(combined(a[i], b[i]), c[i])
            else:
                out[i] = combined(a[i], b[i])


def twin(*crossed: int, **_: Any) -> int:
    """The same of one row."""
    if not all(crossed):
        return 0
    first, *rest = crossed
    for one in rest:
        first = combined_plain(first, one)
    return first


TRANSFORM = Transform(
    name="cross",
    summary="One id for two or three texts or ids together.",
    inputs=(("id", "id"), ("id", "id", "id")),
    output="id",
    run=RowKernel(kernel),
    twin=twin,
)
