"""counter: how often something happened to an entity, older events counting less."""

from typing import Any

from mercer.features.counter_params import HALF_LIFE, WHOSE, check_whose, kind_param, n_ids
from mercer.features.transform import CounterOp, Params, Transform


def _count(params: Params) -> str:
    return str(params["kind"])


def twin(count: float, *, params: Params, **_: Any) -> float:
    """The same of one count."""
    return count


TRANSFORM = Transform(
    name="counter",
    summary="How often something happened to a listing, a query, a pair: an event of age a counts "
    "2^(-a / half-life).",
    inputs=(("id",), ("id", "id")),
    output="number",
    run=CounterOp(_count),
    twin=twin,
    params=(WHOSE, kind_param("kind", "of event"), HALF_LIFE),
    check=check_whose,
    n_inputs=n_ids,
)
