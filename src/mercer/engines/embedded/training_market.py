"""From a market to a training set: which features, pages and labels, without the favour of places."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mercer.engines.embedded.config import MarketConfig
from mercer.engines.embedded.counters.params import params_of
from mercer.engines.embedded.feature_sets import FeatureSetFolder, files_of
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.engines.embedded.training_log import (
    LogRows,
    LogWindow,
    OnRead,
    as_logged,
    newest_feature_set,
    read_log,
)
from mercer.engines.embedded.training_replay import ReplayedValues
from mercer.features.plan import Plan
from mercer.learn.click_bias import BiasParams, examination_of, place_tellers
from mercer.rank.examination import Examination
from mercer.rank.propensity_weight import debiased, weighted
from mercer.rank.training_log import LabelParams, log_set
from mercer.rank.training_set import FeatureColumns, TrainingSet
from mercer.schema.catalogue import Catalogue
from mercer.schema.errors import InputError
from mercer.schema.time import DAY_MS

NEW_SELLER_DAYS = 90.0
NO_GAIN = "nothing chosen"
UNKNOWN = "unknown"
REPLAYED = "pages computed anew and"
_EVERY_PAGES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketJob:
    """What to learn from the log of a market."""

    feature_set: str | None = None  # hash; None: that of the newest page with features
    replayed: Plan | None = None  # its values are computed anew for each page, and learned from
    window: LogWindow = field(default_factory=LogWindow)
    labels: LabelParams = field(default_factory=LabelParams)
    bias: BiasParams = field(default_factory=BiasParams)
    k: int = 10  # of the DCG that is learned


@dataclass(frozen=True, slots=True)
class MarketSet:
    """What was made of it."""

    data: TrainingSet
    window: dict[str, Any]  # from_ms, to_ms, position, for the manifest
    counts: dict[str, int]
    examination: Examination | None  # None: clicks were taken as they are
    files: dict[str, bytes]  # the feature set and its state, for the model


def market_set(
    folder: MarketFolder,
    config: MarketConfig,
    log: EmbeddedLog,
    job: MarketJob,
    *,
    on_read: OnRead = lambda what, n: None,
) -> MarketSet:
    """Read the log of a market into a training set.

    Raises:
        NotFoundError: no feature set of that hash is kept.
        InputError: the log has nothing to learn from.
    """
    if job.replayed is None:
        plan = FeatureSetFolder(folder.models).plan(job.feature_set or newest_feature_set(log))
        as_ranked, lost = as_logged, {}
    else:
        plan = job.replayed
        values = ReplayedValues(
            plan, log, params_of(config), job.window,
            on_pages=lambda done, total: _every_so_many(done, total, on_read),
        )  # fmt: skip
        if values.n_lost and not values.n_pages:
            raise InputError(
                f"none of {values.n_lost:,} pages can be replayed: the log does not have their listings, "
                "or not all of their candidates, as they were any more"
            )
        as_ranked, lost = values.put_into, {"pages_lost": values.n_lost}
    columns = FeatureColumns.of_plan(plan)
    read = read_log(
        folder, log, columns, window=job.window, params=job.labels, on_read=on_read,
        as_ranked=as_ranked,
    )  # fmt: skip
    seen = examination_of(
        read.rows, read.labels, columns, job.bias, tell_place=place_tellers(plan.feature_set)
    )
    data = log_set(read.rows, read.labels, columns)
    if seen is None:
        data = weighted(data, k=job.k)
    else:
        data = debiased(data, seen, k=job.k, max_weight=job.bias.max_weight)
    with closing(SqlCatalogue(folder.tables_url(config))) as catalogue:
        data.segments.update(_segments(data, read, catalogue))
    window = {"from_ms": read.from_ms, "to_ms": read.to_ms, "position": read.position}
    return MarketSet(data, window, read.counts | lost, seen, files_of(plan))


def _every_so_many(done: int, total: int, on_read: OnRead) -> None:
    if done % _EVERY_PAGES == 0 or done == total:
        on_read(REPLAYED, done)


def _segments(data: TrainingSet, read: LogRows, catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Of each list the root category of what was chosen, and whether its seller is new."""
    order = np.lexsort((-data.gain, data.owner))
    best = order[data.offsets[:-1]]
    has_gain = data.has_gain
    ids = [str(read.rows.listing_id[int(row)]) for row in best]
    wanted = sorted({one for one, chosen in zip(ids, has_gain, strict=True) if chosen})
    listings = catalogue.listings(wanted)
    root = {
        listing_id: path[0] if path else UNKNOWN
        for listing_id, path in zip(
            listings.column("listing_id").to_pylist(),
            listings.column("category_path").to_pylist(),
            strict=True,
        )
    }
    seller = dict(
        zip(
            listings.column("listing_id").to_pylist(),
            listings.column("seller_id").to_pylist(),
            strict=True,
        )
    )
    opened = _opened(catalogue, sorted(set(seller.values())))
    age = [
        _age(opened.get(seller.get(one, "")), int(at))
        for one, at in zip(ids, data.served_ms, strict=True)
    ]
    return {
        "category": _where(has_gain, [root.get(one, UNKNOWN) for one in ids]),
        "seller": _where(has_gain, age),
    }


def _opened(catalogue: Catalogue, seller_ids: Sequence[str]) -> dict[str, int | None]:
    rows = catalogue.sellers(seller_ids)
    names = ("seller_id", "opened_ms")
    return dict(zip(*(rows.column(name).to_pylist() for name in names), strict=True))


def _age(opened_ms: int | None, at_ms: int) -> str:
    if opened_ms is None:
        return UNKNOWN
    return "new" if at_ms - opened_ms < NEW_SELLER_DAYS * DAY_MS else "established"


def _where(has_gain: Any, labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        label if chosen else NO_GAIN for label, chosen in zip(labels, has_gain, strict=True)
    )
