"""The trained encoder: vectors of length 1 whose products order listings as its score does."""

import numpy as np
import pyarrow as pa
import pytest

from mercer.retrieve.tower import MOST_WORDS, REACH, TowerEncoder, packed_words
from mercer.retrieve.tower_signals import SIGNALS, listing_signals
from mercer.schema.errors import CorruptError
from mercer.text.analyze import Tokeniser
from mercer.text.encoder import CatalogueEncoder
from mercer.text.encoder_fit import FitParams, fit_encoder
from mercer.text.listing_text import listing_tokens
from support.listing_rows import listing_rows
from support.market_kit import items


def parts() -> tuple[pa.RecordBatch, dict, list[str]]:
    rows = listing_rows(*items(60))
    tokeniser = Tokeniser()
    tokens = listing_tokens(rows, tokeniser)
    return rows, dict(tokens), list(tokeniser.vocabulary())


def towers(base: CatalogueEncoder, *, seed: int = 0) -> TowerEncoder:
    rng = np.random.default_rng(seed)
    words = ["blue", "mug", "nowhere"]
    return TowerEncoder(
        base,
        {
            "name": np.array(["towers"]),
            "words": packed_words(words),
            "gain": np.exp(rng.normal(size=3)).astype(np.float32),
            "shift": rng.normal(size=(3, base.dim)).astype(np.float32),
            "sharpness": np.array([7.0]),
            "reach": rng.uniform(1, 4, MOST_WORDS),
            "signal_mean": rng.normal(size=len(SIGNALS)),
            "signal_scale": rng.uniform(0.5, 2, len(SIGNALS)),
            "signal_weight": rng.normal(size=len(SIGNALS)),
            "limit": np.array([2.0]),
            "currency": np.array(["USD"]),
        },
    )


@pytest.fixture(scope="module")
def base() -> CatalogueEncoder:
    _, tokens, vocabulary = parts()
    return fit_encoder(tokens, vocabulary, params=FitParams(dim=8, gram_table_rows=256))


def test_products_order_listings_as_the_score_does(base: CatalogueEncoder) -> None:
    """The product of two vectors is the score over two lengths: sharpness * cosine + reach * bias."""
    rows, tokens, vocabulary = parts()
    encoder, words = towers(base), ["blue", "mug", "oak"]
    vectors = encoder.encode_listings(rows, tokens, vocabulary)
    asked = encoder.encode_query("", words)
    arrays = encoder.to_arrays()
    word = base.word_vectors(words).astype(float)
    word[:2] = (word[:2] + arrays["tower_shift"][:2]) * arrays["tower_gain"][:2, None]
    query = word.sum(axis=0) / np.linalg.norm(word.sum(axis=0))
    reach = arrays["tower_reach"][2]
    bias = encoder.bias.of(rows)
    assert np.abs(bias).max() == REACH
    score = 7.0 * base.encode_listings(rows, tokens, vocabulary) @ query + reach * bias
    lengths = np.hypot(7.0, reach) * np.sqrt(1 + REACH**2)
    np.testing.assert_allclose(vectors @ asked, score / lengths, atol=1e-5)


def test_vectors_have_length_one_or_are_zeros(base: CatalogueEncoder) -> None:
    """Every vector is of length 1, or all zeros where nothing is known."""
    rows, tokens, vocabulary = parts()
    encoder = towers(base)
    vectors = encoder.encode_listings(rows, tokens, vocabulary)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert not encoder.extended(np.zeros((2, base.dim), np.float32), np.zeros(2)).any()
    for words in (["mug"], ["mug"] * 9, ["nowhere", "zzzz"]):
        length = np.linalg.norm(encoder.encode_query("", words))
        assert length == pytest.approx(1.0, abs=1e-5)
    assert not encoder.encode_query("", []).any()
    assert encoder.dim % 4 == 0


def test_one_is_as_many(base: CatalogueEncoder) -> None:
    """A listing's vector does not depend on its neighbours, bit for bit."""
    rows, tokens, vocabulary = parts()
    encoder = towers(base)
    many = encoder.encode_listings(rows, tokens, vocabulary)
    for i in (0, 7, 59):
        one = rows.slice(i, 1)
        tokeniser = Tokeniser()
        alone = encoder.encode_listings(one, listing_tokens(one, tokeniser), tokeniser.vocabulary())
        assert (alone[0] == many[i]).all()


def test_it_comes_back_as_it_was(base: CatalogueEncoder) -> None:
    """Saved and read again it gives the same bits; its name is no part of its content."""
    encoder = towers(base)
    again = TowerEncoder.from_arrays(encoder.to_arrays()).named("other")
    assert again.content_hash() == encoder.content_hash()
    assert (again.encode_query("", ["blue", "x"]) == encoder.encode_query("", ["blue", "x"])).all()
    assert again.name == "other"
    assert towers(base, seed=1).content_hash() != encoder.content_hash()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("gain", np.ones(2, np.float32), "2 gains"),
        ("reach", np.ones(3), "numbers of words"),
        ("limit", np.zeros(1), "above 0"),
        ("shift", np.full((3, 8), np.nan, np.float32), "not finite"),
        ("signal_mean", np.zeros(2), "signals"),
        ("sharpness", np.ones(1, np.float32), "float32"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    base: CatalogueEncoder, name: str, value: np.ndarray, said: str
) -> None:
    """A sentence names what does not fit, before any vector is made."""
    arrays = towers(base).to_arrays() | {f"tower_{name}": value}
    with pytest.raises(CorruptError, match=said):
        TowerEncoder.from_arrays(arrays)


def test_a_price_in_another_currency_is_unknown() -> None:
    """Without rates, only prices in the model's currency are compared."""
    rows = listing_rows(
        {"listing_id": "a", "price": 5}, {"listing_id": "b", "price": 5, "currency": "JPY"},
        {"listing_id": "c"},
    )  # fmt: skip
    price = listing_signals(rows, currency="USD")[:, SIGNALS.index("price")]
    assert price[0] == pytest.approx(np.log1p(5.0))
    assert np.isnan(price[1:]).all()
