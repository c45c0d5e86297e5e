"""The role "text index": the best matches of a query that matches too much to score it all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

I64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TextGroup:
    """One thing that is asked for: any of some stem sequences, all stems of one being needed."""

    alternatives: tuple[tuple[str, ...], ...]
    weight: float = 1.0
    is_required: bool = True


class TextIndex(Protocol):
    """BM25 over the text fields of an immutable set of rows.

    Laws (tests/contract/test_text_index.py):
    1. only rows that match at least `min_groups` of the required groups come back, each once;
    2. best first; with k above their number all of them come back;
    3. a row that has a rarer word, or the same word in a heavier field, is never behind one that is
       equal but for that.
    """

    def top(self, groups: Sequence[TextGroup], *, min_groups: int, k: int) -> I64s:
        """(<= k,) rows, best first."""
        ...
