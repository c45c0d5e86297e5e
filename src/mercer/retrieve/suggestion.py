"""What to offer to somebody who is still typing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.retrieve.label_build import CATEGORY_SEPARATOR
from mercer.retrieve.segment import I64s, Labels
from mercer.text.analyze import Tokens, words
from mercer.text.completion import Completer
from mercer.text.ngrams import frequent_phrases
from mercer.text.speller import Speller

Kind = Literal["query", "category", "attribute"]
KINDS: tuple[Kind, ...] = ("query", "category", "attribute")
MAX_VALUES = 50_000  # of categories and attribute values together

# Words that do not begin or end a phrase worth offering.
_STOP_WORDS = (
    "a an and are as at by for from in is it of on or set pack pcs the to with your our you my"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True, slots=True)
class Phrases:
    """Things to complete to; a text occurs once."""

    text: pa.StringArray  # (n,) lower case
    kind: npt.NDArray[np.int8]  # (n,) place in KINDS
    count: I64s  # (n,) listings that have it


def collect_phrases(titles: Tokens, vocabulary: Sequence[str], labels: Labels) -> Phrases:
    """Frequent phrases of titles, category names and attribute values; the first kind of a text wins."""
    n = len(titles.offsets) - 1
    is_stop = np.array([word in STOP_WORDS or word[0].isdigit() for word in vocabulary], bool)
    found = frequent_phrases(
        titles.offsets, titles.codes, is_stop=is_stop, min_count=2 if n < 50_000 else 5
    )
    best: dict[str, tuple[int, int]] = {}
    counts = np.diff(labels.row_offsets)
    for kind, name in [(1, "category"), *((2, f) for f in labels.fields)]:
        if name in ("seller", "currency", "tags") or (kind == 2 and name == "category"):
            continue
        span = labels.span(name)
        for code in span:
            text = " ".join(words(labels.values[code].rpartition(CATEGORY_SEPARATOR)[2]))
            if len(best) < MAX_VALUES and len(text) > 1 and not text[0].isdigit():
                best.setdefault(text, (kind, int(counts[code])))
    for row, count in zip(found.words.tolist(), found.counts.tolist(), strict=True):
        best.setdefault(" ".join(vocabulary[w] for w in row if w >= 0), (0, count))
    return Phrases(
        pa.array(list(best), pa.string()),
        np.array([kind for kind, _ in best.values()], np.int8),
        np.array([count for _, count in best.values()], np.int64),
    )


@dataclass(frozen=True, slots=True)
class SuggestionTable:
    """Completions of a generation."""

    phrases: Phrases
    completer: Completer
    speller: Speller

    def complete(self, typed: str, *, limit: int) -> list[Mapping[str, Any]]:
        """`text`, `kind`, `n_listings` of the best completions, the most frequent first.

        A misspelt word before the last is corrected; the last one only where nothing begins so.
        """
        known = words(typed)
        if not known:
            return []
        # A space at the end closes the last word.
        prefix = " ".join(known) + (" " if typed[-1:].isspace() else "")
        found = self.completer.complete_corrected(prefix, self.speller, limit=limit)
        return [
            {
                "text": self.phrases.text[int(i)].as_py(),
                "kind": KINDS[int(self.phrases.kind[int(i)])],
                "n_listings": int(self.phrases.count[int(i)]),
            }
            for i in found.ids
        ]
