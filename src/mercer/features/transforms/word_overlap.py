"""What two lists of words share: how many, which share of the first, the longest run."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mercer.features.column import Column, F64s, Ragged, ragged_of
from mercer.features.text.overlap import (
    count_distinct,
    count_distinct_plain,
    coverage_plain,
    jaccard_plain,
    overlap_plain,
)
from mercer.features.text.run_length import longest_run_plain
from mercer.features.text.shared_words import COVERAGE, JACCARD, OVERLAP, RUN
from mercer.features.transform import ColumnOp, Params, SharedWords, Transform, Weights


def _twin(plain: Callable[..., float]) -> Callable[..., float]:
    def twin(left: Sequence[int] | None, right: Sequence[int] | None, **_: Any) -> float:
        return plain(left, right)

    return twin


def _distinct(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F64s:
    return _count(ragged_of(inputs[0]), Weights())


def _count(words: Ragged, _: Weights) -> F64s:
    out = np.empty(len(words), np.float64)
    count_distinct(words.starts, words.stops, words.values, out)
    return out


def distinct_twin(words: Sequence[int] | None, **_: Any) -> float:
    """The same of one list."""
    return count_distinct_plain(words)


def jaccard_twin(
    left: Sequence[int] | None,
    right: Sequence[int] | None,
    distinct: float | None = None,
    **_: Any,
) -> float:
    """The same of one pair."""
    counted = count_distinct_plain(right) if distinct is None else distinct
    return jaccard_plain(left, right, counted)


def _of_pairs(name: str, summary: str, measure: int, plain: Callable[..., float]) -> Transform:
    return Transform(
        name=name,
        summary=summary,
        inputs=(("words", "words"),),
        output="number",
        run=SharedWords(measure),
        twin=_twin(plain),
    )


TRANSFORMS = (
    _of_pairs(
        "word_overlap",
        "How many different words of the first list the second has.",
        OVERLAP,
        overlap_plain,
    ),
    _of_pairs(
        "word_coverage",
        "Share of the different words of the first list that the second has, in [0, 1].",
        COVERAGE,
        coverage_plain,
    ),
    Transform(
        name="word_jaccard",
        summary="Words that both lists have over words that either has, each counted once, in [0, 1]; "
        "a third input may be distinct_words of the second, so that it is not computed again.",
        inputs=(("words", "words"), ("words", "words", "number")),
        output="number",
        run=SharedWords(JACCARD, beside=_count),
        twin=jaccard_twin,
    ),
    Transform(
        name="distinct_words",
        summary="How many different words a list has.",
        inputs=(("words",),),
        output="number",
        run=ColumnOp(_distinct),
        twin=distinct_twin,
    ),
    _of_pairs(
        "word_run",
        "Words of the longest run that both lists have in the same order, without a gap.",
        RUN,
        longest_run_plain,
    ),
)
