"""A served search made again on the index as it stands, to ask it about any listing."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mercer.rank.candidates import Head, cosines, sort_key
from mercer.rank.chosen import Cut, cut_of
from mercer.rank.first_pass import Scores, Statistics, score, statistics
from mercer.retrieve import bitmap
from mercer.retrieve.index import Snapshot
from mercer.retrieve.request import SearchRequest
from mercer.retrieve.row_match import RowPlace
from mercer.schema.errors import FilterError
from mercer.schema.page import Page
from mercer.serve.search.stages import (
    Matched,
    SearchParams,
    head_of,
    matched,
    spread,
    stage_of,
)
from mercer.serve.search.stopwatch import Stopwatch

DROPPED_SEMANTIC = "semantic:"  # how `degraded` begins where the meaning was left out


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The stages of one search over one snapshot, with nothing cut for time."""

    request: SearchRequest
    snapshot: Snapshot
    params: SearchParams
    found: Matched
    ranked: Head  # before the limit per seller
    head: Head  # after it
    fault: str  # why the filter could not be read any more; "" where it could

    @property
    def stage(self) -> str | None:
        """The stage whose score orders the head."""
        return stage_of(self.request, self.found.wanted)

    def place_in(self, head: Head, at: RowPlace) -> int | None:
        """The 0-based place of a row in a head."""
        found = np.flatnonzero((head.part == at.part) & (head.row == at.row))
        return int(found[0]) if len(found) else None

    def place(self, at: RowPlace) -> int:
        """The 0-based place of a match in the final order, the unranked tail included."""
        found = self.place_in(self.head, at)
        return found if found is not None else len(self.head.row) + self._tail_rank(at)

    def _tail_rank(self, at: RowPlace) -> int:
        """How many matches that are not in the head come before this one: by key, quality, row id."""
        own = self.snapshot.segments[at.part]
        key = sort_key(self.request.sort, own)[at.row]
        prior, row_id = own.prior[at.row], own.row_id[at.row]
        n_before = 0
        for i, segment in enumerate(self.snapshot.segments):
            rest = self.found.matches[i].copy()
            bitmap.clear_rows(rest, self.head.row[self.head.part == i].astype(np.uint32))
            rows = bitmap.rows_of(rest).astype(np.int64)
            keys, priors = sort_key(self.request.sort, segment)[rows], segment.prior[rows]
            is_equal = (priors == prior) & (segment.row_id[rows] < row_id)
            n_before += int(((keys < key) | ((keys == key) & ((priors > prior) | is_equal))).sum())
        return n_before

    def cosine(self, at: RowPlace) -> float | None:
        """Between the query and a row; None where meaning was not used."""
        if self.found.vector is None:
            return None
        segment = self.snapshot.segments[at.part]
        return float(segment.vectors.scores(self.found.vector, np.array([at.row], np.int64))[0])

    def scores(self, at: RowPlace) -> Scores:
        """What the first pass gives a row, whether or not it was among the candidates."""
        segment, found = self.snapshot.segments[at.part], self.found
        rows = np.array([at.row], np.uint32)
        near = (
            None
            if found.vector is None
            else cosines(found.vector, segment, rows, found.hits[at.part])[0]
        )
        return score(
            rows, segment, found.wanted, self._statistics(), near, params=self.params.first_pass
        )

    def _statistics(self) -> Statistics:
        return statistics(self.found.wanted, self.snapshot.segments, self.snapshot.lengths)

    def cut(self, at: RowPlace) -> Cut:
        """Where a match stood in the lists of which the best are scored."""
        found = self.found
        return cut_of(
            self.snapshot.parts[at.part], found.matches[at.part], found.lexical.bits[at.part],
            found.wanted, found.lexical.level, at.row, self._statistics(),
            params=self.params.candidates, first_pass=self.params.first_pass,
        )  # fmt: skip


def evaluate(page: Page, snapshot: Snapshot, params: SearchParams) -> Evaluation:
    """The search of a page made again: with the parts of the scores, without a time limit.

    What the page had to leave out for time is left out again.
    """
    request, fault = request_of(page.request), ""
    has_semantic = not any(why.startswith(DROPPED_SEMANTIC) for why in page.degraded)
    watch = Stopwatch()
    try:
        found = matched(request, snapshot, params, watch=watch, has_semantic=has_semantic)
    except FilterError as error:  # an attribute that it names has gone since
        fault = error.reason
        request = request_of({**page.request, "filter": ""})
        found = matched(request, snapshot, params, watch=watch, has_semantic=has_semantic)
    ranked = head_of(request, snapshot, params, found, has_parts=True)
    return Evaluation(
        request, snapshot, params, found, ranked, spread(ranked, snapshot, request), fault
    )


_KNOWN = frozenset(one.name for one in fields(SearchRequest))


def request_of(asked: Mapping[str, Any]) -> SearchRequest:
    """The search that a page's record says was asked; fields of a later version are left out."""
    known = {name: value for name, value in asked.items() if name in _KNOWN}
    return SearchRequest(**{**known, "facets": (), "cursor": None, "budget_ms": None})
