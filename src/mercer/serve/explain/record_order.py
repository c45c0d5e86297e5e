"""The order of the candidates of a page as its record has it: who was ranked, by which score."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mercer.rank.cascade import TREES
from mercer.schema.page import Page
from mercer.serve.search.stages import FIRST_PASS

PLACE = "place"  # the column with the place in the order of the first pass
Bools = npt.NDArray[np.bool_]
F32s = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Cutoff:
    """How far a candidate was from being scored by the model."""

    place: int  # 1-based, after the first pass
    n_ranked: int  # of the first pass, which the model scored
    margin: float  # by which its score of the first pass is below the last of them

    @property
    def sentence(self) -> str:
        """The same for people."""
        return (
            f"It was not among the best {self.n_ranked:,} of the first pass, which the model scored: "
            f"it was number {self.place:,}, {self.margin:.4f} below the last of them."
        )


def place_of(page: Page, row_id: int) -> int | None:
    """The 0-based place of a row among the candidates of the record; None where it has it not."""
    found = np.flatnonzero(page.candidate_rows == row_id)
    return int(found[0]) if len(found) else None


def is_ranked(page: Page) -> Bools:
    """(n_candidates,) which the model scored; all of them where no model did."""
    scores = page.stage_scores(TREES)
    return ~np.isnan(scores) if len(scores) else np.ones(len(page.candidate_rows), np.bool_)


def final_scores(page: Page) -> F32s:
    """(n_candidates,) the score that orders each: the model's, and the first stage's of the rest."""
    if not page.stages:
        return page.candidate_scores
    first, scores = page.stage_scores(page.stages[0]), page.stage_scores(TREES)
    return np.where(np.isnan(scores), first, scores) if len(scores) else first


def place_by_score(page: Page, place: int) -> int:
    """The 0-based place of a candidate had nothing but the scores counted."""
    scores, ranked = final_scores(page), is_ranked(page)
    if not len(scores):
        return place
    order = np.arange(len(scores))
    before = page.stage_scores(PLACE)
    ties = np.where(np.isnan(before), np.inf, before) if len(before) else order
    by_score = np.lexsort((order, ties, -scores, ~ranked))
    return int(np.flatnonzero(by_score == place)[0])


def cutoff_of(page: Page, place: int) -> Cutoff | None:
    """Why the model did not score a candidate; None where it did, or where none ranked the page.

    Args:
        place: 0-based, among the candidates of the record.
    """
    ranked, first = is_ranked(page), page.stage_scores(FIRST_PASS)
    if not len(page.stage_scores(TREES)) or ranked[place] or not ranked.any():
        return None
    n_ranked = int(page.list_stats.get("ranked", ranked.sum()))
    behind = (first > first[place]) & ~ranked
    after = n_ranked + 1 + int(behind.sum())
    return Cutoff(after, n_ranked, float(first[ranked].min() - first[place]))
