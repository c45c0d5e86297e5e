"""identity: a number as it is."""

from typing import Any

import numba as nb

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.transform import RowKernel, Transform


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """A copy of the register."""
    for j in range(outs.size):
        numbers[outs[j], :n] = numbers[inputs[j, 0], :n]


def twin(x: float, **_: Any) -> float:
    """The same of one value."""
    return x


TRANSFORM = Transform(
    name="identity",
    summary="A number as it is.",
    inputs=(("number",),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
)
