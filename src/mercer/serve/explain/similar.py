"""Why a listing is not on a page of similar listings: it is further away than the last one shown."""

import numpy as np

from mercer.retrieve.index import Snapshot
from mercer.retrieve.row_match import RowPlace, find_rows
from mercer.schema.page import Page
from mercer.serve.explain.explain import Basis, ListingWhy, Reason, basis_of
from mercer.serve.explain.steps import Known, steps_of


def similar_why(
    page: Page, listing_id: str, known: Known | None, source: Known | None, snapshot: Snapshot
) -> ListingWhy:
    """Why a listing is, or is not, among those like another one.

    Args:
        known: what the catalogue knows of the listing; None where it never had the id.
        source: the same of the listing that the page is about.
    """
    ids = [one.row_id for one in (known, source) if one is not None]
    places = find_rows(snapshot, ids)
    at = places.get(known.row_id) if known is not None else None
    origin = places.get(source.row_id) if source is not None else None
    reason, sentence, cosine = _reason(page, listing_id, known, at, origin, snapshot)
    basis: Basis = "logged" if reason in ("shown", "itself") else basis_of(page, snapshot)
    return ListingWhy(
        listing_id=listing_id,
        title=known.title if known is not None else "",
        reason=reason,
        sentence=sentence,
        basis=basis,
        steps=steps_of(reason, sentence),
        score=cosine,
        last_shown_score=page.shown[-1].score if page.shown else None,
    )


def _reason(
    page: Page,
    listing_id: str,
    known: Known | None,
    at: RowPlace | None,
    origin: RowPlace | None,
    snapshot: Snapshot,
) -> tuple[Reason, str, float | None]:
    for one in page.shown:
        if one.listing_id == listing_id:
            return "shown", f"It is on the page, at position {one.position}.", one.score
    if listing_id == page.q:
        return "itself", "The page is about this listing, which is left out of it.", None
    if known is None:
        return "unknown", "The catalogue has no listing with this id.", None
    if at is None:
        why = known.gone_because or "it is not in the index that answers now"
        return "gone", f"It is not for sale now: {why}.", None
    if origin is None:
        return (
            "changed_since",
            "The listing that the page is about is not for sale any more, so how near this one is "
            "cannot be told.",
            None,
        )
    cosine = _cosine(snapshot, origin, at)
    last = page.shown[-1].score if page.shown else None
    if last is not None and cosine > last and basis_of(page, snapshot) == "now":
        return (
            "changed_since",
            f"It is nearer now (cosine {cosine:.4f}) than the last one shown was ({last:.4f}); one "
            "of them changed after the page was served.",
            cosine,
        )
    gap = "" if last is None else f", {abs(last - cosine):.4f} less than the last one shown"
    return "further_down", f"It is further away: cosine {cosine:.4f}{gap}.", cosine


def _cosine(snapshot: Snapshot, origin: RowPlace, at: RowPlace) -> float:
    segments = snapshot.segments
    vector = segments[origin.part].vectors.row_vectors(np.array([origin.row], np.int64))[0]
    return float(segments[at.part].vectors.scores(vector, np.array([at.row], np.int64))[0])
