"""bm25, tfidf_cosine and their kin: words weigh the more, the fewer texts have them."""

from collections.abc import Sequence

import numpy as np

from mercer.features.column import Column, F64s, Ragged, ragged_of
from mercer.features.param import Param
from mercer.features.text.count_fit import COUNT_WORDS, COUNTS_OF
from mercer.features.text.overlap import coverage_plain
from mercer.features.text.relevance import (
    bm25_plain,
    tfidf_cosine_plain,
    tfidf_norm,
    tfidf_norm_plain,
)
from mercer.features.text.shared_words import BM25, COSINE, COVERAGE
from mercer.features.text.weights import (
    WeightTable,
    WordCounts,
    bm25_idf,
    smooth_idf,
    weight_table,
)
from mercer.features.transform import Arrays, ColumnOp, Params, SharedWords, Transform, Weights

Words = Sequence[int] | None


def _probabilistic(fitted: Arrays) -> tuple[WeightTable, WordCounts]:
    counted = WordCounts.from_arrays(fitted)
    unknown = bm25_idf(0, counted.n_texts)
    return weight_table(counted, bm25_idf, unknown=unknown), counted


def _smooth(fitted: Arrays) -> WeightTable:
    return weight_table(WordCounts.from_arrays(fitted), smooth_idf, unknown=0.0)


def _bm25(params: Params, fitted: Arrays) -> Weights:
    table, counted = _probabilistic(fitted)
    return Weights(table.slots, (counted.mean_length, params["k1"], params["b"]))


def bm25_twin(left: Words, right: Words, *, params: Params, fitted: Arrays) -> float:
    """The same of one pair."""
    table, counted = _probabilistic(fitted)
    return bm25_plain(
        left, right, table, mean_length=counted.mean_length, k1=params["k1"], b=params["b"]
    )


def _coverage(params: Params, fitted: Arrays) -> Weights:
    return Weights(_probabilistic(fitted)[0].slots)


def coverage_twin(left: Words, right: Words, *, params: Params, fitted: Arrays) -> float:
    """The same of one pair."""
    return coverage_plain(left, right, _probabilistic(fitted)[0])


def _cosine(params: Params, fitted: Arrays) -> Weights:
    return Weights(_smooth(fitted).slots)


def _norms(words: Ragged, weights: Weights) -> F64s:
    out = np.empty(len(words), np.float64)
    tfidf_norm(words.starts, words.stops, words.values, weights.slots, out)
    return out


def _norm(inputs: Sequence[Column], params: Params, prepared: Weights, n: int) -> F64s:
    return _norms(ragged_of(inputs[0]), prepared)


def norm_twin(words: Words, *, params: Params, fitted: Arrays) -> float:
    """The same of one list."""
    return tfidf_norm_plain(words, _smooth(fitted))


def cosine_twin(
    left: Words, right: Words, norm: float | None = None, *, params: Params, fitted: Arrays
) -> float:
    """The same of one pair."""
    table = _smooth(fitted)
    length = tfidf_norm_plain(right, table) if norm is None else norm
    return tfidf_cosine_plain(left, right, length, table)


TRANSFORMS = (
    Transform(
        name="bm25",
        summary="How well the second list answers the first: rare words weigh more, length is made up "
        "for (Okapi BM25 of one field).",
        inputs=(("words", "words"),),
        output="number",
        run=SharedWords(BM25, _bm25),
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
        run=SharedWords(COVERAGE, _coverage),
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
        run=ColumnOp(_norm, prepare=_cosine),
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
        run=SharedWords(COSINE, _cosine, beside=_norms),
        twin=cosine_twin,
        params=(COUNTS_OF,),
        fit=COUNT_WORDS,
        fitted_input=1,
    ),
)  # fmt: skip
