"""The encoder against dense linear algebra, and on real judgments."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.sparse import random as random_sparse

from mercer.text.analyze import Tokeniser, stem, words
from mercer.text.encoder_fit import FitParams, fit_encoder
from mercer.text.encoder_kernel import gram_row, word_points
from mercer.text.encoder_svd import truncated_svd
from mercer.text.encoder_threshold import calibrate_threshold
from mercer.text.encoder_words import Sparse


def sparse(matrix: object) -> Sparse:
    m = matrix.tocsr().astype(np.float32)  # type: ignore[attr-defined]
    return Sparse(m.indptr.astype(np.int64), m.indices.astype(np.int32), m.data, m.shape[1])


def test_svd_of_factors_is_that_of_their_product() -> None:
    """Singular values to 1 %, and the same subspace, as numpy finds in the multiplied matrix."""
    rng = np.random.default_rng(0)
    left = random_sparse(300, 120, 0.1, rng=rng, format="csr")
    right = random_sparse(120, 200, 0.1, rng=rng, format="csr")
    # A spectrum that falls, as that of texts does.
    right = right.multiply((0.97 ** np.arange(200))[None, :]).tocsr()
    svd = truncated_svd(
        [sparse(left), sparse(right)], dim=12, rng=np.random.default_rng(1), iterations=4
    )
    _, sigma, vt = np.linalg.svd((left @ right).toarray())
    np.testing.assert_allclose(svd.sigma, sigma[:12], rtol=0.01)
    np.testing.assert_allclose(svd.right.T @ svd.right, np.eye(12), atol=1e-4)
    captured = np.linalg.norm(vt[:10] @ svd.right, axis=1)  # 1: lies within the subspace
    assert captured.min() > 0.98


def test_svd_beyond_the_rank_is_zero() -> None:
    """A matrix of rank 2 has two singular values, the rest is zeros and not noise."""
    rows = np.outer(np.arange(1, 9), [1.0, 2, 0, 1]) + np.outer(np.ones(8), [0, 1.0, 1, 0])
    svd = truncated_svd(
        [sparse(pytest.importorskip("scipy.sparse").csr_matrix(rows))],
        dim=4,
        rng=np.random.default_rng(0),
    )
    want = np.linalg.svd(rows)[1]
    np.testing.assert_allclose(svd.sigma[:2], want[:2], rtol=1e-3)
    assert not svd.sigma[2:].any()
    assert not svd.right[:, 2:].any()


def test_cosines_are_those_of_plain_lsa() -> None:
    """At full rank and without whitening, cosines are those of the TF-IDF vectors themselves."""
    rng = np.random.default_rng(5)
    vocabulary = ["oak", "tables", "table", "mug", "brass", "lamp", "lampshade", "red"]
    titles = [" ".join(rng.choice(vocabulary, rng.integers(1, 6))) for _ in range(40)]
    vocabulary.append("singular")  # in one title: its n-grams are left out
    titles[3] += " singular"
    tokeniser = Tokeniser()
    tokens = {"title": tokeniser.run(titles)}
    params = FitParams(dim=64, whitening=0.0, gram_table_rows=1024, field_weight={"title": 2.0})
    encoder = fit_encoder(tokens, tokeniser.vocabulary(), params=params)
    got = encoder.encode_listings(pa.table({"t": titles}), tokens, tokeniser.vocabulary())

    def features(word: str) -> list[tuple[str, object]]:
        points, _ = word_points([word])
        return [("stem", stem(word))] + [
            ("gram", gram_row(points, at, size, 1023))
            for size in (3, 4, 5)
            for at in range(len(word) + 3 - size)
        ]

    names = sorted({f for word in vocabulary for f in features(word)}, key=str)
    has = [{f for word in t.split() for f in features(word)} for t in titles]
    df = {f: sum(f in h for h in has) for f in names}
    idf = {f: np.log(41 / (df[f] + 1)) + 1 for f in names}
    for f in names:
        if f[0] == "gram":
            idf[f] *= 0.5 * (df[f] >= 2)
    rows = np.zeros((40, len(names)))
    for row, title in zip(rows, titles, strict=True):
        for word in set(title.split()):
            for f in features(word):
                row[names.index(f)] += np.sqrt(2.0 * title.split().count(word)) * idf[f]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(got @ got.T, rows @ rows.T, atol=0.02)  # 8 bits round


@pytest.mark.realdata
def test_semantic_recall_on_real_queries(real_data: Callable[[str], Path]) -> None:
    """On esci_us, all listings ranked by meaning alone: recall@100 of label E >= .93.

    Also with the calibrated threshold, that is where a listing has to be a match at all.
    """
    folder = real_data("esci_us")
    products = pq.read_table(folder / "products.parquet")
    judged = pq.read_table(folder / "judgments.parquet").to_pylist()

    def text(*names: str) -> list[str]:
        columns = [products[name].to_pylist() for name in names]
        flat = [[" ".join(v) if isinstance(v, list) else v or "" for v in c] for c in columns]
        return [" ".join(row) for row in zip(*flat, strict=True)]

    tokeniser = Tokeniser()
    tokens = {
        "title": tokeniser.run(text("title")),
        "labels": tokeniser.run(text("brand", "color")),
        "category": tokeniser.run(text("category_path")),
        "description": tokeniser.run(text("bullet_points", "description")),
    }
    encoder = fit_encoder(tokens, tokeniser.vocabulary())
    vectors = encoder.encode_listings(products, tokens, tokeniser.vocabulary())
    threshold = calibrate_threshold(encoder, tokens["title"], tokeniser.vocabulary(), vectors)
    row = {name: i for i, name in enumerate(products["product_id"].to_pylist())}
    exact: dict[str, set[int]] = {}
    for judgment in judged:
        if judgment["esci_label"] == "E":
            exact.setdefault(judgment["query"], set()).add(row[judgment["product_id"]])
    recall, matched = [], []
    for query, wanted in exact.items():
        scores = vectors @ encoder.encode_query(query, words(query))
        found = np.argsort(-scores, kind="stable")[:100]
        recall.append(len(wanted & set(found.tolist())) / len(wanted))
        found = found[scores[found] >= threshold]
        matched.append(len(wanted & set(found.tolist())) / len(wanted))
    assert np.mean(recall) >= 0.93
    assert np.mean(matched) >= 0.92
