"""vocabulary: the place of a text among the fitted ones, most frequent first, from 1; 0 unknown."""

import numpy as np

from mercer.features.fits import KeyCountsFit
from mercer.features.key_table import look_up_key, plain_look_up_key
from mercer.features.param import Param
from mercer.features.transform import Arrays, Params, RowKernel, Table, Transform


def twin(key: int, *, params: Params, fitted: Arrays) -> float:
    """The same of one value."""
    return plain_look_up_key(key, table(params, fitted))


def table(params: Params, fitted: Arrays) -> Table:
    """The most frequent keys; of equal counts the lower key is first."""
    keys, counts = fitted["keys"], fitted["counts"]
    order = np.lexsort((keys, -counts))
    order = order[counts[order] >= params["min_count"]][: params["max_size"]]
    places = np.arange(1.0, order.size + 1.0)
    by_key = np.argsort(keys[order])
    return Table(keys[order][by_key], places[by_key])


TRANSFORM = Transform(
    name="vocabulary",
    summary="The place of a text or id among the fitted ones, most frequent first; 0 is unknown.",
    inputs=(("id",),),
    output="number",
    run=RowKernel(look_up_key, table),
    twin=twin,
    params=(
        Param(name="min_count", kind="integer", doc="seen at least so often", default=1, low=1),
        Param(name="max_size", kind="integer", doc="at most so many", default=1_000_000, low=1),
    ),
    fit=KeyCountsFit(),
)
