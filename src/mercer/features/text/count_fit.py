"""How the weights of words are fitted: how many texts have each word."""

from collections.abc import Sequence
from typing import Final, final

from mercer.features.column import Column, F64s, Ragged
from mercer.features.param import Param
from mercer.features.text.weights import NOTHING_COUNTED, WordCounts, count_texts
from mercer.features.transform import STATE_OF, Arrays, Fit, Params


@final
class CountWords:
    """Texts by word, of the last list of words among the inputs."""

    is_exact = True
    bound = "exact"

    def empty(self, params: Params) -> Arrays:
        """No text, no word."""
        return NOTHING_COUNTED.to_arrays()

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """With n more texts."""
        words = [column for column in inputs if isinstance(column, Ragged)][-1]
        more = count_texts(words.starts, words.stops, words.values)
        return WordCounts.from_arrays(state).merge(more).to_arrays()

    def merge(self, a: Arrays, b: Arrays, params: Params) -> Arrays:
        """Of the texts of both."""
        return WordCounts.from_arrays(a).merge(WordCounts.from_arrays(b)).to_arrays()


COUNT_WORDS: Final[Fit] = CountWords()

COUNTS_OF: Final = Param(
    name=STATE_OF,
    kind="text",
    doc="the feature whose counts of words are used; empty: those of the rows it was fitted on",
    default="",
)
