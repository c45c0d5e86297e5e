"""What is particular to one vector engine: its files, its kernels, its parameters."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mercer.engines.embedded.index.vector_codes import (
    count_live,
    fixed_query,
    live_bits,
    score_codes,
)
from mercer.engines.embedded.index.vector_exact import ExactIndex
from mercer.engines.embedded.index.vector_faiss import FaissBuilder, FaissIndex, FaissParams
from mercer.engines.embedded.index.vector_screened import Codes, ScreenedIndex
from mercer.schema.errors import ConfigError, CorruptError, InputError


def some_rows(n: int, dim: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((n, dim)).astype(np.float32)


@pytest.mark.parametrize("dim", [1, 3, 16, 17, 24, 96, 100, 256])
def test_exact_scores_are_numpys(dim: int) -> None:
    """The kernel's inner products are numpy's to rounding, for dimensions of every kind."""
    vectors, query = some_rows(50, dim), some_rows(1, dim)[0] + 1
    rows, scores = ExactIndex(vectors).search(query, k=50)
    np.testing.assert_allclose(scores, (vectors @ query)[rows], rtol=1e-4, atol=1e-5)
    assert sorted(rows.tolist()) == list(range(50))


@pytest.mark.parametrize("dim", [1, 3, 17, 256, 600, 2_048])
@pytest.mark.parametrize("threshold", [-2.0, 0.0, 0.3, 0.9])
def test_screened_hits_are_exact_ones(dim: int, threshold: float) -> None:
    """Rows that their codes keep out could not have reached the threshold; all bits are the same, for
    equal numbers, numbers of one heavy dimension, rows of zeros, rows whose numbers are all rounded
    down, and rows at the threshold itself."""
    vectors = some_rows(400, dim)
    vectors[::3] = 1
    vectors[1::9, 0] = 50
    vectors[9] = 10.49
    vectors[9, 0] = 127
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[5] = 0
    alive = np.full(7, 0xFFFF_FFFF_0FF0_FFFF, np.uint64)
    halves = Codes.joined([Codes.of(vectors[:100]), Codes.of(vectors[100:])])
    exact, screened = ExactIndex(vectors), ScreenedIndex(vectors, halves)
    for query in vectors[[0, 1, 2, 9]]:
        at = float(exact.scores(query, np.arange(9, 10))[0]) if threshold == 0.3 else threshold
        for bits in (None, alive):
            want = exact.search(query, k=300, alive=bits, threshold=at)
            got = screened.search(query, k=300, alive=bits, threshold=at)
            assert got.rows.tolist() == want.rows.tolist()
            assert got.scores.tobytes() == want.scores.tobytes()


@pytest.mark.parametrize("dim", [1, 6, 17, 64, 300, 2_048])
def test_scores_of_codes_are_numpys(dim: int) -> None:
    """query . (lowest + (code + 0.5) * step) of each row asked for, in the order asked for."""
    codes = np.random.default_rng(1).integers(0, 256, (30, dim)).astype(np.uint8)
    query, step = some_rows(1, dim)[0], np.linspace(0.001, 0.004, dim, dtype=np.float32)
    query /= np.linalg.norm(query)
    lowest, rows = -100 * step, np.resize(np.array([3, 29, 0, 3]), 50)
    fixed, out = fixed_query(query, lowest=lowest, step=step), np.empty(50, np.float32)
    score_codes(codes, fixed.weight, fixed.scale, fixed.offset, rows, out)
    np.testing.assert_allclose(out, (lowest + (codes[rows] + 0.5) * step) @ query, atol=1e-4)


@pytest.mark.parametrize("dim", [1, 256, 515, 4_096])
def test_no_score_of_codes_overflows(dim: int) -> None:
    """The largest sum that there can be, of equal weights and extreme codes, is right."""
    codes = np.repeat(np.array([[0], [255]], np.uint8), dim, axis=1)
    same = np.full(dim, 0.01, np.float32)
    fixed, out = fixed_query(same, lowest=same * 0, step=same), np.empty(2, np.float32)
    score_codes(codes, fixed.weight, fixed.scale, fixed.offset, np.arange(2), out)
    np.testing.assert_allclose(out, np.array([0.5, 255.5]) * 1e-4 * dim, rtol=1e-4)


def test_nothing_is_near_a_query_of_zeros() -> None:
    """Without a direction every score is 0."""
    nothing, out = np.zeros(4, np.float32), np.empty(1, np.float32)
    fixed = fixed_query(nothing, lowest=nothing, step=nothing + 1)
    score_codes(
        np.full((1, 4), 9, np.uint8), fixed.weight, fixed.scale, fixed.offset, np.arange(1), out
    )
    assert out == 0


@pytest.mark.parametrize("n", [1, 63, 64, 65, 200])
def test_live_rows_are_counted_up_to_the_last(n: int) -> None:
    """Bits past row n - 1 are not counted; row r is bit r % 64 of word r // 64."""
    mask = np.random.default_rng(n).random(256) < 0.5
    words = np.packbits(mask, bitorder="little").view("<u8").astype(np.uint64)
    assert count_live(words, n) == mask[:n].sum()
    assert live_bits(words).tolist() == mask.tolist()


