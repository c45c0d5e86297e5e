"""The reference of the role "text index": BM25 by a loop over all rows."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mercer.retrieve.segment import Segment
from mercer.retrieve.text_index import TextGroup
from support.search_twin import texts

BOOSTS = (4.0, 2.0, 2.0, 0.5)


class PlainTextIndex:
    """Rows are the places of `rows`: for each the stems of the four text fields."""

    def __init__(self, rows: Sequence[tuple[list[str], ...]]) -> None:
        self._rows = rows
        n = max(len(rows), 1)
        self._mean = [max(sum(len(r[f]) for r in rows) / n, 1e-9) for f in range(4)]

    @classmethod
    def of_segment(cls, segment: Segment) -> "PlainTextIndex":
        documents = segment.documents.table.to_pylist()
        return cls([texts(documents[at]) for at in segment.document_row.tolist()])

    def top(self, groups: Sequence[TextGroup], *, min_groups: int, k: int) -> Any:
        found = []
        for row in range(len(self._rows)):
            n, score = 0, 0.0
            for group in groups:
                best = max((self._score(stems, row) for stems in group.alternatives), default=0.0)
                n += best > 0 and group.is_required
                score += group.weight * best
            if n >= min_groups:
                found.append((-score, row))
        return np.array([row for _, row in sorted(found)[:k]], np.int64)

    def _score(self, stems: Sequence[str], row: int) -> float:
        """Of all stems together; 0 where one is missing."""
        total = 0.0
        for stem in stems:
            here = 0.0
            for f in range(4):
                count = self._rows[row][f].count(stem)
                if not count:
                    continue
                df = sum(stem in r[f] for r in self._rows)
                idf = math.log(1 + (len(self._rows) - df + 0.5) / (df + 0.5))
                norm = 0.25 + 0.75 * len(self._rows[row][f]) / self._mean[f]
                here += BOOSTS[f] * idf * count * 2.2 / (count + 1.2 * norm)
            if not here:
                return 0.0
            total += here
        return total
