"""A generation's vectors on disk: the plain matrix where it is small, FAISS where it is not."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mercer.engines.embedded.index.vector_exact import ExactIndex
from mercer.retrieve.vector_index import VectorIndex

F32s = npt.NDArray[np.float32]
EXACT_BELOW = 30_000  # comparing every row takes 2 ms there; above, the inverted lists pay
_EXACT, _FAISS = "exact.npy", "vectors.faiss"


def save_vectors(folder: Path, vectors: F32s, *, queries: F32s) -> None:
    """Write an index of (n, dim) vectors; `queries` are what its recall is calibrated on."""
    folder.mkdir(parents=True, exist_ok=True)
    if len(vectors) < EXACT_BELOW:
        ExactIndex(vectors).save(folder / _EXACT)
        return
    from mercer.engines.embedded.index.vector_faiss import FaissIndex

    FaissIndex.build(vectors, queries=queries).save(folder / _FAISS)


def open_vectors(folder: Path) -> VectorIndex:
    """The index that `save_vectors` wrote.

    Raises:
        CorruptError: a file is missing or damaged.
    """
    if not (folder / _FAISS).exists():
        return ExactIndex.open(folder / _EXACT)
    from mercer.engines.embedded.index.vector_faiss import FaissIndex

    return FaissIndex.open(folder / _FAISS)
