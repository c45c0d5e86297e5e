"""counter_rate: how often one kind of event followed another, drawn towards a prior rate.

(numerator + prior_weight * prior_rate) / (denominator + prior_weight), both counts decayed alike: the
posterior mean of a rate with a beta prior (Gelman et al., Bayesian Data Analysis, 3rd ed., 2.4).
"""

from collections.abc import Sequence
from typing import Any

from mercer.features.column import F64s
from mercer.features.counter_params import HALF_LIFE, WHOSE, check_whose, kind_param, n_ids
from mercer.features.param import Param
from mercer.features.transform import CounterOp, Params, Transform


def _kinds(params: Params) -> tuple[str, ...]:
    return (params["kind"], params["per"])


def _value(counts: Sequence[F64s], params: Params) -> F64s:
    weight, rate = params["prior_weight"], params["prior_rate"]
    smoothed: F64s = (counts[0] + weight * rate) / (counts[1] + weight)
    return smoothed


def twin(count: float, per: float, *, params: Params, **_: Any) -> float:
    """The same of two counts."""
    weight, rate = float(params["prior_weight"]), float(params["prior_rate"])
    return (count + weight * rate) / (per + weight)


TRANSFORM = Transform(
    name="counter_rate",
    summary="How often one kind of event followed another, drawn towards a prior rate.",
    inputs=(("id",), ("id", "id")),
    output="number",
    run=CounterOp(_kinds, _value),
    twin=twin,
    params=(
        WHOSE,
        kind_param("kind", "of event that is counted"),
        kind_param("per", "of event that it is counted per"),
        HALF_LIFE,
        Param(name="prior_rate", kind="number", doc="of one that has no events", low=0, high=1e6),
        Param(
            name="prior_weight", kind="number", doc="events that the prior counts for",
            default=20.0, low=1e-3, high=1e9,
        ),
    ),
    check=check_whose,
    n_inputs=n_ids,
)  # fmt: skip
