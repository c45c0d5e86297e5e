"""From a page of JSON hits to the columns that the simulator reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mercer.schema.errors import ConfigError
from mercer.simulate.people.step import Served
from mercer.traffic.shop import Page


def served_of(page: Page, *, n_rows: int) -> Served:
    """The page's hits as columns.

    Raises ConfigError where a listing is none of the world's.
    """
    hits = page.hits
    documents: Sequence[Mapping[str, Any]] = [hit["document"] for hit in hits]
    ids = tuple(str(hit["listing_id"]) for hit in hits)
    ratings = [document.get("rating") for document in documents]
    return Served(
        page_id=page.page_id,
        listing_ids=ids,
        rows=_rows(ids, n_rows=n_rows),
        positions=tuple(int(hit["position"]) for hit in hits),
        tokens=tuple(str(hit.get("token") or "") for hit in hits),
        titles=tuple(str(document["title"]) for document in documents),
        price_micros=_ints(documents, "price_micros"),
        quantity=_ints(documents, "quantity"),
        rating=np.array([np.nan if r is None else float(r) for r in ratings], float),
        sold_count=_ints(documents, "sold_count"),
        is_sponsored=tuple(bool(hit.get("is_sponsored", False)) for hit in hits),
        found=page.found,
        cursor=page.cursor,
    )


def _rows(ids: Sequence[str], *, n_rows: int) -> "np.ndarray[Any, Any]":
    rows = np.array([row_of(one, n_rows=n_rows) for one in ids], np.int64)
    if (rows < 0).any():
        raise ConfigError(
            f"the market shows listing {ids[int(rows.argmin())]!r}, which the synthetic world does "
            "not have; name the folder of the market that answers, with --market"
        )
    return rows


def row_of(listing_id: str, *, n_rows: int) -> int:
    """The row of `L00000042`; -1 for any other id."""
    digits = listing_id[1:]
    if listing_id[:1] != "L" or len(digits) != 8 or not (digits.isascii() and digits.isdigit()):
        return -1
    row = int(digits)
    return row if row < n_rows else -1


def _ints(documents: Sequence[Mapping[str, Any]], name: str) -> "np.ndarray[Any, Any]":
    return np.array([int(document.get(name) or 0) for document in documents], np.int64)
