"""bm25, tfidf_cosine and their kin: words weigh the more, the fewer texts have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mercer.features.column import Column, F64s, numbers_of, ragged_of
from mercer.features.param import Param
from mercer.features.text.count_fit import COUNT_WORDS, COUNTS_OF
from mercer.features.text.overlap import coverage, coverage_plain
from mercer.features.text.relevance import (
    bm25,
    bm25_plain,
    tfidf_cosine,
    tfidf_cosine_plain,
    tfidf_norm,
    tfidf_norm_plain,
)
from mercer.features.text.weights import (
    WeightTable,
    WordCounts,
    bm25_idf,
    smooth_idf,
    weight_table,
)
from mercer.features.transform import Arrays, ColumnOp, Params, Transform

Words = Sequence[int] | None


@dataclass(frozen=True, slots=True)
class _Bm25:
    table: WeightTable
    mean_length: float


def _probabilistic(params: Params, fitted: Arrays) -> _Bm25:
    counted = WordCounts.from_arrays(fitted)
    unknown = bm25_idf(0, counted.n_texts)
    return _Bm25(weight_table(counted, bm25_idf, unknown=unknown), counted.mean_length)


def _smooth(params: Params, fitted: Arrays) -> WeightTable:
    return weight_table(WordCounts.from_arrays(fitted), smooth_idf, unknown=0.0)


def _spans(column: Column) -> tuple[Any, Any, Any]:
    words = ragged_of(column)
    return words.starts, words.stops, words.values


def _bm25(inputs: Sequence[Column], params: Params, prepared: _Bm25, n: int) -> F64s:
    out = np.empty(n, np.float64)
    bm25(
        *_spans(inputs[0]), *_spans(inputs[1]), prepared.table.slots, prepared.mean_length,
        params["k1"], params["b"], out,
    )  # fmt: skip
    return out


def bm25_twin(left: Words, right: Words, *, params: Params, fitted: Arrays) -> float:
    """The same of one pair."""
    with_ = _probabilistic(params, fitted)
    return bm25_plain(
        left, right, with_.table, mean_length=with_.mean_length, k1=params["k1"], b=params["b"]
    )


def _coverage(inputs: Sequence[Column], params: Params, prepared: _Bm25, n: int) -> F64s:
    out = np.empty(n, np.float64)
    coverage(*_spans(inputs[0]), *_spans(inputs[1]), prepared.table.slots, out)
    return out


def coverage_twin(left: Words, right: Words, *, params: Params, fitted: Arrays) -> float:
    """The same of one pair."""
    return coverage_plain(left, right, _probabilistic(params, fitted).table)


def _norm(inputs: Sequence[Column], params: Params, prepared: WeightTable, n: int) -> F64s:
    out = np.empty(n, np.float64)
    tfidf_norm(*_spans(inputs[0]), prepared.slots, out)
    return out


def norm_twin(words: Words, *, params: Params, fitted: Arrays) -> float:
    """The same of one list."""
    return tfidf_norm_plain(words, _smooth(params, fitted))


def _cosine(inputs: Sequence[Column], params: Params, prepared: WeightTable, n: int) -> F64s:
    if len(inputs) == 3:
        norm = np.ascontiguousarray(numbers_of(inputs[2]))
    else:
        norm = _norm(inputs[1:], params, prepared, n)
    out = np.empty(n, np.float64)
    tfidf_cosine(*_spans(inputs[0]), *_spans(inputs[1]), norm, prepared.slots, out)
    return out


def cosine_twin(
    left: Words, right: Words, norm: float | None = None, *, params: Params, fitted: Arrays
) -> float:
    """The same of one pair."""
    table = _smooth(params, fitted)
    length = tfidf_norm_plain(right, table) if norm is None else norm
    return tfidf_cosine_plain(left, right, length, table)


TRANSFORMS = (
    Transform(
        name="bm25",
        summary="How well the second list answers the first: rare words weigh more, length is made up "
        "for (Okapi BM25 of one field).",
        inputs=(("words", "words"),),
        output="number",
        run=ColumnOp(_bm25, prepare=_probabilistic),
        twin=bm25_twin,
        params=(
            Param(name="k1", kind="number", doc="how soon repetition stops to count", default=1.2,
                  low=0.0, high=100.0),
            Param(name="b", kind="number", doc="how much length counts", default=0.75, low=0.0,
                  high=1.0),
            COUNTS_OF,
        ),
        fit=COUNT_WORDS,
        fitted_input=1,
    ),
    Transform(
        name="word_weight_coverage",
        summary="Share of the weight of the first list's words that the second has, in [0, 1]; a word "
        "weighs its BM25 idf.",
        inputs=(("words", "words"),),
        output="number",
        run=ColumnOp(_coverage, prepare=_probabilistic),
        twin=coverage_twin,
        params=(COUNTS_OF,),
        fit=COUNT_WORDS,
        fitted_input=1,
    ),
    Transform(
        name="tfidf_norm",
        summary="Length of the TF-IDF vector of a list of words: how much it says.",
        inputs=(("words",),),
        output="number",
        run=ColumnOp(_norm, prepare=_smooth),
        twin=norm_twin,
        params=(COUNTS_OF,),
        fit=COUNT_WORDS,
        fitted_input=0,
    ),
    Transform(
        name="tfidf_cosine",
        summary="Cosine of the TF-IDF vectors of two lists, in [0, 1]; a third input may be the "
        "tfidf_norm of the second by the same counts, so that it is not computed again.",
        inputs=(("words", "words"), ("words", "words", "number")),
        output="number",
        run=ColumnOp(_cosine, prepare=_smooth),
        twin=cosine_twin,
        params=(COUNTS_OF,),
        fit=COUNT_WORDS,
        fitted_input=1,
    ),
)  # fmt: skip
