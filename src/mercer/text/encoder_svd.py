"""Truncated SVD of a matrix that is only known as a product of sparse factors.

Listings have words and words have features (their stem, their character n-grams). The matrix of
listings by features is their product; multiplied out it would have twenty times the entries, so it
never is.

Source: Halko, Martinsson & Tropp 2011, doi:10.1137/090771806, algorithm 4.4 (randomised subspace
iteration); orthonormalised through the Gram matrix, twice where it counts (Fukaya et al. 2014,
doi:10.1109/ScalA.2014.11).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from mercer.text.encoder_kernel import F32s
from mercer.text.encoder_words import Sparse

_NEGLIGIBLE = 1e-6  # of the largest eigenvalue of a Gram matrix in float32: noise


@dataclass(frozen=True, slots=True)
class TruncatedSvd:
    """The largest singular values of a matrix and their right singular vectors."""

    sigma: F32s  # (dim,) falling; 0 beyond the rank
    right: F32s  # (n_columns, dim) orthonormal columns; zeros beyond the rank


def truncated_svd(
    factors: Sequence[Sparse],
    *,
    dim: int,
    rng: np.random.Generator,
    oversampling: int = 16,
    iterations: int = 2,
    threads: int = 2,
) -> TruncatedSvd:
    """The `dim` leading singular values and right vectors of factors[0] @ factors[1] @ ...

    Args:
        factors: sparse matrices whose shapes fit.
        dim: >= 1; what the rank does not give is zeros.
        rng: draws the first subspace.
        oversampling: further directions carried along, >= 0.
        iterations: products with the matrix and its transpose after the first, >= 1.
        threads: of the products, >= 1.
    """
    transposes = [_transposed(f) for f in factors]
    n_rows, n_columns = factors[0].n_rows, factors[-1].n_columns
    width = min(dim + oversampling, n_rows, n_columns)
    if width == 0:
        return TruncatedSvd(np.zeros(dim, np.float32), np.zeros((n_columns, dim), np.float32))
    with ThreadPoolExecutor(threads) as pool:

        def across(dense: F32s) -> F32s:  # matrix @ dense
            for factor in reversed(factors):
                dense = factor.times(dense, pool)
            return dense

        def back(dense: F32s) -> F32s:  # matrix.T @ dense
            for factor in transposes:
                dense = factor.times(dense, pool)
            return dense

        # Gaussian in the space of the rows, the smaller one.
        right = back(rng.standard_normal((n_rows, width), dtype=np.float32))
        for _ in range(iterations):
            left = _orthonormal(across(right))
            right = back(left)
    # left is orthonormal, so the SVD of left.T @ matrix = right.T is that of the matrix within it.
    squares, turn = _eigen(right)
    sigma = np.zeros(dim, np.float32)
    vectors = np.zeros((n_columns, dim), np.float32)
    keep = min(dim, width)
    sigma[:keep] = np.sqrt(squares[:keep])
    inverse = np.divide(1.0, sigma[:keep], out=np.zeros(keep, np.float32), where=sigma[:keep] > 0)
    vectors[:, :keep] = right @ (turn[:, :keep] * inverse).astype(np.float32)
    return TruncatedSvd(sigma, vectors)


def _transposed(matrix: Sparse) -> Sparse:
    """Columns as rows; entries of a row in the order of the rows they come from."""
    shape = (matrix.n_rows, matrix.n_columns)
    turned = csr_matrix((matrix.values, matrix.columns, matrix.offsets), shape).tocsc()
    return Sparse(
        turned.indptr.astype(np.int64), turned.indices.astype(np.int32), turned.data, shape[0]
    )


def _eigen(columns: F32s) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues (falling, noise as 0) and vectors of columns.T @ columns."""
    values, vectors = np.linalg.eigh((columns.T @ columns).astype(np.float64))
    values, vectors = values[::-1], vectors[:, ::-1]
    # The sign of an eigenvector is free; fix it, so that no library's habit shows.
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.where(vectors[largest, np.arange(len(values))] < 0, -1.0, 1.0)
    return np.where(values > _NEGLIGIBLE * max(values[0], 0.0), values, 0.0), vectors


def _orthonormal(columns: F32s) -> F32s:
    """Orthonormal columns of the same span; zero columns for what is missing in rank."""
    for _ in range(2):
        values, vectors = _eigen(columns)
        scale = np.divide(1.0, np.sqrt(values), out=np.zeros_like(values), where=values > 0)
        columns = columns @ (vectors * scale).astype(np.float32)
    return columns
