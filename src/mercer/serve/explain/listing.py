"""Why a listing is not on a page: the one stage at which it left the way there, and by how much.

The record is asked first, because it is exact. What it does not hold is found by making the search
again on the index as it stands; where that is another index, the answer says so.
"""

from typing import final

from mercer.engines.embedded.ranking.page_models import model_of
from mercer.retrieve.row_match import RowPlace
from mercer.schema.page import Page
from mercer.serve.explain.evaluation import Evaluation
from mercer.serve.explain.explain import (
    Basis,
    ListingWhy,
    PartGap,
    Reason,
    basis_of,
    logged_parts,
    part_gaps,
    title_of,
)
from mercer.serve.explain.record_order import (
    Cutoff,
    cutoff_of,
    final_scores,
    place_by_score,
    place_of,
)
from mercer.serve.explain.steps import Known, steps_of
from mercer.serve.explain.stopped import Stop, cut_stop, stop_of
from mercer.serve.search.stages import FIRST_PASS


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
        logged = place_of(self._page, self._known.row_id)
        if logged is not None:
            return self._from_log(logged)
        if self._at is None:
            return self._gone(self._known)
        return self._from_index(self._at)

    # -- from the record ----------------------------------------------------------------------

    def _from_log(self, place: int) -> ListingWhy:
        page = self._page
        scores = final_scores(page)
        cut = cutoff_of(page, place)
        score = float(scores[place]) if len(scores) and cut is None else None
        if place < self._first:
            return self._earlier(place, score, "logged")
        if place < self._last:
            return self._why(
                "gone",
                f"It had place {place + 1} of the search, but was not for sale any more when this "
                "page was cut; its place was left empty.",
                "logged", position=place + 1, score=score,
            )  # fmt: skip
        return self._below(place, score, self._logged_without_limit(place), "logged", cut=cut)

    def _logged_without_limit(self, place: int) -> int:
        """The place of a candidate of the record had there been no limit per seller."""
        if self._now.request.per_seller is None:
            return place
        if self._basis == "same_index" and self._at is not None and not model_of(self._page):
            exact = self._now.place_in(self._now.ranked, self._at)
            return place if exact is None else exact
        return place_by_score(self._page, place)

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
        stop = stop_of(self._page, self._now, at)
        return self._matched(at) if stop is None else self._stopped(stop)

    def _matched(self, at: RowPlace) -> ListingWhy:
        """In the match set now: where it stands in the order."""
        now = self._now
        place = now.place(at)
        scores = self._scores(at)
        model = model_of(self._page)  # its scores are not those that this search gives
        score = sum(scores.values()) if scores and not model else None
        is_scored = now.place_in(now.head, at) is not None
        if is_scored and model and not self._is_whole:
            return self._why(
                "further_down",
                f"The first pass puts it at place {place + 1}; where {model} put it is not known, "
                "because the record of the page does not have it.",
                self._basis, score=score, parts=self._gaps(at),
            )  # fmt: skip
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
            return self._stopped(
                cut_stop(now.cut(at), score), position=place + 1, score=score, parts=self._gaps(at)
            )
        without = now.place_in(now.ranked, at) if is_scored else place
        assert without is not None
        return self._below(place, score, without, self._basis, gaps=self._gaps(at))

    def _is_new(self, is_scored: bool, place: int) -> bool:
        """Whether what is true now cannot have been true when the page was made."""
        if self._basis == "same_index":
            return False
        if self._first <= place < self._last:
            return True
        return is_scored and self._is_whole  # the record has all that were scored, and not this one

    @property
    def _is_whole(self) -> bool:
        """Whether the record has all candidates that were scored."""
        n_all = self._page.list_stats.get("candidates")
        return n_all is not None and len(self._page.candidate_rows) == int(n_all)

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
        cut: Cutoff | None = None,
    ) -> ListingWhy:
        last = self._page.shown[-1] if self._page.shown else None
        gap = ""
        if cut is not None:  # its score is of another stage than that of the last one shown
            gap = f" {cut.sentence}"
        elif score is not None and last is not None and self._now.stage is not None:
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
                basis, position=place + 1, score=score, parts=gaps, numbers=_numbers(cut),
            )  # fmt: skip
        behind = place + 1 - self._last
        return self._why(
            "further_down",
            f"It stands further down: at place {place + 1}, {behind} below this page.{gap}",
            basis, position=place + 1, score=score, parts=gaps, numbers=_numbers(cut),
        )  # fmt: skip

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
        self,
        stop: Stop,
        *,
        position: int | None = None,
        score: float | None = None,
        parts: tuple[PartGap, ...] = (),
    ) -> ListingWhy:
        return self._why(
            stop.reason, stop.sentence, self._basis, faults=stop.faults, position=position,
            score=score, parts=parts, numbers=dict(stop.numbers),
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


def _numbers(cut: Cutoff | None) -> dict[str, float]:
    if cut is None:
        return {}
    return {"first_pass_place": cut.place, "n_ranked": cut.n_ranked, "margin": cut.margin}
