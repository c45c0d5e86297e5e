"""What queries may say because of the delta: words, values and attributes the generation lacks."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import final

import numpy as np
import numpy.typing as npt

from mercer.engines.embedded.index.generation import Generation
from mercer.retrieve.filter_match import spelled_number
from mercer.retrieve.filter_schema import (
    ATTRIBUTE_PREFIX,
    LISTING_FIELDS,
    FieldKind,
    FilterSchema,
)
from mercer.retrieve.label_build import CATEGORY_SEPARATOR
from mercer.retrieve.layered_lexicon import LayeredLexicon
from mercer.retrieve.lexicon import TableLexicon
from mercer.retrieve.lexicon_build import NOT_IN_QUERIES, query_values
from mercer.retrieve.query import CATEGORY
from mercer.retrieve.segment import Labels
from mercer.retrieve.segment_build import SegmentColumns
from mercer.text.word_count import count_words

Values = tuple[list[str], list[str], npt.NDArray[np.int64]]
"""(field, value, listings) of labels that a query may name."""
NO_VALUES: Values = ([], [], np.zeros(0, np.int64))
_SAMPLE = 1_000  # values that decide whether an attribute is a number


@final
class DeltaWords:
    """Beside one generation. Not thread-safe; what `lexicon` and `fields` gave never changes."""

    def __init__(self, generation: Generation) -> None:
        self._base, self._labels = generation.words.lexicon, generation.segment.labels
        self._base_kinds = attribute_kinds(self._labels)
        self._kinds = dict(self._base_kinds)
        self._categories = _categories(self._labels)
        self._counts: dict[str, int] = {}  # of words that the base does not have
        self._code: dict[str, dict[str, int]] = {}  # of each value that was looked up, by field

    def is_known(self, word: str) -> bool:
        """Whether the generation has the word."""
        return self._base.count(word) > 0

    def learn(self, columns: SegmentColumns, unknown_codes: Sequence[int]) -> tuple[Labels, Values]:
        """Words and attributes of a segment are known from now on.

        A word's count is the highest of any one segment, listings that have changed since among
        them: it says that there is such a word, and about how common it is.

        Args:
            unknown_codes: of the words that are not known.
        Returns:
            The labels with their codes in the generation's, and the values that it does not have.
        """
        self._count(columns, unknown_codes)
        labels = replace(columns.labels, in_base=self._in_base(columns.labels))
        self._kinds.update(attribute_kinds(labels, but=self._base_kinds))
        return labels, self._new_values(labels)

    def _in_base(self, labels: Labels) -> npt.NDArray[np.int64]:
        codes: list[int] = []
        for name in labels.fields:
            known, (low, high) = self._code.setdefault(name, {}), self._range(name)
            span = labels.span(name)
            for value in labels.values.column.slice(span.start, len(span)).to_pylist():
                code = known.get(value)
                if code is None:
                    code = known[value] = self._labels.values.find(value, low=low, high=high)
                codes.append(code)
        return np.array(codes, np.int64)

    def _range(self, name: str) -> tuple[int, int]:
        span = self._labels.span(name)
        return span.start, span.stop

    def _new_values(self, labels: Labels) -> Values:
        fields, values, counts = query_values(labels)
        assert labels.in_base is not None
        is_new = np.zeros(len(fields), np.bool_)
        at = 0
        for name in (f for f in labels.fields if f not in NOT_IN_QUERIES):
            span = labels.span(name)
            end = at + len(span)
            if name == CATEGORY:  # by its own name, wherever it lies
                is_new[at:end] = [value not in self._categories for value in values[at:end]]
            else:
                is_new[at:end] = labels.in_base[span.start : span.stop] < 0
            at = end
        found = np.flatnonzero(is_new)
        return [fields[i] for i in found], [values[i] for i in found], counts[found]

    def _count(self, columns: SegmentColumns, unknown_codes: Sequence[int]) -> None:
        if not unknown_codes:
            return
        counts = count_words(list(columns.tokens.values()), n_words=len(columns.vocabulary))
        for code, n in zip(unknown_codes, counts[unknown_codes].tolist(), strict=True):
            word = columns.vocabulary[code]
            self._counts[word] = max(n, self._counts.get(word, 0))

    def lexicon(self, values: Iterable[Values]) -> LayeredLexicon:
        """The generation's lexicon with the words learnt so far, and with these values."""
        fields: list[str] = []
        spelt: list[str] = []
        counts = [np.zeros(0, np.int64)]
        for field, value, count in values:
            fields += field
            spelt += value
            counts.append(count)
        words, n = list(self._counts), np.array(list(self._counts.values()), np.int64)
        delta = TableLexicon.from_columns(words, n, fields, spelt, np.concatenate(counts))
        return LayeredLexicon(self._base, delta)

    def fields(self) -> FilterSchema:
        """What a filter may name."""
        return FilterSchema(attributes=dict(self._kinds))


def _categories(labels: Labels) -> frozenset[str]:
    """All categories, each by its own name."""
    if CATEGORY not in labels.fields:
        return frozenset()
    span = labels.span(CATEGORY)
    paths = labels.values.column.slice(span.start, len(span)).to_pylist()
    return frozenset(path.split(CATEGORY_SEPARATOR)[-1] for path in paths)


def attribute_kinds(labels: Labels, *, but: Container[str] = ()) -> dict[str, FieldKind]:
    """The attributes that a filter may name; one is a number where nine of ten values are.

    Args:
        but: names that are of no interest.
    """
    kinds = {}
    for name in labels.fields:
        own = name.removeprefix(ATTRIBUTE_PREFIX)
        if name in LISTING_FIELDS or own in but:
            continue
        span = labels.span(name)
        sample = labels.values.column.slice(span.start, min(len(span), _SAMPLE)).to_pylist()
        n_numbers = sum(spelled_number(value) is not None for value in sample)
        is_number = n_numbers >= 0.9 * len(sample)
        kinds[own] = FieldKind.NUMBER if is_number else FieldKind.TEXT
    return kinds
