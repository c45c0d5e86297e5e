"""The approximate vector index against the exact one, where it has to choose what to look at."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mercer.engines.embedded.index.vector_exact import ExactIndex
from mercer.engines.embedded.index.vector_faiss import FaissBuilder, FaissIndex, FaissParams

N, DIM = 40_000, 64
FEW_LISTS = FaissParams(min_scanned=1, max_scanned=N // 4)


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    """Unit rows in 300 overlapping clouds whose directions differ in spread, as LSA gives them."""
    rng = np.random.default_rng(0)
    spread = 0.97 ** np.arange(DIM)
    centres = rng.standard_normal((300, DIM)) * spread
    rows = centres[rng.integers(0, 300, N)] + 0.6 * rng.standard_normal((N, DIM)) * spread
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)


@pytest.fixture(scope="module")
def approximate(vectors: NDArray[np.float32]) -> FaissIndex:
    built = FaissIndex.build(vectors, params=FEW_LISTS)
    assert built.n_probes <= built.n_lists // 4  # or there would be nothing to test
    return built


@pytest.mark.parametrize("share", [1.0, 0.9])
def test_recall_at_100_of_own_vectors(
    vectors: NDArray[np.float32], approximate: FaissIndex, share: float
) -> None:
    """On rows of the catalogue as queries, 95 of the 100 best are found, also among live rows."""
    rng, exact = np.random.default_rng(1), ExactIndex(vectors)
    alive = np.packbits(rng.random(N) < share, bitorder="little").view(np.uint64)
    recall = []
    for query in vectors[rng.permutation(N)[:50]]:
        want = exact.search(query, k=100, alive=alive).scores[-1]
        rows = approximate.search(query, k=100, alive=alive).rows
        assert len(rows) == 100
        recall.append((vectors[rows] @ query >= want - 1e-6).mean())
    assert np.mean(recall) >= 0.95


def test_recall_above_a_threshold(vectors: NDArray[np.float32], approximate: FaissIndex) -> None:
    """Of the rows above a threshold 95 of 100 are found, though far lists are left out."""
    exact, recall, n_all = ExactIndex(vectors), [], 0
    for query in vectors[np.random.default_rng(2).permutation(N)[:50]]:
        want = exact.search(query, k=100, threshold=0.7).rows
        found = approximate.search(query, k=100, threshold=0.7)
        assert (found.scores >= 0.7).all()
        recall.append(np.isin(want, found.rows).mean())
        n_all += len(approximate.search(query, k=1_000, threshold=0.7).rows)
    assert np.mean(recall) >= 0.95
    assert n_all > 100  # there was something to find beside the query itself


def test_same_input_same_file(vectors: NDArray[np.float32]) -> None:
    """Building twice gives the same hits with the same bits; another seed is another index."""
    some, params = vectors[:5_000], FaissParams(n_lists=16, seed=1)
    first, second = (FaissIndex.build(some, params=params) for _ in range(2))
    assert first.n_probes == second.n_probes
    for query in some[:20]:
        a, b = first.search(query, k=50), second.search(query, k=50)
        assert a.rows.tolist() == b.rows.tolist()
        assert a.scores.tobytes() == b.scores.tobytes()


def test_blocks_give_what_one_array_gives(vectors: NDArray[np.float32]) -> None:
    """Adding block by block numbers the rows as they come."""
    some = vectors[:3_000]
    builder = FaissBuilder(some, n=3_000)
    for start in range(0, 3_000, 700):
        builder.add(some[start : start + 700])
    index = builder.finish(queries=some[:5])
    assert index.n == 3_000
    for row in (0, 699, 700, 2_999):
        assert index.search(some[row], k=1).rows.tolist() == [row]
