"""The loops of the first pass: what it reads of each candidate, one compiled pass for each source.

Candidates are ascending rows scattered over a segment, so each kernel asks memory for what it reads
some places later (see `text/prefetch.py`).
"""

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.retrieve.segment import COUNT_BITS, F32s, I32s, I64s, U16s, U32s
from mercer.text.kernel_types import F4S, F8S, I4S, I8S, U2S, U4S, read_only
from mercer.text.prefetch import AHEAD, prefetch

F64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_LENGTHS = read_only(nb.u2, ndim=2)
_SHIFTS = np.cumsum((0, *COUNT_BITS[:-1]))
_TOPS = np.array([(1 << bits) - 1 for bits in COUNT_BITS])


@nb.njit(nb.i8(U4S, nb.i8, nb.i8, nb.u4), cache=True, nogil=True)
def _seek(rows: U32s, low: int, high: int, row: int) -> int:
    """First place in [low, high) whose row is not below `row`: doubling steps, then halving ones."""
    step = 1
    while low + step < high and rows[low + step] < row:
        low += step
        step <<= 1
    high = min(high, low + step + 1)
    while low < high:
        middle = (low + high) >> 1
        if rows[middle] < row:
            low = middle + 1
        else:
            high = middle
    return low


@nb.njit(
    nb.void(U4S, U4S, U2S, _LENGTHS, F8S, F8S, nb.f8, nb.f8, nb.f8, nb.f8[::1]),
    cache=True,
    nogil=True,
)
def bm25f(
    rows: U32s, post_rows: U32s, post_counts: U16s, lengths: U16s,
    mean_lengths: F64s, weights: F64s, k1: float, b: float, factor: float, out: F64s,
) -> None:  # fmt: skip
    """out[i] becomes factor * tf' (k1 + 1) / (k1 + tf') where that is more, tf' the weighted,
    length-normalised count; a row that lacks the stem stays."""
    at, end = 0, post_rows.size
    for i in range(rows.size):
        if i + AHEAD < rows.size:
            prefetch(lengths[rows[i + AHEAD]], 0)
        at = _seek(post_rows, at, end, rows[i])
        if at == end or post_rows[at] != rows[i]:
            continue
        packed, tf = np.int64(post_counts[at]), 0.0
        for field in range(4):
            count = (packed >> _SHIFTS[field]) & _TOPS[field]
            if count:
                norm = 1.0 - b + b * lengths[rows[i], field] / mean_lengths[field]
                tf += weights[field] * count / norm
        out[i] = max(out[i], factor * (tf * (k1 + 1.0) / (k1 + tf)))


@nb.njit(nb.void(U4S, I8S, I4S, I4S, I4S, I4S, I4S, nb.f4[:, ::1]), cache=True, nogil=True)
def title_words(
    rows: U32s, offsets: I64s, stems: I32s, first: I32s, second: I32s,
    excluded: I32s, negators: I32s, out: F32s,
) -> None:  # fmt: skip
    """Of each title: the share of the pairs (first, second) that stand side by side; 1 where an
    excluded word stands there plainly; 1 where one stands near a negator."""
    for i in range(rows.size):
        if i + 2 * AHEAD < rows.size:
            prefetch(offsets, rows[i + 2 * AHEAD])
        if i + AHEAD < rows.size:
            prefetch(stems, offsets[rows[i + AHEAD]])
        start, end = offsets[rows[i]], offsets[rows[i] + 1]
        n_pairs = 0
        for p in range(first.size):
            for at in range(start, end - 1):
                if stems[at] == first[p] and stems[at + 1] == second[p] and first[p] >= 0:
                    n_pairs += 1
                    break
        if first.size:
            out[i, 0] = n_pairs / first.size
        for at in range(start, end):
            for e in range(excluded.size):
                if stems[at] != excluded[e]:
                    continue
                is_negated = False
                for near in range(max(start, at - 3), min(end, at + 2)):
                    for n in range(negators.size):
                        if negators[n] >= 0 and near != at and stems[near] == negators[n]:
                            is_negated = True
                out[i, 2 if is_negated else 1] = 1.0


_OF_WISHES = (I4S, I8S, I8S, I8S, nb.i4[::1])


