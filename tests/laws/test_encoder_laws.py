"""Laws of the catalogue encoder over random catalogues, and its kernels against plain twins."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mercer.text.analyze import Tokeniser, Tokens, stem
from mercer.text.encoder import CatalogueEncoder
from mercer.text.encoder_fit import FitParams, fit_encoder, sample_rows, take_rows
from mercer.text.encoder_kernel import gram_row, word_points
from mercer.text.encoder_words import weighed_words

SMALL = FitParams(dim=8, gram_table_rows=256)
WORDS = ["oak", "table", "tables", "mug", "1/2", "café", "brass", "lampshade", "木", "x", "y" * 60]
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=30)


def tokenised(*columns: list[str], tokeniser: Tokeniser) -> dict[str, Tokens]:
    names = ("title", "description", "labels", "category")
    return {n: tokeniser.run(c) for n, c in zip(names, columns, strict=False)}


def rows_of(n: int) -> pa.Table:
    return pa.table({"row": np.arange(n)})


def same(a: CatalogueEncoder, b: CatalogueEncoder) -> bool:
    return a.content_hash() == b.content_hash()


@pytest.fixture(scope="module")
def fitted() -> tuple[CatalogueEncoder, Tokeniser]:
    tokeniser = Tokeniser()
    rng = np.random.default_rng(0)
    titles = [" ".join(rng.choice(WORDS, 4)) for _ in range(60)]
    tokens = tokenised(titles, titles[::-1], tokeniser=tokeniser)
    return fit_encoder(tokens, tokeniser.vocabulary(), params=SMALL), tokeniser


@settings(max_examples=30)
@given(titles=texts, seed=st.integers(0, 3))
def test_vectors_are_unit_or_zero(titles: list[str], seed: int) -> None:
    """Any catalogue, an empty one too, gives finite vectors of length 1, or of zeros."""
    tokeniser = Tokeniser()
    tokens = tokenised(titles, tokeniser=tokeniser)
    encoder = fit_encoder(tokens, tokeniser.vocabulary(), params=SMALL, seed=seed)
    vectors = encoder.encode_listings(rows_of(len(titles)), tokens, tokeniser.vocabulary())
    assert vectors.shape == (len(titles), 8)
    assert vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors, axis=1)
    assert all(abs(x - 1) < 1e-5 or x == 0 for x in lengths.tolist())
    assert not vectors[[not t for t in titles]].any()


@settings(max_examples=30)
@given(titles=texts, start=st.integers(0, 30), stop=st.integers(0, 30))
def test_many_is_one(
    fitted: tuple[CatalogueEncoder, Tokeniser], titles: list[str], start: int, stop: int
) -> None:
    """A listing has the same bits in any slice of the batch, under any codes of the words."""
    encoder, tokeniser = fitted
    tokens = tokenised(titles, titles[::-1], tokeniser=tokeniser)
    whole = encoder.encode_listings(rows_of(len(titles)), tokens, tokeniser.vocabulary())
    part = slice(*sorted((start, stop)))
    other = Tokeniser()
    few = tokenised(titles[part], titles[::-1][part], tokeniser=other)
    got = encoder.encode_listings(rows_of(len(titles[part])), few, other.vocabulary())
    assert got.tobytes() == whole[part].tobytes()


@settings(max_examples=15)
@given(titles=texts.filter(any), n_before=st.integers(0, 5))
def test_fit_depends_on_texts_only(titles: list[str], n_before: int) -> None:
    """Other codes, other number of threads, fields in another order: the same bits."""
    first, second = Tokeniser(), Tokeniser()
    second.run([*WORDS[::-1][:n_before], "never in the catalogue"])
    one = tokenised(titles, titles[::-1], tokeniser=first)
    two = dict(reversed(tokenised(titles, titles[::-1], tokeniser=second).items()))
    a = fit_encoder(one, first.vocabulary(), params=SMALL, threads=1)
    b = fit_encoder(two, second.vocabulary(), params=SMALL, threads=3)
    assert same(a, b)


def test_batches_of_many_words_are_whole(
    fitted: tuple[CatalogueEncoder, Tokeniser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts in which a batch of many different words is encoded do not show."""
    encoder, tokeniser = fitted
    tokens = tokenised(WORDS * 3, tokeniser=tokeniser)
    whole = encoder.encode_listings(rows_of(33), tokens, tokeniser.vocabulary())
    monkeypatch.setattr("mercer.text.encoder._MAX_WORDS", 3)
    assert np.array_equal(
        encoder.encode_listings(rows_of(33), tokens, tokeniser.vocabulary()), whole
    )


