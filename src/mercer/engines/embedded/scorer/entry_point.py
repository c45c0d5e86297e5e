"""A ranker that a Python package of another team brings.

The package names a factory in the entry-point group `mercer.scorers`; a model file of kind `python`
is that name in its first line, and after it whatever bytes the factory wants. Only names that an
installed package declares are ever imported.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Final, final

import numpy as np

from mercer.rank.scorer import F32s, F64s, Scorer, require_matrix
from mercer.schema.errors import InputError

GROUP: Final = "mercer.scorers"


@final
class EntryPointScorer:
    """What a factory made, held to the contract of a `Scorer`.

    The model sees the matrix read-only; what it returns may be any array of n numbers.
    """

    def __init__(self, model: Any, features: tuple[str, ...]) -> None:
        self.features = features
        self._model = model

    def score(self, matrix: F32s) -> F64s:
        """(n,) scores; whatever the model raises goes to the caller."""
        require_matrix(matrix, n_features=len(self.features), at="Python scores")
        seen = np.ascontiguousarray(matrix).view()
        seen.flags.writeable = False
        scores = np.asarray(self._model.score(seen), np.float64)
        if scores.shape != (len(matrix),):
            raise ValueError(f"it gave scores of shape {scores.shape}, not ({len(matrix)},)")
        return scores


def read_entry_point(
    data: bytes, features: tuple[str, ...], at: str, *, factories: Callable[..., Any] = entry_points
) -> Scorer:
    """The scorer that a model file of kind `python` names.

    Args:
        data: a name in the group `mercer.scorers`, a line feed, and the factory's argument.
        features: the columns that it has to be made for; its own `features` must equal them.
        factories: (group) -> the entry points of installed packages.
    Raises:
        InputError: no such name, it cannot be imported, or it wants other features.
    """
    first, _, rest = data.partition(b"\n")
    name = first.decode("utf-8", "replace").strip()
    found = {one.name: one for one in factories(group=GROUP)}
    if name not in found:
        there = ", ".join(sorted(found)) or "none"
        raise InputError(
            f"{at}: no installed package declares {name!r} in the entry points {GROUP}; "
            f"declared are: {there}; install the package that brings it"
        )
    try:
        model = found[name].load()(rest)
        declared = tuple(str(one) for one in model.features)
    except Exception as fault:  # the code of another team may raise anything
        raise InputError(
            f"{at}: {found[name].value} could not be made: {type(fault).__name__}: {fault}"
        ) from fault
    if declared != features:
        raise InputError(
            f"{at}: {found[name].value} wants the features {','.join(declared)}, it is to score "
            f"{','.join(features)}"
        )
    return EntryPointScorer(model, features)


_conforms: type[Scorer] = EntryPointScorer
