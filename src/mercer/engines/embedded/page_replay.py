"""Served pages as flat rows that features read: what was asked, and the candidates as they were then."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.engines.embedded.catalogue_history import CatalogueHistory
from mercer.features.columns import KNOWN, owner_of
from mercer.features.flat import GROUP
from mercer.features.listing_inputs import listing_inputs, seller_inputs
from mercer.features.request_inputs import request_inputs
from mercer.schema.money import Rates
from mercer.schema.page import Page

I64s = npt.NDArray[np.int64]
CANDIDATE: Final = "candidate"
PLACE: Final = "place"  # a column of the stages: where a candidate stood after the first pass
NOW_STAT, SELLERS_STAT = "now_ms", "sellers_version"  # of a page's list statistics
OFF_STAT: Final = "off."  # of them, with a feature's name: it was switched off
_TYPES = {"number": pa.float64(), "text": pa.string(), "texts": pa.list_(pa.string())}


@dataclass(frozen=True, slots=True)
class PageRows:
    """The candidates of one page; of one without its heavy part, what was shown."""

    batch: pa.RecordBatch  # (n,) an input column each, and the group
    row_ids: I64s  # (n,)
    listing_ids: pa.Array  # (n,)
    n_lost: int  # candidates of which the log does not know any more what they were


def candidates_of(page: Page) -> I64s:
    """(n,) row ids of the candidates that a page keeps; of a ranked page those that had features."""
    if page.is_detailed and page.candidate_rows.size:
        return page.candidate_rows[_kept_of(page)]
    return np.array([one.row_id for one in page.shown], np.int64)


@final
class CandidateRows:
    """The different row ids of the candidates of many pages, in no more room than twice what they take."""

    _LEAST: Final = 1 << 20  # ids that wait before they are merged

    def __init__(self) -> None:
        self._merged = np.zeros(0, np.int64)
        self._waiting: list[I64s] = []
        self._n_waiting = 0

    def add(self, page: Page) -> None:
        """Take in the candidates of a page."""
        self._waiting.append(candidates_of(page))
        self._n_waiting += len(self._waiting[-1])
        if self._n_waiting > max(self._LEAST, self._merged.size):
            self.different()

    def different(self) -> I64s:
        """(n,) of all pages so far, ascending."""
        self._merged = np.unique(np.concatenate([self._merged, *self._waiting]))
        self._waiting, self._n_waiting = [], 0
        return self._merged


def asked_ms_of(page: Page) -> int:
    """The moment that its features were computed for; later pages of a slate have that of the first."""
    return int(page.list_stats.get(NOW_STAT, page.served_ms))


def off_of(page: Page) -> frozenset[str]:
    """The features that were switched off when it was served."""
    names = (name for name in page.list_stats if name.startswith(OFF_STAT))
    return frozenset(name.removeprefix(OFF_STAT) for name in names)


def _kept_of(page: Page) -> I64s:
    """Places among the candidates of those that had features, in the order in which they were ranked."""
    place = page.stage_scores(PLACE)
    if not place.size:
        return np.arange(page.candidate_rows.size)
    ranked = np.flatnonzero(~np.isnan(place))
    return ranked[np.argsort(place[ranked], kind="stable")]


def page_rows(
    page: Page, history: CatalogueHistory, rates: Rates, *, reads: Collection[str]
) -> PageRows:
    """What features read of a page, as of its version of the catalogue.

    Args:
        reads: input columns (`Plan.reads`).
    """
    row_ids = candidates_of(page)
    at = history.listings(row_ids, page.catalogue_version)
    kept = np.flatnonzero(at >= 0)
    batch = history.documents(at[kept])
    columns = dict(_request(page, reads, kept.size))
    columns |= _columns_of(listing_inputs(batch, rates, reads=reads))
    if any(name.startswith("seller.") for name in reads):
        ids = batch.column("seller_id").to_pylist()
        if SELLERS_STAT in page.list_stats:
            sellers = history.sellers_read_to(ids, int(page.list_stats[SELLERS_STAT]))
        else:
            sellers = history.sellers_at(ids, page.catalogue_version, at_ms=page.served_ms)
        columns |= _columns_of(seller_inputs(sellers, reads=reads))
    columns |= _candidates(page, reads, kept)
    columns[GROUP] = pa.array(np.zeros(kept.size, np.int64))
    return PageRows(
        pa.record_batch(columns),
        row_ids[kept],
        batch.column("listing_id"),
        row_ids.size - kept.size,
    )


def _columns_of(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def _request(page: Page, reads: Collection[str], n: int) -> Mapping[str, pa.Array]:
    values = request_inputs(
        page.q, page.understood, surface=page.surface, buyer_id=page.buyer_id,
        session_id=page.session_id, visitor_id=page.visitor_id,
    )  # fmt: skip
    return {
        name: pa.array([value] * n, _TYPES[KNOWN[name].kind])
        for name, value in values.items()
        if name in reads
    }


def _candidates(page: Page, reads: Collection[str], kept: I64s) -> dict[str, pa.Array]:
    """What the stages knew of each candidate; missing where the page does not have it."""
    known: dict[str, npt.NDArray[np.float32]] = {}
    if page.stages and page.candidate_scores.size:
        table = page.candidate_scores.reshape(-1, len(page.stages))[_kept_of(page)][kept]
        known = {
            name if owner_of(name) == CANDIDATE else f"{CANDIDATE}.{name}": table[:, j]
            for j, name in enumerate(page.stages)
        }
    nothing = np.full(kept.size, np.nan, np.float32)
    return {
        name: pa.array(np.ascontiguousarray(known.get(name, nothing)).astype(np.float64))
        for name in reads
        if owner_of(name) == CANDIDATE
    }
