"""Texts as vectors of the encoder that was given to the feature set when it was fitted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mercer.features.column import F32s, I64s
from mercer.features.state import FittedState
from mercer.features.text.cut import U8s, cut
from mercer.text.analyze import Tokeniser, words
from mercer.text.encoder import CatalogueEncoder


def embed(encoder: CatalogueEncoder, starts: I64s, stops: I64s, data: U8s) -> F32s:
    """(n, dim) unit vectors: the sum of the words' vectors, each times the root of its count.

    Zeros where no word is known, NaN where a text is missing. A row's bits depend on that row only.
    """
    folded = cut(starts, stops, data, with_text=True)
    texts = pa.LargeStringArray.from_buffers(
        len(starts), pa.py_buffer(folded.text_offsets), pa.py_buffer(folded.text)
    )
    tokeniser = Tokeniser()
    tokens = tokeniser.run(texts)
    rows = pa.table({"row": np.arange(len(starts))})
    field = str(encoder.to_arrays()["field_names"][0])  # its weight is the same for all words
    vectors = encoder.encode_listings(rows, {field: tokens}, tokeniser.vocabulary())
    vectors[stops < starts] = np.nan
    return vectors


def embed_plain(encoder: CatalogueEncoder, text: str) -> list[float]:
    """The twin of `embed`, for one text."""
    counts = Counter(words(text))
    total = np.zeros(encoder.dim, np.float32)
    weight = np.float32(encoder.to_arrays()["field_weight"][0])
    for vector, count in zip(encoder.word_vectors(list(counts)), counts.values(), strict=True):
        added = np.float32(0.0)
        for _ in range(count):
            added += weight
        total += np.sqrt(added) * vector
    squares = 0.0
    for value in total.tolist():
        squares += value * value
    scale = np.float32(1.0 / np.sqrt(squares)) if squares > 0.0 else np.float32(1.0)
    return [float(value * scale) for value in total]


def with_encoder(state: FittedState, feature: str, encoder: CatalogueEncoder) -> FittedState:
    """The fitted state of a set whose feature `feature` (transform `embed`) has this encoder.

    An encoder is not fitted from rows with the rest: it is the index's, as it was at that moment, and
    stays what it is until the set is fitted again.
    """
    arrays: Mapping[str, NDArray[np.generic]] = encoder.to_arrays()
    return replace(state, arrays={**state.arrays, feature: arrays})
