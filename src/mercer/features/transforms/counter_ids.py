"""query_id and price_band: ids by which events are counted, from what features read."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mercer.events.traffic import normalised
from mercer.features.column import Column, U64s, numbers_of, ragged_of
from mercer.features.counter_keys import price_bands
from mercer.features.hash import hash_text
from mercer.features.transform import ColumnOp, Params, Transform


def _query_id(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> U64s:
    """Query by query: there is one in a request, and one for many rows in a batch."""
    text = ragged_of(inputs[0])
    spans = list(zip(text.starts.tolist(), text.stops.tolist(), strict=True))
    data = text.values.tobytes() if spans else b""
    known = {span: _id_of(data[span[0] : span[1]]) for span in set(spans) if span[1] > span[0]}
    return np.array([known.get(span, 0) for span in spans], np.uint64)


def _id_of(q: bytes) -> int:
    text = normalised(q.decode("utf-8", "replace"))
    return hash_text(text) if text else 0


def query_id_twin(q: str | None, **_: Any) -> int:
    """The same of one query."""
    text = normalised(q or "")
    return hash_text(text) if text else 0


def _price_band(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> U64s:
    return price_bands(numbers_of(inputs[0]))


def price_band_twin(price_micros: float, **_: Any) -> int:
    """The same of one price."""
    if not price_micros >= 0:
        return 0
    band = sum(int(250_000 * 2 ** (i / 2)) <= price_micros for i in range(64))
    return hash_text(f"price_band:{band}")


TRANSFORMS = (
    Transform(
        name="query_id",
        summary="The id by which events of a query are counted: without case, with single spaces.",
        inputs=(("text",),),
        output="id",
        run=ColumnOp(_query_id),
        twin=query_id_twin,
    ),
    Transform(
        name="price_band",
        summary="The id of the price band by which tastes are counted, two to each doubling.",
        inputs=(("number",),),
        output="id",
        run=ColumnOp(_price_band),
        twin=price_band_twin,
    ),
)
