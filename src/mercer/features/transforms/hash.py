"""hash: the 64-bit id of a text, and of each text of a list."""

from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from mercer.features.column import Column, I64s, Ragged, U64s, ragged_of, texts_of
from mercer.features.hash import hash_bytes, hash_text
from mercer.features.row_kernel import packed_rows, sizes_of
from mercer.features.transform import ColumnOp, Params, Transform
from mercer.text.kernel_types import I8S, U1S


@nb.njit(nb.void(I8S, I8S, U1S, nb.u8[::1]), cache=True, nogil=True)
def hash_rows(starts: I64s, stops: I64s, data: Any, out: U64s) -> None:
    """out[i] = hash of text i; 0 where it is missing or empty."""
    for i in range(out.size):
        missing = stops[i] <= starts[i]
        out[i] = np.uint64(0) if missing else hash_bytes(data, starts[i], stops[i])


@nb.njit(nb.void(I8S, I8S, I8S, I8S, U1S, nb.u8[::1]), cache=True, nogil=True)
def hash_lists(
    starts: I64s, stops: I64s, text_starts: I64s, text_stops: I64s, data: Any, out: U64s
) -> None:
    """The hashes of the texts of all lists, one list after the other."""
    at = 0
    for i in range(starts.size):
        for j in range(starts[i], stops[i]):
            missing = text_stops[j] <= text_starts[j]
            out[at] = np.uint64(0) if missing else hash_bytes(data, text_starts[j], text_stops[j])
            at += 1


def _run(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> U64s:
    text = ragged_of(inputs[0])
    out = np.empty(n, np.uint64)
    hash_rows(text.starts, text.stops, text.values, out)
    return out


def _run_all(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> Ragged:
    texts = texts_of(inputs[0])
    strings = texts.strings
    starts, stops = np.empty(n, np.int64), np.empty(n, np.int64)
    packed_rows(texts.starts, texts.stops, starts, stops)
    out = np.empty(sizes_of(texts.starts, texts.stops)[0], np.uint64)
    hash_lists(texts.starts, texts.stops, strings.starts, strings.stops, strings.values, out)
    return Ragged(starts, stops, out)


def twin(text: str | None, **_: Any) -> int:
    """The same of one text."""
    return hash_text(text) if text else 0


def twin_all(texts: Sequence[str | None] | None, **_: Any) -> list[int] | None:
    """The same of one list."""
    return None if texts is None else [twin(text) for text in texts]


TRANSFORMS = (
    Transform(
        name="hash",
        summary="The 64-bit id of a text, for embedding tables, crosses and counters; an empty one has none.",
        inputs=(("text",),),
        output="id",
        run=ColumnOp(_run),
        twin=twin,
    ),
    Transform(
        name="hash_all",
        summary="The 64-bit id of each text of a list, in its order.",
        inputs=(("texts",),),
        output="ids",
        run=ColumnOp(_run_all),
        twin=twin_all,
    ),
)
