"""Embeddings as features: by an encoder in the fitted state, in codes whose cosine is exact."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mercer.features.declare import Feature, FeatureSet
from mercer.features.fit import fit
from mercer.features.plan import Candidates, Plan, compile_plan
from mercer.features.state import FittedState
from mercer.features.text.codes import code_cosine, code_cosine_plain, encode, encode_plain
from mercer.features.text.embed import embed, embed_plain, with_encoder
from mercer.features.transforms.embedding import GIVEN_ENCODER
from mercer.schema.errors import FeatureError
from mercer.text.analyze import Tokeniser
from mercer.text.encoder import CatalogueEncoder
from mercer.text.encoder_fit import FitParams, fit_encoder

WORDS = ["oak", "table", "tables", "mug", "1/2", "café", "brass", "lampshade", "木"]
TITLES = [" ".join(np.random.default_rng(i).choice(WORDS, 4)) for i in range(40)]
SET = FeatureSet(
    name="meaning",
    features=(
        Feature(
            name="title_vector", entity="listing", transform="embed", inputs=("listing.title",),
            is_output=False,
        ),
        Feature(
            name="query_vector", entity="query", transform="embed", inputs=("query.q",),
            params={"state_of": "title_vector"}, is_output=False,
        ),
        Feature(
            name="meaning", entity="pair", transform="embedding_cosine",
            inputs=("query_vector", "title_vector"),
        ),
    ),
)  # fmt: skip


def encoder_of(titles: list[str]) -> CatalogueEncoder:
    tokeniser = Tokeniser()
    tokens = {"title": tokeniser.run(titles)}
    return fit_encoder(tokens, tokeniser.vocabulary(), params=FitParams(dim=8, gram_table_rows=256))


@pytest.fixture(scope="module")
def encoder() -> CatalogueEncoder:
    return encoder_of(TITLES)


def rows_of(titles: list[str | None], query: str) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "query.q": pa.array([query] * len(titles), pa.string()),
            "listing.title": pa.array(titles, pa.string()),
        }
    )


def plan_of(encoder: CatalogueEncoder) -> Plan:
    state = fit(SET, lambda: [rows_of(["oak mug"], "mug")])
    return compile_plan(SET, with_encoder(state, "title_vector", encoder))


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.lists(st.sampled_from([*WORDS, "it's", "Mug"])).map(" ".join), max_size=6))
def test_a_text_is_embedded_as_its_twin_says(encoder: CatalogueEncoder, texts: list[str]) -> None:
    """Whatever stands beside it in the batch: bit for bit what plain numpy adds up for it alone."""
    data = np.frombuffer("".join(texts).encode(), np.uint8)
    sizes = np.array([len(text.encode()) for text in texts], np.int64)
    stops = np.cumsum(sizes)
    got = embed(encoder, stops - sizes, stops, data)
    assert got.tolist() == [embed_plain(encoder, text) for text in texts]


@given(
    st.lists(
        st.tuples(*[st.lists(st.floats(-1e9, 1e9, width=32), min_size=3, max_size=3)] * 2),
        max_size=6,
    )
)
def test_codes_are_their_twins(pairs: list[tuple[list[float], list[float]]]) -> None:
    """Rounding to 8 bits and the cosine in whole numbers, by kernel and by hand."""
    sides = []
    for side in (0, 1):
        vectors = np.array([pair[side] for pair in pairs], np.float32).reshape(-1, 3)
        codes = np.empty(vectors.shape, np.int8)
        encode(vectors, codes)
        assert codes.tolist() == [encode_plain(vector) for vector in vectors.tolist()]
        sides.append(codes)
    out: NDArray[np.float64] = np.empty(len(pairs))
    code_cosine(*sides, out)
    want = [code_cosine_plain(a, b) for a, b in zip(*(s.tolist() for s in sides), strict=True)]
    np.testing.assert_array_equal(out, want)


def test_a_request_and_a_batch_mean_the_same(encoder: CatalogueEncoder) -> None:
    """From codes kept per listing, after the state was saved and read, the bits of flat rows."""
    plan = plan_of(encoder)
    again = compile_plan(SET, FittedState.from_bytes(plan.state.to_bytes()))
    titles = ["oak table", None, "", "brass lampshade café", "oak table"]
    batch = rows_of(titles, "tables of oak")
    whole = plan.run(batch, now_ms=0)
    assert whole.dense[0, 0] > 0.5
    assert np.isnan(whole.dense[1:3, 0]).all()
    asked = again.run_request(
        {"query.q": "tables of oak"},
        Candidates(
            listings=[again.listing_columns(batch.select(["listing.title"]))],
            part=np.zeros(5, np.int32),
            rows=np.arange(5),
        ),
        now_ms=0,
    )
    assert asked.dense.tobytes() == whole.dense.tobytes()
    assert again.hash == plan.hash


def test_two_encoders_do_not_merge(encoder: CatalogueEncoder) -> None:
    """The same one is itself; another one is refused by its hash."""
    arrays, other = encoder.to_arrays(), encoder_of(TITLES[:10]).to_arrays()
    assert GIVEN_ENCODER.merge(arrays, {}, {}) is arrays
    assert GIVEN_ENCODER.merge(arrays, arrays, {}) is arrays
    with pytest.raises(FeatureError, match=encoder.content_hash()[:12]):
        GIVEN_ENCODER.merge(arrays, other, {})


def test_vectors_of_two_widths_are_refused() -> None:
    """With both numbers in the sentence."""
    columns = {"query.v": "vector", "listing.v": "vector"}
    feature = Feature(
        name="f", entity="pair", transform="embedding_cosine", inputs=("query.v", "listing.v")
    )
    plan = compile_plan(FeatureSet(name="two", features=(feature,), columns=columns))
    batch = pa.record_batch(
        {
            "query.v": pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)),
            "listing.v": pa.array([[1.0, 2.0, 3.0]], pa.list_(pa.float32(), 3)),
        }
    )
    with pytest.raises(FeatureError, match="2 and 3 dimensions"):
        plan.run(batch, now_ms=0)
