"""Why a listing is not on a page: the one stage at which it left the way there, and by how much.

The record is asked first, because it is exact. What it does not hold is found by making the search
again on the index as it stands; where that is another index, the answer says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mercer.rank.chosen import Cut
from mercer.retrieve.filter_ast import to_text
from mercer.retrieve.match import MAX_SEMANTIC_HITS
from mercer.retrieve.row_match import RowPlace, failed_clauses, has_row, ruled_out_by
from mercer.schema.page import Page
from mercer.serve.explain.evaluation import DROPPED_SEMANTIC, Evaluation
from mercer.serve.explain.explain import (
    Basis,
    ListingWhy,
    PartGap,
    Reason,
    Step,
    basis_of,
    had_words,
    logged_parts,
    part_gaps,
    title_of,
)
from mercer.serve.explain.words import ruled_out_words
from mercer.serve.search.stages import FIRST_PASS, threshold_of

STEPS = ("catalogue", "for sale", "query's limits", "match", "filter", "scored", "on the page")
"""The way to the page, in the order in which the search takes it."""
_STEP_OF: dict[Reason, int] = {
    "unknown": 0, "gone": 1, "ruled_out": 2, "no_match": 3, "filtered": 4, "not_scored": 5,
    "further_down": 6, "moved_down": 6, "earlier_page": 6, "changed_since": 6,
    "shown": len(STEPS), "itself": 6,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the catalogue knows of a listing."""

    row_id: int
    version: int  # at which it became what it is
    title: str
    gone_because: str = ""  # "it is sold out"; "" where it is for sale


def listing_why(
    page: Page, listing_id: str, known: Known | None, at: RowPlace | None, now: Evaluation
) -> ListingWhy:
    """Why a listing is, or is not, on a page that a search made.

    Args:
        known: None where the catalogue never had the id.
        at: where the listing stands in the snapshot of `now`; None where it is not for sale.
    """
    return _Reader(page, listing_id, known, at, now).read()


