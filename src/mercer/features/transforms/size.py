"""size: how many texts or ids a list has; missing where there is no list."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mercer.features.column import Column, F64s, ragged_of
from mercer.features.transform import ColumnOp, Params, Transform


def _run(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F64s:
    ids = ragged_of(inputs[0])
    length = (ids.stops - ids.starts).astype(np.float64)
    return np.where(length < 0, np.nan, length)


def twin(ids: Sequence[int] | None, **_: Any) -> float:
    """The same of one list."""
    return math.nan if ids is None else float(len(ids))


TRANSFORM = Transform(
    name="size",
    summary="How many texts or ids a list has.",
    inputs=(("ids",),),
    output="number",
    run=ColumnOp(_run),
    twin=twin,
)
