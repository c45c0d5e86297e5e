"""The catalogue encoder: what its vectors mean, what it keeps, what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mercer.schema.errors import ConfigError, CorruptError, InputError
from mercer.text.analyze import Tokeniser, Tokens
from mercer.text.encoder import CatalogueEncoder
from mercer.text.encoder_fit import FitParams, fit_encoder

TITLES = [
    *(f"{a} {b} lamp" for a in ("brass", "copper", "glass") for b in ("desk", "floor", "wall")),
    *(f"{a} coffee mug {b}" for a in ("ceramic", "enamel", "glass") for b in ("blue", "red")),
    *(f"wool {a} sweater {b}" for a in ("knitted", "warm") for b in ("women", "men", "kids")),
]


@pytest.fixture(scope="module")
def catalogue() -> tuple[dict[str, Tokens], list[str]]:
    tokeniser = Tokeniser()
    tokens = {"title": tokeniser.run(TITLES), "description": tokeniser.run(TITLES[::-1])}
    tokens["description"] = tokeniser.run([""] * len(TITLES))
    return tokens, tokeniser.vocabulary()


@pytest.fixture(scope="module")
def encoder(catalogue: tuple[dict[str, Tokens], list[str]]) -> CatalogueEncoder:
    return fit_encoder(*catalogue, params=FitParams(dim=8, gram_table_rows=4096))


@pytest.fixture(scope="module")
def vectors(encoder: CatalogueEncoder, catalogue: Any) -> Any:
    return encoder.encode_listings(pa.table({"t": TITLES}), *catalogue)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [("lamp", "lamp"), ("mugs", "mug"), ("sweter", "sweater"), ("cofee", "mug"), ("lampp", "lamp")],
)
def test_query_finds_what_it_means(
    encoder: CatalogueEncoder, vectors: Any, query: str, wanted: str
) -> None:
    """Plurals and misspelt words find the listings of the word that was meant."""
    scores = vectors @ encoder.encode_query(query, [query])
    assert wanted in TITLES[int(scores.argmax())]


def test_weight_of_a_word_counts(encoder: CatalogueEncoder) -> None:
    """A word without weight says nothing; doubling all weights changes nothing."""
    both = encoder.encode_query("", ["lamp", "mug"])
    lamp = encoder.encode_query("", ["lamp"])
    np.testing.assert_allclose(encoder.encode_query("", ["lamp", "mug"], [1, 0]), lamp, atol=1e-6)
    np.testing.assert_allclose(encoder.encode_query("", ["lamp", "mug"], [2, 2]), both, atol=1e-6)
    assert encoder.encode_query("", ["lamp", "mug"], [3, 1]) @ lamp > both @ lamp


def test_query_of_no_words_is_zeros(encoder: CatalogueEncoder) -> None:
    """Nothing said, nothing meant."""
    assert encoder.encode_query("...", []).tolist() == [0.0] * 8


def test_weights_must_fit_the_words(encoder: CatalogueEncoder) -> None:
    """One weight per word."""
    with pytest.raises(InputError, match="1 weights for 2 words"):
        encoder.encode_query("", ["lamp", "mug"], [1.0])


def test_tokens_of_other_listings_are_refused(encoder: CatalogueEncoder, catalogue: Any) -> None:
    """Tokens and listings have to be of the same rows."""
    with pytest.raises(InputError, match="words of 21 listings, must be those of the same 3"):
        encoder.encode_listings(pa.table({"t": TITLES[:3]}), *catalogue)


def test_saved_and_mapped_encoder_is_the_same(
    encoder: CatalogueEncoder, vectors: Any, catalogue: Any, tmp_path: Path
) -> None:
    """Arrays written as .npy and memory-mapped give the same bits and the same hash."""
    for name, array in encoder.to_arrays().items():
        np.save(tmp_path / f"{name}.npy", array, allow_pickle=False)
    mapped = {
        path.stem: np.load(path, mmap_mode="r", allow_pickle=False)
        for path in tmp_path.glob("*.npy")
    }
    again = CatalogueEncoder.from_arrays(mapped)
    assert again.content_hash() == encoder.content_hash()
    got = again.encode_listings(pa.table({"t": TITLES}), *catalogue)
    assert got.tobytes() == vectors.tobytes()


def test_another_encoder_has_another_hash(encoder: CatalogueEncoder, catalogue: Any) -> None:
    """One number that differs shows in the hash."""
    params = FitParams(dim=8, gram_table_rows=4096)
    assert fit_encoder(*catalogue, params=params).content_hash() == encoder.content_hash()
    arrays = encoder.to_arrays()
    arrays["field_weight"] = arrays["field_weight"] * np.float32(1.001)
    assert CatalogueEncoder.from_arrays(arrays).content_hash() != encoder.content_hash()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: a.pop("stem_scale"), "stem_scale"),
        (lambda a: a.update(stem_ends=a["stem_ends"] + 1), "stems end at"),
        (lambda a: a.update(stem_ends=a["stem_ends"][::-1].copy()), "stems end at"),
        (lambda a: a.update(stem_ends=a["stem_ends"].astype(np.int32)), "stem_ends is int32"),
        (lambda a: a.update(gram_vectors=a["gram_vectors"][:-1]), "4095 rows"),
        (lambda a: a.update(gram_scale=a["gram_scale"][:-1]), "4095 scales"),
        (lambda a: a.update(gram_vectors=a["gram_vectors"][:, :-1].copy()), "in dimensions"),
        (lambda a: a.update(stem_scale=a["stem_scale"][:-1]), "scales"),
        (lambda a: a.update(gram_sizes=np.array([5, 3])), "n-grams of [5, 3] characters"),
        (lambda a: a.update(field_weight=a["field_weight"][:-1]), "fields and their weights"),
    ],
)
def test_damaged_arrays_are_refused(encoder: CatalogueEncoder, change: Any, says: str) -> None:
    """No kernel runs over arrays that do not fit together; the message says how to rebuild."""
    arrays = encoder.to_arrays()
    change(arrays)
    with pytest.raises(CorruptError) as caught:
        CatalogueEncoder.from_arrays(arrays)
    assert says in str(caught.value)
    assert "mercer index" in str(caught.value)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"dim": 0}, "dim must lie in 1..4096, got 0"),
        ({"field_weight": {}}, "field_weight"),
        ({"field_weight": {"title": 0.0}}, "field_weight"),
        ({"gram_weight": -1.0}, "gram_weight must be >= 0"),
        ({"shortest_gram": 6}, "got 6..5"),
        ({"whitening": 1.5}, "whitening must lie in 0..1"),
        ({"gram_table_rows": 1000}, "power of two"),
        ({"iterations": 0}, "must be >= 1"),
    ],
)
def test_parameters_out_of_range_are_config_errors(params: dict[str, Any], says: str) -> None:
    """Each fault is named with what is allowed."""
    with pytest.raises(ConfigError) as caught:
        FitParams(**params)
    assert says in str(caught.value)


def test_nothing_to_fit_on_is_an_input_error() -> None:
    """Fields that have no weight teach nothing."""
    with pytest.raises(InputError, match="title"):
        fit_encoder({"other": Tokeniser().run(["a"])}, ["a"])


def test_caps_bound_what_is_kept(catalogue: Any) -> None:
    """Stems over the cap go, the rarest first; a sample is taken of many listings."""
    params = FitParams(dim=4, max_stems=3, gram_table_rows=64, max_listings=12, max_words=30)
    small = fit_encoder(*catalogue, params=params)
    arrays = small.to_arrays()
    assert arrays["stem_vectors"].shape == (3, 4)
    assert arrays["gram_vectors"].shape == (64, 4)
    stems = bytes(arrays["stem_bytes"]).decode()
    assert any(common in stems for common in ("lamp", "mug", "sweater"))
    again = fit_encoder(*catalogue, params=params)
    assert again.content_hash() == small.content_hash()
    assert fit_encoder(*catalogue, params=params, seed=5).content_hash() != small.content_hash()
