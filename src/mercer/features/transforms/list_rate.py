"""list_rate: the highest or the mean target rate of the texts of a list, such as its tags."""

import math
from collections.abc import Sequence

import numba as nb
import numpy as np

from mercer.features.column import Column, F64s, I64s, U64s, ragged_of
from mercer.features.fits import ListCountsFit
from mercer.features.kernel_types import U8S
from mercer.features.lookup import place_of
from mercer.features.param import Param
from mercer.features.rate import RATE_PARAMS, rate_table
from mercer.features.transform import Arrays, ColumnOp, Params, Table, Transform
from mercer.text.kernel_types import F8S, I8S


@nb.njit(nb.void(I8S, I8S, U8S, U8S, F8S, nb.b1, nb.f8[::1]), cache=True, nogil=True)
def look_up(
    starts: I64s, stops: I64s, values: U64s, keys: U64s, rates: F64s, is_mean: bool, out: F64s
) -> None:
    """Of each list; an unknown id has the first rate; NaN where a list has no ids."""
    for i in range(out.size):
        best, total, count = -np.inf, 0.0, 0
        for at in range(starts[i], stops[i]):
            if values[at] == np.uint64(0):
                continue
            place = place_of(keys, 0, keys.size, values[at])
            rate = rates[place] if place >= 0 else rates[0]
            best, total, count = max(best, rate), total + rate, count + 1
        if count == 0:
            out[i] = np.nan
        else:
            out[i] = total / count if is_mean else best


def _run(inputs: Sequence[Column], params: Params, prepared: Table, n: int) -> F64s:
    ids, out = ragged_of(inputs[0]), np.empty(n)
    is_mean = params["of"] == "mean"
    look_up(ids.starts, ids.stops, ids.values, prepared.keys, prepared.values, is_mean, out)
    return out


def twin(ids: Sequence[int] | None, *, params: Params, fitted: Arrays) -> float:
    """The same of one list."""
    table = rate_table(params, fitted)
    rate: dict[int, float] = dict(zip(table.keys.tolist(), table.values.tolist(), strict=True))
    found = [rate.get(one, rate[0]) for one in ids or () if one]
    if not found:
        return math.nan
    total = 0.0
    for one in found:
        total += one
    return float(total / len(found) if params["of"] == "mean" else max(found))


TRANSFORM = Transform(
    name="list_rate",
    summary="The highest or the mean target rate of the texts of a list.",
    inputs=(("ids",),),
    output="number",
    run=ColumnOp(_run, rate_table),
    twin=twin,
    params=(
        *RATE_PARAMS,
        Param(name="of", kind="choice", choices=("max", "mean"), doc="which", default="mean"),
    ),
    fit=ListCountsFit(),
)
