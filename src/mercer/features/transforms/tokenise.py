"""tokenise and fold_text: a text as its words, and as the same words with one space between."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mercer.features.column import Column, Ragged, Texts, ragged_of
from mercer.features.param import Param
from mercer.features.row_kernel import rows_through, span_of
from mercer.features.text.cut import cut, cut_plain, text_plain
from mercer.features.text.rows import as_rows
from mercer.features.transform import ColumnOp, Params, Transform


def _words(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> Ragged:
    column = inputs[0]
    if isinstance(column, Texts):
        return _words_of_lists(column, stem=params["stem"])
    text = ragged_of(column)
    found = cut(text.starts, text.stops, text.values, stem=params["stem"])
    return as_rows(found.offsets, found.ids, text)


def _words_of_lists(column: Texts, *, stem: bool) -> Ragged:
    """The words of a row are those of its texts, one after the other."""
    strings = column.strings
    first, last = span_of(column.starts, column.stops, len(strings))
    found = cut(strings.starts[first:last], strings.stops[first:last], strings.values, stem=stem)
    starts, stops = np.empty(len(column), np.int64), np.empty(len(column), np.int64)
    rows_through(column.starts, column.stops, first, found.offsets, starts, stops)
    return Ragged(starts, stops, found.ids)


def words_twin(text: str | Sequence[str | None] | None, *, params: Params, **_: Any) -> Any:
    """The words of one text, or of one list of texts."""
    if text is None:
        return None
    texts = [text] if isinstance(text, str) else text
    return [word for row in cut_plain(texts, stem_words=params["stem"]) for word in row]


def _folded(inputs: Sequence[Column], params: Params, prepared: Any, n: int) -> Ragged:
    text = ragged_of(inputs[0])
    found = cut(text.starts, text.stops, text.values, with_text=True)
    return as_rows(found.text_offsets, found.text, text)


def folded_twin(text: str | None, **_: Any) -> str | None:
    """The same of one text."""
    return None if text is None else text_plain([text])[0]


TRANSFORMS = (
    Transform(
        name="tokenise",
        summary="The words of a text (or of a list of texts) in order, as the search cuts them.",
        inputs=(("text",), ("texts",), ("folded",)),
        output="words",
        run=ColumnOp(_words),
        twin=words_twin,
        params=(
            Param(
                name="stem",
                kind="flag",
                doc="take the stems (Snowball English): mugs is mug",
                default=True,
            ),
        ),
    ),
    Transform(
        name="fold_text",
        summary="A text in lower case, without accents and marks, with one space between words.",
        inputs=(("text",),),
        output="folded",
        run=ColumnOp(_folded),
        twin=folded_twin,
    ),
)