@pytest.mark.parametrize("dim", [1, 2, 7, 30, 384])
def test_any_dimension_can_be_built(dim: int) -> None:
    """Vectors are cut into equal pieces whatever their length is."""
    vectors = some_rows(100, dim)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = FaissIndex.build(vectors)
    assert (index.n, index.dim) == (100, dim)
    assert index.search(vectors[5], k=1).scores[0] > 0.95


@pytest.mark.parametrize("content", [b"", b"not an index", b"\x93NUMPY\x01\x00"])
@pytest.mark.parametrize("engine", [ExactIndex, FaissIndex])
def test_damaged_files_are_corrupt_errors(
    engine: type[ExactIndex] | type[FaissIndex], content: bytes, tmp_path: Path
) -> None:
    """The message names the file and says how to rebuild it."""
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.raises(CorruptError, match=r"vectors: .*mercer index"):
        engine.open(path)


@pytest.mark.parametrize("is_mapped", [True, False])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_cut_off_files_are_corrupt_errors(share: float, is_mapped: bool, tmp_path: Path) -> None:
    """A file that a full disk cut off is refused, wherever it ends."""
    path, vectors = tmp_path / "vectors", some_rows(500, 16)
    for save, read in (
        (FaissIndex.build(vectors).save, lambda p: FaissIndex.open(p, is_mapped=is_mapped)),
        (ExactIndex(vectors).save, ExactIndex.open),
    ):
        save(path)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(CorruptError):
            read(path)


def test_another_index_of_faiss_is_refused(tmp_path: Path) -> None:
    """A file that FAISS can read but that is none of ours."""
    faiss = pytest.importorskip("faiss")
    flat = faiss.IndexFlatIP(4)
    faiss.write_index(flat, str(tmp_path / "flat"))
    with pytest.raises(CorruptError, match="build the index anew"):
        FaissIndex.open(tmp_path / "flat")


def test_vectors_of_a_wrong_type_are_refused() -> None:
    """float64 or a missing dimension would be copied or misread in silence."""
    for wrong in (np.zeros((3, 2)), np.zeros(3, np.float32), np.zeros((3, 0), np.float32)):
        with pytest.raises(InputError, match="float32 of shape"):
            ExactIndex(wrong)
    with pytest.raises(InputError, match="sample to train on"):
        FaissBuilder(np.zeros(3, np.float32), n=3)


@pytest.mark.parametrize("params", [{"n_lists": 0}, {"threads": 0}, {"target_recall": 0.0}])
def test_parameters_out_of_range_are_config_errors(params: dict[str, int]) -> None:
    """Each size is at least 1, a recall lies in (0, 1]."""
    with pytest.raises(ConfigError, match="vector index"):
        FaissParams(**params)
