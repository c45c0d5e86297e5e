"""What queries may say because of the delta: words, values and attributes the generation lacks."""

from collections.abc import Container, Iterable, Mapping
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
from mercer.retrieve.lexicon_build import NOT_IN_QUERIES
from mercer.retrieve.query import CATEGORY
from mercer.retrieve.segment import Labels

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

    def is_known(self, word: str) -> bool:
        """Whether the generation has the word."""
        return self._base.count(word) > 0

    def code_of(self, field: str, value: str) -> int:
        """The code of a value in the generation, -1 where it has none."""
        return self._labels.code(field, value)

    def learn(self, labels: Labels, words: Mapping[str, int]) -> Values:
        """Words and attributes of a segment are known from now on; its values that are new.

        A word's count is the highest of any one segment, listings that have changed since among
        them: it says that there is such a word, and about how common it is.

        Args:
            words: those that are not known, with the number of listings.
        """
        for word, n in words.items():
            self._counts[word] = max(n, self._counts.get(word, 0))
        self._kinds.update(attribute_kinds(labels, but=self._base_kinds))
        return self._new_values(labels)

    def _new_values(self, labels: Labels) -> Values:
        """As `query_values`, of what the generation does not have."""
        assert labels.in_base is not None or not len(labels.values)
        new = (
            np.zeros(0, np.int64) if labels.in_base is None else np.flatnonzero(labels.in_base < 0)
        )
        fields, values, counts = [], [], []
        for code in new.tolist():
            field, value = labels.field_of(code), labels.values[code]
            n = int(labels.row_offsets[code + 1] - labels.row_offsets[code])
            if field == CATEGORY:  # by its own name, wherever it lies
                *above, value = value.split(CATEGORY_SEPARATOR)
                if value in self._categories:
                    continue
                n = 0 if value in above else n
            if field not in NOT_IN_QUERIES:
                fields.append(field)
                values.append(value)
                counts.append(n)
        return fields, values, np.array(counts, np.int64)

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
