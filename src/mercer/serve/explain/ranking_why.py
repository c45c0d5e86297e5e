"""What a model made of a page: scores by stage, values and contributions of features, comparisons.

All of it is told from the page's record. Contributions are those of the model that the page names, on
the values that were logged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from mercer.engines.embedded.ranking.page_models import PageModel
from mercer.rank.cascade import TREES
from mercer.schema.page import Page
from mercer.serve.explain.record_order import PLACE, cutoff_of, is_ranked, place_of
from mercer.serve.search.stages import FIRST_PASS

F32s = npt.NDArray[np.float32]
F64s = npt.NDArray[np.float64]
NAMED: Final = 3  # features that a sentence names
RTOL: Final = (
    1e-5  # beyond what a score loses in float32, a model gives another score than was logged
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageScore:
    """What one stage made of a listing."""

    name: str  # "first_pass", "trees"
    words: str
    score: float | None  # None: it was not scored, or the record does not say
    place: int | None  # 1-based, in the order after this stage


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePart:
    """A feature of a listing as it was logged, and what it contributed to the model's score."""

    name: str
    words: str  # its meaning
    value: float | None  # None: missing
    contribution: float | None  # None: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureGap:
    """A feature of two listings."""

    name: str
    words: str
    value: float | None
    other_value: float | None
    gap: float | None  # the other's contribution less this one's; above 0: it speaks for the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Why a listing stands where it stands and not where another one does."""

    listing_id: str  # the other one
    position: int
    sentence: str
    gap: float | None  # the other's score less this one's; None: no model scored both
    features: tuple[FeatureGap, ...]  # widest gap first


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingWhy:
    """By what a page was ranked after the first pass."""

    model: str  # id; "" where the features were computed and no model scored
    base: float | None  # with the contributions of a listing it sums to its score
    n_ranked: int | None  # candidates that it scored; None where the record does not say
    faults: tuple[str, ...]  # a sentence for all that is not there any more, or not known


@final
class PageRanking:
    """One page asked about how it was ranked; by 0-based place among what it shows."""

    def __init__(self, page: Page, model: PageModel) -> None:
        self._page, self._model = page, model
        self._values = _values(page, model)
        self._parts = _contributions(self._values, model)

    def why(self) -> RankingWhy:
        """Of the page."""
        page, model = self._page, self._model
        faults = list(model.faults)
        if page.shown and self._values is None:
            faults.append(
                "The record keeps no feature values: not in the share of pages that "
                "log.detail_share names, or it shows listings that the model did not score."
            )
        n = page.list_stats.get("ranked")
        if self._parts is not None and (other := self._other_score()):
            faults.append(other)
        return RankingWhy(
            model=model.id,
            base=None if model.division is None else model.division.expected,
            n_ranked=None if n is None else int(n),
            faults=tuple(faults),
        )

    def _other_score(self) -> str:
        """A word of the first listing whose contributions do not give what was logged."""
        assert self._parts is not None
        assert self._model.division is not None
        sums = self._model.division.expected + self._parts.sum(axis=1)
        for one, score in zip(self._page.shown, sums.tolist(), strict=True):
            if abs(score - one.score) > RTOL * max(1.0, abs(one.score)):
                return (
                    f"{self._model.id} gives {one.listing_id} {score:.6g} by the logged values, where "
                    f"the page has {one.score:.6g}; its contributions are those of another score."
                )
        return ""

    # -- one listing --------------------------------------------------------------------------

    def stages(self, row_id: int) -> tuple[StageScore, ...]:
        """The scores of a candidate of the record, or of what is shown; () where it has it not."""
        page, at = self._page, place_of(self._page, row_id)
        shown = next((one for one in page.shown if one.row_id == row_id), None)
        if at is None and shown is None:
            return ()
        first = _number(page.stage_scores(FIRST_PASS), at)
        place = _number(page.stage_scores(PLACE), at)
        if at is not None and place is None and (cut := cutoff_of(page, at)) is not None:
            place = cut.place - 1
        made = [_stage(FIRST_PASS, "first pass", first, place)]
        if self._model.id:
            scores = page.stage_scores(TREES)
            score = _number(scores, at)
            if at is None and shown is not None and self._values is not None:
                score = shown.score
            before = None if at is None or score is None else int((scores > scores[at]).sum())
            made.append(_stage(TREES, f"model {self._model.id}", score, before))
        return tuple(made)

    def features(self, i: int) -> tuple[FeaturePart, ...]:
        """Of the i-th shown, what contributed most first; in the set's order where that is not known."""
        if self._values is None:
            return ()
        parts = None if self._parts is None else self._parts[i]
        return tuple(
            FeaturePart(
                name=self._model.names[j],
                words=self._words(j),
                value=_number(self._values[i], j),
                contribution=None if parts is None else float(parts[j]),
            )
            for j in _widest(parts, len(self._model.names))
        )

    def _words(self, j: int) -> str:
        name = self._model.names[j]
        return self._model.docs.get(name, "")

    # -- two listings -------------------------------------------------------------------------

    def comparisons(self, i: int) -> tuple[Comparison, ...]:
        """The i-th shown with the one a place above it and with the first of the page."""
        return tuple(self.compared(i, j) for j in dict.fromkeys((i - 1, 0)) if 0 <= j < i)

    def compared(self, i: int, j: int) -> Comparison:
        """The i-th shown with the j-th."""
        own, other = self._page.shown[i], self._page.shown[j]
        gap = other.score - own.score if self._are_scored(own.row_id, other.row_id) else None
        features = self._gaps(i, j)
        return Comparison(
            listing_id=other.listing_id,
            position=other.position,
            sentence=sentence(other.listing_id, other.position, gap, features),
            gap=gap,
            features=features,
        )

    def _are_scored(self, *row_ids: int) -> bool:
        """Whether the model scored all of them; those of a record without candidates may not be."""
        if not self._model.id:
            return False
        places = [place_of(self._page, one) for one in row_ids]
        ranked = is_ranked(self._page)
        return self._values is not None or all(at is not None and ranked[at] for at in places)

    def _gaps(self, i: int, j: int) -> tuple[FeatureGap, ...]:
        if self._values is None:
            return ()
        gaps = None if self._parts is None else self._parts[j] - self._parts[i]
        return tuple(
            FeatureGap(
                name=self._model.names[k],
                words=self._words(k),
                value=_number(self._values[i], k),
                other_value=_number(self._values[j], k),
                gap=None if gaps is None else float(gaps[k]),
            )
            for k in _widest(gaps, len(self._model.names))
        )


