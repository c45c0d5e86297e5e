"""What two lists of words share: how many, which share of the first, the longest run."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mercer.features.column import Column, F64s, numbers_of, ragged_of
from mercer.features.text.overlap import (
    count_distinct,
    count_distinct_plain,
    coverage,
    coverage_plain,
    jaccard,
    jaccard_plain,
    overlap,
    overlap_plain,
)
from mercer.features.text.run_length import longest_run, longest_run_plain
from mercer.features.transform import ColumnOp, Params, Transform

_ALL_ALIKE = np.zeros(0, np.uint64)


def _run(kernel: Callable[..., None], inputs: Sequence[Column], n: int, *more: Any) -> F64s:
    """What a kernel over pairs of lists says of each pair."""
    left, right = ragged_of(inputs[0]), ragged_of(inputs[1])
    out = np.empty(n, np.float64)
    kernel(
        left.starts, left.stops, left.values, right.starts, right.stops, right.values, *more, out
    )  # fmt: skip
    return out


def _pairwise(kernel: Callable[..., None], *more: Any) -> ColumnOp:
    """The column function of such a kernel."""

    def run(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F64s:
        return _run(kernel, inputs, n, *more)

    return ColumnOp(run)


def _twin(plain: Callable[..., float]) -> Callable[..., float]:
    def twin(left: Sequence[int] | None, right: Sequence[int] | None, **_: Any) -> float:
        return plain(left, right)

    return twin


def _distinct(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F64s:
    words = ragged_of(inputs[0])
    out = np.empty(n, np.float64)
    count_distinct(words.starts, words.stops, words.values, out)
    return out


def distinct_twin(words: Sequence[int] | None, **_: Any) -> float:
    """The same of one list."""
    return count_distinct_plain(words)


def _jaccard(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F64s:
    if len(inputs) == 3:
        distinct = np.ascontiguousarray(numbers_of(inputs[2]))
    else:
        distinct = _distinct(inputs[1:], params, prepared, n)
    return _run(jaccard, inputs, n, distinct)


def jaccard_twin(
    left: Sequence[int] | None,
    right: Sequence[int] | None,
    distinct: float | None = None,
    **_: Any,
) -> float:
    """The same of one pair."""
    counted = count_distinct_plain(right) if distinct is None else distinct
    return jaccard_plain(left, right, counted)


def _of_pairs(name: str, summary: str, run: ColumnOp, plain: Callable[..., float]) -> Transform:
    return Transform(
        name=name,
        summary=summary,
        inputs=(("words", "words"),),
        output="number",
        run=run,
        twin=_twin(plain),
    )


TRANSFORMS = (
    _of_pairs(
        "word_overlap",
        "How many different words of the first list the second has.",
        _pairwise(overlap),
        overlap_plain,
    ),
    _of_pairs(
        "word_coverage",
        "Share of the different words of the first list that the second has, in [0, 1].",
        _pairwise(coverage, _ALL_ALIKE),
        coverage_plain,
    ),
    Transform(
        name="word_jaccard",
        summary="Words that both lists have over words that either has, each counted once, in [0, 1]; "
        "a third input may be distinct_words of the second, so that it is not computed again.",
        inputs=(("words", "words"), ("words", "words", "number")),
        output="number",
        run=ColumnOp(_jaccard),
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
        _pairwise(longest_run),
        longest_run_plain,
    ),
)
