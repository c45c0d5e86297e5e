"""The composition root: every choice of engine and model of a market is made on this page."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from uuid_utils import uuid7

from mercer.engines.embedded.config import MarketConfig
from mercer.engines.embedded.encoder_files import EncoderChoice
from mercer.engines.embedded.generation import (
    Generation,
    Progress,
    build_generation,
    current_generation,
    open_generation,
    read_manifest,
    remove_stale,
)
from mercer.engines.embedded.group_commit import GroupCommit
from mercer.engines.embedded.live_index import LiveIndex
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.secrets import TokenKeys
from mercer.engines.embedded.store import Store, open_store
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.events.collect import CollectRules
from mercer.events.log import Change
from mercer.events.token import KeyRing
from mercer.retrieve.query import UnderstandOptions
from mercer.retrieve.request import SearchRequest, SearchResponse
from mercer.schema.catalogue import Catalogue
from mercer.schema.errors import ConfigError, MarketError, NotFoundError
from mercer.schema.judge import Defaults, judge_objects, listings_from_objects
from mercer.schema.listing import LISTING
from mercer.schema.mapping import own_names
from mercer.schema.time import DAY_MS
from mercer.serve.event_intake import EventIntake
from mercer.serve.hit import similar_hits
from mercer.serve.market import (
    EventResult,
    Health,
    ItemResult,
    Market,
    SimilarPage,
    Suggestion,
)
from mercer.serve.run import serve
from mercer.serve.search import SearchService
from mercer.serve.stages import SearchParams
from mercer.simulate import draw_reference
from mercer.text.analyze import stem, words
from mercer.text.synonyms import Synonyms

# The delta is merged into a new generation when it has more listings than both of these.
MERGE_ROWS, MERGE_SHARE = 20_000, 0.1


def synonyms_of(folder: MarketFolder, config: MarketConfig) -> Synonyms:
    """The market's synonyms file, or none."""
    if not config.search.synonyms:
        return Synonyms.parse("", words=words, key=stem)
    path = folder.path / config.search.synonyms
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(
            f"{folder.config_file}: search.synonyms names {path}, which cannot be read: {fault}"
        ) from None
    return Synonyms.parse(text, words=words, key=stem, source=str(path))


def index_market(store: Store, folder: MarketFolder, *, progress: Progress) -> tuple[str, int]:
    """Build a generation of all that stands, make it current, and remove what is older.

    Returns:
        The generation's name, and how many listings it has.
    """
    before = current_generation(folder.index)
    name = _build(store.catalogue, folder, store.config, progress)
    remove_stale(folder.index, keep=frozenset(n for n in (before, name) if n))
    return name, read_manifest(folder.index, name).n