def _values(page: Page, model: PageModel) -> F32s | None:
    """(n_shown, n_features) as logged; None where they were not, or have no names any more."""
    n, width = len(page.shown), len(model.names)
    if not n or not width or page.shown_features.size != n * width:
        return None
    return page.shown_features.reshape(n, width)


def _contributions(values: F32s | None, model: PageModel) -> F64s | None:
    """(n_shown, n_features) in the order of the logged values; 0 for what the model does not read."""
    if values is None or model.division is None:
        return None
    place = {name: j for j, name in enumerate(model.names)}
    takes = np.array([place[name] for name in model.wants], np.int64)
    out = np.zeros(values.shape)
    out[:, takes] = model.division.of_rows(np.ascontiguousarray(values[:, takes]))
    return out


def _widest(values: F64s | None, n: int) -> list[int]:
    if values is None:
        return list(range(n))
    order: list[int] = np.argsort(-np.abs(values), kind="stable").tolist()
    return order


def _number(values: F32s, at: int | None) -> float | None:
    """A value of an array; None where it is missing or the array does not reach so far."""
    if at is None or at >= len(values) or not np.isfinite(values[at]):
        return None
    return float(values[at])


def _stage(name: str, words: str, score: float | None, place: float | None) -> StageScore:
    at = None if place is None else int(place) + 1
    return StageScore(name=name, words=words, score=score, place=at)


def sentence(
    listing_id: str,
    position: int,
    gap: float | None,
    features: Sequence[FeatureGap],
    *,
    of: str = "the model",
    tie: str = "equal ones stay in the order of the first pass",
) -> str:
    """A comparison for people.

    Args:
        gap: by how much more the other one has; None where no stage scored both.
        features: widest gap first.
        of: the stage whose scores they are.
        tie: what decides between equal scores.
    """
    who = f"{listing_id}, at position {position},"
    if gap is None:
        return f"{who} cannot be compared by {of}, which did not score both."
    if gap < 0:
        return (
            f"{who} has {-gap:.4f} less of {of}; it stands above by the limit per seller or by "
            "a random swap."
        )
    if gap == 0:
        return f"{who} has the same score; {tie}."
    most = [one for one in features if one.gap][:NAMED]
    if not most:
        return f"{who} has {gap:.4f} more of {of}; by which features is not known."
    by = ", ".join(f"{one.name} {one.gap:+.4f}" for one in most)
    return f"{who} has {gap:.4f} more of {of}, most of all by {by}."
