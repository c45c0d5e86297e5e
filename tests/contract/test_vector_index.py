"""The laws of `VectorIndex`, for every engine and for each way of opening it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mercer.engines.embedded.index.vector_exact import ExactIndex
from mercer.engines.embedded.index.vector_faiss import FaissIndex, FaissParams
from mercer.engines.embedded.index.vector_screened import ScreenedIndex
from mercer.retrieve.vector_index import VectorIndex
from mercer.schema.errors import InputError

F32s = NDArray[np.float32]
Make = Callable[[F32s], VectorIndex]
DIM = 24
# Small enough to scan every list, so that the approximate engine has to obey the exact laws.
ALL_LISTS = FaissParams(n_lists=4, min_scanned=10**9, max_scanned=10**9)


def _reopened_exact(vectors: F32s, folder: Path) -> VectorIndex:
    ExactIndex(vectors).save(folder / "exact.npy")
    return ExactIndex.open(folder / "exact.npy")


def _reopened_faiss(vectors: F32s, folder: Path, **how: Any) -> VectorIndex:
    FaissIndex.build(vectors, params=ALL_LISTS).save(folder / "faiss")
    return FaissIndex.open(folder / "faiss", **how)


ENGINES: dict[str, Callable[[F32s, Path], VectorIndex]] = {
    "exact": lambda vectors, _: ExactIndex(vectors),
    "exact, mapped": _reopened_exact,
    "screened": lambda vectors, _: ScreenedIndex(vectors),
    "faiss": lambda vectors, _: FaissIndex.build(vectors, params=ALL_LISTS),
    "faiss, mapped": _reopened_faiss,
    "faiss, read": lambda vectors, at: _reopened_faiss(vectors, at, is_mapped=False),
    # However few rows there are, the coarse codes choose the candidates.
    "faiss, coarse": lambda vectors, at: _reopened_faiss(vectors, at, exhaustive_below=0),
}


@pytest.fixture(params=ENGINES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    return lambda vectors: ENGINES[request.param](vectors, tmp_path)


@pytest.fixture
def vectors() -> F32s:
    """300 unit rows, some of them equal, one of zeros."""
    rows = np.random.default_rng(3).standard_normal((300, DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[40:50] = rows[7]
    rows[99] = 0
    return rows


def bitmap(rows: NDArray[np.int64], n: int) -> NDArray[np.uint64]:
    mask = np.zeros(-(-n // 64) * 64, bool)
    mask[rows] = True
    return np.packbits(mask, bitorder="little").view("<u8").astype(np.uint64)


def test_hits_are_different_rows_best_first(make: Make, vectors: F32s) -> None:
    """At most k rows of the index, each once, falling scores, of equals the lower row first."""
    index = make(vectors)
    for k in (1, 5, 299, 300, 1_000):
        rows, scores = index.search(vectors[7], k=k)
        assert rows.dtype == np.int64
        assert scores.dtype == np.float32
        assert len(rows) == len(scores) == min(k, 300)
        assert len(set(rows.tolist())) == len(rows)
        assert rows.min() >= 0
        assert rows.max() < 300
        assert np.array_equal(np.lexsort((rows, -scores)), np.arange(len(rows)))


def test_nearest_row_comes_first(make: Make, vectors: F32s) -> None:
    """A stored vector finds itself, and all rows that equal it come next to it."""
    index = make(vectors)
    rows, scores = index.search(vectors[7], k=11)
    assert rows.tolist() == [7, *range(40, 50)]
    assert index.search(vectors[7], k=5).rows.tolist() == [7, 40, 41, 42, 43]  # cut among equals
    assert scores == pytest.approx(1.0, abs=0.02)


def test_only_live_rows_are_hits(make: Make, vectors: F32s) -> None:
    """A dead row is no hit and takes no place: k live rows are found where there are k."""
    index, rng = make(vectors), np.random.default_rng(0)
    for n_alive in (1, 9, 150, 299, 300):
        alive = np.sort(rng.permutation(300)[:n_alive])
        rows = index.search(vectors[3], k=20, alive=bitmap(alive, 300)).rows
        assert set(rows.tolist()) <= set(alive.tolist())
        assert len(rows) == min(20, n_alive)


def test_no_live_row_no_hit(make: Make, vectors: F32s) -> None:
    """Where everything is dead nothing is found, whatever bits lie past the last row."""
    words = np.zeros(8, np.uint64)
    words[300 // 64] = np.uint64(2**64 - 2 ** (300 % 64))  # of rows that do not exist
    words[5:] = np.uint64(2**64 - 1)
    assert make(vectors).search(vectors[0], k=5, alive=words).rows.size == 0


def test_bits_past_the_last_row_do_not_matter(make: Make, vectors: F32s) -> None:
    """The bitmap may be longer than the index."""
    alive = np.full(9, 2**64 - 1, np.uint64)
    index = make(vectors)
    got, want = index.search(vectors[5], k=400, alive=alive), index.search(vectors[5], k=400)
    assert got.rows.tolist() == want.rows.tolist()


def test_no_hit_below_the_threshold(make: Make, vectors: F32s) -> None:
    """The hits above a threshold are the first ones of the hits without it."""
    index = make(vectors)
    rows, scores = index.search(vectors[11], k=300)
    for threshold in (-1.0, 0.0, 0.3, 0.999, 2.0):
        got = index.search(vectors[11], k=300, threshold=threshold)
        assert got.rows.tolist() == rows[scores >= np.float32(threshold)].tolist()


def test_score_is_the_inner_product_with_what_is_stored(make: Make, vectors: F32s) -> None:
    """score == query . row_vectors(row), and rounding moves no score by more than 0.02."""
    index = make(vectors)
    query = np.random.default_rng(8).standard_normal(DIM).astype(np.float32)
    query /= np.linalg.norm(query)
    rows, scores = index.search(query, k=300)
    np.testing.assert_allclose(index.row_vectors(rows) @ query, scores, atol=1e-4)
    np.testing.assert_allclose(vectors[rows] @ query, scores, atol=0.02)


def test_query_of_zeros_finds_nothing(make: Make, vectors: F32s) -> None:
    """Where nothing is known of the query, no listing is like it."""
    assert make(vectors).search(np.zeros(DIM, np.float32), k=5).rows.size == 0


def test_threads_find_what_one_finds(make: Make, vectors: F32s) -> None:
    """Searches from many threads at a time give the hits of searches one after the other."""
    index, alive = make(vectors), bitmap(np.arange(0, 300, 2), 300)
    want = [index.search(v, k=30, alive=alive) for v in vectors[:64]]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda v: index.search(v, k=30, alive=alive), vectors[:64]))
    for w, g in zip(want, got, strict=True):
        assert w.rows.tolist() == g.rows.tolist()
        assert w.scores.tolist() == g.scores.tolist()


def test_arguments_are_not_written(make: Make, vectors: F32s) -> None:
    """Query and bitmap stay as they were, and may be read-only or not contiguous."""
    wide = np.repeat(vectors[4], 2)
    query, alive = wide[::2], bitmap(np.arange(300), 300)
    wide.flags.writeable = query.flags.writeable = alive.flags.writeable = False
    index = make(vectors)
    assert index.search(query, k=3, alive=alive).rows[0] == 4
    vectors_before = index.row_vectors(np.array([4]))
    vectors_before[:] = 9  # what is handed out is a copy
    assert index.search(query, k=3).rows[0] == 4


@pytest.mark.parametrize(
    ("query", "k", "alive", "says"),
    [
        (np.zeros(DIM + 1, np.float32), 1, None, f"must be ({DIM},)"),
        (np.full(DIM, np.nan, np.float32), 1, None, "not finite"),
        (np.ones(DIM, np.float32), 0, None, "k must be >= 1, got 0"),
        (np.ones(DIM, np.float32), 1, np.zeros(4, np.uint64), "at least 5 words"),
        (np.ones(DIM, np.float32), 1, np.zeros(5, np.uint8), "uint64"),
    ],
)
def test_impossible_searches_are_input_errors(
    make: Make, vectors: F32s, query: F32s, k: int, alive: NDArray[np.uint64] | None, says: str
) -> None:
    """What cannot be searched is refused with what is allowed."""
    with pytest.raises(InputError) as caught:
        make(vectors).search(query, k=k, alive=alive)
    assert says in str(caught.value)


def test_row_vectors_of_any_rows(make: Make, vectors: F32s) -> None:
    """Rows come in the order asked for, repeated ones too; a row that is none is refused."""
    index = make(vectors)
    rows = np.array([5, 299, 5, 0])
    got = index.row_vectors(rows)
    np.testing.assert_allclose(got, vectors[rows], atol=0.02)
    assert index.row_vectors(np.zeros(0, np.int64)).shape == (0, DIM)
    for wrong in (-1, 300):
        with pytest.raises(InputError, match=r"0\.\.299"):
            index.row_vectors(np.array([wrong]))


def test_index_of_no_rows_finds_nothing(make: Make) -> None:
    """An empty catalogue has an index as well."""
    index = make(np.zeros((0, DIM), np.float32))
    assert (index.n, index.dim) == (0, DIM)
    assert index.search(np.ones(DIM, np.float32), k=5).rows.size == 0
    assert index.row_vectors(np.zeros(0, np.int64)).shape == (0, DIM)


def test_index_of_one_row(make: Make) -> None:
    """The smallest catalogue is found."""
    index = make(np.eye(1, DIM, dtype=np.float32))
    assert index.search(np.ones(DIM, np.float32), k=5).rows.tolist() == [0]
