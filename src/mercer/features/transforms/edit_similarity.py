"""edit_similarity: how alike two texts are, letter by letter."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mercer.features.column import Column, F64s, ragged_of
from mercer.features.param import Param
from mercer.features.text.edit import edit_similarity, edit_similarity_plain
from mercer.features.transform import ColumnOp, Params, Transform

_WITHIN = "within"


def _run(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F64s:
    left, right = ragged_of(inputs[0]), ragged_of(inputs[1])
    out = np.empty(n, np.float64)
    edit_similarity(
        left.starts, left.stops, left.values, right.starts, right.stops, right.values,
        params["compared"] == _WITHIN, out,
    )  # fmt: skip
    return out


def twin(left: str | None, right: str | None, *, params: Params, **_: Any) -> float:
    """The same of one pair."""
    return edit_similarity_plain(left, right, is_within=params["compared"] == _WITHIN)


TRANSFORM = Transform(
    name="edit_similarity",
    summary="1 - edits / length of the first 256 bytes of one text and 1,024 of the other, in [0, 1].",
    inputs=(("folded", "folded"),),
    output="number",
    run=ColumnOp(_run),
    twin=twin,
    params=(
        Param(
            name="compared",
            kind="choice",
            doc="within: the first text with the part of the second that fits it best; whole: all",
            default=_WITHIN,
            choices=(_WITHIN, "whole"),
        ),
    ),
)
