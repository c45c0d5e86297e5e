"""The approximate vector index: FAISS, in two steps.

Coarse: an inverted file whose vectors are cut into pieces of 4 bits (product quantisation, scanned
in registers). Fine: the best few thousand are scored again by 8 bits per dimension. A query of two
words is far from all listings, so many lists have to be scanned, and 4-bit codes make that cheap:
at 1 M x 256 the same recall takes half the time of an inverted file of 8-bit codes.

Where few rows are alive (a narrow filter), only those are scored, by the fine codes, all of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import faiss as typed_faiss
import numpy as np

from mercer.engines.embedded.index.vector_codes import (
    count_live,
    fixed_query,
    live_bits,
    score_codes,
)
from mercer.retrieve.vector_index import (
    NO_HITS,
    Bitmap,
    F32s,
    I64s,
    VectorHits,
    VectorIndex,
    best_first,
    check_rows,
    check_search,
)
from mercer.schema.errors import ConfigError, CorruptError, InputError

faiss: Any = typed_faiss  # its types lack the keyword arguments and subclasses that SWIG adds

_BLOCK = 65_536  # rows that are added at a time
_LEAST_TRAINING = 16  # vectors, as many as there are codes of 4 bits; fewer are repeated
_RANGE_SAMPLE = 16_384  # vectors that show between which values each dimension lies
_MARGIN = 0.1  # of the range seen in training, on both sides, for rows that lie beyond it
_FEW_ALIVE = 32_768  # rows; below, every live one is scored by its fine code: 3 ms at most
_REFINED = 2.25  # times k rows are scored by their fine codes,
_LEAST_REFINED = 1_000  # and so many at least
# A row that scores s lies in a list whose centre scores s - _REACH at least, nearly always: of the hits
# above the calibrated threshold all do on two real catalogues with their queries (where that spares
# no list), and 99.98 % on a synthetic market of a million, where it spares nine lists of ten.
_REACH = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class FaissParams:
    """Sizes of the index."""

    n_lists: int | None = None  # None: root of n, within 16..8192
    training_per_list: int = 50  # vectors, at most
    training_rounds: int = 6  # of k-means
    dims_per_piece: int = 4  # of the coarse codes
    target_recall: float = 0.96  # of the 100 best, on the calibration queries
    min_scanned: int = 100_000  # rows per query: real queries are harder than any calibration
    max_scanned: int = 250_000  # whatever the recall
    seed: int = 0
    threads: int = 2

    def __post_init__(self) -> None:
        """Raise ConfigError for values out of range."""
        sizes = (
            self.training_per_list,
            self.training_rounds,
            self.dims_per_piece,
            self.min_scanned,
            self.max_scanned,
            self.threads,
        )
        if min(sizes) < 1 or (self.n_lists is not None and self.n_lists < 1):
            raise ConfigError(f"vector index: all sizes must be >= 1, got {self}")
        if not 0 < self.target_recall <= 1:
            raise ConfigError(
                f"vector index: target_recall must lie in (0, 1], got {self.target_recall}"
            )


@contextmanager
def _threads(n: int) -> Iterator[None]:
    """FAISS uses n threads for calls of this thread; the setting of others is not touched."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(n)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


