"""What must hold after `mercer bench crash`: everything acknowledged is there, once, and views agree.

The undisturbed run is the log itself, read into a fresh market by one process that nobody kills: its
catalogue view, its index and its consumers' state must be those that the killed processes reached.
"""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from mercer.app_learner import consumers_of, counters_of
from mercer.bench.crash_load import Acknowledged
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import Store, open_store, rebuild
from mercer.events.consumer import catch_up
from mercer.events.log import START
from mercer.schema.listing import LISTING


def check(market: Path, known: Acknowledged) -> dict[str, Any]:
    """Counts of what was lost, doubled or differs; all zero where the promise was kept.

    Args:
        market: a market that no process owns any more.
        known: what the clients were told.
    """
    folder = MarketFolder(market)
    log = EmbeddedLog(folder.log)
    try:
        result: dict[str, Any] = {**_events(log, known), **_pages(log, known)}
    finally:
        log.close()
    with open_store(folder) as store:
        result |= _listings(store.catalogue, known)
        before = _catalogue_hash(store.catalogue)
        hashes = _view_hashes(folder, store)
        rebuild(store)
        result["catalogue_differs"] = int(before != _catalogue_hash(store.catalogue))
        with tempfile.TemporaryDirectory() as fresh:
            again = _view_hashes(folder, store, views=Path(fresh))
        result["views"] = len(hashes)
        result["views_differ"] = [name for name, one in again.items() if hashes[name] != one]
    return result


def _view_hashes(
    folder: MarketFolder, store: Store, *, views: Path | None = None
) -> dict[str, str]:
    """State of each consumer when it has read all of the log."""
    found = {}
    for consumer in consumers_of(folder, store.config, views=views):
        with closing(consumer):
            catch_up(consumer, store.log)
            found[consumer.name] = consumer.state_hash()
    with closing(counters_of(folder, store.config, store.log, views=views)) as counters:
        counters.catch_up()
        found[counters.name] = counters.state_hash()
    return found


def _events(log: EmbeddedLog, known: Acknowledged) -> dict[str, int]:
    seen: Counter[str] = Counter()
    signed_clicks: set[str] = set()
    for entry in log.read(after=START, kinds={"events"}):
        rows = entry.change.rows
        seen.update(rows.column("event_id").to_pylist())
        clicks = rows.filter(
            pc.and_(pc.equal(rows["kind"], "click"), pc.equal(rows["standing"], "signed"))
        )
        signed_clicks.update(clicks.column("event_id").to_pylist())
    return {
        "events": len(seen),
        "events_lost": len(known.event_ids - seen.keys()),
        "events_doubled": sum(n > 1 for n in seen.values()),
        "clicks_unsigned": len(known.billable - signed_clicks),
    }


def _pages(log: EmbeddedLog, known: Acknowledged) -> dict[str, int]:
    seen: Counter[str] = Counter()
    for entry in log.read(after=START, kinds={"pages"}):
        seen.update(entry.change.rows.column("page_id").to_pylist())
    return {
        "pages": len(seen),
        "pages_lost": len(set(known.page_ids) - seen.keys()),
        "pages_doubled": sum(n > 1 for n in seen.values()),
        "pages_not_found": sum(log.pages.find(one) is None for one in known.page_ids[-200:]),
    }


def _listings(catalogue: Any, known: Acknowledged) -> dict[str, int]:
    """A listing stands as it was acknowledged last, or newer: an attempt may outlive its client."""
    rows = catalogue.listings(list(known.listings)).select(["listing_id", "updated_ms", "title"])
    stands = {row["listing_id"]: row for row in rows.to_pylist()}
    lost = [
        one
        for one, (updated_ms, title) in known.listings.items()
        if not _has(stands.get(one), updated_ms, title)
    ]
    back = catalogue.listings(list(known.deleted)).select(["listing_id", "updated_ms"]).to_pylist()
    risen = [row for row in back if row["updated_ms"] <= known.deleted[row["listing_id"]]]
    return {"listings": len(stands), "listings_lost": len(lost), "listings_risen": len(risen)}


def _has(row: Mapping[str, Any] | None, updated_ms: int, title: str) -> bool:
    if row is None:
        return False
    stands = (int(row["updated_ms"]), str(row["title"]))
    return stands[0] > updated_ms or stands == (updated_ms, title)


def _catalogue_hash(catalogue: Any) -> str:
    """Of what every listing says; row ids and versions are the engine's business."""
    lines: list[str] = []
    for batch in catalogue.changes(since=0):
        live = batch.filter(pc.invert(batch["is_deleted"])).select(LISTING.names)
        lines += _lines(live.to_pylist())
    digest = hashlib.sha256()
    for line in sorted(lines):
        digest.update(line.encode())
    return digest.hexdigest()


def _lines(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return [repr(sorted(row.items(), key=lambda pair: pair[0])) for row in rows]
