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
from math import log1p

import numpy as np
import numpy.typing as npt

from mercer.rank.first_pass_kernels import (
    add_parts,
    bm25f,
    label_verdicts,
    lexical_part,
    title_words,
)
from mercer.retrieve.facet_reference import NO_REFERENCES, References
from mercer.retrieve.match import Wanted, label_codes
from mercer.retrieve.segment import F32s, I32s, Segment, U16s, U32s
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
        return log1p((n - df + 0.5) / (df + 0.5)) if df else 0.0

    return Statistics(
        n,
        np.maximum(np.asarray(mean, np.float64).reshape(-1), 1e-9),
        tuple(
            tuple(sum(map(idf, way.stems)) / len(way.stems) for way in group.alternatives)
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
    references: References = NO_REFERENCES,
) -> Scores:
    """Score candidates of one segment.

    Args:
        rows: (n,) ascending.
        cosine: (n,) between query and listing; None where the semantic part is not used.
        references: of the segment, whose copy of the labels is read sooner.
    """
    names = _PARTS if cosine is None else (*_PARTS, "semantic")
    values = np.empty((len(names), len(rows)), np.float32)
    has_group = _by_words(rows, segment, wanted, stats, params, out=values[0])
    title = title_features(rows, segment, wanted)
    wishes = _wishes(rows, segment, wanted, references)
    total = np.empty(len(rows), np.float32)
    add_parts(
        rows, segment.prior, title, wishes, total if cosine is None else cosine,
        params.title, params.unwanted, params.negated, params.wish, params.prior,
        semantic_weight(wanted, params=params), values, total,
    )  # fmt: skip
    return Scores(total, names, values, has_group)


def word_scores(
    rows: U32s, segment: Segment, wanted: Wanted, stats: Statistics, *, params: FirstPassParams
) -> F32s:
    """(n,) the lexical part alone of the scores of ascending rows."""
    out = np.empty(len(rows), np.float32)
    _by_words(rows, segment, wanted, stats, params, out=out)
    return out


def _by_words(
    rows: U32s, segment: Segment, wanted: Wanted, stats: Statistics, params: FirstPassParams,
    *, out: F32s,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Fills in the lexical part; (n_groups, n) which words of the query each listing has."""
    group_scores, group_idf = _group_scores(rows, segment, wanted, stats, params)
    has_group = np.empty(group_scores.shape, np.bool_)
    most = 1.3 * (params.k1 + 1.0) * max(float(group_idf.sum()), 1e-9)
    lexical_part(group_scores, group_idf, most, params.lexical, has_group, out)
    return has_group


_PARTS = ("lexical", "title", "unwanted", "wish", "prior")


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
            is_one = len(codes) == 1
            each = scores[g : g + 1] if is_one else np.zeros((len(codes), len(rows)))
            for i, code in enumerate(codes):
                bm25f(
                    rows, segment.postings.rows_of(code), segment.postings.counts_of(code),
                    segment.lengths, stats.mean_lengths, weights, params.k1, params.b,
                    way.weight * idf if is_one else 1.0, each[i],
                )  # fmt: skip
            if not is_one:
                of_way = each.mean(axis=0) * (each > 0).all(axis=0)
                np.maximum(scores[g], way.weight * idf * of_way, out=scores[g])
    return scores, group_idf


NEGATORS = ("without", "no", "non", "free", "less")


def title_features(rows: U32s, segment: Segment, wanted: Wanted) -> F32s:
    """(n, 3) by title: share of the query's neighbouring words that stand side by side; 1 where an
    excluded word stands there plainly; 1 where it stands beside "without", "no", "free"."""
    code = segment.postings.code
    pairs = [(code(a), code(b)) for a, b in wanted.title_bigrams]
    excluded = [at for words in wanted.excluded for word in words if (at := code(word)) >= 0]
    out = np.zeros((len(rows), 3), np.float32)
    if excluded or any(a >= 0 and b >= 0 for a, b in pairs):
        negators = [code(stem(word)) for word in NEGATORS] if excluded else []
        title_words(
            rows, segment.title_offsets, segment.title_stems,
            np.array([a for a, _ in pairs], np.int32), np.array([b for _, b in pairs], np.int32),
            np.array(excluded, np.int32), np.array(negators, np.int32), out,
        )  # fmt: skip
    return out


def _wishes(rows: U32s, segment: Segment, wanted: Wanted, references: References) -> I32s:
    """(n,) wanted values that a listing has, less the fields in which it has only other values."""
    total = np.zeros(len(rows), np.int32)
    if wanted.wishes:
        spans = [segment.labels.span(wish.field) for wish in wanted.wishes]
        codes = [label_codes(wish, segment) for wish in wanted.wishes]
        end = max(span.stop for span in spans)
        if end == 0:  # no row has any of the fields
            return total
        labels = references if end <= references.last else segment.labels
        label_verdicts(
            rows, labels.offsets, labels.codes,
            np.array([code for of_wish in codes for code in of_wish], np.int32),
            np.cumsum([0, *(len(of_wish) for of_wish in codes)]),
            np.array([span.start for span in spans]), np.array([span.stop for span in spans]),
            total,
        )  # fmt: skip
    return total


def mean_lengths(lengths: U16s) -> F64s:
    """(4,) mean words of each text field over the rows of a segment."""
    mean: F64s = lengths.mean(axis=0, dtype=np.float64) if len(lengths) else np.zeros(4)
    return mean