@given(word=st.text(max_size=12))
def test_grams_are_hashed_as_the_plain_twin_says(word: str) -> None:
    """FNV-1a over code points, mixed once: the file format depends on it."""
    points, starts = word_points([word])
    assert starts.tolist() == [0, len(word) + 2]
    for size in range(1, len(word) + 3):
        for at in range(len(word) + 3 - size):
            h = 14695981039346656037
            for p in map(ord, f"<{word}>"[at : at + size]):
                h = ((h ^ p) * 1099511628211) % 2**64
            h = ((h ^ (h >> 33)) * 0xFF51AFD7ED558CCD) % 2**64
            assert gram_row(points, at, size, 1023) == (h ^ (h >> 33)) & 1023


@settings(max_examples=50)
@given(words=st.lists(st.sampled_from([*WORDS, "tabel", "unseen", ""]), max_size=6))
def test_word_is_its_stem_plus_its_grams(
    fitted: tuple[CatalogueEncoder, Tokeniser], words: list[str]
) -> None:
    """The kernel's vector is the plain sum over stem and n-grams; unknown words have grams."""
    encoder, _ = fitted
    a = encoder.to_arrays()
    ends = a["stem_ends"].tolist()
    stems = [bytes(a["stem_bytes"][i:j]).decode() for i, j in zip([0, *ends], ends, strict=False)]
    got = encoder.word_vectors(words)
    for word, vector in zip(words, got, strict=True):
        want = np.zeros(encoder.dim)
        if stem(word) in stems:
            row = stems.index(stem(word))
            want += a["stem_vectors"][row] * float(a["stem_scale"][row])
        points, _ = word_points([word])
        for size in (3, 4, 5):
            for at in range(len(word) + 3 - size):
                row = gram_row(points, at, size, 255)
                want += a["gram_vectors"][row] * float(a["gram_scale"][row])
        np.testing.assert_allclose(vector, want, rtol=1e-4, atol=1e-5)


@settings(max_examples=50)
@given(titles=texts, weights=st.tuples(st.floats(0.1, 4), st.floats(0.1, 4)))
def test_words_weigh_the_root_of_their_weighted_count(
    titles: list[str], weights: tuple[float, float]
) -> None:
    """weight = sqrt(sum over fields of field weight x count), words in order of first occurrence."""
    tokeniser = Tokeniser()
    other = titles[::-1]
    fields = [tokeniser.run(titles), tokeniser.run(other)]
    vocabulary = tokeniser.vocabulary()
    place = np.arange(len(vocabulary), dtype=np.int32)
    place[::3] = -1  # left out
    got = weighed_words(fields, np.array(weights, np.float32), place, len(vocabulary))
    for row, (title, second) in enumerate(zip(titles, other, strict=True)):
        want: dict[int, float] = {}
        for text, weight in zip((title, second), weights, strict=True):
            for word in text.split():
                code = vocabulary.index(word.replace("é", "e"))
                if place[code] >= 0:
                    want[code] = want.get(code, 0.0) + weight
        part = slice(got.offsets[row], got.offsets[row + 1])
        assert got.columns[part].tolist() == list(want)
        np.testing.assert_allclose(got.values[part], np.sqrt(list(want.values())), rtol=1e-5)


@settings(max_examples=50)
@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=20), data=st.data())
def test_taken_rows_have_their_words(counts: list[int], data: st.DataObject) -> None:
    """`take_rows` gives the words of the rows asked for, in their order."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    tokens = Tokens(offsets, np.arange(offsets[-1], dtype=np.int32))
    rows = np.array(data.draw(st.lists(st.integers(0, len(counts) - 1))), np.int64)
    got = take_rows(tokens, rows)

    def words_of(t: Tokens, row: int) -> list[int]:
        codes: NDArray[np.int32] = t.codes[t.offsets[row] : t.offsets[row + 1]]
        return codes.tolist()

    assert [words_of(got, i) for i in range(rows.size)] == [words_of(tokens, r) for r in rows]


@given(n=st.integers(0, 200), most=st.integers(1, 100))
def test_sample_has_different_rows(n: int, most: int) -> None:
    """min(n, max_rows) different rows, rising."""
    rows = sample_rows(n, max_rows=most, rng=np.random.default_rng(n))
    assert rows.size == min(n, most)
    assert (np.diff(rows) > 0).all()
    assert rows.size == 0 or (rows[0] >= 0 and rows[-1] < n)