@final
class FaissBuilder:
    """Builds an index from blocks, so that the vectors never have to be in memory all at once.

    Args:
        sample: (m, dim) float32 vectors like those that will come, in random order; about
            `FaissBuilder.sample_size(n)` of them.
        n: rows that will come, roughly.
        params: sizes.
    """

    def __init__(self, sample: F32s, *, n: int, params: FaissParams | None = None) -> None:
        self._params = params or FaissParams()
        if sample.ndim != 2 or not sample.shape[1]:
            raise InputError(
                f"vector index: the sample to train on has the shape {sample.shape}, must be "
                "(m, dim) with dim >= 1"
            )
        m, dim = sample.shape
        n_lists = max(1, min(self.n_lists(n, self._params), m))
        if m < _LEAST_TRAINING:
            some = sample if m else np.zeros((1, dim), np.float32)
            sample = np.resize(some, (_LEAST_TRAINING, dim))
        sample = np.ascontiguousarray(sample, np.float32)
        with _threads(self._params.threads):
            self._coarse = _trained_coarse(sample, n_lists, self._params)
            self._fine = faiss.IndexScalarQuantizer(
                dim, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
            )
            self._fine.sq.rangestat_arg = _MARGIN
            self._fine.train(sample)

    @staticmethod
    def n_lists(n: int, params: FaissParams) -> int:
        """Inverted lists for n rows."""
        return params.n_lists or int(np.clip(np.sqrt(n), 16, 8_192))

    @classmethod
    def sample_size(cls, n: int, params: FaissParams | None = None) -> int:
        """How many vectors to train on for n rows."""
        params = params or FaissParams()
        wanted = cls.n_lists(n, params) * params.training_per_list
        return min(n, max(wanted, _RANGE_SAMPLE))

    def add(self, vectors: F32s) -> None:
        """Append rows; they are numbered in the order in which they come."""
        with _threads(self._params.threads):
            for start in range(0, len(vectors), _BLOCK):
                block = np.ascontiguousarray(vectors[start : start + _BLOCK], np.float32)
                self._coarse.add(block)
                self._fine.add(block)

    def finish(self, queries: F32s | None = None) -> "FaissIndex":
        """The index, with as many lists scanned per query as the target recall needs.

        Args:
            queries: (m, dim) typical ones, 50 or so; None: some of the rows themselves, which are
                easier to find than short queries are.
        """
        index = faiss.IndexRefine(self._coarse, self._fine)  # one file for both
        built = FaissIndex(index, self._coarse, self._fine)
        if built.n:
            if queries is None or not len(queries):
                rows = np.random.default_rng(self._params.seed).permutation(built.n)[:64]
                queries = built.row_vectors(np.sort(rows))
            self._coarse.nprobe = _calibrated_probes(built, queries, self._params)
        return built


