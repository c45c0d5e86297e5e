"""hash_vector and vector_item: the hashing trick, and one place of a vector as a feature."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mercer.features.column import Column, F32s, F64s, ragged_of, vectors_of
from mercer.features.param import Param
from mercer.features.text.hashing import hash_vector_plain, hash_vectors
from mercer.features.transform import ColumnOp, Params, Transform


def _vectors(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F32s:
    words = ragged_of(inputs[0])
    return hash_vectors(
        words.starts, words.stops, words.values, width=params["width"],
        is_signed=params["signed"], is_unit=params["unit"],
    )  # fmt: skip


def vector_twin(words: Sequence[int] | None, *, params: Params, **_: Any) -> list[float]:
    """The same of one list."""
    if words is None:
        return [float("nan")] * int(params["width"])
    return hash_vector_plain(
        words, width=params["width"], is_signed=params["signed"], is_unit=params["unit"]
    )


def _item(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F64s:
    vectors, place = vectors_of(inputs[0]), params["place"]
    if place >= vectors.shape[1]:
        return np.full(n, np.nan)
    return vectors[:, place].astype(np.float64)


def item_twin(vector: Sequence[float], *, params: Params, **_: Any) -> float:
    """The same of one vector."""
    return vector[params["place"]] if params["place"] < len(vector) else float("nan")


TRANSFORMS = (
    Transform(
        name="hash_vector",
        summary="Words or n-grams added up in a fixed number of places by their hash (the hashing "
        "trick).",
        inputs=(("words",),),
        output="vector",
        run=ColumnOp(_vectors),
        twin=vector_twin,
        params=(
            Param(name="width", kind="integer", doc="places", default=64, low=1, high=65_536),
            Param(
                name="signed",
                kind="flag",
                doc="a word counts as 1 or -1 by its hash, so that what meets in a place cancels out",
                default=True,
            ),
            Param(name="unit", kind="flag", doc="scale to length 1", default=True),
        ),
    ),
    Transform(
        name="vector_item",
        summary="One place of a vector, from 0; missing where the vector is shorter.",
        inputs=(("vector",),),
        output="number",
        run=ColumnOp(_item),
        twin=item_twin,
        params=(Param(name="place", kind="integer", doc="which", low=0, high=65_535),),
    ),
)
