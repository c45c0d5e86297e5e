"""Explains pages of one market: finds the record, makes the search again, asks about a listing."""

from collections.abc import Callable
from dataclasses import replace
from typing import final

from mercer.engines.embedded.ranking.page_models import PageModel
from mercer.events.page_log import PageFinder
from mercer.retrieve.index import ListingIndex, Snapshot
from mercer.retrieve.row_match import find_rows
from mercer.schema.catalogue import Catalogue
from mercer.schema.errors import NotFoundError
from mercer.schema.page import Page
from mercer.serve.explain.evaluation import Evaluation, evaluate
from mercer.serve.explain.explain import ListingWhy, PageWhy, page_why
from mercer.serve.explain.first_pass_why import part_comparisons
from mercer.serve.explain.listing import listing_why
from mercer.serve.explain.ranking_why import PageRanking
from mercer.serve.explain.similar import similar_why
from mercer.serve.explain.steps import Known
from mercer.serve.search.stages import SearchParams


def known_of(catalogue: Catalogue, listing_id: str) -> Known | None:
    """What an explanation needs to know of a listing; None where it never was."""
    state = catalogue.row_state(listing_id)
    if state is None:
        return None
    rows = catalogue.listings([listing_id]).select(["title", "quantity", "is_hidden"]).to_pylist()
    if state.is_deleted or not rows:
        return Known(
            row_id=state.row_id, version=state.version, title="", gone_because="it was deleted"
        )
    (row,) = rows
    why = "it is hidden" if row["is_hidden"] else "it is sold out" if row["quantity"] <= 0 else ""
    return Known(row_id=state.row_id, version=state.version, title=row["title"], gone_because=why)


@final
class Explainer:
    """Answers `GET /v1/explain` and `mercer explain`. Thread-safe; writes nothing."""

    def __init__(
        self,
        index: ListingIndex,
        params: SearchParams,
        *,
        pages: PageFinder,
        known: Callable[[str], Known | None],
        models: Callable[[Page], PageModel | None] = lambda page: None,
    ) -> None:
        self._index, self._params, self._pages, self._known = index, params, pages, known
        self._models = models

    def explain(self, page_id: str, listing_id: str | None = None) -> PageWhy:
        """A page, and where asked why a listing is or is not on it.

        Raises:
            NotFoundError: the log has no such page; says where ids come from.
        """
        page = self._pages.find(page_id)
        if page is None:
            raise NotFoundError(
                f"the log has no page {page_id[:80]!r}; a page_id is in every answer of a search and "
                "in every event, `mercer log tail` and /console list the newest, and pages older "
                "than log.keep_days are gone"
            )
        return self.explain_page(page, listing_id)

    def explain_page(self, page: Page, listing_id: str | None = None) -> PageWhy:
        """The same for a page that is at hand."""
        snapshot = self._index.snapshot()
        now = evaluate(page, snapshot, self._params) if page.surface in ("search", "home") else None
        why = page_why(page, snapshot, now)
        if now is not None and now.fault:
            note = f"{why.note} The page's filter cannot be read any more ({now.fault}), so it is left out."
            why = replace(why, note=note)
        known = None if listing_id is None else self._known(listing_id)
        if listing_id is not None:
            why = replace(why, listing=self._listing(page, listing_id, known, now, snapshot))
        model = self._models(page)
        if model is not None:
            why = _ranked(why, page, known, PageRanking(page, model))
        return why if model is not None and model.id else _first_pass_alone(why, page, known)

    def _listing(
        self,
        page: Page,
        listing_id: str,
        known: Known | None,
        now: Evaluation | None,
        snapshot: Snapshot,
    ) -> ListingWhy:
        if now is None:
            source = self._known(page.q) if page.surface == "similar" else None
            return similar_why(page, listing_id, known, source, snapshot)
        at = None
        if known is not None:
            at = find_rows(snapshot, [known.row_id]).get(known.row_id)
        return listing_why(page, listing_id, known, at, now)


def _first_pass_alone(why: PageWhy, page: Page, known: Known | None) -> PageWhy:
    """The same with what the first pass made of a listing of the page and of those above it."""
    at = [i for i, one in enumerate(page.shown) if known is not None and one.row_id == known.row_id]
    if why.listing is None or not at:
        return why
    return replace(why, listing=replace(why.listing, comparisons=part_comparisons(page, at[0])))


def _ranked(why: PageWhy, page: Page, known: Known | None, ranking: PageRanking) -> PageWhy:
    """The same with what the model made of it.

    Args:
        known: the listing that was asked about.
    """
    hits = tuple(
        replace(hit, stages=ranking.stages(one.row_id), features=ranking.features(i))
        for i, (hit, one) in enumerate(zip(why.hits, page.shown, strict=True))
    )
    listing = why.listing
    if listing is not None and known is not None:
        at = [i for i, one in enumerate(page.shown) if one.row_id == known.row_id]
        compared = ranking.comparisons(at[0]) if at else ()
        listing = replace(listing, stages=ranking.stages(known.row_id), comparisons=compared)
    return replace(why, hits=hits, listing=listing, ranking=ranking.why())
