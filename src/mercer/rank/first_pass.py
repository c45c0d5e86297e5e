"""The first pass of the cascade: a fixed score over a few thousand candidates, before any model.

score = lexical_weight * lexical^2 + semantic * cosine + title * adjacency
        - unwanted * (title names what is not wanted) + negated * (title says it is without)
        + wish * (has the wanted value, or another one) + prior * quality

`lexical` is BM25F over the stems (Robertson & Zaragoza 2009, doi:10.1561/1500000019, eq. 3.21) as a
share of what the query could give at most, times (0.3 + coverage) / 1.3 with coverage the share of the
query's idf that the listing has. The weight of the cosine grows with the number of words: a listing
that has the only word asked for needs no further evidence, one that has three of five does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.retrieve.match import Wanted, label_codes
from mercer.retrieve.segment import COUNT_BITS, F32s, I32s, I64s, Segment, U16s, U32s
from mercer.text.analyze import stem

F64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FirstPassParams:
    """Weights of the first pass; set once on public judgments, the same for every market."""

    field_weights: tuple[float, float, float, float] = (4.0, 2.0, 2.0, 0.5)  # as TEXT_FIELDS
    k1: float = 1.2
    b: float = 0.75
    lexical: float = 2.0
    semantic_per_word: float = 0.2
    semantic_max: float = 0.8
    sufficient_words: float = 0.5  # words that are evidence enough without the cosine
    title: float = 0.15
    unwanted: float = 0.2
    negated: float = 0.1
    wish: float = 0.03
    prior: float = 0.05


@dataclass(frozen=True, slots=True)
class Statistics:
    """What BM25F needs to know of the whole index, all segments together."""

    n: int
    mean_lengths: F64s  # (4,) words of each text field
    idf: tuple[tuple[float, ...], ...]  # by group, by alternative


def statistics(wanted: Wanted, segments: Sequence[Segment], lengths: Sequence[F64s]) -> Statistics:
    """idf = ln(1 + (n - df + 0.5) / (df + 0.5)); of several stems the mean.

    Args:
        lengths: mean field lengths of each segment, (4,) each.
    """
    n = sum(segment.n for segment in segments)
    mean = sum(w * segment.n for w, segment in zip(lengths, segments, strict=True)) / max(n, 1)

    def idf(word: str) -> float:
        codes = [(s.postings, s.postings.code(word)) for s in segments]
        df = sum(postings.frequency(code) for postings, code in codes if code >= 0)
        return float(np.log1p((n - df + 0.5) / (df + 0.5))) if df else 0.0

    return Statistics(
        n,
        np.maximum(np.asarray(mean, np.float64).reshape(-1), 1e-9),
        tuple(
            tuple(float(np.mean([idf(word) for word in way.stems])) for way in group.alternatives)
            for group in wanted.groups
        ),
    )


@dataclass(frozen=True, slots=True)
class Scores:
    """Of n candidates of one segment."""

    total: F32s  # (n,)
    names: tuple[str, ...]  # (n_parts,) of what the total is the sum of
    values: F32s  # (n_parts, n)
    has_group: npt.NDArray[np.bool_]  # (n_groups, n) which words of the query the listing has

    @property
    def parts(self) -> dict[str, F32s]:
        """Each part by its name, (n,) each."""
        return dict(zip(self.names, self.values, strict=True))


def score(
    rows: U32s,
    segment: Segment,
    wanted: Wanted,
    stats: Statistics,
    cosine: F32s | None,
    *,
    params: FirstPassParams,
) -> Scores:
    """Score candidates of one segment.

    Args:
        rows: (n,) ascending.
        cosine: (n,) between query and listing; None where the semantic part is not used.
    """
    group_scores, group_idf = _group_scores(rows, segment, wanted, stats, params)
    has_group = group_scores > 0
    total_idf = max(float(group_idf.sum()), 1e-9)
    coverage = group_idf @ has_group / total_idf if len(group_idf) else np.zeros(len(rows))
    best = 1.3 * (params.k1 + 1.0) * total_idf
    lexical = group_scores.sum(axis=0) * (0.3 + coverage) / best
    title = title_features(rows, segment, wanted)
    parts = {
        "lexical": params.lexical * lexical**2,
        "title": params.title * title[:, 0],
        "unwanted": params.negated * title[:, 2] - params.unwanted * title[:, 1],
        "wish": params.wish * _wishes(rows, segment, wanted),
        "prior": params.prior * segment.prior[rows],
    }
    if cosine is not None:
        parts["semantic"] = semantic_weight(wanted, params=params) * np.maximum(cosine, 0.0)
    values = np.stack([np.asarray(part, np.float32) for part in parts.values()])
    return Scores(values.sum(axis=0, dtype=np.float32), tuple(parts), values, has_group)


def semantic_weight(wanted: Wanted, *, params: FirstPassParams) -> float:
    """What a cosine counts in the score of this query, in [0, `semantic_max`]."""
    n_words = max(len(wanted.groups) - params.sufficient_words, 0.0)
    return min(params.semantic_max, params.semantic_per_word * n_words)


def _group_scores(
    rows: U32s, segment: Segment, wanted: Wanted, stats: Statistics, params: FirstPassParams
) -> tuple[F64s, F64s]:
    """(n_groups, n) the best alternative's BM25F for each group, and the idf of each group."""
    weights = np.array(params.field_weights)
    scores = np.zeros((len(wanted.groups), len(rows)))
    group_idf = np.zeros(len(wanted.groups))
    for g, (group, idfs) in enumerate(zip(wanted.groups, stats.idf, strict=True)):
        known = [idf for idf in idfs if idf > 0]
        group_idf[g] = idfs[0] if idfs[0] > 0 else max(known, default=0.0)
        for way, idf in zip(group.alternatives, idfs, strict=True):
            codes = [segment.postings.code(word) for word in way.stems]
            if idf <= 0 or min(codes) < 0:
                continue
            each = np.empty((len(codes), len(rows)))
            for i, code in enumerate(codes):
                _bm25f(
                    rows, segment.postings.rows_of(code), segment.postings.counts_of(code),
                    segment.lengths, stats.mean_lengths, weights, params.k1, params.b, each[i],
                )  # fmt: skip
            of_way = each[0] if len(codes) == 1 else each.mean(axis=0) * (each > 0).all(axis=0)
            np.maximum(scores[g], way.weight * idf * of_way, out=scores[g])
    return scores, group_idf


