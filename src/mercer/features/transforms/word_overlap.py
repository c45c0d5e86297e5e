"""What two lists of words share: how many, which share of the first, the longest run."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mercer.features.column import Column, F64s, ragged_of
from mercer.features.text.overlap import (
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


def _pairwise(kernel: Callable[..., None], *more: Any) -> ColumnOp:
    """The column function of a kernel over pairs of lists."""

    def run(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> F64s:
        left, right = ragged_of(inputs[0]), ragged_of(inputs[1])
        out = np.empty(n, np.float64)
        kernel(
            left.starts, left.stops, left.values, right.starts, right.stops, right.values,
            *more, out,
        )  # fmt: skip
        return out

    return ColumnOp(run)


def _twin(plain: Callable[..., float]) -> Callable[..., float]:
    def twin(left: Sequence[int] | None, right: Sequence[int] | None, **_: Any) -> float:
        return plain(left, right)

    return twin


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
    _of_pairs(
        "word_jaccard",
        "Words that both lists have over words that either has, each counted once, in [0, 1].",
        _pairwise(jaccard),
        jaccard_plain,
    ),
    _of_pairs(
        "word_run",
        "Words of the longest run that both lists have in the same order, without a gap.",
        _pairwise(longest_run),
        longest_run_plain,
    ),
)
