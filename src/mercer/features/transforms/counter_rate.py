"""counter_rate: how often one kind of event followed another, drawn towards a prior rate.

(numerator + prior_weight * prior_rate) / (denominator + prior_weight), both counts decayed alike: the
posterior mean of a rate with a beta prior (Gelman et al., Bayesian Data Analysis, 3rd ed., 2.4).
"""

from typing import Any

from mercer.features.counter_params import HALF_LIFE, WHOSE, check_whose, kind_param, n_ids
from mercer.features.param import Param
from mercer.features.transform import CounterOp, Params, Transform


def _count(params: Params) -> str:
    return str(params["kind"])


def _per(params: Params) -> str:
    return str(params["per"])


def _prior(params: Params) -> tuple[float, float]:
    weight = float(params["prior_weight"])
    return weight * float(params["prior_rate"]), weight


def twin(count: float, per: float, *, params: Params, **_: Any) -> float:
    """The same of two counts."""
    weight, rate = float(params["prior_weight"]), float(params["prior_rate"])
    return (count + weight * rate) / (per + weight)


TRANSFORM = Transform(
    name="counter_rate",
    summary="How often one kind of event followed another, drawn towards a prior rate.",
    inputs=(("id",), ("id", "id")),
    output="number",
    run=CounterOp(_count, _per, _prior),
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