def _build(
    catalogue: Catalogue, folder: MarketFolder, config: MarketConfig, progress: Progress
) -> str:
    synonyms_of(folder, config)  # a faulty file is told now, not at the next start
    # What changes while the rows are read has a higher version and comes again with the delta.
    return build_generation(
        folder.index,
        catalogue.changes(since=0),
        version=catalogue.version(),
        rates=config.rates,
        encoder=EncoderChoice(config.index.encoder),
        progress=progress,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class _Write:
    """One request to change listings."""

    change: Change
    listing_ids: tuple[str, ...]


@final
class EmbeddedMarket:
    """A market on this machine. Thread-safe; without `store` it can only be read."""

    def __init__(
        self,
        folder: MarketFolder,
        config: MarketConfig,
        catalogue: SqlCatalogue,
        store: Store | None,
    ) -> None:
        self._folder, self._config, self._catalogue, self._store = folder, config, catalogue, store
        name = current_generation(folder.index)
        if name is None:
            raise NotFoundError(
                f"{folder.path.absolute()} has no index yet; run mercer index --market {folder.path}"
            )
        self._synonyms = synonyms_of(folder, config)
        self._encoder = EncoderChoice(config.index.encoder)
        self._index = LiveIndex(self._open(name), config.rates)
        self._catch_up()
        options = UnderstandOptions(currency=config.rates.reporting, rates=config.rates)
        self._service = SearchService(
            self._index, SearchParams(understand=options, budget_ms=config.search.budget_ms)
        )
        self._merging = threading.Lock()
        self._merge_process: subprocess.Popen[str] | None = None
        self._merge_thread: threading.Thread | None = None
        self._merge_fault, self._retry_above = "", 0
        self._is_closing = threading.Event()
        self._writes: GroupCommit[_Write, frozenset[str]] | None = None
        if store is not None:
            self._writes = GroupCommit(self._commit)
        self._tokens = TokenKeys(folder.secrets)
        self._token_ttl_ms = round(config.log.token_ttl_hours * 3_600_000)
        self._intake = EventIntake(
            rules=CollectRules(
                currency=config.rates.reporting,
                keep_ms=config.log.keep_days * DAY_MS,
                token_ttl_ms=self._token_ttl_ms,
            ),
            ring=self._token_ring,
            append=self._append_events,
            now_ms=_now_ms,
        )

    def _open(self, name: str) -> Generation:
        found = open_generation(
            self._folder.index, name, encoder=self._encoder, synonyms=self._synonyms
        )
        made, wanted = found.manifest, self._config.rates
        if (made.currency, made.rates_as_of) != (wanted.reporting, wanted.as_of):
            raise ConfigError(
                f"{self._folder.config_file}: prices are in {wanted.reporting} at the rates of "
                f"{wanted.as_of or 'no date'}, the index has them in {made.currency} at those of "
                f"{made.rates_as_of or 'no date'}; run mercer index --market {self._folder.path}"
            )
        return found

    def search(self, request: SearchRequest) -> SearchResponse:
        """One page of results."""
        return self._service.search(request)

    def suggest(self, prefix: str, *, limit: int = 8) -> Sequence[Suggestion]:
        """Completions of what was typed so far."""
        found = self._index.snapshot().suggestions.complete(prefix, limit=limit)
        return [Suggestion(**one) for one in found]

    def similar(
        self,
        listing_id: str,
        *,
        limit: int = 12,
        visitor_id: str | None = None,
        session_id: str | None = None,
        buyer_id: str | None = None,
    ) -> SimilarPage:
        """Listings like this one, nearest first."""
        stored = self._stored(listing_id)
        hits = similar_hits(self._index, stored.column("row_id")[0].as_py(), limit=limit)
        return SimilarPage(str(uuid7()), hits)

    def listing(self, listing_id: str) -> Mapping[str, Any]:
        """All fields of one listing as it stands."""
        (row,) = self._stored(listing_id).select(LISTING.names).to_pylist(maps_as_pydicts="strict")
        return dict(row)

    def _stored(self, listing_id: str) -> pa.Table:
        stored = self._catalogue.listings([listing_id])
        if not len(stored):
            raise NotFoundError(f"no listing {listing_id!r}; it was never there, or was deleted")
        return stored

    def put_listings(self, items: Sequence[Mapping[str, Any]]) -> Sequence[ItemResult]:
        """Upsert listings; durable and searchable when this returns."""
        now_ms = time.time_ns() // 1_000_000
        defaults = Defaults(now_ms=now_ms, updated_ms=now_ms, currency=self._config.rates.reporting)
        batch, rejections = listings_from_objects(items, defaults=defaults)
        reasons = dict(rejections)
        accepted = batch.column("listing_id").to_pylist()
        changed = self._write(Change("listings", batch), accepted) if accepted else frozenset()
        results, next_id = [], iter(accepted)
        for i, item in enumerate(items):
            if i in reasons:
                given = dict(item).get("listing_id", "") if isinstance(item, dict) else ""
                results.append(ItemResult(str(given)[:200], "rejected", reasons[i]))
                continue
            listing_id = next(next_id)
            is_new = listing_id in changed
            results.append(ItemResult(listing_id, "accepted" if is_new else "duplicate"))
        return results

    def delete_listings(
        self, listing_ids: Sequence[str], *, updated_ms: int
    ) -> Sequence[ItemResult]:
        """Delete listings; found no more when this returns."""
        now_ms = time.time_ns() // 1_000_000
        defaults = Defaults(now_ms=now_ms, updated_ms=now_ms, currency=self._config.rates.reporting)
        items = [{"listing_id": one, "updated_ms": updated_ms} for one in listing_ids]
        judged = judge_objects(items, kind="deletions", source_map=own_names(), defaults=defaults)
        reasons = {r.index: r.reason for r in judged.rejections}
        good = judged.rows.column("listing_id").to_pylist()
        changed = self._write(Change("deletions", judged.rows), good) if good else frozenset()
        results = []
        for i, one in enumerate(listing_ids):
            if i in reasons:
                results.append(ItemResult(one[:200], "rejected", reasons[i]))
            elif one in changed:
                results.append(ItemResult(one, "accepted"))
            else:
                results.append(ItemResult(one, "duplicate", "a change that is not older is there"))
        return results

    def put_events(
        self, items: Sequence[Any], *, sent_ms: int | None = None, source: str = "api"
    ) -> Sequence[EventResult]:
        """Take events; durable when this returns."""
        return self._intake.put(items, sent_ms=sent_ms, source=source)

    def health(self) -> Health:
        """What operators look at."""
        snapshot = self._index.snapshot()
        n_listings = int(sum(np.bitwise_count(part.alive).sum() for part in snapshot.parts))
        faults = (self._merge_fault,) if self._merge_fault else ()
        return Health(True, snapshot.generation, n_listings, self._index.n_delta(), faults)

    def close(self) -> None:
        """Commit what waits, give a merge up; the store is closed by whoever opened it."""
        self._is_closing.set()
        if self._writes is not None:
            self._writes.close()
        if self._merge_process is not None:
            self._merge_process.kill()  # what it has built so far is no generation yet
        if self._merge_thread is not None:
            self._merge_thread.join()

    # -- writing ----------------------------------------------------------------------------------

    def _token_ring(self) -> KeyRing:
        if self._store is not None:
            self._tokens.rotate_if_due(now_ms=_now_ms(), ttl_ms=self._token_ttl_ms)
        return self._tokens.ring()

    def _append_events(self, rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        if self._store is None:
            raise ConfigError("this market was opened for reading; only its owner may write")
        return ~self._store.log.events.append(rows)

    def _write(self, change: Change, listing_ids: Sequence[str]) -> frozenset[str]:
        if self._writes is None:
            raise ConfigError("this market was opened for reading; only its owner may write")
        return self._writes.submit(_Write(change, tuple(listing_ids)))

    def _commit(self, writes: Sequence[_Write]) -> Sequence[frozenset[str]]:
        """Make changes durable, then searchable; for each write the ids that it changed."""
        store = self._store
        assert store is not None
        store.writer.write([write.change for write in writes])
        changed = self._catch_up()
        self._merge_if_large()
        return [changed.intersection(write.listing_ids) for write in writes]

    def _catch_up(self) -> frozenset[str]:
        """Bring the index to the catalogue's version; the ids that changed."""
        ids: set[str] = set()
        for batch in self._catalogue.changes(since=self._index.snapshot().version):
            self._index.apply(batch)
            ids.update(batch.column("listing_id").to_pylist())
        return frozenset(ids)

    def _merge_if_large(self) -> None:
        """Start building a new generation in a process of its own, one at a time."""
        n_delta, n = self._index.n_delta(), self._index.snapshot().parts[0].segment.n
        enough = max(MERGE_ROWS, MERGE_SHARE * n, self._retry_above)
        if n_delta > enough and not self._is_closing.is_set() and self._merging.acquire(False):
            self._merge_thread = threading.Thread(target=self._merge, name="merge", daemon=True)
            self._merge_thread.start()

    def _merge(self) -> None:
        """Build in another process, then adopt; a fault is told by `health` and tried again later."""
        try:
            command = [sys.executable, "-m", "mercer.app", str(self._folder.path)]
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True,
            ) as process:  # fmt: skip
                self._merge_process = process
                if self._is_closing.is_set():
                    process.kill()
                _, said = process.communicate()
            if self._is_closing.is_set():
                return
            if process.returncode:
                raise MarketError(
                    (said.strip().splitlines() or [f"status {process.returncode}"])[-1]
                )
            self.adopt_generation()
            self._merge_fault, self._retry_above = "", 0
        except (
            Exception
        ) as fault:  # a thread of its own: nobody else would hear of it; health tells
            self._merge_fault = f"merge: {fault}; the delta is served until the next attempt"
            self._retry_above = self._index.n_delta() * 5 // 4
        finally:
            self._merging.release()

    def adopt_generation(self) -> str:
        """Serve the newest generation, with the changes since as its delta."""
        name = current_generation(self._folder.index)
        assert name is not None
        before = self._index.snapshot().generation
        if name != before:
            generation = self._open(name)
            self._index.replace(
                generation, self._catalogue.changes(since=generation.manifest.version)
            )
            remove_stale(self._folder.index, keep=frozenset((before, name)))
        return name


def open_market(path: Path) -> EmbeddedMarket:
    """A market for reading, also while another process owns it; it sees what is committed now.

    Raises:
        NotFoundError: the folder is no market, or was never indexed.
        ConfigError, CorruptError: what is wrong and where.
    """
    folder = MarketFolder(path)
    config = folder.config()
    return EmbeddedMarket(folder, config, SqlCatalogue(folder.tables_url(config)), None)


@contextmanager
def own_market(
    path: Path, *, progress: Progress = lambda step, n: None
) -> Iterator[EmbeddedMarket]:
    """A market for reading and writing, while the block runs; it is indexed if it never was."""
    folder = MarketFolder(path)
    with open_store(folder) as store:
        if current_generation(folder.index) is None:
            index_market(store, folder, progress=progress)
        market = EmbeddedMarket(folder, store.config, store.catalogue, store)
        try:
            yield market
        finally:
            market.close()


def serve_market(
    path: Path,
    *,
    host: str,
    port: int,
    progress: Progress = lambda step, n: None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Own a market and serve it until SIGINT or SIGTERM."""
    with own_market(path, progress=progress) as market:
        serve(
            market,
            host=host,
            port=port,
            draw=lambda ref, size_px: draw_reference(ref, size_px=size_px),
            on_ready=on_ready,
        )


def merge(path: Path) -> None:
    """Build a generation beside the owner, which adopts it; run in a process of its own."""
    folder = MarketFolder(path)
    config = folder.config()
    catalogue = SqlCatalogue(folder.tables_url(config))
    try:
        _build(catalogue, folder, config, lambda step, n: None)
    finally:
        catalogue.close()


_conforms: type[Market] = EmbeddedMarket

if __name__ == "__main__":
    merge(Path(sys.argv[1]))
