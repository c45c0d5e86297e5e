"""size: how many texts or ids a list has; missing where there is no list."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mercer.features.column import Column, F64s, Texts, ragged_of
from mercer.features.row_kernel import lengths
from mercer.features.transform import ColumnOp, Params, Transform


def _run(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F64s:
    column = inputs[0]
    rows = column if isinstance(column, Texts) else ragged_of(column)
    out = np.empty(n, np.float64)
    lengths(rows.starts, rows.stops, out)
    return out


def twin(ids: Sequence[object] | None, **_: Any) -> float:
    """The same of one list."""
    return math.nan if ids is None else float(len(ids))


TRANSFORM = Transform(
    name="size",
    summary="How many texts, ids or words a list has, repetitions counted.",
    inputs=(("texts",), ("ids",), ("words",)),
    output="number",
    run=ColumnOp(_run),
    twin=twin,
)
