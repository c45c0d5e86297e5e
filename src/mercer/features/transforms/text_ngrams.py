"""word_ngrams and char_ngrams: runs of words, and runs of characters."""

from collections.abc import Sequence
from typing import Any

from mercer.features.column import Column, Ragged, ragged_of
from mercer.features.param import Param
from mercer.features.text.ngrams import (
    char_ngrams,
    char_ngrams_plain,
    word_ngrams,
    word_ngrams_plain,
)
from mercer.features.text.rows import as_rows
from mercer.features.transform import ColumnOp, Params, Transform


def _of_words(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> Ragged:
    text = ragged_of(inputs[0])
    return as_rows(*word_ngrams(text.starts, text.stops, text.values, **params), text)


def words_twin(text: str | None, *, params: Params, **_: Any) -> list[int] | None:
    """The same of one text."""
    return None if text is None else word_ngrams_plain(text, **params)


def _of_characters(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> Ragged:
    text = ragged_of(inputs[0])
    found = char_ngrams(
        text.starts, text.stops, text.values, shortest=params["shortest"],
        longest=params["longest"], is_across=params["across"],
    )  # fmt: skip
    return as_rows(*found, text)


def characters_twin(text: str | None, *, params: Params, **_: Any) -> list[int] | None:
    """The same of one text."""
    if text is None:
        return None
    sizes = {"shortest": params["shortest"], "longest": params["longest"]}
    return char_ngrams_plain(text, **sizes, is_across=params["across"])


def _in_order(params: Params) -> str | None:
    if params["shortest"] <= params["longest"]:
        return None
    return f"shortest is {params['shortest']}, must be at most longest, {params['longest']}"


def _sizes(what: str, *, least: int, most: int, default: tuple[int, int]) -> tuple[Param, Param]:
    return (
        Param(
            name="shortest", kind="integer", doc=f"{what} of the shortest run",
            default=default[0], low=least, high=most,
        ),
        Param(
            name="longest", kind="integer", doc=f"{what} of the longest run",
            default=default[1], low=least, high=most,
        ),
    )  # fmt: skip


TRANSFORMS = (
    Transform(
        name="word_ngrams",
        summary="All runs of neighbouring words of a text, unstemmed.",
        inputs=(("folded",),),
        output="words",
        run=ColumnOp(_of_words),
        twin=words_twin,
        params=_sizes("words", least=1, most=8, default=(1, 2)),
        check=_in_order,
    ),
    Transform(
        name="char_ngrams",
        summary="All runs of neighbouring characters of a text.",
        inputs=(("folded",),),
        output="words",
        run=ColumnOp(_of_characters),
        twin=characters_twin,
        params=(
            *_sizes("characters", least=2, most=16, default=(3, 3)),
            Param(
                name="across",
                kind="flag",
                doc="also over the space between two words; else in each word with its spaces",
                default=False,
            ),
        ),
        check=_in_order,
    ),
)