@final
class FaissIndex:
    """Coarse and fine codes of n vectors; see `VectorIndex`. Made by `FaissBuilder` or `open`.

    Takes dim / 2 + dim + 16 bytes per row or so: 330 MB for 1 M rows of 256 dimensions at most.
    """

    def __init__(
        self, index: Any, coarse: Any, fine: Any, *, exhaustive_below: int = _FEW_ALIVE
    ) -> None:
        self._exhaustive_below = exhaustive_below
        self._index, self._coarse, self._fine = index, coarse, fine
        self.n, self.dim = int(index.ntotal), int(index.d)
        # Views into the index: its codes, and what makes them numbers again, lowest value and step.
        self._codes = np.zeros((0, self.dim), np.uint8)
        if self.n:
            data = faiss.rev_swig_ptr(fine.codes.data(), self.n * self.dim)
            self._codes = data.reshape(self.n, self.dim)
        trained = faiss.vector_to_array(fine.sq.trained).reshape(2, self.dim)
        self._lowest, self._step = trained[0], trained[1] / np.float32(255)

    @classmethod
    def build(
        cls, vectors: F32s, *, params: FaissParams | None = None, queries: F32s | None = None
    ) -> "FaissIndex":
        """From one array, which may be memory-mapped; see `FaissBuilder`."""
        params = params or FaissParams()
        n = len(vectors)
        size = FaissBuilder.sample_size(n, params)
        rows = np.random.default_rng(params.seed).permutation(n)[:size]
        builder = FaissBuilder(vectors[rows], n=n, params=params)
        builder.add(vectors)
        return builder.finish(queries)

    @property
    def n_lists(self) -> int:
        """Inverted lists."""
        return int(self._coarse.nlist)

    @property
    def n_probes(self) -> int:
        """Lists scanned per query where no filter is set."""
        return int(self._coarse.nprobe)

    @classmethod
    def open(
        cls, path: Path, *, is_mapped: bool = True, exhaustive_below: int = _FEW_ALIVE
    ) -> "FaissIndex":
        """The index that `save` wrote.

        Args:
            path: of the file.
            is_mapped: codes stay in the file and are shared with other processes; else they are
                read into memory.
            exhaustive_below: with at most so many live rows, all of them are scored.
        Raises:
            CorruptError: not a file of this index, or cut off.
        """
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if is_mapped else 0)
            coarse = faiss.downcast_index(index.base_index)
            fine = faiss.downcast_index(index.refine_index)
            if coarse.ntotal != fine.ntotal or not isinstance(fine, faiss.IndexScalarQuantizer):
                raise RuntimeError(f"{coarse.ntotal} coarse and {fine.ntotal} fine codes")
        except (RuntimeError, AttributeError) as error:
            reason = str(error).splitlines()[0][:200]
            raise CorruptError(f"{path}: {reason}; build the index anew (mercer index)") from error
        return cls(index, coarse, fine, exhaustive_below=exhaustive_below)

    def save(self, path: Path) -> None:
        """Write one file; not durable until the caller syncs it."""
        faiss.write_index(self._index, str(path))

    def search(
        self, query: F32s, *, k: int, alive: Bitmap | None = None, threshold: float = -np.inf
    ) -> VectorHits:
        """See `VectorIndex`."""
        check_search(query, k=k, alive=alive, n=self.n, dim=self.dim)
        if not self.n or not query.any():
            return NO_HITS
        query = np.ascontiguousarray(query, np.float32)
        n_alive = self.n if alive is None else count_live(alive, self.n)
        if not n_alive:
            return NO_HITS
        rows, is_enough = NO_HITS.rows, False
        if n_alive > self._exhaustive_below:
            rows, is_enough = self._near(query, n_alive, alive, k=k, threshold=threshold)
            if not is_enough:  # the lists near the query hold too few that live
                rows, is_enough = self._near(query, n_alive, alive, k=k, probes=self.n_lists)
        if not is_enough:
            rows = (
                np.arange(self.n) if alive is None else np.flatnonzero(live_bits(alive)[: self.n])
            )
        return self._best(query, rows, k=k, threshold=threshold)

    def scores(self, query: F32s, rows: I64s) -> F32s:
        """See `VectorIndex`; of the rounded vectors."""
        check_rows(rows, n=self.n)
        scores = np.empty(rows.size, np.float32)
        fixed = fixed_query(query, lowest=self._lowest, step=self._step)
        score_codes(self._codes, fixed.weight, fixed.scale, fixed.offset, rows, scores)
        return scores

    def row_vectors(self, rows: I64s) -> F32s:
        """See `VectorIndex`; rounded to 8 bits per dimension."""
        check_rows(rows, n=self.n)
        if not rows.size:
            return np.zeros((0, self.dim), np.float32)
        vectors: F32s = self._fine.reconstruct_batch(np.ascontiguousarray(rows, np.int64))
        return vectors

    def _near(
        self,
        query: F32s,
        n_alive: int,
        alive: Bitmap | None,
        *,
        k: int,
        threshold: float = -np.inf,
        probes: int = 0,
    ) -> tuple[I64s, bool]:
        """Candidates for the k best, in no order: what the coarse codes hold for near.

        Args:
            query: (dim,).
            n_alive: live rows, >= 1.
            alive: bitmap; None: all.
            k: candidates are twice as many, and 1,000 at least.
            threshold: least score; lists too far away to hold such a row are not scanned.
            probes: lists to scan; 0: as calibrated, more of them the fewer rows are alive.
        Returns:
            The rows, and whether they are enough: k of them, or all that can reach the threshold.
        """
        n_lists, share = self.n_lists, n_alive / self.n
        wanted = min(n_alive, max(int(_REFINED * k), _LEAST_REFINED))
        if not probes:
            enough = 2 * wanted * n_lists / n_alive  # lists that hold so many live rows
            probes = int(np.ceil(max(self.n_probes / share**0.25, enough)))
        with _threads(1):  # a query never waits for a pool of threads
            n_near = probes = min(probes, n_lists)
            nearness, lists = self._coarse.quantizer.search(query[None], probes)
            if probes < n_lists and threshold > _REACH - 1:  # else no list is too far
                n_near = max(int((nearness >= threshold - _REACH).sum()), 1)
            options: dict[str, Any] = {"nprobe": n_near}
            if alive is not None:
                bits = np.ascontiguousarray(alive).view(np.uint8)
                options["sel"] = faiss.IDSelectorBitmap(bits.size, faiss.swig_ptr(bits))
            # Given to the constructor, the selector lives as long as the parameters; set later it
            # would be freed at once, and FAISS would read what is no longer there.
            params = faiss.SearchParametersIVF(**options)
            scores, rows = np.empty(wanted, np.float32), np.empty(wanted, np.int64)
            # As `search`, which would look for the lists again.
            self._coarse.search_preassigned_c(
                1, faiss.swig_ptr(query), wanted, faiss.swig_ptr(lists), faiss.swig_ptr(nearness),
                faiss.swig_ptr(scores), faiss.swig_ptr(rows), False, params,
            )  # fmt: skip
        rows = np.sort(rows[rows >= 0])  # as they lie in memory
        return rows, n_near < probes or rows.size >= min(k, n_alive)

    def _best(self, query: F32s, rows: I64s, *, k: int, threshold: float) -> VectorHits:
        """Some rows by their fine codes; a code c stands for lowest + (c + 0.5) * step."""
        scores = self.scores(query, rows)
        keep = scores >= threshold
        return best_first(rows[keep], scores[keep], k=k)