NEGATORS = ("without", "no", "non", "free", "less")


def title_features(rows: U32s, segment: Segment, wanted: Wanted) -> F32s:
    """(n, 3) by title: share of the query's neighbouring words that stand side by side; 1 where an
    excluded word stands there plainly; 1 where it stands beside "without", "no", "free"."""
    code = segment.postings.code
    pairs = [(code(a), code(b)) for a, b in wanted.title_bigrams]
    excluded = [code(word) for words in wanted.excluded for word in words]
    out = np.zeros((len(rows), 3), np.float32)
    if pairs or excluded:
        _title(
            rows, segment.title_offsets, segment.title_stems,
            np.array([a for a, _ in pairs], np.int32), np.array([b for _, b in pairs], np.int32),
            np.array([c for c in excluded if c >= 0], np.int32),
            np.array([code(stem(word)) for word in NEGATORS], np.int32), out,
        )  # fmt: skip
    return out


def _wishes(rows: U32s, segment: Segment, wanted: Wanted) -> F64s:
    """(n,) wanted values that a listing has, less the fields in which it has only other values."""
    total = np.zeros(len(rows))
    for wish in wanted.wishes:
        codes = np.array(sorted(label_codes(wish, segment)), np.int32)
        span = segment.labels.span(wish.field)
        has = np.zeros(len(rows), np.int8)
        _label_verdict(
            rows, segment.labels.offsets, segment.labels.codes, codes, span.start, span.stop, has
        )
        total += has
    return total


_U4 = nb.types.Array(nb.u4, 1, "C", readonly=True)
_U2 = nb.types.Array(nb.u2, 1, "C", readonly=True)
_U2_2D = nb.types.Array(nb.u2, 2, "C", readonly=True)
_I8 = nb.types.Array(nb.i8, 1, "C", readonly=True)
_I4 = nb.types.Array(nb.i4, 1, "C", readonly=True)
_F8 = nb.types.Array(nb.f8, 1, "C", readonly=True)
_SHIFTS = np.cumsum((0, *COUNT_BITS[:-1]))
_TOPS = np.array([(1 << bits) - 1 for bits in COUNT_BITS])


@nb.njit(nb.i8(_U4, nb.i8, nb.i8, nb.u4), cache=True, nogil=True)
def _seek(rows: U32s, low: int, high: int, row: int) -> int:
    """First place in [low, high) whose row is not below `row`."""
    while low < high:
        middle = (low + high) >> 1
        if rows[middle] < row:
            low = middle + 1
        else:
            high = middle
    return low


@nb.njit(nb.void(_U4, _U4, _U2, _U2_2D, _F8, _F8, nb.f8, nb.f8, nb.f8[::1]), cache=True, nogil=True)
def _bm25f(
    rows: U32s, post_rows: U32s, post_counts: U16s, lengths: U16s,
    mean_lengths: F64s, weights: F64s, k1: float, b: float, out: F64s,
) -> None:  # fmt: skip
    """out[i] = tf' (k1 + 1) / (k1 + tf'), tf' the weighted, length-normalised count; 0 if absent."""
    at, end = 0, post_rows.size
    for i in range(rows.size):
        at = _seek(post_rows, at, end, rows[i])
        if at == end or post_rows[at] != rows[i]:
            out[i] = 0.0
            continue
        packed, tf = np.int64(post_counts[at]), 0.0
        for field in range(4):
            count = (packed >> _SHIFTS[field]) & _TOPS[field]
            if count:
                norm = 1.0 - b + b * lengths[rows[i], field] / mean_lengths[field]
                tf += weights[field] * count / norm
        out[i] = tf * (k1 + 1.0) / (k1 + tf)


@nb.njit(nb.void(_U4, _I8, _I4, _I4, _I4, _I4, _I4, nb.f4[:, ::1]), cache=True, nogil=True)
def _title(
    rows: U32s, offsets: I64s, stems: I32s, first: I32s, second: I32s,
    excluded: I32s, negators: I32s, out: F32s,
) -> None:  # fmt: skip
    for i in range(rows.size):
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


@nb.njit(nb.void(_U4, _I8, _I4, _I4, nb.i8, nb.i8, nb.i1[::1]), cache=True, nogil=True)
def _label_verdict(
    rows: U32s, offsets: I64s, codes: I32s, wanted: I32s, first: int, last: int,
    out: npt.NDArray[np.int8],
) -> None:  # fmt: skip
    """1 where the row has a wanted label, -1 where it has only others of first..last - 1, else 0."""
    for i in range(rows.size):
        verdict = 0
        for at in range(offsets[rows[i]], offsets[rows[i] + 1]):
            code = codes[at]
            if first <= code < last:
                if verdict == 0:
                    verdict = -1
                for w in range(wanted.size):
                    if wanted[w] == code:
                        verdict = 1
        out[i] = verdict


def mean_lengths(lengths: U16s) -> F64s:
    """(4,) mean words of each text field over the rows of a segment."""
    mean: F64s = lengths.mean(axis=0, dtype=np.float64) if len(lengths) else np.zeros(4)
    return mean
