"""Labels from clicks without the favour of their places: inverse propensity weights, clipped."""

from dataclasses import replace

import numpy as np

from mercer.metrics.ragged import Floats, Ints, sorted_descending
from mercer.metrics.ranking import dcg_at_k
from mercer.rank.examination import Examination
from mercer.rank.training_set import TrainingSet


def weight_of(position: Ints, seen: Examination, *, max_weight: float) -> Floats:
    """(n,) 1 / chance of a look, at most `max_weight`; places below the curve have its last chance.

    Clipping trades a little bias (deep clicks count too little) for a bounded variance.

    Args:
        position: (n,) from 1.
        seen: the curve.
        max_weight: >= 1.
    """
    if max_weight < 1:
        raise ValueError(f"max_weight must be at least 1, got {max_weight}")
    place = np.minimum(position, len(seen.chance)) - 1
    out: Floats = np.minimum(1.0 / np.maximum(seen.chance[place], 1e-12), max_weight)
    return out


def debiased(
    data: TrainingSet, seen: Examination, *, k: int, max_weight: float = 20.0
) -> TrainingSet:
    """The same lists with each gain over the chance that its place was looked at.

    The mean of a gain no longer depends on where its listing stood. Lists then differ in how much they
    can gain, and nDCG would divide that out, so that a click far down would count no more than one at
    the top: therefore each list weighs its ideal DCG, and the weighted mean of nDCG is one of DCG.

    Args:
        data: with the position of each row.
        seen: the curve.
        k: of the DCG that is learned and measured.
        max_weight: clips the weights.
    Source:
        Joachims et al. 2017, doi:10.1145/3018661.3018699, equation 4; Agarwal et al. 2019,
        doi:10.1145/3331184.3331202 (additive metrics such as DCG).
    """
    gain = data.gain * weight_of(data.position, seen, max_weight=max_weight)
    return weighted(replace(data, gain=gain), k=k)


def weighted(data: TrainingSet, *, k: int) -> TrainingSet:
    """The same lists, each with its ideal DCG as its weight, over the mean of those that have one."""
    ideal = dcg_at_k(sorted_descending(data.gain, data.offsets), data.offsets, k=k)
    has_gain = ideal > 0
    mean = float(ideal[has_gain].mean()) if has_gain.any() else 1.0
    return replace(data, weight=ideal / mean)