@final
class _Reader:
    def __init__(
        self,
        page: Page,
        listing_id: str,
        known: Known | None,
        at: RowPlace | None,
        now: Evaluation,
    ) -> None:
        self._page, self._listing_id, self._known = page, listing_id, known
        self._at, self._now = at, now
        self._basis: Basis = basis_of(page, now.snapshot)
        asked = now.request
        self._first = (asked.page - 1) * asked.per_page  # 0-based places of the page
        self._last = self._first + asked.per_page

    def read(self) -> ListingWhy:
        for one in self._page.shown:
            if one.listing_id == self._listing_id:
                return self._why(
                    "shown", f"It is on the page, at position {one.position}.", "logged",
                    position=one.position, score=one.score,
                )  # fmt: skip
        if self._known is None:
            return self._why("unknown", "The catalogue has no listing with this id.", "now")
        logged = self._logged_place(self._known.row_id)
        if logged is not None:
            return self._from_log(logged)
        if self._at is None:
            return self._gone(self._known)
        return self._from_index(self._at)

    # -- from the record ----------------------------------------------------------------------

    def _logged_place(self, row_id: int) -> int | None:
        found = np.flatnonzero(self._page.candidate_rows == row_id)
        return int(found[0]) if len(found) else None

    def _from_log(self, place: int) -> ListingWhy:
        page = self._page
        scores = page.stage_scores(page.stages[0]) if page.stages else page.candidate_scores
        score = float(scores[place]) if len(scores) else None
        if place < self._first:
            return self._earlier(place, score, "logged")
        if place < self._last:
            return self._why(
                "gone",
                f"It had place {place + 1} of the search, but was not for sale any more when this "
                "page was cut; its place was left empty.",
                "logged", position=place + 1, score=score,
            )  # fmt: skip
        return self._below(place, score, self._logged_without_limit(place), "logged")

    def _logged_without_limit(self, place: int) -> int:
        """The place of a candidate of the record had there been no limit per seller."""
        page = self._page
        scores = page.stage_scores(page.stages[0]) if page.stages else page.candidate_scores
        if self._now.request.per_seller is None:
            return place
        if self._basis == "same_index" and self._at is not None:
            exact = self._now.place_in(self._now.ranked, self._at)
            return place if exact is None else exact
        if not len(scores):
            return place
        return int((scores > scores[place]).sum()) + int((scores[:place] == scores[place]).sum())

    # -- from the index -----------------------------------------------------------------------

    def _gone(self, known: Known) -> ListingWhy:
        why = known.gone_because or "it is not in the index that answers now"
        if known.version <= self._page.catalogue_version:
            return self._why(
                "gone",
                f"It was not for sale when the page was served, and is not now: {why}.",
                "same_index",
            )
        return self._why(
            "gone",
            f"It is not for sale now: {why}. It changed after the page was served, so whether it "
            "was for sale then is not known.",
            "now",
        )

    def _from_index(self, at: RowPlace) -> ListingWhy:
        now, found = self._now, self._now.found
        segment = now.snapshot.segments[at.part]
        if out := ruled_out_by(found.wanted, segment, at.row):
            currency = now.params.understand.currency
            faults = [ruled_out_words(one, currency=currency) for one in out]
            numbers: dict[str, float] = {}
            for one in out:
                if one.limit_micros is not None and one.price_micros is not None:
                    numbers = {
                        "limit_micros": one.limit_micros,
                        "price_micros": one.price_micros,
                        "gap_micros": abs(one.price_micros - one.limit_micros),
                    }
            return self._stopped("ruled_out", "The query itself rules it out", faults, numbers)
        if not has_row(found.unfiltered[at.part], at.row):
            return self._no_match(at)
        if not has_row(found.matches[at.part], at.row):
            clauses = failed_clauses(found.tree, segment, at.row)
            return self._stopped(
                "filtered",
                "It matches the query, but not the filter",
                [to_text(clause) for clause in clauses],
                {},
            )
        return self._matched(at)

    def _no_match(self, at: RowPlace) -> ListingWhy:
        words = had_words(self._now, at)
        faults: list[str] = []
        numbers: dict[str, float] = {}
        if self._now.request.mode != "semantic":
            n_had, needed = sum(w.is_had for w in words), self._now.found.lexical.level
            missing = ", ".join(w.word for w in words if not w.is_had)
            faults.append(
                f"it has {n_had} of the {len(words)} words, and {needed} are needed; it has no: "
                f"{missing}"
            )
            numbers |= {"words_had": n_had, "words_needed": needed, "words_asked": len(words)}
        cosine = self._now.cosine(at)
        if cosine is not None:
            limit = threshold_of(self._now.request, self._now.snapshot)
            numbers |= {"cosine": cosine, "threshold": limit}
            faults.append(_far(cosine, limit))
        else:
            faults.append(self._no_meaning())
        return self._stopped("no_match", "It does not match the query", faults, numbers)

    def _no_meaning(self) -> str:
        if self._now.request.mode == "lexical":
            return "the search asked for words only, so meaning did not count"
        if any(why.startswith(DROPPED_SEMANTIC) for why in self._page.degraded):
            return "meaning did not count, because the time was used up"
        return "meaning did not count, because no listing has any of the words"

    def _matched(self, at: RowPlace) -> ListingWhy:
        """In the match set now: where it stands in the order."""
        now = self._now
        place = now.place(at)
        scores = self._scores(at)
        score = sum(scores.values()) if scores else None
        is_scored = now.place_in(now.head, at) is not None
        if self._is_new(is_scored, place):
            return self._why(
                "changed_since",
                f"On the index as it is now it stands at place {place + 1}, but it, or what "
                "surrounds it, changed after the page was served.",
                "now", position=place + 1, score=score, parts=self._gaps(at),
            )  # fmt: skip
        if place < self._first:
            return self._earlier(place, score, self._basis)
        if not is_scored and now.stage == FIRST_PASS:
            return self._not_scored(place, score, now.cut(at), self._gaps(at))
        without = now.place_in(now.ranked, at) if is_scored else place
        assert without is not None
        return self._below(place, score, without, self._basis, gaps=self._gaps(at))

    def _is_new(self, is_scored: bool, place: int) -> bool:
        """Whether what is true now cannot have been true when the page was made."""
        if self._basis == "same_index":
            return False
        if self._first <= place < self._last:
            return True
        n_all = self._page.list_stats.get("candidates")
        is_whole = n_all is not None and len(self._page.candidate_rows) == int(n_all)
        return is_scored and is_whole  # the record has all that were scored, and not this one

    # -- the order ----------------------------------------------------------------------------

    def _earlier(self, place: int, score: float | None, basis: Basis) -> ListingWhy:
        number = place // self._now.request.per_page + 1
        return self._why(
            "earlier_page",
            f"It stands above this page: at place {place + 1}, on page {number}.",
            basis, position=place + 1, score=score,
        )  # fmt: skip

    def _below(
        self,
        place: int,
        score: float | None,
        without: int,
        basis: Basis,
        *,
        gaps: tuple[PartGap, ...] = (),
    ) -> ListingWhy:
        last = self._page.shown[-1] if self._page.shown else None
        gap = ""
        if score is not None and last is not None and self._now.stage is not None:
            gap = (
                f" Its score is {score:.4f}, {abs(last.score - score):.4f} "
                f"{'below' if score <= last.score else 'above'} the last one shown."
            )
        if not gaps and self._at is not None and basis == "logged":
            gaps = self._gaps(self._at)
        if without < self._last <= place:
            limit = self._now.request.per_seller
            return self._why(
                "moved_down",
                f"By its score it would stand at place {without + 1}; the limit of {limit} listings "
                f"per seller on a page moved it down to place {place + 1}.{gap}",
                basis, position=place + 1, score=score, parts=gaps,
            )  # fmt: skip
        behind = place + 1 - self._last
        return self._why(
            "further_down",
            f"It stands further down: at place {place + 1}, {behind} below this page.{gap}",
            basis, position=place + 1, score=score, parts=gaps,
        )  # fmt: skip

    def _not_scored(
        self, place: int, score: float | None, cut: Cut, gaps: tuple[PartGap, ...]
    ) -> ListingWhy:
        faults = [
            f"by quality it is number {cut.quality_rank:,} of the matches, of which the best "
            f"{cut.quality_limit:,} are scored"
        ]
        numbers = {"quality_rank": cut.quality_rank, "quality_limit": cut.quality_limit}
        if cut.lexical_limit:
            numbers["lexical_limit"] = cut.lexical_limit
            rank = "far behind" if cut.lexical_rank is None else f"number {cut.lexical_rank:,}"
            faults.append(
                f"by its words (BM25) it is {rank}, and the best {cut.lexical_limit:,} are scored"
            )
        if cut.lexical_rank is not None:
            numbers["lexical_rank"] = cut.lexical_rank
        if score is not None:
            faults.append(f"scored, it would have had {score:.4f}")
        why = self._stopped("not_scored", "It matches, but was not among those scored", faults, {})
        return self._with(why, place, score, gaps, {k: float(v) for k, v in numbers.items()})

    def _scores(self, at: RowPlace) -> dict[str, float]:
        """The parts of its score; empty where no score orders the page."""
        stage = self._now.stage
        if stage is None:
            return {}
        if stage != FIRST_PASS:
            return {"semantic": self._now.cosine(at) or 0.0}
        found = self._now.scores(at)
        return {name: float(v[0]) for name, v in found.parts.items()}

    def _gaps(self, at: RowPlace) -> tuple[PartGap, ...]:
        """Its score against the last one shown, part by part."""
        values, shown = self._scores(at), self._page.shown
        if not values or not shown:
            return ()
        last = logged_parts(self._page, len(shown) - 1)
        if self._now.stage != FIRST_PASS:
            last = {"semantic": shown[-1].score}
        return part_gaps(values, last) if last else ()

    # -- building -----------------------------------------------------------------------------

    def _stopped(
        self, reason: Reason, what: str, faults: Sequence[str], numbers: dict[str, float]
    ) -> ListingWhy:
        sentence = f"{what}: {'; '.join(faults)}."
        return self._why(reason, sentence, self._basis, faults=tuple(faults), numbers=numbers)

    def _with(
        self,
        why: ListingWhy,
        place: int,
        score: float | None,
        gaps: tuple[PartGap, ...],
        numbers: dict[str, float],
    ) -> ListingWhy:
        return self._why(
            why.reason, why.sentence, why.basis, faults=why.faults, position=place + 1, score=score,
            parts=gaps, numbers=numbers,
        )  # fmt: skip

    def _why(
        self,
        reason: Reason,
        sentence: str,
        basis: Basis,
        *,
        faults: tuple[str, ...] = (),
        position: int | None = None,
        score: float | None = None,
        parts: tuple[PartGap, ...] = (),
        numbers: dict[str, float] | None = None,
    ) -> ListingWhy:
        shown = self._page.shown
        title = self._known.title if self._known is not None else ""
        if self._at is not None and not title:
            title = title_of(self._now.snapshot, self._at)
        return ListingWhy(
            listing_id=self._listing_id,
            title=title,
            reason=reason,
            sentence=sentence,
            basis=basis,
            steps=steps_of(reason, sentence),
            faults=faults,
            position=position,
            score=score,
            last_shown_score=shown[-1].score if shown else None,
            numbers=numbers or {},
            parts=parts,
        )


def steps_of(reason: Reason, sentence: str) -> tuple[Step, ...]:
    """The way to the page with the one step that stopped the listing."""
    at = _STEP_OF[reason]
    return tuple(
        Step(
            name=name,
            outcome="passed" if i < at else "stopped" if i == at else "not_reached",
            text=sentence if i == at else "",
        )
        for i, name in enumerate(STEPS)
    )


def _far(cosine: float, limit: float) -> str:
    """Why the meaning was no reason to match."""
    if cosine >= limit:
        return (
            f"its meaning is near enough (cosine {cosine:.3f}, {limit:.3f} is asked), but it is not "
            f"among the {MAX_SEMANTIC_HITS:,} nearest that the index gave"
        )
    return f"its meaning is {limit - cosine:.3f} too far: cosine {cosine:.3f}, {limit:.3f} is asked"
