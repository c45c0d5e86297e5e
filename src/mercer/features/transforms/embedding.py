"""embed, vector_code and embedding_cosine: what texts mean, and how near two meanings are."""

from collections.abc import Sequence
from typing import Any, Final, final

import numpy as np

from mercer.features.column import Column, F32s, F64s, I8Table, codes_of, ragged_of, vectors_of
from mercer.features.param import Param
from mercer.features.text.codes import (
    code_cosine,
    code_cosine_plain,
    encode,
    encode_plain,
)
from mercer.features.text.embed import embed, embed_plain
from mercer.features.transform import STATE_OF, Arrays, ColumnOp, Fit, Params, Transform
from mercer.schema.errors import FeatureError
from mercer.text.encoder import CatalogueEncoder


@final
class GivenEncoder:
    """Nothing is learnt from rows: `text.embed.with_encoder` puts the encoder into the state."""

    is_exact = True
    bound = "exact"

    def empty(self, params: Params) -> Arrays:
        """No encoder."""
        return {}

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """The same."""
        return state

    def merge(self, a: Arrays, b: Arrays, params: Params) -> Arrays:
        """Whichever has an encoder.

        Raises:
            FeatureError: they have different ones.
        """
        if a and b:
            hashes = [CatalogueEncoder.from_arrays(one).content_hash()[:12] for one in (a, b)]
            if hashes[0] != hashes[1]:
                raise FeatureError(
                    f"fitted states: encoders {hashes[0]} and {hashes[1]} cannot be merged; "
                    "give both parts the same one"
                )
        return a or b


GIVEN_ENCODER: Final[Fit] = GivenEncoder()

ENCODER_OF: Final = Param(
    name=STATE_OF,
    kind="text",
    doc="the feature whose encoder is used; empty: its own",
    default="",
)


def _encoder(params: Params, fitted: Arrays) -> CatalogueEncoder | None:
    return CatalogueEncoder.from_arrays(fitted) if fitted else None


def _embed(
    inputs: Sequence[Column], params: Params, prepared: CatalogueEncoder | None, n: int
) -> F32s:
    if prepared is None:
        return np.full((n, 1), np.nan, np.float32)
    text = ragged_of(inputs[0])
    return embed(prepared, text.starts, text.stops, text.values)


def embed_twin(text: str | None, *, params: Params, fitted: Arrays) -> list[float]:
    """The same of one text: its words' vectors added up."""
    encoder = _encoder(params, fitted)
    if encoder is None or text is None:
        return [float("nan")] * (1 if encoder is None else encoder.dim)
    return embed_plain(encoder, text)


def _code(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> I8Table:
    vectors = np.ascontiguousarray(vectors_of(inputs[0]))
    out = np.empty(vectors.shape, np.int8)
    encode(vectors, out)
    return out


def code_twin(vector: Sequence[float], **_: Any) -> list[int]:
    """The same of one vector."""
    return encode_plain(vector)


def _cosine(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F64s:
    left, right = codes_of(inputs[0]), codes_of(inputs[1])
    if left.shape[1] != right.shape[1]:
        raise FeatureError(
            f"embedding_cosine: vectors of {left.shape[1]} and {right.shape[1]} dimensions; "
            "both must come from the same encoder"
        )
    out = np.empty(n, np.float64)
    code_cosine(np.ascontiguousarray(left), np.ascontiguousarray(right), out)
    return out


def cosine_twin(left: Sequence[int], right: Sequence[int], **_: Any) -> float:
    """The same of one pair."""
    return code_cosine_plain(left, right)


TRANSFORMS = (
    Transform(
        name="embed",
        summary="A text as a vector of length 1, by the encoder that the set was fitted with; zeros "
        "where no word is known.",
        inputs=(("text",),),
        output="vector",
        run=ColumnOp(_embed, prepare=_encoder),
        twin=embed_twin,
        params=(ENCODER_OF,),
        fit=GIVEN_ENCODER,
    ),
    Transform(
        name="vector_code",
        summary="A vector in 8 bits: a quarter of the memory, and sums that are exact.",
        inputs=(("vector",),),
        output="code",
        run=ColumnOp(_code),
        twin=code_twin,
    ),
    Transform(
        name="embedding_cosine",
        summary="Cosine of two vectors in 8 bits, in [-1, 1]; missing where one has no meaning.",
        inputs=(("code", "code"),),
        output="number",
        run=ColumnOp(_cosine),
        twin=cosine_twin,
    ),
)