@nb.njit(
    [nb.void(U4S, I8S, I4S, *_OF_WISHES), nb.void(U4S, U4S, U2S, *_OF_WISHES)],
    cache=True,
    nogil=True,
)
def label_verdicts(
    rows: U32s, offsets: I64s | U32s, codes: I32s | U16s, wanted: I32s, starts: I64s, first: I64s,
    last: I64s, out: I32s,
) -> None:  # fmt: skip
    """out[i] = over all wishes w: 1 where the row has one of wanted[starts[w]:starts[w + 1]], -1
    where it has only other labels of first[w]..last[w] - 1, else 0."""
    end = last.max() if last.size else 0
    verdict = np.zeros(last.size, np.int64)
    for i in range(rows.size):
        if i + 2 * AHEAD < rows.size:
            prefetch(offsets, rows[i + 2 * AHEAD])
        if i + AHEAD < rows.size:
            prefetch(codes, offsets[rows[i + AHEAD]])
        verdict[:] = 0
        for at in range(offsets[rows[i]], offsets[rows[i] + 1]):
            code = codes[at]
            if code >= end:  # ascending
                break
            for w in range(last.size):
                if first[w] <= code < last[w]:
                    if verdict[w] == 0:
                        verdict[w] = -1
                    for one in range(starts[w], starts[w + 1]):
                        if wanted[one] == code:
                            verdict[w] = 1
        out[i] = verdict.sum()


_TABLE = nb.types.Array(nb.f8, 2, "C", readonly=True)


@nb.njit(nb.void(_TABLE, F8S, nb.f8, nb.f8, nb.b1[:, ::1], nb.f4[::1]), cache=True, nogil=True)
def lexical_part(
    group_scores: F64s, group_idf: F64s, most: float, weight: float, has_group: Bools, out: F32s
) -> None:
    """out[i] = weight * lexical^2, lexical = sum of the groups * (0.3 + coverage) / most.

    Args:
        group_scores: (n_groups, n) BM25F of each; 0 where the listing does not have it.
        most: what the sum times 1.3 is at most.
        has_group: (n_groups, n) is filled as well.
    """
    total_idf = max(group_idf.sum(), 1e-9)
    for i in range(out.size):
        total, covered = 0.0, 0.0
        for g in range(group_idf.size):
            has_group[g, i] = group_scores[g, i] > 0
            total += group_scores[g, i]
            if has_group[g, i]:
                covered += group_idf[g]
        lexical = total * (0.3 + covered / total_idf) / most
        out[i] = weight * lexical * lexical


@nb.njit(
    nb.void(
        U4S,
        F4S,
        read_only(nb.f4, ndim=2),
        I4S,
        F4S,
        nb.f4,
        nb.f4,
        nb.f4,
        nb.f8,
        nb.f8,
        nb.f4,
        nb.f4[:, ::1],
        nb.f4[::1],
    ),
    cache=True,
    nogil=True,
)
def add_parts(
    rows: U32s, prior: F32s, title: F32s, wishes: I32s, cosine: F32s,
    of_title: float, of_unwanted: float, of_negated: float, of_wish: float, of_prior: float,
    of_cosine: float, parts: F32s, total: F32s,
) -> None:  # fmt: skip
    """Fill in all parts of the scores but the first, which is there, and add them up in their order.

    Args:
        prior: of the segment.
        title: (n, 3) as of `title_words`.
        cosine: (n,), or none of them where parts has only five rows.
        of_title: what one of each counts.
        parts: (5 or 6, n).
    """
    has_cosine = parts.shape[0] > 5
    for i in range(rows.size):
        parts[1, i] = of_title * title[i, 0]
        parts[2, i] = of_negated * title[i, 2] - of_unwanted * title[i, 1]
        parts[3, i] = of_wish * wishes[i]
        parts[4, i] = of_prior * prior[rows[i]]
        score = parts[0, i] + parts[1, i] + parts[2, i] + parts[3, i] + parts[4, i]
        if has_cosine:
            parts[5, i] = of_cosine * max(cosine[i], np.float32(0))
            score += parts[5, i]
        total[i] = score