def _pieces(dim: int, most: int) -> int:
    """Into how many pieces of up to `most` dimensions a vector is cut."""
    return next(m for m in range(-(-dim // most), dim + 1) if dim % m == 0)


def _trained_coarse(sample: F32s, n_lists: int, params: FaissParams) -> Any:
    dim = sample.shape[1]
    coarse = faiss.IndexIVFPQFastScan(
        faiss.IndexFlatIP(dim),
        dim,
        n_lists,
        _pieces(dim, params.dims_per_piece),
        4,
        faiss.METRIC_INNER_PRODUCT,
    )
    coarse.by_residual = False  # for inner products the residual's code is no shorter
    for clustering in (coarse.cp, coarse.pq.cp):
        clustering.seed = params.seed + 1
        clustering.niter = params.training_rounds
        clustering.max_points_per_centroid = params.training_per_list
        clustering.min_points_per_centroid = 1  # few points are no fault of a small catalogue
    coarse.pq.cp.max_points_per_centroid = 1_024
    coarse.cp.spherical = True
    coarse.train(sample)
    return coarse


def _calibrated_probes(index: "FaissIndex", queries: F32s, params: FaissParams) -> int:
    """The least power of two of lists whose 100 best agree with those of a scan of all lists."""
    most = int(np.clip(params.max_scanned * index.n_lists // index.n, 1, index.n_lists))
    queries = np.ascontiguousarray(queries[np.any(queries, axis=1)], np.float32)
    k = min(100, index.n)

    def best(query: F32s, probes: int) -> F32s:
        rows, _ = index._near(query, index.n, None, k=k, probes=probes)
        return index._best(query, rows, k=k, threshold=-np.inf).scores

    def recall(probes: int) -> float:
        """Mean share of the hits that reach the k-th of a full scan: equals are equally good."""
        reached = [(best(q, probes) >= w).sum() / k for q, w in zip(queries, wanted, strict=True)]
        return float(np.mean(reached))

    wanted = [best(query, index.n_lists).min(initial=np.inf) for query in queries]
    probes = max(1, min(most, params.min_scanned * index.n_lists // index.n))
    while wanted and probes < most and recall(probes) < params.target_recall:
        probes *= 2
    return min(probes, most)


_conforms: type[VectorIndex] = FaissIndex
